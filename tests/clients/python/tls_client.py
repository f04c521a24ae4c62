"""libpq's ways to a gateway that speaks TLS: both negotiations, all versions of the protocol."""

import os
import threading
import time

import psycopg

authority = os.environ["AUTHORITY"]
here = {"host": "localhost", "hostaddr": os.environ["PGHOST"], "autocommit": True}
tried = 0
for negotiation in ("postgres", "direct"):
    for version in ("3.0", "3.2", "latest"):
        if psycopg.pq.version() < 180000:
            continue
        tried += 1
        with psycopg.connect(sslmode="verify-full", sslrootcert=authority, sslnegotiation=negotiation,
                             max_protocol_version=version, **here) as connection:
            assert connection.pgconn.ssl_in_use
            assert connection.execute("SELECT %s", ["x"]).fetchone() == ("x",)
            # Cancel requests go over TLS, too.
            cancelling = threading.Thread(target=lambda: (time.sleep(0.3), connection.cancel_safe()))
            cancelling.start()
            try:
                connection.execute("SELECT pg_sleep(30)")
                raise AssertionError("not cancelled")
            except psycopg.errors.QueryCanceled:
                pass
            cancelling.join()
            assert connection.execute("SELECT 1").fetchone() == (1,)
for wrong in ({"sslmode": "verify-full", "sslrootcert": os.environ["STRANGER"]},
              {"sslmode": "verify-full", "sslrootcert": authority, "host": "elsewhere.example"}):
    try:
        psycopg.connect(**{**here, **wrong})
        raise AssertionError(f"connected with {wrong}")
    except psycopg.OperationalError as error:
        assert "certificate" in str(error), error
print("tried", tried)
