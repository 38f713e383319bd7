"""A session with psycopg2: `psycopg2_session.py URL`."""

import io
import sys

import psycopg2
from psycopg2.extras import Json
from steps import tell

steps = {}
connection = psycopg2.connect(sys.argv[1])
cursor = connection.cursor()


def fetch(sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


steps["clear"] = [
    fetch("SELECT id, name, city, born, tags, profile, photo, balance, joined FROM customers WHERE id = %s", (3,)),
    fetch("SELECT %s::jsonb, %s::text[], %s::bytea", (Json({"a": [1]}), ["x", None], psycopg2.Binary(b"\x00\xff"))),
    fetch("SELECT id FROM customers WHERE id = ANY(%s) AND id IN %s ORDER BY id", ([1, 5], (1, 5))),
]
steps["masked"] = fetch("SELECT ssn, email FROM customers WHERE id = %s", (7,))
connection.commit()
try:
    fetch("SELECT * FROM secrets")
except psycopg2.Error as error:
    steps["refused"] = [error.pgcode, error.diag.message_hint]
try:
    fetch("SELECT 1")
except psycopg2.errors.InFailedSqlTransaction as error:
    steps["aborted"] = error.pgcode
connection.rollback()
named = connection.cursor("named")
named.itersize = 10
named.execute("SELECT id, ssn FROM customers ORDER BY id")
rows = named.fetchall()
steps["server cursor"] = [len(rows), rows[6]]
connection.commit()
out = io.StringIO()
cursor.copy_expert("COPY (SELECT id, ssn FROM customers ORDER BY id LIMIT 2) TO STDOUT", out)
steps["copy"] = out.getvalue()
connection.commit()
connection.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
steps["read only"] = fetch("SHOW transaction_isolation") + fetch("SHOW transaction_read_only")
connection.rollback()
connection.close()
tell(steps)
