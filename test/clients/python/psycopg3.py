"""psycopg 3: `psycopg3.py URL`."""

import sys
import threading

import psycopg
from client import CATALOG_QUERIES, session, sqlstate_of, told
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

url = sys.argv[1]
connection = None


def fetch(sql, parameters=None, **options):
    return connection.execute(sql, parameters, **options).fetchall()


def one():
    return fetch("SELECT 1")[0][0]


def connect():
    global connection
    connection = psycopg.connect(url, autocommit=True, application_name="psycopg", options="-c statement_timeout=60s")
    info = connection.info
    names = ["server_encoding", "client_encoding", "TimeZone", "DateStyle", "integer_datetimes", "standard_conforming_strings"]
    return [[info.parameter_status(name) for name in names], info.encoding, info.dbname, fetch("SHOW statement_timeout")]


def introspect():
    described = connection.execute("SELECT id, name, mood, joined FROM customers WHERE id = 1").description
    return [[fetch(query) for query in CATALOG_QUERIES], [[column.name, column.display_size, column.precision] for column in described]]


PARAMETERS = [
    ("SELECT id, name, joined, salary FROM customers WHERE id = %s OR email = %s ORDER BY id", (3, "5@example.com")),
    ("SELECT id FROM orders WHERE customer_id = ANY(%s) AND amount > %s ORDER BY id", ([1, 5, 9], 10)),
    ("SELECT %s::jsonb, %s::text[], %b::bytea, %b::int, %t::float8", (Jsonb({"a": [1, "ü"]}), ["x", None, '"'], b"\x00\xff", 7, 1.5)),
    ("SELECT city, count(*), sum(version) FROM customers GROUP BY city ORDER BY city", None),
]


def asked(binary):
    return [connection.cursor(binary=binary).execute(sql, parameters).fetchall() for sql, parameters in PARAMETERS]


def batch():
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", (n,)) for n in range(200)]
        answers = [cursor.fetchone()[0] for cursor in cursors]
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO order_tags VALUES (%s, %s) RETURNING tag", [(n, "batch") for n in range(1, 9)], returning=True)
    returned = []
    while True:
        returned.append(cursor.fetchall())
        if not cursor.nextset():
            break

    def failing():
        with connection.pipeline() as pipeline:
            connection.execute("SELECT 1")
            connection.execute("SELECT token FROM nowhere")
            connection.execute("SELECT 2")
            pipeline.sync()

    several = connection.execute("SELECT 1; SELECT 2")
    sets = [several.fetchall(), several.nextset(), several.fetchall()]
    return [answers, returned, sqlstate_of(failing), sets, connection.execute("DELETE FROM order_tags WHERE tag = 'batch'").rowcount]


def stream():
    with connection.transaction(), connection.cursor("named") as cursor:
        cursor.itersize = 100
        rows = [row for row in cursor.execute("SELECT id, value FROM readings ORDER BY id")]
    with connection.transaction(), connection.cursor("scrolling", scrollable=True) as cursor:
        cursor.execute("SELECT id FROM readings ORDER BY id")
        cursor.scroll(1000)
        moved = [cursor.fetchone(), cursor.fetchmany(2)]
        cursor.scroll(-3)
        moved.append(cursor.fetchone())
    streamed = sum(row[0] for row in connection.cursor().stream("SELECT id FROM readings"))
    with connection.cursor().copy("COPY (SELECT id, name, joined FROM customers ORDER BY id LIMIT 2) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "timestamptz"])
        binary = list(copy.rows())
    with connection.cursor().copy("COPY order_tags (order_id, tag) FROM STDIN") as copy:
        for n in range(1, 9):
            copy.write_row((n, "copied"))
    with connection.cursor().copy("COPY order_tags (order_id, tag) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", "text"])
        copy.write_row((9, "copied"))
    return [len(rows), rows[-1], moved, streamed, binary, connection.execute("DELETE FROM order_tags WHERE tag = 'copied'").rowcount]


def cancel():
    timer = threading.Timer(0.2, connection.cancel_safe)
    timer.start()
    sqlstate = sqlstate_of(lambda: connection.execute("SELECT pg_sleep(60)"))
    timer.join()
    return {"sqlstate": sqlstate, "after": one()}


def transact():
    def insert():
        connection.execute("INSERT INTO orders (customer_id, amount) VALUES (1, 12345)")

    def count():
        return fetch("SELECT count(*) FROM orders WHERE amount = 12345")[0][0]

    def remove():
        connection.execute("DELETE FROM orders WHERE amount = 12345")

    with connection.transaction():
        insert()
    committed = count()
    remove()
    connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    with connection.transaction(force_rollback=True):
        insert()
    connection.isolation_level = None
    rolled_back = count()
    connection.autocommit = False
    sqlstate_of(lambda: fetch("SELECT 1/0"))
    aborted = sqlstate_of(one)
    connection.rollback()
    connection.autocommit = True
    with connection.transaction():
        try:
            with connection.transaction("a"):
                connection.execute("INSERT INTO orders (customer_id, amount) VALUES (1, -1)")
        except psycopg.errors.CheckViolation:
            pass
        with connection.transaction():
            insert()
    savepoint = count()
    remove()
    return {"committed": committed, "rolledBack": rolled_back, "aborted": aborted, "savepoint": savepoint}


def types():
    # Python has no dates before Christ and no infinite ones.
    columns = "id, small, big, real4, real8, exact, yes, letters, padded, short, bytes, span, identity, document, binary_document, numbers, texts, mood, positive, point3, network, range, days, bits, place, vector, price"
    texts = fetch("SELECT samples::text FROM samples ORDER BY id")
    rows = [connection.cursor(binary=binary).execute(f"SELECT {columns} FROM samples ORDER BY id").fetchall() for binary in (False, True)]
    times = 'day, "time", moment, instant'
    moments = fetch(f"SELECT {times} FROM samples WHERE id = 1")[0]
    simple = "small, big, real4, real8, exact, yes, letters, bytes, span, identity, network, range, days"
    values = fetch(f"SELECT {simple} FROM samples WHERE id = 1")[0]
    places = ", ".join(["%b"] * (len(values) + len(moments)))
    connection.execute(f"INSERT INTO samples (id, {simple}, {times}) VALUES (11, {places})", (*values, *moments))
    again = fetch("SELECT samples::text FROM samples WHERE id = 11")
    connection.execute("DELETE FROM samples WHERE id = 11")
    return [texts, rows, moments, again]


def prepared():
    answers = [fetch("SELECT name, ssn FROM customers WHERE id = %s", (n,), prepare=True) for n in (1, 2, 3, 1)]
    # From the fifth time on it prepares by itself.
    return [answers, [fetch("SELECT name FROM customers WHERE id = %s", (n,)) for n in range(1, 9)]]


def write():
    cursor = connection.cursor(row_factory=dict_row)
    insert = "INSERT INTO customers (name, email, ssn) VALUES (%(name)s, %(email)s, %(ssn)s) RETURNING id, name, mood"
    created = cursor.execute(insert, {"name": "psycopg", "email": "p@x", "ssn": "***5"}).fetchone()
    upsert = "INSERT INTO customers (name, email) VALUES ('x', 'p@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1 RETURNING version, ssn"
    return [
        created,
        [fetch(upsert), fetch(upsert)],
        connection.execute("UPDATE customers SET city = %s WHERE id = %s", ("Ulm", created["id"])).rowcount,
        sqlstate_of(lambda: connection.execute("INSERT INTO customers (name, email) VALUES ('x', 'p@x')")),
        fetch("DELETE FROM customers WHERE id = %s RETURNING id, city", (created["id"],)),
    ]


def masked():
    sql = "SELECT id, ssn, salary FROM customers WHERE id = %s"
    text, binary = (connection.cursor(binary=binary).execute(sql, (7,)).fetchone() for binary in (False, True))
    return {"text": text, "binary": binary}


session(
    "psycopg",
    "psycopg",
    {
        "connect": connect,
        "introspect": introspect,
        "text": lambda: asked(False),
        "binary": lambda: asked(True),
        "batch": batch,
        "stream": stream,
        "cancel": cancel,
        "transact": transact,
        "types": types,
        "prepared": prepared,
        "write": write,
        "refused": lambda: {**told(lambda: fetch("SELECT token FROM secrets")), "after": one()},
        "masked": masked,
    },
)
connection.close()
