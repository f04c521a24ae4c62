-- Ways found or tried by the adversary. Guard off.

-- refused: a row count made of it, beside itself (L1)
SELECT c.email, (SELECT count(*) FROM generate_series(1, ascii(substr(c.email, 3, 1)))) FROM customers c WHERE c.id = 1
-- refused: the whole value from row counts, beside itself (L1)
SELECT c.email, (SELECT string_agg(chr(n::int), '') FROM (SELECT (SELECT count(*) FROM generate_series(1, ascii(substr(c.email, i, 1)))) n FROM generate_series(1, 20) i) z) FROM customers c WHERE c.id = 1
-- refused: existence of a match, beside itself (L1)
SELECT c.email, exists(SELECT regexp_matches(c.email, '^x1quar')) FROM customers c WHERE id IN (1, 2)
-- refused: as many rows as a letter, beside itself (L1)
SELECT c.email FROM customers c, LATERAL generate_series(1, ascii(substr(c.email, 2, 1))) WHERE c.id = 1
-- refused: an ordinality, beside itself (L1)
SELECT c.email, o FROM customers c, LATERAL generate_series(1, ascii(substr(c.email, 2, 1))) WITH ORDINALITY t(x, o) WHERE c.id = 1
-- refused: a set-returning function that nobody takes, beside itself (L1)
SELECT s.email FROM (SELECT email, generate_series(1, ascii(substr(email, 3, 1))) g FROM customers WHERE id = 1) s
-- refused: numbered splits, beside itself (L1)
SELECT c.email, o FROM customers c, LATERAL regexp_split_to_table(c.email, '') WITH ORDINALITY t(x, o) WHERE c.id = 1
-- refused: a salary as row count, beside itself (L1)
SELECT e.salary, (SELECT count(*) FROM generate_series(735192800, e.salary)) FROM staff.employees e WHERE e.id = 1
-- oracle: EXPLAIN ANALYZE counts rows made of it (L2)
EXPLAIN (ANALYZE) SELECT generate_series(1, ascii(substr(email, 3, 1))) FROM customers WHERE id = 1
-- oracle: EXPLAIN ANALYZE fails by value (L2)
EXPLAIN (ANALYZE) SELECT 1 / (ascii(substr(email, 3, 1)) - 113) FROM customers WHERE id = 1
-- safe: a column named as a newer keyword (L3)
\until 16
SELECT upper(system_user) FROM (SELECT email AS system_user FROM customers) x LIMIT 2
-- safe: a column named as a newer keyword, joined (L3)
\until 16
SELECT system_user || '' FROM (SELECT email AS system_user FROM customers) x LIMIT 2
-- safe: a temporary table hides a table's column in one message (L7)
CREATE TEMP TABLE products (z int); INSERT INTO products VALUES (1); SELECT (SELECT upper(category) FROM products LIMIT 1) FROM (SELECT email AS category FROM customers LIMIT 2) c
-- safe: a temporary table hides a table's column in a transaction (L7)
BEGIN
CREATE TEMP TABLE products (z int)
INSERT INTO products VALUES (1)
SELECT (SELECT upper(category) FROM products LIMIT 1) FROM (SELECT email AS category FROM customers LIMIT 2) c
ROLLBACK
-- safe: a temporary table hides a table's column from the next message (L7)
CREATE TEMP TABLE products (z int)
INSERT INTO products VALUES (1)
SELECT (SELECT upper(category) FROM products LIMIT 1) FROM (SELECT email AS category FROM customers LIMIT 2) c
-- safe: names change places in a transaction (L6)
BEGIN
ALTER TABLE customers RENAME name TO n2
ALTER TABLE customers RENAME email TO name
SELECT upper(name) FROM customers LIMIT 1
ROLLBACK
-- safe: names of a view change places in a transaction (L6)
BEGIN
ALTER VIEW customer_contacts RENAME COLUMN name TO n
ALTER VIEW customer_contacts RENAME COLUMN email TO name
SELECT upper(name) FROM customer_contacts LIMIT 1
ROLLBACK
-- oracle: VALUES that fail by value (L10)
SELECT v.y FROM customers c, LATERAL (VALUES (1 / (ascii(substr(c.email, 3, 1)) - 113), 1), (2, 2)) v(x, y) WHERE c.id = 1
-- oracle: VALUES that would not fail (L10)
SELECT v.y FROM customers c, LATERAL (VALUES (1 / (ascii(substr(c.email, 3, 1)) - 112), 1), (2, 2)) v(x, y) WHERE c.id = 1
-- safe: EXECUTE of a name that meant something else (L9)
PREPARE yb AS SELECT name || '' FROM customers LIMIT 3
EXECUTE yb
DEALLOCATE yb
PREPARE yb AS SELECT email FROM customers UNION ALL SELECT email FROM customers LIMIT 3
EXECUTE yb
-- safe: FETCH of a name that meant something else (L9)
BEGIN
DECLARE yc CURSOR FOR SELECT name || '' FROM customers
FETCH 1 FROM yc
ROLLBACK
BEGIN
DECLARE yc CURSOR FOR SELECT email FROM customers UNION ALL SELECT email FROM customers
FETCH 1 FROM yc
-- masked: COPY with letters as quote and escape
COPY (SELECT email, name FROM customers LIMIT 2) TO STDOUT (FORMAT csv, QUOTE 'o', ESCAPE 'g')
-- masked: COPY with a letter as delimiter
COPY (SELECT email, name FROM customers LIMIT 2) TO STDOUT (FORMAT csv, DELIMITER 'x')
-- masked: COPY of what a set operation gives
COPY (SELECT email FROM customers UNION ALL SELECT email FROM customers LIMIT 2) TO STDOUT
-- masked: COPY of VALUES
COPY (VALUES ((SELECT email FROM customers LIMIT 1))) TO STDOUT
-- masked: COPY of what an UPDATE returns
COPY (UPDATE customers SET newsletter = newsletter WHERE id = 1 RETURNING email) TO STDOUT
-- masked: columns that change places in a recursion
WITH RECURSIVE r(a, b) AS (SELECT email, name FROM customers WHERE id = 1 UNION ALL SELECT b, a FROM r) SELECT * FROM r LIMIT 3
-- refused: columns that change places in a recursion, as an expression
WITH RECURSIVE r(a, b, n) AS (SELECT email, name, 1 FROM customers WHERE id = 1 UNION ALL SELECT b, a, n + 1 FROM r WHERE n < 5) SELECT b || '' FROM r LIMIT 3
-- refused: an expression over a U&"" name
SELECT U&"\0065mail" || '' FROM customers LIMIT 1
-- masked: U&"" names
SELECT U&"\0065mail" FROM customers LIMIT 1
-- refused: the n-th column of a join's alias
SELECT d || '' FROM (customers c JOIN orders o ON c.id = o.customer_id) j(a, b, d) LIMIT 1
-- oracle: xmltable ordinality
SELECT c.id, n FROM customers c, xmltable('//b' passing xmlparse(content '<a>' || repeat('<b/>', length(c.email)) || '</a>') columns n for ordinality) x WHERE c.id = 1
-- refused: upsert that copies
INSERT INTO customers (id, name, email, password_hash, address, city, country, newsletter, created_at) VALUES (1, 'a', 'zz', 'a', 'a', 'a', 'a', false, now()) ON CONFLICT (id) DO UPDATE SET name = customers.email RETURNING name
-- refused: UPDATE of several columns from a subquery
UPDATE customers SET (name, city) = (SELECT email, phone FROM customers WHERE id = 2) WHERE id = 1 RETURNING name
-- refused: MERGE that copies
\needs 15
MERGE INTO products p USING customers c ON p.id = c.id WHEN MATCHED THEN UPDATE SET name = c.email
SELECT name FROM products WHERE id = 1
-- refused: settings by a name that is put together
SELECT set_config('standard' || '_conforming_strings', 'off', false)
SELECT 'a\'', email FROM customers --'
-- refused: settings by the view
UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'
SELECT 'a\'', email FROM customers --'
-- oracle: a row compared
SELECT count(*) FROM customers c, customers d WHERE c.id = 1 AND d.id = 1 AND c > row(1, d.name, 'f'::text, 'b'::text, 'c'::text, 'd'::text, 'e'::text, 'f'::text, true, now())
-- oracle: LIMIT by value
SELECT 1 FROM customers LIMIT (SELECT length(email) FROM customers WHERE id = 1)
-- oracle: a window frame by value
SELECT sum(1) OVER (ORDER BY id ROWS BETWEEN (SELECT length(email) FROM customers WHERE id = 1) PRECEDING AND CURRENT ROW) FROM customers WHERE id < 40
-- refused: an aggregate over ordered input
SELECT mode() WITHIN GROUP (ORDER BY email) FROM customers WHERE id = 1
-- refused: tags of an xml
SELECT xmlforest(email) FROM customers WHERE id = 1
-- refused: the row's field by way of JSON
SELECT (json_populate_record(c, '{}')).email || '' FROM customers c WHERE id = 1
-- safe: EXECUTE after names changed places (L11)
PREPARE p11 AS SELECT upper(name) FROM customers LIMIT 1
ALTER TABLE customers RENAME name TO n2
ALTER TABLE customers RENAME email TO name
EXECUTE p11
ALTER TABLE customers RENAME name TO email
ALTER TABLE customers RENAME n2 TO name
-- refused: a payload for other sessions, in a filter
LISTEN c
BEGIN
SELECT 1 FROM customers WHERE pg_notify('c', email) IS NULL
COMMIT
-- refused: a payload for other sessions, of a row
LISTEN c
BEGIN
SELECT count(pg_notify('c', c::text)) FROM customers c
COMMIT
-- refused: a payload for other sessions, of a copy in a CTE
LISTEN c
BEGIN
WITH x AS (SELECT email AS e FROM customers) SELECT pg_notify('c', e) FROM x
COMMIT
-- safe: an attribute of a column's composite type
CREATE TYPE contact AS (email text, number int)
CREATE TABLE contacts (id int, c contact, many contact[])
INSERT INTO contacts VALUES (1, ROW('aquartzzebra@example.org', 1), ARRAY[ROW('bquartzzebra@example.org', 2)::contact])
SELECT id, (c).email FROM contacts
SELECT (c).* FROM contacts
-- refused: all of a value of a composite type
CREATE TYPE contact AS (email text, number int)
CREATE TABLE contacts (id int, c contact, many contact[])
INSERT INTO contacts VALUES (1, ROW('aquartzzebra@example.org', 1), ARRAY[ROW('bquartzzebra@example.org', 2)::contact])
SELECT c FROM contacts
SELECT c::text FROM contacts
SELECT many FROM contacts
SELECT (many[1]).email FROM contacts
SELECT (unnest(many)).email FROM contacts
SELECT email FROM contacts, unnest(many)
SELECT to_json(c) FROM contacts
SELECT contacts FROM contacts
DROP TABLE contacts
DROP TYPE contact
