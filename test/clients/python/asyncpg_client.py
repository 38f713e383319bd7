"""asyncpg, which speaks binary only and describes a statement once: `asyncpg_client.py URL`."""

import asyncio
import sys

import asyncpg
from client import CATALOG_QUERIES, session

url = sys.argv[1]
loop = asyncio.new_event_loop()
connection = None


def step(function):
    return lambda: loop.run_until_complete(function())


async def fetch(sql, *parameters):
    return [list(row) for row in await connection.fetch(sql, *parameters)]


async def told(awaitable):
    try:
        await awaitable
    except asyncpg.PostgresError as error:
        return {"sqlstate": error.sqlstate, "message": error.message, "hint": error.hint}
    return {"sqlstate": "none"}


def one():
    return connection.fetchval("SELECT 1")


async def connect():
    global connection
    connection = await asyncpg.connect(url, server_settings={"application_name": "asyncpg"}, command_timeout=60)
    settings = connection.get_settings()
    return [settings.client_encoding, settings.server_encoding, settings.application_name, connection.get_server_version().major > 13]


async def introspect():
    # With types that it has to look up: composite, enum, domain, range.
    statement = await connection.prepare("SELECT point3, mood, positive, range, texts FROM samples WHERE id = $1")
    described = [[attribute.name, attribute.type.name, attribute.type.kind] for attribute in statement.get_attributes()]
    parameters = [parameter.name for parameter in statement.get_parameters()]
    return [[await fetch(query) for query in CATALOG_QUERIES], described, parameters, await fetch("SELECT point3, mood FROM samples ORDER BY id")]


async def binary():
    return [
        await fetch("SELECT id, name, joined, salary FROM customers WHERE id = $1 OR email = $2 ORDER BY id", 3, "5@example.com"),
        await fetch("SELECT id FROM orders WHERE customer_id = ANY($1) AND amount > $2 ORDER BY id", [1, 5, 9], 10),
        await fetch("SELECT $1::jsonb, $2::text[], $3::bytea, $4::point", '{"a": [1, "ü"]}', ["x", None, '"'], b"\x00\xff", (1, 2)),
        await fetch("SELECT city, count(*) FROM customers GROUP BY city ORDER BY city"),
    ]


async def batch():
    await connection.executemany("INSERT INTO order_tags VALUES ($1, $2)", [(n, "batch") for n in range(1, 31)])
    removed = await connection.execute("DELETE FROM order_tags WHERE tag = 'batch'")
    status = await connection.execute("SELECT 1; SELECT 2; SET TIME ZONE 'Europe/Berlin'; RESET ALL")
    async with asyncpg.create_pool(url, min_size=2, max_size=5) as pool:
        pooled = await asyncio.gather(*(pool.fetchval("SELECT name FROM customers WHERE id = $1", 1 + n % 9) for n in range(40)))
    return [removed, status, pooled]


async def stream():
    async with connection.transaction():
        rows = [list(row) async for row in connection.cursor("SELECT id, value FROM readings ORDER BY id", prefetch=77)]
        cursor = await connection.cursor("SELECT id FROM readings ORDER BY id")
        moved = [await cursor.fetch(2), await cursor.forward(100), await cursor.fetchrow()]
    chunks = []

    async def collect(data):
        chunks.append(data)

    await connection.copy_from_query("SELECT id, ssn FROM customers ORDER BY id LIMIT $1", 3, output=collect, format="csv")
    copied = await connection.copy_records_to_table("order_tags", columns=["order_id", "tag"], records=[(6, "copied"), (7, "copied")])
    removed = await connection.execute("DELETE FROM order_tags WHERE tag = 'copied'")
    return [len(rows), rows[-1], moved, b"".join(chunks), copied, removed]


async def cancel():
    task = asyncio.ensure_future(connection.fetch("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.2)
    task.cancel()
    try:
        await task
        sqlstate = "none"
    except asyncio.CancelledError:
        # The server's answer is for nobody any more.
        sqlstate = "57014"
    return {"sqlstate": sqlstate, "after": await one()}


async def transact():
    def insert():
        return connection.execute("INSERT INTO orders (customer_id, amount) VALUES (1, 12345)")

    def count():
        return connection.fetchval("SELECT count(*) FROM orders WHERE amount = 12345")

    def remove():
        return connection.execute("DELETE FROM orders WHERE amount = 12345")

    async with connection.transaction():
        await insert()
    committed = await count()
    await remove()
    transaction = connection.transaction(isolation="serializable")
    await transaction.start()
    await insert()
    await transaction.rollback()
    rolled_back = await count()
    transaction = connection.transaction(isolation="repeatable_read", readonly=True)
    await transaction.start()
    await told(connection.fetch("SELECT 1/0"))
    aborted = (await told(one()))["sqlstate"]
    await transaction.rollback()
    async with connection.transaction():
        try:
            async with connection.transaction():
                await connection.execute("INSERT INTO orders (customer_id, amount) VALUES (1, -1)")
        except asyncpg.CheckViolationError:
            pass
        async with connection.transaction():
            await insert()
    savepoint = await count()
    await remove()
    return {"committed": committed, "rolledBack": rolled_back, "aborted": aborted, "savepoint": savepoint}


async def types():
    columns = "id, small, big, real4, real8, exact, yes, letters, padded, short, bytes, span, identity, document, binary_document, numbers, texts, mood, positive, point3, network, range, days, bits, place, vector, price"
    simple = 'small, big, real4, real8, exact, yes, letters, bytes, span, identity, numbers, texts, mood, positive, point3, network, range, days, bits, place, day, "time", moment, instant'
    values = (await fetch(f"SELECT {simple} FROM samples WHERE id = 1"))[0]
    places = ", ".join(f"${n + 1}" for n in range(len(values)))
    await connection.execute(f"INSERT INTO samples (id, {simple}) VALUES (11, {places})", *values)
    again = await fetch("SELECT samples::text FROM samples WHERE id = 11")
    await connection.execute("DELETE FROM samples WHERE id = 11")
    return [await fetch(f"SELECT {columns} FROM samples ORDER BY id"), values, again]


async def prepared():
    statement = await connection.prepare("SELECT name, ssn FROM customers WHERE id = $1")
    answers = [list(await statement.fetchrow(n)) for n in (1, 2, 3, 1)]
    many = await statement.fetchmany([(1,), (2,)])
    return [answers, [list(row) for row in many]]


async def write():
    insert = "INSERT INTO customers (name, email, ssn) VALUES ($1, $2, '***5') RETURNING id, name, mood"
    [created] = await fetch(insert, "asyncpg", "a@x")
    upsert = "INSERT INTO customers (name, email) VALUES ('x', 'a@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1 RETURNING version, ssn"
    return [
        created,
        [await fetch(upsert), await fetch(upsert)],
        await connection.execute("UPDATE customers SET city = $1 WHERE id = $2", "Ulm", created[0]),
        (await told(connection.execute("INSERT INTO customers (name, email) VALUES ('x', 'a@x')")))["sqlstate"],
        await fetch("DELETE FROM customers WHERE id = $1 RETURNING id, city", created[0]),
    ]


async def masked():
    # Twice: only the first time it asks what the columns are.
    answers = [(await fetch("SELECT id, ssn, salary FROM customers WHERE id = $1", 7))[0] for _ in range(2)]
    simple = await connection.fetchrow("SELECT id, ssn, salary FROM customers WHERE id = 7")
    assert answers == [list(simple)] * 2
    return {"text": answers[0], "binary": answers[1]}


async def refused():
    return {**await told(connection.fetch("SELECT token FROM secrets")), "after": await one()}


session(
    "asyncpg",
    "asyncpg",
    {
        "connect": step(connect),
        "introspect": step(introspect),
        "text": "speaks binary only",
        "binary": step(binary),
        "batch": step(batch),
        "stream": step(stream),
        "cancel": step(cancel),
        "transact": step(transact),
        "types": step(types),
        "prepared": step(prepared),
        "write": step(write),
        "refused": step(refused),
        "masked": step(masked),
    },
)
loop.run_until_complete(connection.close())
