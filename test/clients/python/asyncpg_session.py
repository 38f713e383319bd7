"""A session with asyncpg: `asyncpg_session.py URL`. It describes a statement once, and not when it runs it again."""

import asyncio
import datetime
import sys

import asyncpg
from steps import tell


async def main():
    steps = {}
    connection = await asyncpg.connect(sys.argv[1])

    async def fetch(sql, *parameters):
        return [list(row) for row in await connection.fetch(sql, *parameters)]

    async def error_of(sql, *parameters):
        try:
            await connection.fetch(sql, *parameters)
        except asyncpg.PostgresError as error:
            return [error.sqlstate, error.message]
        return None

    steps["clear"] = [
        await fetch("SELECT id, name, city, born, tags, profile, photo, balance, joined FROM customers WHERE id = $1", 3),
        await fetch("SELECT $1::jsonb, $2::text[], $3::bytea", '{"a": [1]}', ["x", None], b"\x00\xff"),
        await fetch("SELECT id FROM customers WHERE born = $1", datetime.date(1980, 1, 5)),
        await fetch("SELECT id FROM customers WHERE id = ANY($1) ORDER BY id", [1, 5]),
    ]
    for _ in range(3):
        steps.setdefault("masked", []).append(await fetch("SELECT ssn, email FROM customers WHERE id = $1", 7))
    steps["whole row"] = await connection.fetchval("SELECT row_to_json(customers) ->> 'ssn' FROM customers WHERE id = 7")
    steps["errors"] = [
        await error_of("SELECT 1/0"),
        await error_of("SELECT token FROM secrets WHERE id = $1", 1),
        await error_of("SELECT token FROM secrets WHERE id = $1", 1),
    ]
    statement = await connection.prepare("SELECT ssn FROM customers WHERE id = $1")
    steps["prepared"] = [await statement.fetchval(7), await statement.fetchval(8)]
    async with connection.transaction():
        rows = [list(row) async for row in connection.cursor("SELECT id, ssn FROM customers ORDER BY id", prefetch=7)]
        steps["cursor"] = [len(rows), rows[6]]
        try:
            async with connection.transaction():
                await connection.fetch("SELECT * FROM secrets")
        except asyncpg.InsufficientPrivilegeError:
            steps["savepoint"] = await connection.fetchval("SELECT 'goes on'")
    chunks = []

    async def collect(data):
        chunks.append(data)

    await connection.copy_from_query("SELECT id, ssn FROM customers ORDER BY id LIMIT $1", 2, output=collect)
    steps["copy"] = b"".join(chunks).decode()
    await connection.execute("SELECT pg_sleep(0); SELECT 1")
    try:
        await asyncio.wait_for(connection.fetch("SELECT pg_sleep(600)"), 0.2)
    except asyncio.TimeoutError:
        steps["cancelled"] = await connection.fetchval("SELECT 'goes on'")
    await connection.close()

    async with asyncpg.create_pool(sys.argv[1], min_size=2, max_size=5) as pool:
        # A pool resets each connection that it takes back.
        steps["pool"] = await asyncio.gather(*(pool.fetchval("SELECT ssn FROM customers WHERE id = $1", 1 + n % 9) for n in range(40)))
    tell(steps)


asyncio.run(main())
