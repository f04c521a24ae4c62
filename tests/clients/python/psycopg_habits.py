"""psycopg 3, as its users use it; prints what must be the same with PostgreSQL and the gateway."""

import psycopg
from psycopg.rows import dict_row
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types import TypeInfo


def error(problem):
    diag = problem.diag
    print(type(problem).__name__, diag.sqlstate, diag.message_primary, diag.message_detail,
          diag.message_hint, diag.statement_position, diag.table_name, diag.constraint_name)


with psycopg.connect() as connection:
    connection.add_notice_handler(lambda notice: print("notice", notice.message_primary))
    print(connection.info.server_version, connection.info.encoding, connection.info.timezone)
    for name in ("application_name", "DateStyle", "integer_datetimes", "server_encoding"):
        print(name, connection.info.parameter_status(name))

    mood = EnumInfo.fetch(connection, "mood")
    register_enum(mood, connection)
    place = CompositeInfo.fetch(connection, "place")
    register_composite(place, connection)
    print(mood.labels, place.field_names, TypeInfo.fetch(connection, "percent").name)
    for binary in (False, True):
        cursor = connection.cursor(binary=binary)
        cursor.execute("SELECT name, feels, home, homes, share, tags, span, extra, raw, at, long, uid,"
                       " address FROM things ORDER BY id LIMIT 3")
        print([(c.name, c.type_code, c.internal_size, c.precision) for c in cursor.description][4:])
        for row in cursor:
            print(row)
    connection.commit()

    # Pipelines, an error among their statements, and what becomes of the transaction.
    try:
        with connection.pipeline() as pipeline:
            first = connection.execute("INSERT INTO events VALUES ('2026-07-08', %s) RETURNING what", ["one"])
            second = connection.execute("SELECT 1 / %s", [0])
            third = connection.execute("SELECT 3")
            pipeline.sync()
            print(first.fetchone())
            second.fetchone()
    except psycopg.Error as problem:
        error(problem)
    print(connection.info.transaction_status.name)
    connection.rollback()
    with connection.pipeline():
        cursor = connection.cursor()
        cursor.executemany("INSERT INTO events VALUES (%s, %s) RETURNING what",
                           [("2026-07-08", str(i)) for i in range(300)], returning=True)
        results = []
        while True:
            results.append(cursor.fetchone()[0])
            if not cursor.nextset():
                break
    print(len(results), results[-1])
    connection.rollback()

    for text in ("SELECT frm things", "INSERT INTO things (name) VALUES ('thing 1')",
                 "UPDATE things SET share = 101", "SELECT * FROM nowhere", "LOCK nowhere"):
        try:
            connection.execute(text, prepare=True)
        except psycopg.Error as problem:
            error(problem)
        connection.rollback()

    # From the sixth time on it is prepared; DDL between invalidates its plan.
    with connection.cursor(row_factory=dict_row) as cursor:
        for round in range(12):
            cursor.execute("SELECT * FROM events WHERE at > %s", ["2026-01-01"])
            print(cursor.fetchall())
            connection.commit()
            if round == 8:
                connection.execute("ALTER TABLE events ADD more integer DEFAULT 7")
                connection.commit()
            if cursor.connection.info.transaction_status.name != "IDLE":
                connection.rollback()

    with connection.cursor("named", scrollable=True, withhold=True) as cursor:
        cursor.itersize = 5
        cursor.execute("SELECT id FROM things ORDER BY id")
        connection.commit()
        print([cursor.fetchone() for _ in range(3)], cursor.scroll(10), cursor.fetchmany(2))
    connection.rollback()

    with connection.cursor() as cursor:
        with cursor.copy("COPY events (at, what) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["date", "text"])
            import datetime
            copy.write_row((datetime.date(2026, 1, 1), "binary"))
        print(cursor.rowcount)
        try:
            with cursor.copy("COPY events FROM STDIN") as copy:
                copy.write(b"not a date\n")
        except psycopg.Error as problem:
            error(problem)
        connection.rollback()
        try:
            with cursor.copy("COPY events (at, what) FROM STDIN") as copy:
                raise ValueError("given up")
        except ValueError as problem:
            print(problem)
        connection.rollback()
        for form in ("TEXT", "CSV", "BINARY"):
            with cursor.copy(f"COPY (SELECT id, tags, home FROM things ORDER BY id) TO STDOUT (FORMAT {form})") as copy:
                data = b"".join(bytes(part) for part in copy)
            print(form, len(data), hash(data) == hash(bytes(data)), data[:80])

with psycopg.connect(autocommit=True) as connection:
    connection.execute("LISTEN news")
    with psycopg.connect(autocommit=True) as other:
        other.execute("NOTIFY news, 'hello'")
    for notify in connection.notifies(timeout=20, stop_after=1):
        print(notify.channel, notify.payload)
