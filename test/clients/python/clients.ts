/**
 * The clients of Python.
 */
import { join } from 'node:path';
import type { Client } from '../compatibility/client.ts';
import { PYTHON_FOLDER, pythonWithClients } from '../python-environment.ts';

const program =
  (script: string, ...parameters: readonly string[]): Client['ready'] =>
  async () => {
    const python = await pythonWithClients();
    if (python === undefined) return 'there is no Python, or its packages could not be installed';
    return ({ url }) => ({ program: python, parameters: ['-W', 'ignore', join(PYTHON_FOLDER, script), ...parameters, url] });
  };

export const PYTHON_CLIENTS: readonly Client[] = [
  { id: 'psycopg', name: 'psycopg 3', language: 'Python', ready: program('psycopg3.py') },
  { id: 'psycopg2', name: 'psycopg2', language: 'Python', ready: program('psycopg2_client.py') },
  { id: 'asyncpg', name: 'asyncpg', language: 'Python', ready: program('asyncpg_client.py') },
  {
    id: 'sqlalchemy-psycopg',
    name: 'SQLAlchemy on psycopg 3',
    language: 'Python',
    ready: program('sqlalchemy_client.py', 'psycopg'),
    notes: ['core, ORM, inspector, reflection and automap'],
  },
  { id: 'sqlalchemy-psycopg2', name: 'SQLAlchemy on psycopg2', language: 'Python', ready: program('sqlalchemy_client.py', 'psycopg2') },
  {
    id: 'django',
    name: 'Django',
    language: 'Python',
    ready: program('django_client.py'),
    notes: ['`inspectdb` finds the columns that are granted, and says of a table that is not that it cannot inspect it'],
  },
  {
    id: 'langchain',
    name: 'LangChain',
    language: 'Python',
    ready: program('langchain_client.py'),
    notes: [
      'SQLDatabase and the tools of its SQL toolkit, without a model; name the tables that are granted (`include_tables`): it shows a model rows of each',
    ],
  },
  {
    id: 'llamaindex',
    name: 'LlamaIndex',
    language: 'Python',
    ready: program('llamaindex_client.py'),
    notes: ['SQLDatabase and NLSQLRetriever, with a model that answers a question with itself'],
  },
];
