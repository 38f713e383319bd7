"""psycopg2: `psycopg2_client.py URL`."""

import io
import sys
import threading

import psycopg2
from client import CATALOG_QUERIES, session, sqlstate_of, told
from psycopg2.extensions import ISOLATION_LEVEL_SERIALIZABLE
from psycopg2.extras import Json, RealDictCursor, execute_batch, execute_values, register_uuid

url = sys.argv[1]
register_uuid()
connection = None


def fetch(sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def run(sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.rowcount


def one():
    return fetch("SELECT 1")[0][0]


def connect():
    global connection
    connection = psycopg2.connect(url, application_name="psycopg2")
    connection.autocommit = True
    names = ["server_encoding", "client_encoding", "TimeZone", "DateStyle", "standard_conforming_strings"]
    connection.set_client_encoding("UTF8")
    return [[connection.get_parameter_status(name) for name in names], connection.encoding, connection.info.dbname]


def introspect():
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name, mood FROM customers WHERE id = 1")
        described = [[column.name, column.internal_size] for column in cursor.description]
    return [[fetch(query) for query in CATALOG_QUERIES], described]


def text():
    return [
        fetch("SELECT id, name, joined, salary FROM customers WHERE id = %s OR email = %s ORDER BY id", (3, "5@example.com")),
        fetch("SELECT id FROM orders WHERE customer_id = ANY(%s) AND customer_id IN %s ORDER BY id", ([1, 5, 9], (1, 5))),
        fetch("SELECT %s::jsonb, %s::text[], %s::bytea", (Json({"a": [1, "ü"]}), ["x", None, '"'], psycopg2.Binary(b"\x00\xff"))),
        fetch("SELECT city, count(*) FROM customers GROUP BY city ORDER BY city"),
    ]


def batch():
    with connection.cursor() as cursor:
        rows = [(n, "batch") for n in range(1, 9)]
        tags = execute_values(cursor, "INSERT INTO order_tags VALUES %s RETURNING order_id", rows, fetch=True)
        execute_batch(cursor, "UPDATE order_tags SET tag = tag || '!' WHERE order_id = %s AND tag = %s", rows, page_size=3)
    return [tags, run("DELETE FROM order_tags WHERE tag = 'batch!'"), fetch("SELECT 1; SELECT 2")]


def stream():
    connection.autocommit = False
    with connection.cursor("named", scrollable=True) as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT id, value FROM readings ORDER BY id")
        first = cursor.fetchmany(3)
        cursor.scroll(1000)
        moved = cursor.fetchone()
        rows = cursor.fetchall()
    connection.commit()
    connection.autocommit = True
    out = io.StringIO()
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY (SELECT id, ssn FROM customers ORDER BY id LIMIT 3) TO STDOUT", out)
        cursor.copy_to(readings := io.StringIO(), "readings", columns=("id", "value"))
        cursor.copy_from(io.StringIO("6\tcopied\n7\tcopied\n"), "order_tags", columns=("order_id", "tag"))
    return [first, moved, len(rows), out.getvalue(), len(readings.getvalue()), run("DELETE FROM order_tags WHERE tag = 'copied'")]


def cancel():
    timer = threading.Timer(0.2, connection.cancel)
    timer.start()
    sqlstate = sqlstate_of(lambda: fetch("SELECT pg_sleep(60)"))
    timer.join()
    return {"sqlstate": sqlstate, "after": one()}


def transact():
    def insert():
        run("INSERT INTO orders (customer_id, amount) VALUES (1, 12345)")

    def count():
        return fetch("SELECT count(*) FROM orders WHERE amount = 12345")[0][0]

    def remove():
        run("DELETE FROM orders WHERE amount = 12345")
        connection.commit()

    connection.autocommit = False
    with connection:
        insert()
    committed = count()
    remove()
    connection.set_session(isolation_level=ISOLATION_LEVEL_SERIALIZABLE, deferrable=True)
    insert()
    connection.rollback()
    rolled_back = count()
    connection.rollback()
    sqlstate_of(lambda: fetch("SELECT 1/0"))
    aborted = sqlstate_of(one)
    connection.rollback()
    run("SAVEPOINT a")
    sqlstate_of(lambda: run("INSERT INTO orders (customer_id, amount) VALUES (1, -1)"))
    run("ROLLBACK TO SAVEPOINT a")
    insert()
    connection.commit()
    savepoint = count()
    remove()
    connection.set_session(isolation_level="DEFAULT", deferrable="DEFAULT")
    connection.autocommit = True
    return {"committed": committed, "rolledBack": rolled_back, "aborted": aborted, "savepoint": savepoint}


def types():
    columns = "id, small, big, real4, real8, exact, yes, letters, padded, short, bytes, span, identity, document, binary_document, numbers, texts, mood, positive, point3, network, range, days, bits, place, vector, price"
    values = fetch('SELECT small, big, exact, letters, bytes, span, identity, days, day, "time", moment, instant FROM samples WHERE id = 1')[0]
    names = 'id, small, big, exact, letters, bytes, span, identity, days, day, "time", moment, instant'
    run(f"INSERT INTO samples ({names}) VALUES (11, {', '.join(['%s'] * len(values))})", values)
    again = fetch("SELECT samples::text FROM samples WHERE id = 11")
    run("DELETE FROM samples WHERE id = 11")
    return [fetch(f"SELECT {columns} FROM samples ORDER BY id"), values, again]


def prepared():
    run("PREPARE by_id (int) AS SELECT name, ssn FROM customers WHERE id = $1")
    answers = [fetch("EXECUTE by_id (%s)", (n,)) for n in (1, 2, 3, 1)]
    run("DEALLOCATE by_id")
    return answers


def write():
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        insert = "INSERT INTO customers (name, email, ssn) VALUES (%(name)s, %(email)s, %(ssn)s) RETURNING id, name, mood"
        cursor.execute(insert, {"name": "psycopg2", "email": "p2@x", "ssn": "***5"})
        created = dict(cursor.fetchone())
    upsert = "INSERT INTO customers (name, email) VALUES ('x', 'p2@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1 RETURNING version, ssn"
    return [
        created,
        [fetch(upsert), fetch(upsert)],
        run("UPDATE customers SET city = %s WHERE id = %s", ("Ulm", created["id"])),
        sqlstate_of(lambda: run("INSERT INTO customers (name, email) VALUES ('x', 'p2@x')")),
        fetch("DELETE FROM customers WHERE id = %s RETURNING id, city", (created["id"],)),
    ]


session(
    "psycopg2",
    "psycopg2-binary",
    {
        "connect": connect,
        "introspect": introspect,
        "text": text,
        "binary": "speaks text only",
        "batch": batch,
        "stream": stream,
        "cancel": cancel,
        "transact": transact,
        "types": types,
        "prepared": prepared,
        "write": write,
        "refused": lambda: {**told(lambda: fetch("SELECT token FROM secrets")), "after": one()},
        "masked": lambda: {"text": fetch("SELECT id, ssn, salary FROM customers WHERE id = %s", (7,))[0], "binary": None},
    },
)
connection.close()
