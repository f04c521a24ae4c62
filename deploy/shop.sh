#!/bin/sh
# Run once by the image of PostgreSQL: the role of the gateway, and the sample data it owns.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -c "CREATE ROLE app LOGIN PASSWORD '$UPSTREAM_PASSWORD'"
createdb -U postgres -O app shop
PGOPTIONS='-c demo.scale=0.1 -c role=app' psql -q -v ON_ERROR_STOP=1 -U postgres -d shop -f /shop/data.sql
