-- What applications, frameworks and people send all day, none of which needs a protected value. One line is one
-- statement; each runs in a transaction of its own that is undone.

-- Look-ups by key, lists, pages
SELECT id, name, city FROM customers WHERE id = 42
SELECT * FROM customers WHERE id = 42
SELECT "customers".* FROM "customers" WHERE "customers"."id" = 42 LIMIT 1
SELECT customers.id AS customers_id, customers.name AS customers_name, customers.country AS customers_country FROM customers WHERE customers.id = 42
SELECT c1_0.id, c1_0.city, c1_0.country, c1_0.created_at, c1_0.name FROM customers c1_0 WHERE c1_0.id = 7
SELECT "public"."customers"."id", "public"."customers"."name" FROM "public"."customers" WHERE ("public"."customers"."id" = 7 AND 1=1) LIMIT 1 OFFSET 0
SELECT "customers"."id", "customers"."name" FROM "customers" WHERE "customers"."country" IN ('DE', 'FR') ORDER BY "customers"."id" ASC LIMIT 20
SELECT id, name FROM customers WHERE name ILIKE '%berg%' ORDER BY name, id LIMIT 10
SELECT id, name FROM customers WHERE id > 100 ORDER BY id LIMIT 25
SELECT id, name FROM customers ORDER BY id LIMIT 25 OFFSET 50
SELECT id, name FROM customers ORDER BY created_at DESC, id DESC FETCH FIRST 5 ROWS ONLY
SELECT (id, name) FROM customers WHERE id = 1
SELECT id FROM customers WHERE (country, city) = ('DE', 'Berlin') ORDER BY id LIMIT 5
SELECT id FROM customers WHERE (created_at, id) > (timestamptz '2021-01-02', 10) ORDER BY created_at, id LIMIT 10
SELECT 1 AS one FROM customers WHERE id = 42 LIMIT 1
SELECT EXISTS(SELECT 1 FROM customers WHERE id = 42)
SELECT 1 AS "a" FROM "customers" WHERE "customers"."name" = 'Alice Berg' LIMIT 1
SELECT DISTINCT country FROM customers ORDER BY country
SELECT DISTINCT ON (country) country, id, name FROM customers ORDER BY country, id
SELECT id, name, row_number() OVER (PARTITION BY country ORDER BY id) FROM customers ORDER BY id LIMIT 20
SELECT name FROM customers WHERE newsletter AND country <> 'DE' ORDER BY id LIMIT 5
SELECT name FROM customers WHERE created_at BETWEEN '2021-01-01' AND '2021-01-03' ORDER BY id
SELECT id, email FROM customers WHERE id = 42
SELECT id, email FROM customers WHERE email = 'x42quartz@example.org'
SELECT * FROM customer_contacts WHERE id < 5 ORDER BY id
SELECT email, phone, name FROM customer_contacts ORDER BY id LIMIT 3
SELECT * FROM recent_payments ORDER BY id LIMIT 5
SELECT * FROM revenue ORDER BY country, month LIMIT 5
TABLE orders_import LIMIT 3
VALUES (1, 'one'), (2, 'two')
SELECT * FROM products WHERE price < 20 ORDER BY price, id LIMIT 10
SELECT * FROM products WHERE category = ANY (ARRAY['lighting', 'kitchen']) ORDER BY id LIMIT 10
SELECT id FROM products WHERE name LIKE 'Oak%' ORDER BY id LIMIT 10
SELECT id, scopes, last_used FROM api_tokens WHERE 'orders:write' = ANY (scopes) ORDER BY id LIMIT 5
SELECT id, scopes[1], cardinality(scopes) FROM api_tokens ORDER BY id LIMIT 5
SELECT id, details->>'level', (details->>'level')::int + 1 FROM staff.employees ORDER BY id LIMIT 5
SELECT id FROM staff.employees WHERE details @> '{"remote": true}' ORDER BY id LIMIT 5
SELECT id, jsonb_pretty(details) FROM staff.employees WHERE id = 1
SELECT id, name, email, hired_on FROM staff.employees ORDER BY hired_on LIMIT 5

-- Joins
SELECT o.id, c.name, p.name, o.quantity * p.price AS total FROM orders o JOIN customers c ON c.id = o.customer_id JOIN products p ON p.id = o.product_id ORDER BY o.id LIMIT 10
SELECT "orders"."id", "customers"."name" FROM "orders" INNER JOIN "customers" ON "customers"."id" = "orders"."customer_id" WHERE "orders"."status" = 'open' ORDER BY "orders"."id" LIMIT 10
SELECT o.*, c.name FROM orders o LEFT JOIN customers c ON c.id = o.customer_id WHERE o.id IN (1, 2, 3) ORDER BY o.id
SELECT o.id, c.email FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id LIMIT 3
SELECT c.id, o.n FROM customers c CROSS JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE o.customer_id = c.id) o ORDER BY c.id LIMIT 5
SELECT c.id FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = 'returned') ORDER BY c.id LIMIT 5
SELECT c.id FROM customers c WHERE c.id IN (SELECT customer_id FROM orders WHERE quantity > 3) ORDER BY c.id LIMIT 5
SELECT e.name, m.name AS manager FROM staff.employees e LEFT JOIN staff.employees m ON m.id = e.manager_id ORDER BY e.id LIMIT 10
SELECT p.id, p.amount, c.name FROM payments p JOIN orders o ON o.id = p.order_id JOIN customers c ON c.id = o.customer_id WHERE p.amount > 100 ORDER BY p.id LIMIT 10
SELECT a.id, b.id FROM products a JOIN products b USING (category) WHERE a.id < b.id ORDER BY 1, 2 LIMIT 5
SELECT count(*) FROM orders NATURAL JOIN orders_import
SELECT t.id, t.scopes, c.name FROM api_tokens t, customers c WHERE t.customer_id = c.id ORDER BY t.id LIMIT 5
SELECT c.id, count(o.id) FROM customers c FULL JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY c.id LIMIT 5

-- Aggregates
SELECT count(*) FROM customers
SELECT COUNT(*) AS "__count" FROM "orders" WHERE "orders"."status" = 'delivered'
SELECT country, count(*) FROM customers GROUP BY country ORDER BY country
SELECT country, count(*) FILTER (WHERE newsletter) FROM customers GROUP BY 1 HAVING count(*) > 10 ORDER BY 2 DESC, 1
SELECT status, sum(quantity), avg(quantity), min(ordered_at), max(ordered_at) FROM orders GROUP BY status ORDER BY status
SELECT date_trunc('day', ordered_at) AS day, count(*) FROM orders GROUP BY day ORDER BY day
SELECT extract(year FROM created_at)::int AS y, count(*) FROM customers GROUP BY y ORDER BY y
SELECT category, percentile_cont(0.5) WITHIN GROUP (ORDER BY price) FROM products GROUP BY category ORDER BY category
SELECT country, city, count(*) FROM customers GROUP BY ROLLUP (country, city) ORDER BY 1, 2
SELECT country, grouping(country), count(*) FROM customers GROUP BY GROUPING SETS ((country), ()) ORDER BY 1
SELECT string_agg(name, ', ' ORDER BY id) FROM products WHERE id < 4
SELECT array_agg(id ORDER BY id) FROM products WHERE id < 4
SELECT json_agg(p) FROM (SELECT id, name FROM products WHERE id < 3 ORDER BY id) p
SELECT jsonb_object_agg(id, name) FROM products WHERE id < 3
SELECT to_jsonb(p) FROM products p WHERE id = 1
SELECT row_to_json(o) FROM orders o WHERE id = 1
SELECT p FROM products p WHERE id = 1
SELECT sum(amount) FROM payments
SELECT country, sum(amount) FROM payments JOIN orders ON orders.id = order_id JOIN customers ON customers.id = customer_id GROUP BY country ORDER BY country
SELECT sum(price) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM products ORDER BY id LIMIT 5
SELECT id, lag(price) OVER w, rank() OVER w FROM products WINDOW w AS (PARTITION BY category ORDER BY price, id) ORDER BY id LIMIT 5
SELECT bool_and(newsletter), bool_or(newsletter) FROM customers
SELECT width_bucket(price, 0, 400, 4) AS b, count(*) FROM products GROUP BY b ORDER BY b
SELECT count(DISTINCT city) FROM customers

-- Common table expressions, set operations, expressions
WITH recent AS (SELECT id FROM orders ORDER BY ordered_at DESC LIMIT 10) SELECT count(*) FROM recent
WITH RECURSIVE up AS (SELECT id, manager_id, 1 AS depth FROM staff.employees WHERE id = 40 UNION ALL SELECT e.id, e.manager_id, depth + 1 FROM staff.employees e JOIN up ON e.id = up.manager_id) SELECT id, depth FROM up ORDER BY depth
WITH a AS (SELECT id, country FROM customers), b AS (SELECT country, count(*) AS n FROM a GROUP BY country) SELECT * FROM b ORDER BY country
WITH a AS MATERIALIZED (SELECT id, name, email FROM customers WHERE id < 4) SELECT id, name FROM a ORDER BY id
SELECT id FROM orders WHERE id < 4 UNION SELECT id FROM products WHERE id < 4 ORDER BY id
SELECT id FROM orders WHERE id < 9 EXCEPT SELECT id FROM products WHERE id < 4 ORDER BY 1
SELECT id FROM orders WHERE id < 9 INTERSECT ALL SELECT id FROM products WHERE id < 4 ORDER BY 1
SELECT id, CASE WHEN price > 100 THEN 'dear' ELSE 'cheap' END FROM products ORDER BY id LIMIT 5
SELECT coalesce(last_used, timestamptz '2020-01-01'), nullif(id, 50) FROM api_tokens ORDER BY id LIMIT 5
SELECT upper(name), length(city), substring(country FROM 1 FOR 1) FROM customers ORDER BY id LIMIT 5
SELECT name || ' (' || country || ')' FROM customers ORDER BY id LIMIT 5
SELECT format('%s: %s', id, name) FROM products ORDER BY id LIMIT 5
SELECT to_char(ordered_at, 'YYYY-MM-DD') FROM orders ORDER BY id LIMIT 5
SELECT age(timestamptz '2025-01-01', ordered_at) FROM orders ORDER BY id LIMIT 5
SELECT ordered_at AT TIME ZONE 'UTC' FROM orders ORDER BY id LIMIT 5
SELECT d::date FROM generate_series(date '2024-01-01', date '2024-01-05', interval '1 day') AS d
SELECT n, n * 2 FROM generate_series(1, 5) AS n
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']) WITH ORDINALITY AS t (n, s, o)
SELECT * FROM json_to_recordset('[{"a": 1, "b": "x"}]') AS t (a int, b text)
SELECT * FROM jsonb_each('{"a": 1}')
SELECT regexp_replace(name, '[aeiou]', '*', 'g') FROM products ORDER BY id LIMIT 3
SELECT md5(name), encode(sha256(convert_to(name, 'UTF8')), 'hex') FROM products ORDER BY id LIMIT 3
SELECT greatest(id, 3), least(id, 3), abs(-id), round(price) FROM products ORDER BY id LIMIT 3
SELECT '5'::int + 1, 'x' COLLATE "C", interval '1 day', date '2024-02-29' + 1, ARRAY[1, 2] || 3
SELECT id, ctid IS NOT NULL, tableoid::regclass FROM products ORDER BY id LIMIT 3
SELECT similarity FROM (VALUES (0.5)) AS v (similarity)
SELECT 'a' IN ('a', 'b'), 1 = ANY (ARRAY[1]), (1, 2) < (1, 3), true AND NOT false, NULL IS NULL
SELECT to_tsvector('simple', name) @@ to_tsquery('simple', 'oak') FROM products ORDER BY id LIMIT 3
SELECT word FROM (SELECT unnest(string_to_array('a b c', ' ')) AS word) s
SELECT c.name FROM customers c TABLESAMPLE SYSTEM (100) ORDER BY c.id LIMIT 3
SELECT current_database() IS NOT NULL, current_schema(), current_setting('server_version_num')::int > 0
SELECT pg_typeof(price), pg_typeof(id) FROM products WHERE id = 1

-- Writes
INSERT INTO products (id, name, category, price) VALUES (9001, 'New lamp', 'lighting', 19.90)
INSERT INTO products (id, name, category, price) VALUES (9001, 'New lamp', 'lighting', 19.90) RETURNING id, name
INSERT INTO products (id, name, category, price) VALUES (9001, 'a', 'b', 1), (9002, 'c', 'd', 2) RETURNING "id"
INSERT INTO products SELECT id + 10000, name, category, price FROM products WHERE id < 4 RETURNING id
INSERT INTO products (id, name, category, price) VALUES (1, 'Changed', 'x', 1) ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, price = products.price + 1 RETURNING name
INSERT INTO products (id, name, category, price) VALUES (1, 'Changed', 'x', 1) ON CONFLICT DO NOTHING
INSERT INTO customers (id, name, email, phone, password_hash, address, city, country, newsletter, created_at) VALUES (90001, 'New', 'new@example.org', NULL, 'h', 'a', 'c', 'DE', false, '2024-01-01')
INSERT INTO customers (id, name, email, phone, password_hash, address, city, country, newsletter, created_at) VALUES (90001, 'New', 'new@example.org', NULL, 'h', 'a', 'c', 'DE', false, '2024-01-01') RETURNING id, name
INSERT INTO orders (id, customer_id, product_id, quantity, status, ordered_at) VALUES (900001, 1, 1, 2, 'open', '2024-06-01') RETURNING id
INSERT INTO api_tokens (id, customer_id, api_key, scopes) VALUES (900001, 1, 'shop_new', ARRAY['orders:read'])
INSERT INTO orders_import DEFAULT VALUES
UPDATE products SET price = price * 1.1 WHERE id = 5 RETURNING id, price
UPDATE products SET price = price + 1, name = name || '!' WHERE category = 'kitchen'
UPDATE "products" SET "name" = 'x', "price" = '1.00' WHERE "products"."id" = 5
UPDATE customers SET name = 'Somebody', city = 'Oslo' WHERE id = 3 RETURNING id, name, city
UPDATE customers SET email = 'else@example.org', phone = NULL WHERE id = 3
UPDATE customers SET newsletter = NOT newsletter WHERE id = 3
UPDATE orders SET status = 'shipped' WHERE status = 'open' AND ordered_at < '2024-01-02'
UPDATE orders o SET status = 'checked' FROM products p WHERE p.id = o.product_id AND p.category = 'kitchen' AND o.id < 50
UPDATE orders SET quantity = (SELECT min(quantity) FROM orders) WHERE id = 1
UPDATE staff.employees SET details = jsonb_set(details, '{level}', '3') WHERE id = 3 RETURNING details
UPDATE staff.employees SET salary = 50000 WHERE id = 3
UPDATE api_tokens SET last_used = '2024-06-01' WHERE id = 50 RETURNING id
DELETE FROM orders_import WHERE id = 5 RETURNING *
DELETE FROM orders_import USING products WHERE products.id = orders_import.product_id AND products.price > 300
DELETE FROM payments WHERE id = 1
WITH gone AS (DELETE FROM orders_import WHERE id < 4 RETURNING id) SELECT count(*) FROM gone
WITH made AS (INSERT INTO products VALUES (9001, 'a', 'b', 1) RETURNING id) SELECT id FROM made
MERGE INTO products p USING (VALUES (1, 2.5)) AS v (id, price) ON p.id = v.id WHEN MATCHED THEN UPDATE SET price = v.price WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'n', 'c', v.price)
SELECT id, status FROM orders WHERE id = 1 FOR UPDATE
SELECT id FROM orders WHERE status = 'open' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
SELECT id, name FROM customers WHERE id = 1 FOR NO KEY UPDATE
LOCK TABLE orders_import IN SHARE MODE
TRUNCATE orders_import

-- COPY, cursors, prepared statements, plans, settings
COPY products TO STDOUT
COPY (SELECT id, name FROM customers WHERE id < 4 ORDER BY id) TO STDOUT (FORMAT csv, HEADER)
COPY (SELECT country, count(*) FROM customers GROUP BY country ORDER BY country) TO STDOUT
COPY orders_import (id, status) TO STDOUT WITH CSV
DECLARE lines CURSOR FOR SELECT id, name FROM products ORDER BY id
PREPARE one (int) AS SELECT name FROM products WHERE id = $1
DEALLOCATE ALL
EXPLAIN (COSTS OFF) SELECT * FROM orders WHERE customer_id = 5
EXPLAIN (COSTS OFF) SELECT name FROM customers WHERE country = 'DE' ORDER BY name
EXPLAIN (COSTS OFF, FORMAT JSON) SELECT count(*) FROM orders
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT id FROM products WHERE id = 1
SET search_path = staff, public
SET LOCAL statement_timeout = '5s'
SET TIME ZONE 'UTC'
SET application_name = 'reports'
RESET ALL
SHOW search_path
SHOW server_version
SELECT set_config('search_path', 'public', true)
SELECT current_setting('TimeZone')
SAVEPOINT one
SELECT pg_advisory_xact_lock(42)
SELECT pg_try_advisory_xact_lock(hashtext('job'))
SELECT pg_sleep(0)
LISTEN jobs
NOTIFY jobs, 'ready'
SELECT pg_notify('jobs', id::text) FROM orders WHERE id = 1
VACUUM
ANALYZE products
DISCARD PLANS

-- Definitions
CREATE TABLE notes (id bigserial PRIMARY KEY, body text NOT NULL, made timestamptz DEFAULT now())
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY, order_id integer REFERENCES orders (id), UNIQUE (order_id))
CREATE TEMPORARY TABLE work AS SELECT id, name FROM products WHERE id < 5
CREATE TEMPORARY TABLE work (id int) ON COMMIT DROP
CREATE TABLE cheap AS SELECT id, name FROM products WHERE price < 10
CREATE INDEX ON orders (status, ordered_at)
CREATE INDEX ON customers (city)
CREATE UNIQUE INDEX ON products (lower(name), id)
CREATE VIEW open_orders AS SELECT id, customer_id FROM orders WHERE status = 'open'
CREATE MATERIALIZED VIEW by_country AS SELECT country, count(*) AS n FROM customers GROUP BY country
ALTER TABLE products ADD COLUMN stock integer NOT NULL DEFAULT 0
ALTER TABLE products RENAME COLUMN category TO kind
ALTER TABLE orders ADD CONSTRAINT positive CHECK (quantity > 0)
COMMENT ON TABLE products IS 'What is sold'
CREATE SEQUENCE numbers
CREATE SCHEMA extra
CREATE TYPE colour AS ENUM ('red', 'green')
CREATE ROLE reader_of_orders
GRANT SELECT ON orders TO PUBLIC
DROP TABLE orders_import
DROP INDEX customers_country_idx

-- Errors of one's own
SELECT nothing FROM products
SELECT * FROM no_such_table
SELECT 1 / 0
INSERT INTO products VALUES (1, 'twice', 'x', 1)
INSERT INTO orders (id) VALUES (1)
SELECT 'x'::integer
SELEC 1
CREATE TEMP TABLE own_leads (id integer, email text)
INSERT INTO own_leads VALUES (1, 'me@example.org')
DROP TABLE own_leads
DROP TABLE IF EXISTS nothing_of_that_name
DROP TABLE nothing_of_that_name
SELECT pid, state FROM pg_stat_activity WHERE pid = 0
