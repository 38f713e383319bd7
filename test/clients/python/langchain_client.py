"""LangChain's SQLDatabase and the tools of its SQL toolkit, without a model: `langchain_client.py URL`."""

import sys

from client import session, told
from langchain_community.tools.sql_database.tool import InfoSQLDatabaseTool, ListSQLDatabaseTool, QuerySQLDatabaseTool
from langchain_community.utilities import SQLDatabase
from sqlalchemy import text

url = sys.argv[1].replace("postgres:", "postgresql+psycopg:")
VISIBLE = ["customers", "orders", "order_tags", "samples", "readings", "Odd Names", "bonn"]
database = None


def run(sql):
    return QuerySQLDatabaseTool(db=database).invoke(sql)


def connect():
    global database
    # As its documentation has it: it reads the whole schema at once.
    database = SQLDatabase.from_uri(url, view_support=True, include_tables=VISIBLE, sample_rows_in_table_info=0)
    return [database.dialect, sorted(database.get_usable_table_names())]


def introspect():
    everything = SQLDatabase.from_uri(url, sample_rows_in_table_info=0, lazy_table_reflection=True)
    samples = SQLDatabase.from_uri(url, include_tables=["orders", "readings"], sample_rows_in_table_info=2, indexes_in_table_info=True)
    sales = SQLDatabase.from_uri(url, schema="sales")
    return [
        sorted(ListSQLDatabaseTool(db=database).invoke("").split(", ")),
        InfoSQLDatabaseTool(db=database).invoke("customers, orders, bonn"),
        sorted(everything.get_usable_table_names()),
        samples.get_table_info(),
        sales.get_table_info(),
        sorted(database.get_context()),
    ]


def queries():
    return [
        run("SELECT id, name, ssn FROM customers WHERE id < 4 ORDER BY id"),
        run("SELECT city, COUNT(*) FROM customers GROUP BY city ORDER BY city"),
        database.run("SELECT id FROM orders WHERE amount > :amount ORDER BY id", parameters={"amount": 55}, include_columns=True),
        database.run("SELECT name FROM customers ORDER BY id", fetch="one"),
        run("SELECT nothing FROM customers").split("\n")[0],
    ]


def stream():
    result = database.run("SELECT id FROM readings ORDER BY id", fetch="cursor")
    return [len(portion) for portion in result.partitions(500)]


def write():
    run("INSERT INTO customers (name, email) VALUES ('chain', 'chain@x')")
    run("UPDATE customers SET city = 'Ulm' WHERE email = 'chain@x'")
    answer = run("DELETE FROM customers WHERE email = 'chain@x' RETURNING name, city")
    return [answer, run("SELECT count(*) FROM customers")]


def refused():
    answer = told(lambda: database.run("SELECT token FROM secrets"))
    # What a model is shown.
    shown = run("SELECT token FROM secrets")
    assert answer["sqlstate"] == "none" or (answer["message"] in shown and answer["hint"] in shown)
    return {**answer, "after": int(run("SELECT 1").strip("[](), "))}


def masked():
    with database._engine.connect() as connection:
        return {"text": list(connection.execute(text("SELECT id, ssn, salary FROM customers WHERE id = 7")).one()), "binary": None}


session(
    "LangChain",
    "langchain-community",
    {
        "connect": connect,
        "introspect": introspect,
        "text": queries,
        "binary": "the driver's matter",
        "batch": "one statement at a time",
        "stream": stream,
        "cancel": "the driver's matter",
        "transact": "each statement is a transaction of its own",
        "types": lambda: run("SELECT small, big, exact, yes, letters, numbers, texts, mood FROM samples ORDER BY id"),
        "prepared": "the driver's matter",
        "write": write,
        "refused": refused,
        "masked": masked,
    },
)
