"""psycopg 3: what its users do. Prints all it gets, so that the test can look for raw values."""

import threading
import time

import psycopg

CONTACTS = "SELECT id, name, email, phone FROM customers ORDER BY id LIMIT 5"


def refused(connection, text, parameters=None):
    try:
        connection.execute(text, parameters)
    except psycopg.errors.InsufficientPrivilege as error:
        print(error.sqlstate, error.diag.message_primary, error.diag.message_detail)
        return
    raise AssertionError(f"not refused: {text}")


with psycopg.connect(autocommit=True) as connection:
    connection.add_notice_handler(lambda notice: print("notice", notice.message_primary))
    assert connection.execute("SELECT %s::integer + 1", [41]).fetchone() == (42,)

    plain = connection.execute(CONTACTS).fetchall()
    assert len(plain) == 5
    print(plain)
    binary = connection.execute(CONTACTS, binary=True).fetchall()
    assert binary == plain, (binary, plain)
    # From the sixth time on psycopg prepares it.
    for _ in range(10):
        assert connection.execute(CONTACTS).fetchall() == plain

    refused(connection, "SELECT upper(email) FROM customers")
    refused(connection, "SELECT upper(email) FROM customers WHERE id = %s", [1])
    assert connection.execute("SELECT 1").fetchone() == (1,)

    with connection.transaction(force_rollback=True):
        connection.execute("UPDATE orders SET quantity = quantity + %s WHERE id = %s", [1, 7])
        with connection.transaction():
            connection.execute("SELECT 1")

    with connection.transaction(), connection.cursor(name="portal") as cursor:
        cursor.execute(CONTACTS)
        assert cursor.fetchmany(2) + cursor.fetchall() == plain

    with connection.pipeline():
        answers = [connection.execute("SELECT %s::integer", [i]) for i in range(200)]
        assert [answer.fetchone()[0] for answer in answers] == list(range(200))

    with connection.cursor() as cursor:
        for form in ("TEXT", "CSV", "BINARY"):
            with cursor.copy(f"COPY ({CONTACTS}) TO STDOUT (FORMAT {form})") as copy:
                data = b"".join(bytes(part) for part in copy)
            print(form, data)
            assert data
        connection.execute("CREATE TEMPORARY TABLE inward (n integer)")
        with cursor.copy("COPY inward FROM STDIN") as copy:
            for number in range(1000):
                copy.write_row([number])
        assert connection.execute("SELECT sum(n) FROM inward").fetchone() == (499500,)

    threading.Thread(target=lambda: (time.sleep(0.5), connection.cancel())).start()
    try:
        connection.execute("SELECT pg_sleep(30)")
        raise AssertionError("not cancelled")
    except psycopg.errors.QueryCanceled:
        pass
    assert connection.execute("SELECT 1").fetchone() == (1,)

print("done")
