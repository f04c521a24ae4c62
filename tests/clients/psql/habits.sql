-- psql, as its users use it; what it prints must be the same with PostgreSQL and the gateway.
\d
\d+ things
\d "odd Schema"."Parts"
\d+ events
\d dear_things
\d tickets
\dt *.*
\di+ things*
\dv
\dm
\ds
\dn+
\dT+ *
\dD
\dP
\df+ twice
\dy
\dx
\dC integer
\do ||
\da sum
\dc utf8*
\dL
\sf twice
\sv dear_things
\dp
\ddp
\dF
\dO pg*
\db
\dA
\drds
TABLE things;
SELECT * FROM "odd Schema"."Parts" LIMIT 3 \gx
SELECT 1 AS a, 2 AS b \gdesc
\copy events (at, what) FROM STDIN CSV
2026-02-03,"a, b"
2026-02-04,
\.
SELECT * FROM events ORDER BY 1;
\copy (SELECT * FROM things ORDER BY id) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)
\copy events FROM STDIN
not a date	x
\.
SELECT 1 / 0;
SELECT name FROM thngs;
SELECT nme FROM things;
SELECT 1; SELECT 1 / 0; SELECT 3;
SELECT 1 \; SELECT 1 / 0 \; SELECT 3;
SELECT 1 \; INSERT INTO events VALUES ('2026-03-03') \; SELECT 2;
INSERT INTO things (name) VALUES ('thing 1');
UPDATE things SET share = 101;
UPDATE things SET share = 7 WHERE id < 4;
BEGIN;
SAVEPOINT here;
SELECT nothing;
SELECT 1;
ROLLBACK TO here;
SELECT 2;
COMMIT;
\set VERBOSITY sqlstate
SELECT 1 / 0;
\set VERBOSITY default
\errverbose
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT nothing;
SELECT 'goes on';
COMMIT;
\set ON_ERROR_ROLLBACK off
\set FETCH_COUNT 7
SELECT id, name FROM things WHERE id < 61 ORDER BY id;
\set FETCH_COUNT 0
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM things ORDER BY id;
FETCH 3 FROM c;
FETCH LAST FROM c;
FETCH -2 FROM c;
MOVE ABSOLUTE 5 IN c;
FETCH c;
COMMIT;
PREPARE one (integer) AS SELECT name FROM things WHERE id = $1;
EXECUTE one (5);
EXECUTE one ('x');
DEALLOCATE one;
SELECT setval('tickets', 100);
\o /dev/null
SELECT 10 / (115 - nextval('tickets')) AS n \watch 0.01
\o
SELECT currval('tickets');
SELECT feels, count(*) FROM things GROUP BY 1 ORDER BY 1 \crosstabview feels feels count
EXPLAIN (COSTS OFF) SELECT * FROM things WHERE id = 1;
SHOW ALL;
SET DateStyle TO 'German';
SELECT at FROM things WHERE id = 1;
\gset
\echo :at
DO $$ BEGIN RAISE WARNING 'careful' USING DETAIL = 'details', HINT = 'hints'; END $$;
LISTEN news;
\encoding
VACUUM things;
CREATE TABLE fresh AS SELECT 1 AS one;
\d fresh
DROP TABLE fresh, nothing;
DROP TABLE fresh;
COPY things (id, name) TO STDOUT WITH (FORMAT binary) \g /dev/null
SELECT id, name FROM things WHERE id < 3 ORDER BY id \g (format=unaligned tuples_only=on)
