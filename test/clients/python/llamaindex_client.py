"""LlamaIndex's SQLDatabase and its retriever of natural language, with a model that is a table: `llamaindex_client.py URL`."""

import sys

from client import session, told
from llama_index.core import MockEmbedding, Settings, SQLDatabase
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import NLSQLRetriever
from sqlalchemy import create_engine

Settings.embed_model = MockEmbedding(embed_dim=2)
VISIBLE = ["customers", "orders", "bonn"]
engine = create_engine(sys.argv[1].replace("postgres:", "postgresql+psycopg:"))
database = None


class Model(MockLLM):
    """Answers each question with the SQL that it is."""

    def complete(self, prompt, **_):
        question = str(prompt).split("Question:")[-1].split("SQLQuery:")[0].strip()
        return super().complete(question)


def run(sql):
    return database.run_sql(sql)


def connect():
    global database
    database = SQLDatabase(engine, include_tables=VISIBLE, view_support=True, sample_rows_in_table_info=0)
    return [database.dialect, sorted(database.get_usable_table_names())]


def introspect():
    samples = SQLDatabase(engine, include_tables=["readings", "orders"], sample_rows_in_table_info=2, indexes_in_table_info=True)
    return [
        [database.get_single_table_info(table) for table in VISIBLE],
        [column["name"] for column in database.get_table_columns("customers")],
        [samples.get_single_table_info(table) for table in ("readings", "orders")],
        sorted(SQLDatabase(engine, schema="sales").get_usable_table_names()),
    ]


def queries():
    retriever = NLSQLRetriever(database, tables=["orders"], llm=Model(), sql_only=False, return_raw=False)
    nodes = retriever.retrieve("SELECT id, amount FROM orders WHERE amount > 57 ORDER BY id")
    return [
        run("SELECT id, name, ssn FROM customers WHERE id < 4 ORDER BY id"),
        run("SELECT city, COUNT(*) FROM customers GROUP BY city ORDER BY city"),
        [node.metadata for node in nodes],
    ]


def write():
    database.insert_into_table("orders", {"customer_id": 1, "amount": 12345})
    return run("DELETE FROM orders WHERE amount = 12345 RETURNING region")


def one():
    return run("SELECT 1")[1]["result"][0][0]


session(
    "LlamaIndex",
    "llama-index-core",
    {
        "connect": connect,
        "introspect": introspect,
        "text": queries,
        "binary": "the driver's matter",
        "batch": "one statement at a time",
        "stream": "has no streams and no cursors",
        "cancel": "the driver's matter",
        "transact": "each statement is a transaction of its own",
        "types": lambda: run("SELECT small, big, exact, yes, letters, numbers, texts, mood FROM samples ORDER BY id"),
        "prepared": "the driver's matter",
        "write": write,
        "refused": lambda: {**told(lambda: run("SELECT token FROM secrets")), "after": one()},
        "masked": lambda: {"text": run("SELECT id, ssn, salary FROM customers WHERE id = 7")[1]["result"][0], "binary": None},
    },
)
