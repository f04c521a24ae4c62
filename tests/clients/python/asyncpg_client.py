"""asyncpg: what its users do. Prints all it gets, so that the test can look for raw values."""

import asyncio

import asyncpg

CONTACTS = "SELECT id, name, email, phone FROM customers ORDER BY id LIMIT 5"


async def refused(connection, text, *parameters):
    try:
        await connection.fetch(text, *parameters)
    except asyncpg.InsufficientPrivilegeError as error:
        print(error.sqlstate, error, error.detail)
        return
    raise AssertionError(f"not refused: {text}")


async def main():
    connection = await asyncpg.connect()
    assert await connection.fetchval("SELECT $1::integer + 1", 41) == 42

    plain = await connection.fetch(CONTACTS)
    assert len(plain) == 5
    print(plain)

    prepared = await connection.prepare(CONTACTS)
    assert [str(a.name) for a in prepared.get_attributes()] == ["id", "name", "email", "phone"]
    assert await prepared.fetch() == plain

    await refused(connection, "SELECT upper(email) FROM customers")
    await refused(connection, "SELECT upper(email) FROM customers WHERE id = $1", 1)
    assert await connection.fetchval("SELECT 1") == 1

    async with connection.transaction():
        await connection.executemany(
            "UPDATE orders SET quantity = $1 WHERE id = $2", [(i, i) for i in range(1, 50)]
        )
        rows = [row async for row in connection.cursor(CONTACTS, prefetch=2)]
        assert rows == plain

    # A type that it asks the catalog about, for which it sets a setting and sets it back.
    assert await connection.fetchval("SELECT NULL::products") is None

    await connection.execute("CREATE TEMPORARY TABLE inward (n integer, t text)")
    await connection.copy_records_to_table("inward", records=[(i, str(i)) for i in range(1000)])
    assert await connection.fetchval("SELECT sum(n) FROM inward") == 499500

    try:
        await connection.fetch("SELECT pg_sleep(30)", timeout=0.5)
        raise AssertionError("not cancelled")
    except asyncio.TimeoutError:
        pass
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


asyncio.run(main())
print("done")
