"""A session with psycopg 3: `psycopg3_session.py URL`."""

import sys

import psycopg
from psycopg.types.json import Jsonb
from steps import tell

CLEAR = "SELECT id, name, city, born, tags, profile, photo, balance, joined FROM customers WHERE id = %s"


def error_of(connection, sql, parameters=None):
    try:
        connection.execute(sql, parameters)
    except psycopg.Error as error:
        return [error.sqlstate, error.diag.message_primary, error.diag.statement_position]
    return None


steps = {}
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    steps["clear"] = [
        connection.execute(CLEAR, (3,)).fetchall(),
        connection.cursor(binary=True).execute(CLEAR, (3,)).fetchall(),
        # From the fifth time on it is prepared.
        [connection.execute("SELECT name FROM customers WHERE id = %s", (id,)).fetchone() for id in range(1, 9)],
        connection.execute("SELECT %s::jsonb, %s::text[], %s::bytea", (Jsonb({"a": [1]}), ["x", None], b"\x00\xff")).fetchone(),
        connection.execute("SELECT id FROM customers WHERE id = ANY(%s) ORDER BY id", ([1, 5],)).fetchall(),
    ]
    steps["masked"] = [
        connection.execute("SELECT ssn, email FROM customers WHERE id = %s", (id,), prepare=True).fetchone() for id in (7, 8)
    ]
    steps["masked binary"] = connection.cursor(binary=True).execute("SELECT ssn FROM customers WHERE id = %s", (7,)).fetchone()
    steps["errors"] = [
        error_of(connection, "SELECT 1/0"),
        error_of(connection, "SELECT nme FROM customers WHERE id = %s", (1,)),
        error_of(connection, "SELECT token FROM secrets WHERE id = %s", (1,)),
    ]
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", (n,)) for n in range(20)]
        steps["pipeline"] = [cursor.fetchone()[0] for cursor in cursors]
    try:
        with connection.pipeline() as pipeline:
            connection.execute("SELECT 1")
            connection.execute("SELECT * FROM secrets")
            connection.execute("SELECT 2")
            pipeline.sync()
    except psycopg.Error as error:
        steps["refused in a pipeline"] = error.sqlstate
    with connection.transaction():
        try:
            with connection.transaction():
                connection.execute("SELECT * FROM secrets")
        except psycopg.errors.InsufficientPrivilege:
            steps["savepoint"] = connection.execute("SELECT 'goes on'").fetchone()[0]
    with connection.transaction(), connection.cursor("named") as cursor:
        cursor.itersize = 10
        cursor.execute("SELECT id, ssn FROM customers ORDER BY id")
        rows = [row for row in cursor]
        steps["server cursor"] = [len(rows), rows[6]]
    with connection.cursor().copy("COPY (SELECT id, ssn FROM customers ORDER BY id LIMIT 2) TO STDOUT") as copy:
        steps["copy"] = [list(row) for row in copy.rows()]
    with connection.cursor().copy("COPY (SELECT id, name FROM customers ORDER BY id LIMIT 2) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int4", "text"])
        steps["binary copy"] = [list(row) for row in copy.rows()]
    steps["info"] = [connection.info.encoding, connection.info.parameter_status("standard_conforming_strings")]
tell(steps)
