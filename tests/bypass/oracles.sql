-- Inference: answers that show no value and differ by it. Refused where a filter, an order or an expression is not
-- allowed on the column.

-- oracle: equality
SELECT id FROM vault.people WHERE secret = 'quartzzebra u'
-- oracle: inequality
SELECT count(*) FROM vault.people WHERE secret <> 'quartzzebra u'
-- oracle: order
SELECT id FROM vault.people WHERE secret < 'quartzzebra uuu'
-- oracle: between
SELECT id FROM vault.people WHERE secret BETWEEN 'q' AND 'quartzzebra uu'
-- oracle: IN
SELECT id FROM vault.people WHERE secret IN ('quartzzebra u', 'x')
-- oracle: IN a subquery
SELECT id FROM vault.targets WHERE 'quartzzebra u' IN (SELECT secret FROM vault.people)
-- oracle: ANY
SELECT id FROM vault.people WHERE secret = ANY (ARRAY['quartzzebra u'])
-- oracle: ALL
SELECT id FROM vault.people WHERE secret <> ALL (ARRAY['quartzzebra u'])
-- oracle: ANY of a subquery
SELECT id FROM vault.targets WHERE 'quartzzebra u' = ANY (SELECT secret FROM vault.people)
-- oracle: LIKE
SELECT id FROM vault.people WHERE secret LIKE 'quartz%'
-- oracle: NOT LIKE
SELECT id FROM vault.people WHERE secret NOT LIKE 'quartz%'
-- oracle: ILIKE
SELECT id FROM vault.people WHERE secret ILIKE 'QUARTZ%'
-- oracle: SIMILAR TO
SELECT id FROM vault.people WHERE secret SIMILAR TO 'quartz%'
-- oracle: a regular expression
SELECT id FROM vault.people WHERE secret ~ '^q'
-- oracle: a regular expression without case
SELECT id FROM vault.people WHERE secret ~* '^Q'
-- oracle: starts with
SELECT id FROM vault.people WHERE secret ^@ 'quartz'
-- oracle: the operator by its schema
SELECT id FROM vault.people WHERE secret OPERATOR(pg_catalog.~~) 'quartz%'
-- oracle: the operator's function
SELECT id FROM vault.people WHERE texteq(secret, 'quartzzebra u')
-- oracle: IS NULL
SELECT id FROM vault.people WHERE secret IS NULL
-- oracle: IS NOT NULL
SELECT count(*) FROM vault.people WHERE secret IS NOT NULL
-- oracle: IS DISTINCT FROM
SELECT count(*) FROM vault.people WHERE secret IS DISTINCT FROM 'quartzzebra u'
-- oracle: IS NULL as a value
SELECT secret IS NULL FROM vault.people
-- oracle: how many are null
SELECT num_nulls(secret) FROM vault.people
-- oracle: how many there are
SELECT count(secret) FROM vault.people
-- oracle: how many different there are
SELECT count(DISTINCT password_hash) FROM customers
-- oracle: length
SELECT length(secret) FROM vault.people
-- oracle: bytes
SELECT octet_length(secret) FROM vault.people
-- oracle: size
SELECT pg_column_size(secret) FROM vault.people
-- oracle: a letter
SELECT ascii(secret) FROM vault.people
-- oracle: a place
SELECT strpos(secret, 'z') FROM vault.people
-- oracle: a place by the standard
SELECT position('z' IN secret) FROM vault.people
-- oracle: a hash
SELECT md5(secret) FROM vault.people
-- oracle: a short hash
SELECT hashtext(secret) FROM vault.people
-- oracle: a long hash
SELECT sha256(convert_to(secret, 'UTF8')) FROM vault.people
-- oracle: a hash of the row
\needs 14
SELECT hash_record(p) FROM vault.people p
-- oracle: a hash by a type of its own
SELECT hashtextextended(secret, 0) FROM vault.people
-- oracle: a comparison
SELECT bttextcmp(secret, 'q') FROM vault.people
-- oracle: similarity of sounds
SELECT translate(secret, 'abcdefghijklmnopqrstuvwxyz ', '') = '' , secret = 'x' FROM vault.people
-- oracle: a truth
SELECT secret LIKE 'q%' FROM vault.people
-- oracle: CASE
SELECT CASE secret WHEN 'quartzzebra u' THEN 1 ELSE 0 END FROM vault.people
-- oracle: CASE with a condition
SELECT CASE WHEN secret > 'r' THEN 1 ELSE 0 END FROM vault.people
-- oracle: NULLIF
SELECT NULLIF(secret, 'quartzzebra u') IS NULL FROM vault.people
-- oracle: COALESCE
SELECT coalesce(length(secret), -1) FROM vault.people
-- oracle: GREATEST
SELECT greatest(secret, 'r') = 'r' FROM vault.people
-- oracle: division by zero
SELECT 1 / (ascii(secret) - 113) FROM vault.people WHERE id = 1
-- oracle: division by zero in a condition
SELECT id FROM vault.people WHERE 1 / (CASE WHEN secret LIKE 'q%' THEN 0 ELSE 1 END) = 1
-- oracle: an error in an aggregate
SELECT sum(1 / (ascii(secret) - 113)) FROM vault.people WHERE id = 1
-- oracle: an error in an order
SELECT id FROM vault.people WHERE id = 1 ORDER BY 1 / (ascii(secret) - 113)
-- oracle: an error in an ON condition
SELECT p.id FROM vault.people p JOIN vault.targets t ON 1 / (ascii(p.secret) - 113) = t.id
-- oracle: an error in a cast
SELECT (CASE WHEN secret LIKE 'q%' THEN 'x' ELSE '1' END)::int FROM vault.people WHERE id = 1
-- oracle: an error in a limit
SELECT id FROM vault.people LIMIT (SELECT 100 - ascii(secret) FROM vault.people WHERE id = 1)
-- oracle: a limit
SELECT id FROM customers ORDER BY id LIMIT (SELECT length(secret) FROM vault.people WHERE id = 1)
-- oracle: an offset
SELECT id FROM customers ORDER BY id OFFSET (SELECT length(secret) FROM vault.people WHERE id = 1)
-- oracle: time
SELECT CASE WHEN secret LIKE 'q%' THEN pg_sleep(0.01) END FROM vault.people WHERE id = 1
-- oracle: time in a condition
SELECT id FROM vault.people WHERE secret LIKE 'q%' AND pg_sleep(0.001) IS NOT NULL
-- oracle: order by the column
SELECT id FROM vault.people ORDER BY secret
-- refused: order by its place
SELECT id, secret FROM vault.people ORDER BY 2 DESC NULLS LAST
-- refused: order by its alias
SELECT id, secret AS s FROM vault.people ORDER BY s
-- oracle: order by an expression
SELECT id FROM vault.people ORDER BY length(secret) DESC NULLS LAST
-- oracle: order by USING
SELECT id FROM vault.people ORDER BY secret USING >
-- oracle: order within an aggregate
SELECT string_agg(id::text, ',' ORDER BY secret) FROM vault.people
-- oracle: order within a window
SELECT id, rank() OVER (ORDER BY secret) FROM vault.people ORDER BY id
-- oracle: a window by its name
SELECT id, row_number() OVER w FROM vault.people WINDOW w AS (ORDER BY secret DESC) ORDER BY id
-- oracle: partitions of a window
SELECT id, count(*) OVER (PARTITION BY password_hash) FROM customers ORDER BY id LIMIT 5
-- oracle: a range of a window
SELECT id, count(*) OVER (ORDER BY salary RANGE BETWEEN 3 PRECEDING AND CURRENT ROW) FROM staff.employees ORDER BY id LIMIT 5
-- oracle: grouped
SELECT count(*) FROM customers GROUP BY password_hash ORDER BY 1 DESC LIMIT 1
-- refused: grouped by its place
SELECT address, count(*) FROM customers GROUP BY 1 ORDER BY 2 DESC LIMIT 3
-- oracle: grouped by an expression
SELECT left(address, 1), count(*) FROM customers GROUP BY 1 ORDER BY 2 DESC LIMIT 3
-- oracle: grouped by sets
SELECT count(*) FROM customers GROUP BY GROUPING SETS ((address), ()) ORDER BY 1 DESC LIMIT 2
-- oracle: grouped by ROLLUP
SELECT count(*) FROM customers GROUP BY ROLLUP (address) ORDER BY 1 DESC LIMIT 2
-- oracle: HAVING
SELECT country FROM customers GROUP BY country HAVING min(address) LIKE 'A%'
-- oracle: DISTINCT
SELECT count(*) FROM (SELECT DISTINCT address FROM customers) s
-- oracle: DISTINCT ON
SELECT count(*) FROM (SELECT DISTINCT ON (address) id FROM customers) s
-- oracle: DISTINCT ON ordered
SELECT DISTINCT ON (country) country, id FROM customers ORDER BY country, email
-- oracle: set operation without doubles
SELECT count(*) FROM (SELECT address FROM customers UNION SELECT address FROM customers) s
-- oracle: intersection
SELECT count(*) FROM (SELECT secret FROM vault.people INTERSECT SELECT 'quartzzebra u') s
-- oracle: except
SELECT count(*) FROM (SELECT 'quartzzebra u' EXCEPT SELECT secret FROM vault.people) s
-- oracle: except, shown
SELECT 'quartz' || 'x' EXCEPT SELECT left(secret, 6) || 'x' FROM vault.people
-- oracle: a join on equality
SELECT t.id FROM vault.targets t JOIN vault.people p ON p.secret = 'quartzzebra u'
-- oracle: a join on order
SELECT count(*) FROM vault.people a JOIN vault.people b ON a.secret < b.secret
-- oracle: a left join
SELECT count(b.id) FROM vault.people a LEFT JOIN vault.people b ON a.secret = b.secret || 'u'
-- oracle: a natural join
SELECT count(*) FROM (SELECT 'quartzzebra u'::text AS secret) a NATURAL JOIN vault.people
-- oracle: a join with USING
SELECT count(*) FROM (SELECT 'quartzzebra u'::text AS secret) a JOIN vault.people USING (secret)
-- oracle: EXISTS
SELECT EXISTS (SELECT FROM vault.people WHERE secret LIKE 'q%')
-- oracle: NOT EXISTS
SELECT id FROM vault.targets t WHERE NOT EXISTS (SELECT FROM vault.people p WHERE p.id = t.id AND p.secret LIKE 'q%')
-- oracle: a lateral subquery
SELECT n FROM vault.people p, LATERAL (SELECT count(*) AS n FROM vault.targets WHERE p.secret LIKE 'q%') s WHERE p.id = 1
-- oracle: a row comparison
SELECT id FROM vault.people WHERE (secret, id) > ('q', 0)
-- oracle: a row in IN
SELECT id FROM vault.people WHERE (id, secret) IN ((1, 'quartzzebra u'))
-- oracle: an aggregate's filter
SELECT count(*) FILTER (WHERE secret LIKE 'q%') FROM vault.people
-- oracle: the least
SELECT min(salary) > 5000 FROM staff.employees
-- oracle: a sum
SELECT sum(salary) FROM staff.employees
-- oracle: a difference
SELECT max(salary) - min(salary) FROM staff.employees
-- oracle: a correlation
SELECT corr(salary, id) FROM staff.employees
-- oracle: a variance
SELECT variance(salary) FROM staff.employees
-- oracle: a remainder
SELECT salary % 10 FROM staff.employees WHERE id = 1
-- oracle: bits
SELECT salary & 255 FROM staff.employees WHERE id = 1
-- oracle: digits of a logarithm
SELECT log(salary) FROM staff.employees WHERE id = 1
-- oracle: a bucket
SELECT width_bucket(salary, 0, 1000000000, 1000) FROM staff.employees WHERE id = 1
-- oracle: rows as many as the value
SELECT count(*) FROM staff.employees e, generate_series(735192800, e.salary) WHERE e.id = 1
-- oracle: a fraction of rows
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY salary) > 5000 FROM staff.employees
-- oracle: a hypothetical rank
SELECT rank(5000) WITHIN GROUP (ORDER BY salary) FROM staff.employees
-- oracle: an array's length
SELECT cardinality(c_ints) FROM vault.types
-- oracle: a member of an array
SELECT id FROM vault.types WHERE 735192861 = ANY (c_ints)
-- oracle: contained in JSON
SELECT id FROM vault.types WHERE c_jsonb @> '{"n": 73519284}'
-- oracle: a key of JSON
SELECT id FROM vault.types WHERE c_jsonb ? 'k'
-- oracle: a path of JSON
SELECT id FROM vault.types WHERE c_jsonb @@ '$.n > 5'
-- oracle: the type of JSON
SELECT jsonb_typeof(c_jsonb -> 'n') FROM vault.types
-- oracle: contained in a range
SELECT id FROM vault.types WHERE c_range @> 735192885
-- oracle: an address in a network
SELECT id FROM vault.types WHERE c_inet <<= '73.0.0.0/8'
-- oracle: the part of a date
SELECT extract(century FROM c_date) FROM vault.types
-- oracle: a search in text
SELECT id FROM vault.types WHERE c_tsv @@ 'quartzzebra'
-- oracle: the rank of a search
SELECT ts_rank(c_tsv, 'quartzzebra') FROM vault.types
-- oracle: a distance
SELECT c_point <-> point(0, 0) < 1000 FROM vault.types
-- oracle: a bit
SELECT get_bit(c_bit, 39) FROM vault.types
-- oracle: a byte
SELECT get_byte(c_bytea, 0) FROM vault.types
-- oracle: an enum's order
SELECT id FROM vault.types WHERE c_mood > 'calm73519284'
-- oracle: an update by the value
UPDATE vault.people SET name = 'x' WHERE secret LIKE 'q%'
-- oracle: an update by the value, returned
UPDATE vault.people SET name = 'x' WHERE secret LIKE 'q%' RETURNING id
-- oracle: an update to a truth
UPDATE vault.people SET id = id + 100 * (secret LIKE 'q%')::int RETURNING id
-- oracle: a delete by the value
DELETE FROM vault.people WHERE secret LIKE 'q%'
-- oracle: an insert by the value
INSERT INTO vault.targets (id) SELECT id + 100 FROM vault.people WHERE secret LIKE 'q%'
-- oracle: a merge by the value
\needs 15
MERGE INTO vault.targets t USING vault.people p ON t.id = p.id AND p.secret LIKE 'q%' WHEN MATCHED THEN UPDATE SET number = 5
-- oracle: a merge on a condition
\needs 15
MERGE INTO vault.targets t USING vault.people p ON t.id = p.id WHEN MATCHED AND p.secret LIKE 'q%' THEN DELETE
-- oracle: a conflict with a condition
INSERT INTO vault.people (id, name) SELECT id, 'x' FROM vault.people ON CONFLICT (id) DO UPDATE SET name = 'y' WHERE people.secret LIKE 'q%'
-- oracle: a copy by the value
COPY (SELECT id FROM vault.people WHERE secret LIKE 'q%') TO STDOUT
-- oracle: a cursor by the value
BEGIN
DECLARE c CURSOR FOR SELECT id FROM vault.people WHERE secret LIKE 'q%'
FETCH ALL FROM c
ROLLBACK
-- oracle: a cursor by the value, moved
BEGIN
DECLARE c SCROLL CURSOR FOR SELECT id FROM vault.people WHERE secret LIKE 'q%'
MOVE ALL FROM c
ROLLBACK
-- oracle: a prepared statement by the value
PREPARE p (text) AS SELECT id FROM vault.people WHERE secret LIKE $1
EXECUTE p ('q%')
-- oracle: a locked row by the value
SELECT id FROM vault.people WHERE secret LIKE 'q%' FOR UPDATE
-- oracle: a recursion that ends by the value
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT length(secret) FROM vault.people WHERE id = 1)) SELECT count(*) FROM r
-- oracle: a view's condition pushed down
SELECT count(*) FROM (SELECT * FROM vault.people) s WHERE s.secret LIKE 'q%'
-- oracle: a generated column
SELECT id FROM vault.people WHERE shadow LIKE 'Q%'
-- oracle: a generated length
SELECT id FROM vault.people WHERE size > 13
-- oracle: a view that computes
SELECT id FROM vault.shouting WHERE loud LIKE 'X1Q%'
-- oracle: a materialized view
SELECT id FROM vault.contacts WHERE e LIKE 'x1q%'
-- oracle: a materialized view that computes
SELECT count(*) FROM vault.shouts WHERE u LIKE 'X%'
-- oracle: a partition
SELECT who FROM vault.events_2024 WHERE secret LIKE 'q%'
-- oracle: a child
SELECT id FROM vault.child WHERE secret LIKE 'q%'
-- oracle: a child by its parent
SELECT id FROM vault.trunk WHERE note LIKE 'q%'
-- oracle: a unique index that fails
CREATE UNIQUE INDEX ON vault.only ((left("values", 1)), (id % 1))
-- oracle: a check that fails
ALTER TABLE vault.people ADD CHECK (secret NOT LIKE 'q%')
-- oracle: NOT NULL that fails
ALTER TABLE vault.people ALTER secret SET NOT NULL
-- safe: a foreign key that fails
CREATE TABLE vault.names (secret text PRIMARY KEY)
INSERT INTO vault.names VALUES ('w'), ('x')
ALTER TABLE vault.watched ADD FOREIGN KEY (secret) REFERENCES vault.names
-- oracle: an index's size by its condition
CREATE INDEX loot ON customers (id) WHERE email LIKE 'x%'
SELECT pg_relation_size('loot')
-- oracle: a policy of rows
CREATE POLICY p ON vault.people USING (secret LIKE 'q%')
ALTER TABLE vault.people ENABLE ROW LEVEL SECURITY
GRANT USAGE ON SCHEMA vault TO pg_monitor
GRANT SELECT ON vault.people TO pg_monitor
SET ROLE pg_monitor
SELECT count(*) FROM vault.people
-- oracle: the order of rows by a window that is sorted by it before the key
SELECT id, row_number() OVER (PARTITION BY secret, id) FROM vault.people
-- oracle: grouped beside a key that heirs have, too
SELECT id, count(*) FROM vault.heirs GROUP BY id, secret ORDER BY 1, 2
-- oracle: ordered behind a key that heirs have, too
SELECT tableoid::regclass FROM vault.heirs ORDER BY id, secret
-- oracle: grouped beside a key that is checked at the end
BEGIN
INSERT INTO vault.late VALUES (1, 'quartzzebra 1')
SELECT count(*) FROM vault.late WHERE id = 1 GROUP BY id, secret
ROLLBACK
-- oracle: distinct beside a key of another of the same
SELECT count(*) FROM (SELECT DISTINCT a.id, b.secret FROM vault.people a, vault.people b) s
-- oracle: ordered behind what an output calls as the key
SELECT (SELECT id FROM vault.people ORDER BY id LIMIT 1) AS id, name FROM vault.people ORDER BY id, secret
-- oracle: grouped beside the key in some sets
SELECT count(*) FROM vault.people GROUP BY GROUPING SETS ((id, secret), (secret))
-- oracle: the condition of a trigger
UPDATE vault.overseen SET label = '' WHERE id = 1 RETURNING label
-- oracle: the condition of a trigger over whole rows
UPDATE vault.overseen_rows SET secret = 'quartzzebra', label = '' WHERE id = 1 RETURNING label
-- oracle: what an index computes of a protected column and another
UPDATE vault.summed SET size = 2147483640 WHERE id = 1
-- oracle: a check over whole rows
UPDATE vault.compared SET size = 105 WHERE id = 1
-- oracle: a check of what a trigger puts into a column
UPDATE vault.passed_on SET wanted = 100 WHERE id = 1
-- oracle: the same behind a view
UPDATE vault.passing_on SET given = 100 WHERE id = 1
-- oracle: the same by a foreign key, where the trigger is for one column
UPDATE vault.passed_sizes SET wanted = 100 WHERE wanted = 1
-- oracle: a check of a field
UPDATE vault.field_checked SET size = 100 WHERE id = 1
-- oracle: a check of two fields
UPDATE vault.field_within SET pair.one = 100 WHERE id = 1
-- oracle: an index over a field
UPDATE vault.field_indexed SET size = 2147483640 WHERE id = 1
-- oracle: the condition of a trigger that a partition has from the whole
UPDATE vault.overseen_part SET label = '', size = 5 WHERE id = 1 RETURNING label
-- oracle: a sum that a trigger puts back into the column
UPDATE vault.raised SET raise = 2147483640 WHERE id = 1
-- oracle: the same of a setting
SET vault.raise = 2147483640
UPDATE vault.raised_by_setting SET label = '' WHERE id = 1
-- oracle: a check, where a trigger may have written the protected column
UPDATE vault.cleared SET wanted = 100 WHERE id = 1
-- oracle: a check, where a trigger gives back what was set
UPDATE vault.restored SET size = 100, secret = 1000000 WHERE id = 1
-- oracle: a trigger for a generated column of which nothing is set
UPDATE vault.made_of SET label = '', size = 5 WHERE id = 1 RETURNING label
-- oracle: a trigger for a key that a trigger sets where it is referred to
UPDATE vault.numbered SET wanted = 5 WHERE number = 1
SELECT label FROM vault.numbered_parts
-- oracle: a check of a key with what refers to it in the same row
UPDATE vault.managed SET id = 11 WHERE id = 100
-- oracle: a check, where a generated column is set to its default
UPDATE vault.doubled SET size = 100, made = DEFAULT WHERE id = 1
-- oracle: a check of columns that a child has from elsewhere as a key
UPDATE vault.bounded SET size = 100 WHERE id = 1
-- oracle: whether a row is changed at all
UPDATE vault.same_again SET secret = 'quartzzebra' WHERE id = 1
-- oracle: a check of a domain that its values must hold to
ALTER DOMAIN vault.word ADD CHECK (VALUE > 'q')
-- oracle: a trigger that runs after one that gives back all that was
UPDATE vault.given_back SET secret = 1 WHERE id = 1 RETURNING label
-- oracle: a trigger on rows that refer to others of their table
UPDATE vault.led SET id = 9, secret = 0 WHERE id = 1
SELECT label FROM vault.led WHERE id = 2
-- oracle: the same, where what they refer to is taken from them
UPDATE vault.released SET number = 9, secret = 0 WHERE id = 1
SELECT label FROM vault.released WHERE id = 2
-- oracle: a check of what refers to a generated column
UPDATE vault.keyed SET number = 100 WHERE id = 1
-- oracle: a check, where a trigger makes the column less each time
UPDATE vault.counted_down SET label = 'x' WHERE id = 1
-- oracle: the same that makes it shorter
UPDATE vault.shortened SET label = 'x' WHERE id = 1
-- oracle: a trigger that asks whether a row changes, of a guess
UPDATE vault.touched SET secret = 'quartzzebra' WHERE id = 1 RETURNING label
-- oracle: the same of a column
UPDATE vault.touched_one SET secret = 'quartzzebra' WHERE id = 1 RETURNING label
-- oracle: the same in a function
UPDATE vault.touched_by_path SET secret = 'quartzzebra' WHERE id = 1 RETURNING label
-- oracle: a trigger that asks whether a column is equal to itself
UPDATE vault.equalled SET size = 5 WHERE id = 1 RETURNING label
-- oracle: a trigger that asks whether a row changes after one that tidies
UPDATE vault.equalled_late SET size = size WHERE id = 1 RETURNING label
-- oracle: a trigger that asks whether a row changes whose generated column is not made yet
UPDATE vault.touched_made SET size = 0 WHERE id = 1 RETURNING label
-- oracle: a trigger that asks whether a column changes, in a row that moves to where it was not
UPDATE vault.touched_parts SET size = 15 WHERE id = 1 RETURNING label
-- oracle: a number that is drawn where there is none
UPDATE vault.numbered_late SET label = 'x' WHERE id = 1
SELECT is_called FROM vault.late_numbers
-- oracle: a trigger by which a value only rises
UPDATE vault.risen SET secret = 20 WHERE id = 1
-- oracle: a check, where a trigger compares what is set with what was there
UPDATE vault.unsunk SET secret = 20, size = 1 WHERE id = 1
