-- Ways that the fifth adversary found: names and places that were taken for certain. Guard off.

-- safe: USING a column whose name is that of another
SELECT (SELECT email FROM (SELECT 1 AS id, (SELECT (id).* FROM (SELECT email FROM customers LIMIT 1) id)) a JOIN (SELECT 1 AS id) b USING (id)) FROM (SELECT '' AS email) q
-- safe: NATURAL by a name that is not seen
SELECT (SELECT email FROM (SELECT 1 AS id, (SELECT (id).* FROM (SELECT email FROM customers LIMIT 1) id)) a NATURAL JOIN (SELECT 1 AS id) b) FROM (SELECT '' AS email) q
-- safe: NATURAL that moves the columns of a star
SELECT (SELECT b FROM (SELECT * FROM (SELECT email, (SELECT (g).* FROM (SELECT 1 AS k) g) FROM customers LIMIT 1) a NATURAL JOIN (SELECT 1 AS k, 2) c) t(a,b))
-- safe: NATURAL that moves the columns of a COPY
COPY (SELECT b FROM (SELECT * FROM (SELECT email, (SELECT (g).* FROM (SELECT 1 AS k) g) FROM customers LIMIT 3) a NATURAL JOIN (SELECT 1 AS k, 2) c) t(a,b)) TO STDOUT
-- oracle: NATURAL as a comparison
SELECT count(*) FROM (SELECT (SELECT (g).* FROM (SELECT email FROM customers WHERE id = 1) g)) a NATURAL JOIN (SELECT 'x1quartzzebra1@example.org' AS email) b
-- oracle: a whole row that is ordered by, beside an output without a name
SELECT id, (SELECT (g).* FROM (SELECT 1) g) FROM (SELECT email, id FROM customers WHERE id < 9) s ORDER BY s
-- oracle: a whole row that is grouped by, beside an output without a name
SELECT count(*), (SELECT (g).* FROM (SELECT 1) g) FROM (SELECT email FROM customers WHERE id < 9 UNION ALL SELECT 'x1quartzzebra1@example.org') s GROUP BY s
-- oracle: a whole row in DISTINCT ON, beside an output without a name
SELECT DISTINCT ON (s) id, (SELECT (g).* FROM (SELECT 1) g) FROM (SELECT email, id FROM customers WHERE id < 9) s
-- safe: unnest of a tsvector among several moves what stands behind it
SELECT (SELECT e FROM (SELECT * FROM unnest('a'::tsvector,'{}'::int[]) u, (SELECT email,1,1 FROM customers LIMIT 1) q) z(a,b,c,d,e))
-- safe: the same in WITH and in an expression
WITH z(a,b,c,d,e) AS (SELECT * FROM unnest('a'::tsvector,'{}'::int[]) u, (SELECT email,1,1 FROM customers LIMIT 1) q) SELECT upper(e) FROM z
-- safe: the same by COPY
COPY (SELECT e FROM (SELECT * FROM unnest('a'::tsvector,'{}'::int[]) u, (SELECT email,1,1 FROM customers LIMIT 2) q) z(a,b,c,d,e)) TO STDOUT
-- safe: unnest of a tsvector has three columns
SELECT (SELECT d FROM (SELECT * FROM unnest('a'::tsvector) u, (SELECT email,1,1 FROM customers LIMIT 1) q) z(a,b,c,d))
-- safe: unnest of rows
SELECT (SELECT e FROM (SELECT * FROM unnest(ARRAY[ROW('a','b')::vault.pair]) u, (SELECT email,1,1 FROM customers LIMIT 1) q) z(a,b,e))
-- safe: unnest of a column of rows
SELECT (SELECT c FROM (SELECT * FROM vault.types t, unnest(t.c_pairs) u LIMIT 1) z) FROM (SELECT email AS c FROM customers LIMIT 1) q
-- safe: a star in VALUES is several columns
SELECT v.d FROM (SELECT 1,2,3) h, customers q, LATERAL (VALUES (h.*, q.email, '', '')) v(a,b,c,d) LIMIT 1
-- safe: a row's star in VALUES
SELECT (SELECT d FROM (VALUES ((h).*, q.email, '', '')) v(a,b,c,d)) FROM (SELECT 1,2,3) h, customers q LIMIT 1
-- oracle: how many bytes of WAL a guess takes
EXPLAIN (ANALYZE, WAL, COSTS off, TIMING off, SUMMARY off) UPDATE vault.found SET secret = 'quartzzebra1' WHERE id = 1
-- oracle: how far the WAL goes by a guess
CREATE TEMP TABLE before AS SELECT pg_current_wal_insert_lsn() AS lsn
UPDATE vault.found SET secret = 'uquartzzebra' WHERE id = 1
SELECT pg_current_wal_insert_lsn() - lsn FROM before
-- safe: a call in FROM that is a column of a row
SELECT (SELECT e FROM (SELECT NULL::information_schema.information_schema_catalog_name AS lower) t, lower(t) e LIMIT 1) FROM (SELECT email AS e FROM customers) q LIMIT 1
-- safe: the same by the name of a function without arguments
SELECT (SELECT e FROM (SELECT NULL::information_schema.information_schema_catalog_name AS version) t, version(t) e LIMIT 1) FROM (SELECT email AS e FROM customers) q LIMIT 1
-- safe: the same by the name of a function of several columns
SELECT (SELECT c FROM (SELECT * FROM (SELECT NULL::information_schema.information_schema_catalog_name AS aclexplode) t, aclexplode(t) u, (SELECT email FROM customers LIMIT 1) q) z(a,b,c))
-- safe: a star over a CTE with SEARCH has fewer columns
\needs 14
SELECT upper(b) FROM (WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a+1 FROM t WHERE a<1) SEARCH DEPTH FIRST BY a SET seq SELECT z.b FROM (SELECT * FROM t, (SELECT email FROM customers LIMIT 1) q) z(a,b)) zz
-- safe: the column of SEARCH by a star
\needs 14
WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a+1 FROM t WHERE a<1) SEARCH DEPTH FIRST BY a SET seq SELECT (SELECT seq FROM (SELECT * FROM t) w LIMIT 1) FROM (SELECT email AS seq FROM customers) q LIMIT 1
-- safe: unnest of a call that is a column of a row
\needs 14
SELECT (SELECT e FROM (SELECT ARRAY[NULL::information_schema.information_schema_catalog_name] AS string_to_array) t, unnest(string_to_array(t)) e LIMIT 1) FROM (SELECT email AS e FROM customers) q LIMIT 1
-- oracle: VALUES that are ordered by their own name
SELECT (SELECT column2 FROM (VALUES (c.email,'a'),('m','b') ORDER BY "*VALUES*".column1 LIMIT 1) v) FROM customers c, (SELECT 1 AS column1) "*VALUES*" WHERE c.id = 1
-- safe: unnest of what may be an outer row
\needs 14
CREATE TEMP TABLE products (zz int)
INSERT INTO products VALUES (1)
SELECT (SELECT e FROM products, unnest(ARRAY[name]) e LIMIT 1) FROM (SELECT email AS e, NULL::information_schema.information_schema_catalog_name AS name FROM customers) q LIMIT 1
-- safe: a call in FROM that is a column of a row that is cast
SELECT (SELECT e FROM (SELECT NULL::information_schema.information_schema_catalog_name AS now) g, now(g::record) e LIMIT 1) FROM (SELECT email AS e FROM customers) q LIMIT 1
-- safe: the same by a name of several columns
SELECT (SELECT c FROM (SELECT * FROM (SELECT NULL::information_schema.information_schema_catalog_name AS aclexplode) t, aclexplode(t::record) u, (SELECT email FROM customers LIMIT 1) q) z(a,b,c))
-- safe: a type that goes by a word which is a type since 17
\until 17
CREATE TEMP TABLE json (foo int, bar int)
SELECT (SELECT e FROM unnest(ARRAY[NULL::json]) e LIMIT 1) FROM (SELECT email AS e FROM public.customers) q LIMIT 1
-- safe: the place of long values, behind a temporary table of its name
CREATE TEMP TABLE pg_toast_1255 (zz int)
SET search_path = pg_toast, pg_temp
SELECT (SELECT zz FROM (SELECT * FROM (VALUES (1)) v(o) LEFT JOIN pg_toast_1255 ON true) w LIMIT 1) FROM (SELECT email AS zz FROM public.customers) q LIMIT 1
-- oracle: a condition in TABLESAMPLE, which sees nothing before it in FROM
SELECT (SELECT count(*) FROM (SELECT '' AS e) z, vault.found TABLESAMPLE bernoulli(CASE WHEN e LIKE 'x%' THEN 100 ELSE 0 END)) FROM (SELECT email AS e FROM customers WHERE id = 1) q
-- safe: a call that is a cast to a domain over a row
CREATE DOMAIN vault.now AS vault.pair
SET search_path = vault, public
SELECT (SELECT e FROM now(NULL) e LIMIT 1) FROM (SELECT email AS e FROM customers) q LIMIT 1
-- safe: the alias of USING behind that of its join
\needs 14
SELECT (SELECT j.id FROM (products a JOIN products b USING (id) AS j) AS k LIMIT 1) FROM (SELECT email AS id FROM customers) j LIMIT 1
-- safe: a relation whose name is a keyword of newer versions
\until 16
CREATE TABLE vault.system_user AS SELECT id, email FROM customers
SET search_path = vault, public
COPY (SELECT lower(email) FROM system_user) TO STDOUT
-- safe: a type whose name is that of an array of rows
CREATE TYPE vault._foo AS ENUM ('a')
CREATE TEMP TABLE foo (e1 int, e2 int)
SET search_path = vault, public
SELECT (SELECT e FROM unnest(ARRAY['{NULL}'::_foo]) e LIMIT 1) FROM (SELECT email AS e FROM customers) q LIMIT 1
-- safe: a function of a row, by a name that EXTRACT has had
\until 14
SELECT (SELECT "extract".row_to_json FROM extract(year from now()) LIMIT 1) FROM customers "extract" LIMIT 1
-- oracle: how many bytes of WAL a guess takes, by EXECUTE
PREPARE guess (text) AS UPDATE vault.found SET secret = $1 WHERE id = 1
EXPLAIN (ANALYZE, WAL, COSTS off, TIMING off, SUMMARY off) EXECUTE guess ('uquartzzebra')
-- oracle: how many bytes of WAL a guess takes in the column beside
EXPLAIN (ANALYZE, WAL, COSTS off, TIMING off, SUMMARY off) UPDATE customers SET country = 'quartzzebra' WHERE id = 1
-- safe: a type whose name is that of an array of rows, with a number
\needs 18
CREATE TYPE vault._bar_1 AS ENUM ('a')
CREATE TEMP TABLE _bar (a int)
CREATE TEMP TABLE bar (e1 int, e2 int)
SET search_path = vault, public
SELECT (SELECT e FROM unnest(ARRAY['{NULL}'::_bar_1]) e LIMIT 1) FROM (SELECT email AS e FROM customers) q LIMIT 1
-- safe: a type whose name is that of an array of rows, cut within a character
CREATE TYPE vault._aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa AS ENUM ('a')
CREATE TEMP TABLE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé" (e1 int, e2 int)
SET search_path = vault, public
SELECT (SELECT e FROM unnest(ARRAY['{NULL}'::_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]) e LIMIT 1) FROM (SELECT email AS e FROM customers) q LIMIT 1
-- safe: a field of a whole row by the name that its type has, not that of the alias
SELECT ((SELECT q)).email FROM customers q(email, name, id) LIMIT 1
-- safe: fields of a row that a subquery carries, by names that an alias has permuted
SELECT (r).phone, (r).email FROM (SELECT q AS r FROM customers q(email, phone, id, name)) w LIMIT 1
-- safe: a column further out than one that only an alias gives a row
SELECT (SELECT zz FROM (SELECT ((SELECT q)).* FROM products q(zz)) i LIMIT 1) FROM (SELECT email AS zz FROM customers) o LIMIT 1
-- safe: a column further out by WITH, in COPY
COPY (SELECT (SELECT zz FROM (WITH c AS (SELECT q AS r FROM products q(zz)) SELECT (r).* FROM c) i LIMIT 1) FROM (SELECT email AS zz FROM customers) o LIMIT 1) TO STDOUT
-- safe: a column that a table loses with the type of another
CREATE TEMP TABLE tt (a int)
CREATE TEMP TABLE p (c tt, d int)
INSERT INTO p VALUES (ROW(1), 2)
BEGIN
DROP TABLE tt CASCADE
SELECT upper((SELECT c FROM p LIMIT 1)::text) FROM (SELECT email AS c FROM customers) q LIMIT 1
