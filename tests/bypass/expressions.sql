-- Values in another shape. One line is one query.

-- refused: upper case
SELECT upper(email) FROM customers LIMIT 3
-- refused: lower case in a view
SELECT lower(email) FROM customer_contacts LIMIT 3
-- refused: a piece
SELECT substring(email FROM 2) FROM customers LIMIT 3
-- refused: reversed
SELECT reverse(email) FROM customers LIMIT 3
-- refused: joined to another
SELECT name || ' ' || email FROM customers LIMIT 3
-- refused: formatted
SELECT format('%s', email) FROM customers LIMIT 3
-- refused: concatenated
SELECT concat_ws(',', id, email) FROM customers LIMIT 3
-- refused: encoded
SELECT encode(email::bytea, 'hex') FROM customers LIMIT 3
-- refused: base64
SELECT encode(convert_to(email, 'UTF8'), 'base64') FROM customers LIMIT 3
-- masked: a cast that changes nothing
SELECT email::varchar FROM customers LIMIT 3
-- refused: a cast to bytes
SELECT email::bytea FROM customers LIMIT 3
-- refused: a cast of a number
SELECT salary::text FROM staff.employees LIMIT 3
-- refused: arithmetic
SELECT salary + 0 FROM staff.employees LIMIT 3
-- refused: an average
SELECT avg(salary) FROM staff.employees WHERE id = 1
-- refused: the greatest
SELECT max(email) FROM customers
-- refused: collected
SELECT string_agg(email, ',') FROM customers
-- refused: an array
SELECT array_agg(email) FROM customers
-- refused: an array of a subquery
SELECT ARRAY(SELECT email FROM customers LIMIT 3)
-- refused: an array of one
SELECT ARRAY[email] FROM customers LIMIT 3
-- refused: a row
SELECT ROW(id, email) FROM customers LIMIT 3
-- refused: a whole row
SELECT customers FROM customers LIMIT 3
-- refused: a whole row by an alias
SELECT c FROM customers c LIMIT 3
-- refused: a whole row of a view
SELECT v FROM customer_contacts v LIMIT 3
-- refused: a whole row as text
SELECT c::text FROM customers c LIMIT 3
-- refused: a whole row as JSON
SELECT to_jsonb(c) FROM customers c LIMIT 3
-- refused: a row as JSON
SELECT row_to_json(c) FROM customers c LIMIT 3
-- refused: rows as JSON
SELECT json_agg(c) FROM customers c
-- refused: an object
SELECT jsonb_build_object('e', email) FROM customers LIMIT 3
-- safe: an expanded row
SELECT (c).* FROM (SELECT customers AS c FROM customers) AS s LIMIT 3
-- refused: a field of a row
SELECT (c).email || '' FROM (SELECT customers AS c FROM customers) AS s LIMIT 3
-- refused: the functional form of a field
SELECT email(c) || '' FROM customers c LIMIT 3
-- refused: hstore-like pairs
SELECT key, value FROM customers c, json_each_text(to_json(c)) LIMIT 20
-- refused: XML
SELECT xmlforest(email) FROM customers LIMIT 3
-- refused: a CASE
SELECT CASE WHEN id > 0 THEN email ELSE '' END FROM customers LIMIT 3
-- oracle: a CASE that tests
SELECT CASE WHEN email LIKE 'x1quartz%' THEN 1 ELSE 0 END FROM customers WHERE id = 1
-- refused: COALESCE
SELECT coalesce(email, '') FROM customers LIMIT 3
-- refused: GREATEST
SELECT greatest(email, '') FROM customers LIMIT 3
-- refused: a window
SELECT lag(email) OVER (ORDER BY id) FROM customers LIMIT 3
-- refused: first in a window
SELECT first_value(email) OVER (ORDER BY id) FROM customers LIMIT 3
-- refused: an expression inside a subquery
SELECT e FROM (SELECT upper(email) AS e FROM customers) AS s LIMIT 3
-- refused: an expression inside a common table expression
WITH s AS (SELECT reverse(email) AS e FROM customers) SELECT e FROM s LIMIT 3
-- refused: an expression in one side of a union
SELECT name FROM customers WHERE id < 3 UNION ALL SELECT upper(email) FROM customers WHERE id < 3
-- oracle: characters one by one
SELECT ascii(substr(email, 2, 1)) FROM customers LIMIT 3
-- refused: pieces as rows
SELECT regexp_split_to_table(email, '') FROM customers LIMIT 20
-- refused: unnest
SELECT unnest(string_to_array(email, '@')) FROM customers LIMIT 3
-- refused: a set-returning function in FROM
SELECT r FROM customers, LATERAL regexp_matches(email, '(.*)@') AS r LIMIT 3
-- refused: a cast that fails and says why
SELECT email::integer FROM customers LIMIT 3
-- refused: a cast that fails inside
SELECT id FROM customers WHERE email::integer = 1
-- oracle: a division that fails
SELECT 1 / (length(email) - 26) FROM customers WHERE id = 1
-- oracle: a filter by pattern
SELECT id FROM customers WHERE email LIKE 'x1%'
-- oracle: a filter by order
SELECT id FROM customers WHERE email > 'x1q'
-- oracle: a filter by number
SELECT count(*) FROM staff.employees WHERE salary > 735192845
-- oracle: a filter in a subquery
SELECT name FROM customers WHERE id IN (SELECT id FROM customers WHERE email ~ 'x1')
-- oracle: a filter in EXISTS
SELECT EXISTS (SELECT 1 FROM customers WHERE email LIKE 'x1q%')
-- oracle: a filter in HAVING
SELECT country FROM customers GROUP BY country HAVING max(email) > 'x'
-- oracle: a filtered aggregate
SELECT count(*) FILTER (WHERE email LIKE 'x1q%') FROM customers
-- refused: a join on an expression
SELECT v.g FROM (VALUES ('x1quartzzebra1@example.org')) AS v (g) JOIN customers ON email LIKE v.g
-- refused: an update that copies it to an open column
UPDATE customers SET name = email WHERE id = 1 RETURNING name
-- refused: an insert that copies it
INSERT INTO products SELECT 100000 + id, email, 'x', 1 FROM customers WHERE id = 1 RETURNING name
-- oracle: a count
SELECT count(phone) FROM customers
