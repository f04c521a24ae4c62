"""asyncpg, as its users use it; prints what must be the same with PostgreSQL and the gateway."""

import asyncio
import datetime
import json

import asyncpg


async def main():
    connection = await asyncpg.connect(server_settings={"application_name": "habits"})
    connection.add_log_listener(lambda _, message: print("log", message.severity, message.message))
    print(connection.get_server_version())
    settings = connection.get_settings()
    print(settings.application_name, settings.TimeZone, settings.server_encoding)

    # Each of these types has to be looked up in the catalog first.
    for column in ("feels", "home", "homes", "share", "tags", "span", "extra", "at", "long", "uid", "address"):
        rows = await connection.fetch(f"SELECT {column} FROM things ORDER BY id LIMIT 2")
        print(column, rows)
    statement = await connection.prepare("SELECT $1::mood[], $2::place, $3::percent, $4::int4range")
    print(statement.get_parameters(), statement.get_attributes())
    print(await statement.fetch(["sad", None], ("here", 5, ["ok"]), 12, asyncpg.Range(1, 5)))
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    print(await connection.fetchval("SELECT extra FROM things ORDER BY id LIMIT 1"))

    for text, parameters in (
        ("SELECT frm", ()),
        ("SELECT $1::integer / $2::integer", (1, 0)),
        ("INSERT INTO things (name) VALUES ($1)", ("thing 1",)),
        ("SELECT * FROM nowhere WHERE a = $1", (1,)),
        ("SELECT 1; SELECT $1::integer", (1,)),
    ):
        try:
            await connection.fetch(text, *parameters)
        except asyncpg.PostgresError as error:
            print({key: value for key, value in error.as_dict().items() if not key.startswith("server_source")})

    # A prepared statement whose table changes.
    print(await connection.fetch("SELECT * FROM events"))
    await connection.execute("ALTER TABLE events ADD added integer DEFAULT 5")
    print(await connection.fetch("SELECT * FROM events"))

    async with connection.transaction(isolation="serializable", readonly=True):
        cursor = await connection.cursor("SELECT id, name FROM things ORDER BY id")
        print(await cursor.fetch(3), await cursor.forward(4), await cursor.fetchrow())
        print([row["id"] async for row in connection.cursor("SELECT id FROM things ORDER BY id", prefetch=7)])
    try:
        async with connection.transaction():
            await connection.execute("INSERT INTO events VALUES ('2026-01-01', 'gone')")
            async with connection.transaction():
                await connection.execute("SELECT 1 / 0")
    except asyncpg.PostgresError as error:
        print(error)
    try:
        await connection.executemany("INSERT INTO things (name) VALUES ($1)", [("a",), ("b",), ("a",)])
    except asyncpg.PostgresError as error:
        print(error.sqlstate, error.detail)
    print(await connection.fetchval("SELECT count(*) FROM things"))
    await connection.executemany("INSERT INTO things (name) VALUES ($1)", [(f"n{i}",) for i in range(500)])
    print(await connection.fetchval("SELECT count(*) FROM things"))

    records = [(datetime.date(2026, 3, 4), f"copied {i}") for i in range(2000)]
    print(await connection.copy_records_to_table("events", records=records, columns=["at", "what"]))
    data = []

    async def keep(part):
        data.append(part)

    print(await connection.copy_from_query("SELECT id, name FROM things ORDER BY id", output=keep, format="csv"))
    print(len(b"".join(data)))

    heard = asyncio.get_running_loop().create_future()
    await connection.add_listener("news", lambda *said: heard.set_result(said[2:]))
    other = await asyncpg.connect()
    await other.execute("NOTIFY news, 'hello'")
    print(await asyncio.wait_for(heard, 20))
    await other.close()

    try:
        await connection.fetch("SELECT pg_sleep(30)", timeout=0.3)
    except asyncio.TimeoutError:
        print("timeout")
    print(await connection.fetchval("SELECT 1"))
    await connection.reset()
    print(await connection.fetch("SHOW application_name"))
    await connection.close()

    pool = await asyncpg.create_pool(min_size=3, max_size=3)
    print(await asyncio.gather(*(pool.fetchval("SELECT $1::integer", i) for i in range(50))))
    await pool.close()


asyncio.run(main())
