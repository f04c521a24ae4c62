-- Values by functions that run SQL, statistics, plans, catalogs, files and messages.

-- refused: SQL in a text
SELECT query_to_xml('SELECT email FROM customers', true, true, '')
-- refused: a table as XML
SELECT table_to_xml('customers', true, true, '')
-- refused: a database as XML
SELECT database_to_xml(true, true, '')
-- refused: a schema as XML
SELECT schema_to_xml('public', true, true, '')
-- refused: a cursor as XML
BEGIN
DECLARE c CURSOR FOR SELECT email FROM customers
SELECT cursor_to_xml('c', 10, true, true, '')
ROLLBACK
-- refused: a DO block that raises it
DO $$ DECLARE e text; BEGIN SELECT email INTO e FROM customers LIMIT 1; RAISE NOTICE '%', e; END $$
-- refused: a DO block that fails with it
DO $$ DECLARE e text; BEGIN SELECT email INTO e FROM customers LIMIT 1; RAISE EXCEPTION '%', e; END $$
-- refused: a function that reads it
CREATE FUNCTION pg_temp.leak() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
SELECT pg_temp.leak()
-- refused: the planner's statistics
SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'customers'
-- refused: the planner's statistics, qualified
SELECT histogram_bounds::text FROM pg_catalog.pg_stats
-- refused: the planner's statistics, below
SELECT stavalues1::text FROM pg_statistic
-- masked: what others run
\elsewhere SELECT 'quartzzebra'
SELECT query FROM pg_stat_activity
-- refused: what others run, by a function
\elsewhere SELECT 'quartzzebra'
SELECT query FROM pg_stat_get_activity(NULL)
-- refused: a file
CHECKPOINT
SELECT pg_read_binary_file(pg_relation_filepath('customers'))
-- refused: a large object
SELECT lo_from_bytea(424242, convert_to(email, 'UTF8')) FROM customers WHERE id = 1
SELECT convert_from(lo_get(424242), 'UTF8')
-- oracle: a plan that shows constants
EXPLAIN SELECT * FROM customers WHERE email LIKE 'x1%'
-- oracle: a plan that runs
EXPLAIN (ANALYZE, VERBOSE) SELECT id FROM customers ORDER BY email LIMIT 1
-- oracle: a plan with an initial expression over it
EXPLAIN (ANALYZE, VERBOSE) SELECT (SELECT upper(email) FROM customers WHERE id = 1)
-- safe: a unique index that fails with the value
UPDATE customers SET email = (SELECT c.email FROM customers c WHERE c.id = 2) WHERE id = 1
-- safe: a constraint that fails with the row
INSERT INTO customers SELECT 100000, name, email, phone, password_hash, address, city, country, newsletter, created_at FROM customers WHERE id = 1
-- safe: a not-null constraint that fails with the row
UPDATE customers SET name = NULL WHERE id = 1
-- safe: a check that fails with the row
UPDATE payments SET iban = 'DE1' WHERE id = 1
-- oracle: a check added over it
ALTER TABLE customers ADD CONSTRAINT probe CHECK (email LIKE 'x%')
-- safe: an index that fails with the value
CREATE UNIQUE INDEX probe ON customers ((regexp_replace(email, '[0-9]', '', 'g')))
-- safe: several statements, the last with an error
SELECT 1; SELECT email::integer FROM customers
-- refused: a harmless statement before a leak
SELECT 1; SELECT upper(email) FROM customers
-- refused: another search path
SET search_path = pg_temp, public; SELECT upper(email) FROM customers
-- masked: another search path, plain
SET search_path = staff, public
SELECT ssn FROM employees LIMIT 3
-- safe: a setting that changes how strings read
SET standard_conforming_strings = off
SELECT upper(email) FROM customers
-- safe: a setting that changes the encoding
SET client_encoding = 'SQL_ASCII'
SELECT email FROM customers LIMIT 3
-- safe: another encoding
SET client_encoding = 'LATIN1'
SELECT email FROM customers LIMIT 3
-- refused: a merge that copies it
\needs 15
MERGE INTO products p USING customers c ON p.id = c.id WHEN MATCHED THEN UPDATE SET name = c.email
SELECT name FROM products WHERE id = 1
-- refused: an upsert that copies it
INSERT INTO products SELECT id, email, 'x', 1 FROM customers WHERE id = 1 ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING name
-- refused: a notification that carries it
LISTEN c
SELECT pg_notify('c', email) FROM customers LIMIT 1
COMMIT
-- refused: a setting that keeps it
SELECT set_config('my.value', email, false) FROM customers LIMIT 1
-- refused: an advisory lock that encodes it
SELECT pg_advisory_lock(salary) FROM staff.employees WHERE id = 1
SELECT objid FROM pg_locks WHERE locktype = 'advisory'
-- oracle: a timing
SELECT CASE WHEN salary > 5000 THEN pg_sleep(0) END FROM staff.employees WHERE id = 1
-- oracle: generated rows as many as a secret says
SELECT generate_series(1, salary - 735192838) FROM staff.employees WHERE id = 1
-- oracle: a limit as large as a secret says
SELECT id FROM orders LIMIT (SELECT salary - 735192838 FROM staff.employees WHERE id = 1)
