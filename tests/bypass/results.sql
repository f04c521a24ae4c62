-- Values as themselves, in every place of a result. One line is one query.

-- masked: a column
SELECT email FROM customers LIMIT 3
-- masked: an alias
SELECT email AS harmless FROM customers LIMIT 3
-- masked: a table alias
SELECT c.email, c.phone FROM customers AS c LIMIT 3
-- masked: renamed columns
SELECT b FROM customers AS t (a, x, b) LIMIT 3
-- masked: all columns
SELECT * FROM customers LIMIT 3
-- masked: all columns of one table of two
SELECT c.* FROM orders o JOIN customers c ON c.id = o.customer_id LIMIT 3
-- masked: TABLE
TABLE customers
-- masked: a qualified name
SELECT public.customers.email FROM public.customers LIMIT 3
-- masked: quoted names
SELECT "email" FROM "public"."customers" LIMIT 3
-- masked: upper case
SELECT EMAIL FROM CUSTOMERS LIMIT 3
-- masked: a comment in between
SELECT/**/email/* -- */FROM customers LIMIT 3
-- masked: a Unicode name
SELECT U&"\0065mail" FROM customers LIMIT 3
-- masked: a subquery
SELECT e FROM (SELECT email AS e FROM customers) AS s LIMIT 3
-- masked: a subquery without a column list
SELECT * FROM (SELECT * FROM customers) AS s LIMIT 3
-- masked: a common table expression
WITH s AS (SELECT email AS e FROM customers) SELECT e FROM s LIMIT 3
-- masked: a chain of them
WITH a AS (SELECT * FROM customers), b (p, q, r) AS (SELECT id, name, email FROM a) SELECT r FROM b LIMIT 3
-- masked: a materialized one
WITH s AS MATERIALIZED (SELECT email FROM customers) SELECT * FROM s LIMIT 3
-- masked: a recursive one
WITH RECURSIVE r (n, e) AS (SELECT id, email FROM customers WHERE id = 1 UNION ALL SELECT n + 1, e FROM r WHERE n < 3) SELECT e FROM r
-- masked: a union
SELECT name FROM customers WHERE id < 3 UNION ALL SELECT email FROM customers WHERE id < 3
-- masked: a union of columns in other places
SELECT id, name FROM customers WHERE id < 3 UNION ALL SELECT id, email FROM customers WHERE id < 3
-- masked: a lateral join
SELECT l.e FROM orders o, LATERAL (SELECT email AS e FROM customers c WHERE c.id = o.customer_id) AS l LIMIT 3
-- safe: a scalar subquery
SELECT (SELECT email FROM customers WHERE id = 1)
-- safe: a scalar subquery in a list
SELECT o.id, (SELECT c.email FROM customers c WHERE c.id = o.customer_id) FROM orders o LIMIT 3
-- masked: a view
SELECT email FROM customer_contacts LIMIT 3
-- masked: all of a view
SELECT * FROM customer_contacts LIMIT 3
-- masked: a view over a join
SELECT * FROM recent_payments LIMIT 10
-- masked: another schema
SELECT ssn, salary FROM staff.employees LIMIT 3
-- masked: a card and an account
SELECT card_number, iban, amount FROM payments LIMIT 10
-- masked: a key
SELECT id, api_key FROM api_tokens LIMIT 3
-- masked: what must never leave
SELECT password_hash FROM customers LIMIT 3
-- safe: the natural join of a table with itself
SELECT email FROM customers NATURAL JOIN customers AS c2 LIMIT 3
-- safe: a join that merges the column
SELECT email FROM customers JOIN customer_contacts USING (email) LIMIT 3
-- safe: RETURNING
UPDATE customers SET newsletter = newsletter WHERE id = 1 RETURNING email
-- safe: RETURNING everything
UPDATE customers SET newsletter = newsletter WHERE id = 1 RETURNING *
-- safe: RETURNING in a common table expression
WITH u AS (UPDATE customers SET newsletter = newsletter WHERE id = 1 RETURNING email) SELECT * FROM u
-- safe: a locked row
SELECT email FROM customers WHERE id = 1 FOR UPDATE
-- safe: a sample
SELECT email FROM customers TABLESAMPLE SYSTEM (100) LIMIT 3
-- safe: the rows of a VALUES list
SELECT v.column1 FROM (VALUES ((SELECT email FROM customers WHERE id = 1))) AS v
-- safe: a VALUES statement
VALUES ((SELECT email FROM customers WHERE id = 1))
-- safe: DISTINCT
SELECT DISTINCT email FROM customers
-- safe: DISTINCT ON
SELECT DISTINCT ON (country) email FROM customers
-- safe: grouped
SELECT email, count(*) FROM customers GROUP BY email
-- safe: ordered
SELECT email FROM customers ORDER BY email LIMIT 3
-- safe: FETCH FIRST WITH TIES
SELECT email FROM customers ORDER BY id FETCH FIRST 3 ROWS WITH TIES
-- masked: grouped beside the key of its table
SELECT c.id, c.email, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id, c.email
-- masked: grouped by places, the key among them
SELECT id, secret, count(*) FROM vault.people GROUP BY 1, 2
-- masked: ordered behind the key of its table
SELECT id, secret FROM vault.people ORDER BY id, secret
