-- Ways that the third adversary found. Guard off.

-- refused: EXPLAIN ANALYZE of CREATE TABLE AS EXECUTE
PREPARE loot_of AS SELECT id, email AS e FROM customers
EXPLAIN ANALYZE CREATE TEMP TABLE loot AS EXECUTE loot_of
SELECT * FROM loot
-- refused: CREATE TABLE AS EXECUTE
PREPARE loot_of AS SELECT id, email AS e FROM customers
CREATE TEMP TABLE loot AS EXECUTE loot_of
SELECT * FROM loot
-- masked: the value of rows that are older than a column
SELECT attname, attmissingval FROM pg_attribute WHERE attrelid = 'vault.grown'::regclass AND attnum > 0
-- masked: everything of a row of pg_attribute
SELECT * FROM pg_attribute WHERE attrelid = 'vault.grown'::regclass AND attnum > 0
-- safe: a row of pg_attribute as a value
SELECT to_json(a) FROM pg_attribute a WHERE attrelid = 'vault.grown'::regclass AND attnum > 0
-- safe: the value of rows that are older than a column, as text
SELECT attmissingval::text FROM pg_attribute WHERE attrelid = 'vault.grown'::regclass AND attnum > 0
-- masked: a column that refers to another
SELECT id, whom FROM vault.naming
-- refused: a column that refers to another, in an expression
SELECT upper(whom) FROM vault.naming
-- oracle: the order in which an index gives rows
SET enable_seqscan = off
SET enable_bitmapscan = off
SELECT id FROM vault.found WHERE id > 0
SELECT secret IS NULL, id FROM vault.found
-- oracle: the order in which an index gives rows, by set_config
SELECT set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false)
SELECT secret IS NULL, id FROM vault.found
-- oracle: the order in which an index gives rows, by costs
SET random_page_cost = 0
SELECT secret IS NULL, id FROM vault.found
-- oracle: the order in which CLUSTER puts rows
CLUSTER vault.found USING found_by
SELECT id FROM vault.found
-- oracle: whether an update changed a value
UPDATE vault.found SET secret = 'uquartzzebra' WHERE id = 1
SELECT pg_stat_get_xact_tuples_hot_updated('vault.found'::regclass)
-- oracle: whether an update changed a value, by a view
UPDATE vault.found SET secret = 'uquartzzebra' WHERE id = 1
SELECT n_tup_hot_upd * 2 FROM pg_stat_xact_user_tables WHERE relname = 'found' AND n_tup_hot_upd >= 0
-- refused: a check that compares a value with one that is given
UPDATE vault.limited SET highest = 735192841 WHERE id = 2
-- refused: a check, by a view
UPDATE vault.put_limits SET highest = 735192841 WHERE id = 2
-- refused: a check, by a conflict
INSERT INTO vault.put_limits VALUES (2, 735192841) ON CONFLICT (id) DO UPDATE SET highest = excluded.highest
-- refused: a check of a child
UPDATE vault.put_above SET shown = 735192839
-- refused: a generated column that is shown
UPDATE vault.put_halves SET shown = 735192841
SELECT id, secret FROM vault.put_halves
-- refused: the key of a partition put together
UPDATE vault.put_apart SET shown = 735192840
SELECT id, secret FROM vault.put_apart
-- oracle: the bounds of a new partition, beside those in the default partition
CREATE TABLE vault.graded_q PARTITION OF vault.graded FOR VALUES FROM ('q') TO ('r')
-- safe: a system column that a view has not, from further out
SELECT (SELECT ctid FROM pg_settings LIMIT 1) FROM (SELECT email AS ctid FROM customers) q
-- oracle: a system column that a view has not, in a condition
SELECT count(*) FROM (SELECT email AS ctid FROM customers) q WHERE (SELECT ctid FROM pg_settings LIMIT 1) LIKE 'x1quartz%'
-- safe: a name that a subquery over a star has not, from further out
SELECT (SELECT "?column?" FROM (SELECT (SELECT * FROM (VALUES (1)) v) FROM vault.targets LIMIT 1) i LIMIT 1) FROM (SELECT email AS "?column?" FROM customers) q
-- safe: a name that unnest of rows has not, from further out
SELECT (SELECT unnest FROM unnest(ARRAY[p], ARRAY[p]) LIMIT 1) FROM (SELECT email AS unnest FROM customers) q, vault.targets p
-- safe: the columns of MERGE's source, which come first
\needs 17
MERGE INTO vault.targets o USING (SELECT id, email FROM customers WHERE id = 1 UNION ALL SELECT 7, 'k') s ON o.id = s.id WHEN MATCHED THEN UPDATE SET number = 1 RETURNING *
-- safe: a name that unnest of parameters has not, from further out
PREPARE u (customers[], customers[]) AS SELECT (SELECT unnest FROM unnest($1, $2) LIMIT 1) FROM (SELECT email AS unnest FROM customers) q LIMIT 2
EXECUTE u ('{NULL}', '{NULL}')
-- safe: a name that a field of a row has not, from further out
SELECT (SELECT "row" FROM (SELECT (SELECT (ROW('a')::information_schema.information_schema_catalog_name).*) FROM products LIMIT 1) i LIMIT 1) FROM (SELECT email AS "row" FROM customers) q LIMIT 1
-- safe: a name that unnest of texts to search has not, from further out
SELECT (SELECT "unnest" FROM unnest('a'::tsvector, 'b'::tsvector) LIMIT 1) FROM (SELECT email AS "unnest" FROM customers) q LIMIT 1
-- safe: a name that unnest of one text to search has not, from further out
SELECT (SELECT "unnest" FROM unnest('a'::tsvector) LIMIT 1) FROM (SELECT email AS "unnest" FROM customers) q LIMIT 1
-- refused: a name that is another than it looks, for something of a protected column
SELECT secret FROM (SELECT (SELECT (ROW(email)::information_schema.information_schema_catalog_name).*) FROM customers) i (secret)
-- safe: a name that EXTRACT has had, from further out
\needs 14
SELECT (SELECT date_part FROM (SELECT extract(year FROM now())) i LIMIT 1) FROM (SELECT email AS date_part FROM customers) q LIMIT 1
