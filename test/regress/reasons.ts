/**
 * Why an answer through the proxy is another one. The first reason that applies is the statement's.
 */
import type { Answer } from './answer.ts';
import { type Aspect, sortedFields } from './compare.ts';
import type { Step } from './record-suite.ts';

export type Difference = {
  readonly step: Step;
  readonly direct: Answer;
  readonly answer: Answer;
  readonly aspect: Aspect;
  /** Codes of `docs/errors.md`, where the proxy refused. */
  readonly refusal: string | undefined;
  readonly temporary: boolean;
};

export type Reason = {
  readonly name: string;
  /** `Purpose`: what the proxy is for. `Comparison`: of the way of comparing. `Fault`: to be mended. */
  readonly kind: 'Purpose' | 'Comparison' | 'Fault';
  readonly why: string;
  readonly applies: (difference: Difference) => boolean;
};

const refusedBy =
  (...codes: readonly string[]) =>
  ({ refusal }: Difference): boolean =>
    refusal !== undefined && codes.some((code) => refusal.includes(`"${code}"`));

const says =
  (pattern: RegExp) =>
  ({ answer }: Difference): boolean =>
    pattern.test(answer.error?.['M'] ?? '');

const without = (answer: Answer, left: readonly string[]): string =>
  JSON.stringify([answer.error, ...answer.notices].map((said) => said && sortedFields(said).filter(([letter]) => !left.includes(letter))));

/** Apart from these fields of errors and notices, the same is said. */
const onlyFields =
  (fields: readonly string[]) =>
  ({ direct, answer, aspect }: Difference): boolean =>
    (aspect.startsWith('error ') || aspect === 'notices') &&
    aspect !== 'error instead of a result' &&
    without(direct, fields) === without(answer, fields);

const contextsOf = ({ error, notices }: Answer): string =>
  [error, ...notices].map((said) => [said?.['W'], said?.['q'] === undefined ? undefined : 'SQL statement "'].join('\n')).join('\n');

const QUOTES_BODIES = /^(SQL statement|SQL expression|PL\/pgSQL assignment|PL\/pgSQL expression) "/m;

const refusesNothing = ({ error, ofServer }: Answer): boolean => error === undefined || ofServer;

/** Oids of what is not PostgreSQL's own: the first is 16384. */
const OWN_NUMBER = /\b(?:1[6-9]|[2-9]\d)\d{3}\b/;

const withoutNumbers = ({ rows }: Answer): string =>
  rows
    .map((row) => row.replace(new RegExp(OWN_NUMBER, 'g'), '#'))
    .toSorted()
    .join('\n');

const withoutDigits = ({ rows }: Answer): string => rows.map((row) => row.replaceAll(/\d+/g, '#')).join('\n');

const withoutBuffers = ({ rows }: Answer): string => rows.filter((row) => !/^\["\s*(?:Planning:|Buffers: )/.test(row)).join('\n');

const failsAlike = ({ direct, answer }: Difference): boolean => direct.error !== undefined && direct.error['C'] === answer.error?.['C'];

const isOfColumn = ({ direct, answer }: Difference): boolean =>
  direct.columns.at(-1)?.some(({ name }) => answer.error?.['M'] === `function ${name} does not exist`) === true;

export const REASONS: readonly Reason[] = [
  {
    name: 'the session ended',
    kind: 'Fault',
    why: 'The proxy closed the session, or did not answer.',
    applies: ({ aspect }) => aspect === 'session',
  },
  {
    name: 'temporary relation',
    kind: 'Comparison',
    why: 'The set-up has made it for this session alone, where it cannot be an ordinary one; its policy grants no temporary relations.',
    applies: (difference) =>
      difference.temporary &&
      (refusedBy('relation-unknown', 'function-unknown', 'grant-unusable', 'statement-unknown')(difference) ||
        // The ordinary one of that name.
        ['column names', 'column types', 'rows'].includes(difference.aspect)),
  },
  {
    name: 'relation that was not there to be granted',
    kind: 'Comparison',
    why: 'A function of the suite has made it, and it was gone again when the names to grant were collected.',
    applies: refusedBy('relation-refused'),
  },
  {
    name: 'after a refusal in its transaction',
    kind: 'Comparison',
    why: 'A statement before it was refused and has failed the transaction, as a refusal does; it is counted where it stands.',
    applies: ({ answer, direct }) =>
      // A savepoint that was not made is not there.
      (['25P02', '3B001'].includes(answer.error?.['C'] ?? '') && direct.error?.['C'] !== answer.error?.['C']) ||
      (direct.tags.includes('COMMIT') && answer.tags.includes('ROLLBACK')),
  },
  {
    name: 'buffers',
    kind: 'Comparison',
    why: 'EXPLAIN ANALYZE counts buffers, also those that finding names in catalogs takes: what was looked up before differs.',
    applies: ({ direct, answer, aspect }) => aspect === 'rows' && withoutBuffers(direct) === withoutBuffers(answer),
  },
  {
    name: 'counters of the server',
    kind: 'Comparison',
    why: 'Sessions, pages and transactions are counted for the whole server, and through the proxy there are more sessions; psql keeps some as variables.',
    applies: ({ step, direct, answer, aspect }) =>
      refusesNothing(answer) &&
      ((/\bpg_stat_(database|io|wal|bgwriter|checkpointer|slru)\b/.test(step.text) &&
        aspect === 'rows' &&
        withoutDigits(direct) === withoutDigits(answer)) ||
        /\b(pg_current_xact_id\w*|txid_\w+|pg_xact_status|xid8)\b/.test(step.text)),
  },
  {
    name: 'temporary schemas',
    kind: 'Comparison',
    why: 'Sessions have temporary schemas by their number, and through the proxy there are more sessions.',
    applies: ({ step, answer }) =>
      refusesNothing(answer) &&
      (answer.error?.['s']?.startsWith('pg_temp_') === true || /pg_my_temp_schema|pg_temp_\d|\breindex_temp_/.test(step.text)),
  },
  {
    name: 'bodies of functions',
    kind: 'Purpose',
    why: 'CONTEXT quotes a statement of a function or trigger, or an internal query is told: what functions are made of is nowhere shown.',
    applies: (difference) => onlyFields(['W', 'q', 'p'])(difference) && QUOTES_BODIES.test(contextsOf(difference.direct)),
  },
  {
    name: 'context of errors and notices',
    kind: 'Purpose',
    why: 'CONTEXT holds a value, or DETAIL of a constraint prints rows: both are only recorded where it is not certain that nothing is hidden (docs/errors.md).',
    applies: onlyFields(['W', 'q', 'p', 'D', 'P']),
  },
  {
    name: 'texts of cursors and prepared statements',
    kind: 'Purpose',
    why: 'pg_cursors and pg_prepared_statements have the text that the server got: with relations written out.',
    applies: ({ step, direct, aspect }) =>
      aspect === 'rows' &&
      (/\bpg_(cursors|prepared_statements)\b/i.test(step.text) ||
        (/^\s*execute\b.*/i.test(step.text) && direct.rows.some((row) => row.includes('"declare ')))),
  },
  {
    name: 'object ids',
    kind: 'Comparison',
    why: 'The statement returns oids of what the suite has made, or has one in its text: each server counts its own.',
    applies: ({ step, direct, answer, aspect }) =>
      aspect === 'rows' || aspect === 'order of rows'
        ? withoutNumbers(direct) === withoutNumbers(answer) || /\boid = \d{5}\b/.test(step.text)
        : aspect === 'error instead of a result' && refusesNothing(answer) && OWN_NUMBER.test(answer.error?.['M'] ?? ''),
  },
  {
    name: 'setting of the operator',
    kind: 'Purpose',
    why: 'The value changes what is logged or how the text is read, or search_path would name schemas in which nothing is granted.',
    applies: (difference) =>
      refusedBy('setting-refused', 'setting-hidden', 'setting-unnamed')(difference) ||
      (difference.refusal !== undefined && says(/^permission denied to (set|examine) parameter /)(difference)),
  },
  {
    name: 'catalogs are not written',
    kind: 'Purpose',
    why: 'Rows of pg_catalog are changed by definitions, not by DML.',
    applies: (difference) =>
      (refusedBy('write-refused')(difference) && says(/relation "(pg_|information_schema)/)(difference)) ||
      (refusedBy('relation-unknown')(difference) && says(/relation "pg_toast\./)(difference)),
  },
  {
    name: 'function that is refused by list',
    kind: 'Purpose',
    why: 'The reviewed lists name it as reading files or other relations by name, or acting on the server.',
    applies: refusedBy('function-refused', 'operator-refused'),
  },
  {
    name: 'the other of two errors',
    kind: 'Purpose',
    why: 'The statement has two faults, and the proxy meets the other one first.',
    applies: (difference) =>
      (difference.direct.error !== undefined && refusedBy('invalid-statement', 'statement-refused')(difference)) ||
      // The transaction had failed before.
      (difference.direct.error?.['C'] === '25P02' && difference.refusal !== undefined),
  },
  {
    name: 'what does not exist',
    kind: 'Purpose',
    why: 'It fails with the same SQLSTATE. PostgreSQL tells the types of the arguments that it finds no function for, which are not known before it is asked.',
    applies: (difference) => failsAlike(difference) && refusedBy('function-unknown')(difference),
  },
  {
    name: 'words of the parser',
    kind: 'Purpose',
    why: 'It fails with the same SQLSTATE. The grammar in the proxy is of another minor release than the server, and quotes less of the text.',
    applies: (difference) => failsAlike(difference) && refusedBy('syntax-error')(difference),
  },
  {
    name: 'prepared under other names',
    kind: 'Purpose',
    why: 'What PREPARE has prepared is judged for the names of that time: under another search_path, or where a relation has gone, it has to be prepared again (55000).',
    applies: refusedBy('stale-statement', 'statement-of-other-path'),
  },
  {
    name: 'a column called like a function',
    kind: 'Purpose',
    why: '`last(f)` for `f.last` would call a function of that name as soon as there is one.',
    applies: (difference) => refusedBy('function-unknown')(difference) && difference.direct.error === undefined && isOfColumn(difference),
  },
  {
    name: 'encoding of COPY TO',
    kind: 'Purpose',
    why: 'What is sent to the client is UTF-8: detectors look into it.',
    applies: (difference) => refusedBy('not-understood')(difference) && says(/^encoding /)(difference),
  },
  {
    name: 'refused form',
    kind: 'Fault',
    why: 'Nobody has judged this form of the statement yet.',
    applies: refusedBy('not-understood', 'statement-refused', 'statement-too-complex', 'statement-too-large'),
  },
  { name: 'other refusal', kind: 'Fault', why: 'The code is in docs/errors.md.', applies: ({ refusal }) => refusal !== undefined },
  {
    name: 'error text',
    kind: 'Fault',
    why: 'It fails as it does directly, with other words, code or position.',
    applies: ({ aspect }) => aspect.startsWith('error ') && aspect !== 'error instead of a result',
  },
  { name: 'other difference', kind: 'Fault', why: 'Rows, columns, tags or notices.', applies: () => true },
];
