-- Values by code: functions, procedures, operators, casts, triggers, rules, defaults, checks.

-- refused: a function that reads with its owner's rights
SELECT vault.email_of(1)
-- refused: such a function for each row
SELECT id, vault.email_of(id) FROM orders LIMIT 3
-- refused: such a function in FROM
SELECT * FROM vault.email_of(1)
-- refused: such a function in FROM for each row
SELECT e FROM orders o, vault.email_of(o.id) AS e LIMIT 3
-- refused: such a function in WHERE, by an error
SELECT 1 FROM orders WHERE vault.email_of(id)::int = 1
-- refused: such a function by the search path
SET search_path = vault, public
SELECT email_of(1)
-- refused: such a function in quotes
SELECT "vault"."email_of"(1)
-- refused: such a function by a Unicode name
SELECT U&"v\0061ult".U&"em\0061il_of"(1)
-- refused: such a function in a subquery
SELECT (SELECT vault.email_of(1))
-- refused: such a function in VALUES
VALUES (vault.email_of(1))
-- refused: such a function in a common table expression
WITH a AS (SELECT vault.email_of(1) AS e) SELECT * FROM a
-- refused: such a function in RETURNING
UPDATE vault.targets SET number = 1 WHERE id = 1 RETURNING vault.email_of(1)
-- refused: such a function as an INSERT's value
INSERT INTO vault.targets VALUES (9, vault.email_of(1)) RETURNING note
-- refused: such a function in an UPDATE
UPDATE vault.targets SET note = vault.email_of(1) WHERE id = 1 RETURNING note
-- refused: such a function in ON CONFLICT
INSERT INTO vault.targets VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = vault.email_of(1) RETURNING note
-- refused: such a function in COPY
COPY (SELECT vault.email_of(1)) TO STDOUT
-- refused: such a function in a cursor
BEGIN
DECLARE c CURSOR FOR SELECT vault.email_of(1)
FETCH c
ROLLBACK
-- refused: such a function in a prepared statement
PREPARE p AS SELECT vault.email_of(1)
EXECUTE p
-- refused: such a function as an argument of EXECUTE
PREPARE p (text) AS SELECT $1
EXECUTE p (vault.email_of(1))
-- refused: such a function in a default that is added
ALTER TABLE vault.targets ADD COLUMN extra text DEFAULT vault.email_of(1)
SELECT extra FROM vault.targets
-- refused: such a function in an aggregate
SELECT string_agg(vault.email_of(id), ',') FROM vault.targets
-- refused: such a function in a filter of an aggregate, by a notice
SELECT count(*) FILTER (WHERE vault.told(vault.email_of(id)) = '') FROM vault.targets
-- refused: such a function in ORDER BY, by a notice
SELECT id FROM vault.targets ORDER BY vault.told(vault.email_of(id))
-- refused: such a function in LIMIT, by an error
SELECT 1 LIMIT vault.email_of(1)::bigint
-- refused: a function of a row
SELECT vault.email_of_row(c) FROM customers c LIMIT 3
-- refused: a function of a row in attribute notation
SET search_path = vault, public
SELECT c.email_of_row FROM customers c LIMIT 3
-- refused: a function of a row in attribute notation, of a subquery
SET search_path = vault, public
SELECT (c).email_of_row FROM (SELECT c FROM customers c LIMIT 3) s
-- refused: a column in functional notation
SELECT email(c) || '' FROM customers c LIMIT 3
-- refused: a set of values
SELECT vault.emails()
-- refused: a set of values in FROM
SELECT * FROM vault.emails()
-- refused: a set of rows
SELECT * FROM vault.everyone()
-- refused: one column of a set of rows
SELECT email FROM vault.everyone()
-- refused: a set of rows as values
SELECT vault.everyone()
-- refused: a set of rows spread
SELECT (vault.everyone()).*
-- refused: a table function
SELECT e FROM vault.listed()
-- refused: functions side by side
SELECT * FROM ROWS FROM (vault.emails(), generate_series(1, 3)) AS r (a, b)
-- refused: a function that runs a text
SELECT vault.run('SELECT email FROM customers LIMIT 1')
-- refused: a function that runs a text put together
SELECT vault.run('SEL' || 'ECT em' || 'ail FROM cust' || 'omers LIMIT 1')
-- refused: a function with a body that the server parsed
\needs 14
SELECT vault.atomic()
-- refused: a function that opens a cursor
BEGIN
SELECT vault.opened()
FETCH ALL FROM vc
ROLLBACK
-- refused: a cursor that a function opened, by its name alone
BEGIN; SELECT vault.opened(); FETCH ALL FROM vc; ROLLBACK
-- refused: a function that tells in a notice
SELECT vault.told(email) FROM customers LIMIT 1
-- refused: a function that tells in an error
SELECT vault.failed(email) FROM customers LIMIT 1
-- refused: a function that tells in the detail of an error
SELECT vault.failed_in_detail(email) FROM customers LIMIT 1
-- refused: a notice in a condition
SELECT id FROM customers WHERE vault.told(email) <> '' LIMIT 1
-- refused: a harmless looking function
SELECT vault.same(email) FROM customers LIMIT 1
-- refused: a function of two
SELECT vault.joined(name, email) FROM customers LIMIT 1
-- refused: an aggregate
SELECT vault.glued(email) FROM customers WHERE id < 3
-- refused: an aggregate in a window
SELECT vault.glued(email) OVER (ORDER BY id) FROM customers WHERE id < 3
-- refused: an operator
SELECT email OPERATOR(vault.|||) '' FROM customers LIMIT 1
-- refused: an operator by the search path
SET search_path = vault, public
SELECT email ||| '' FROM customers LIMIT 1
-- refused: an operator in ANY, by an error
SELECT id FROM customers WHERE email::int = ANY (ARRAY[1]) LIMIT 1
-- refused: a cast of one's own
SELECT ROW(name, email)::vault.pair::text FROM customers LIMIT 1
-- refused: a cast as a function
SELECT text(c_varchar) FROM vault.types
-- refused: a domain whose check tells
SELECT email::vault.strict FROM customers LIMIT 1
-- refused: a domain whose check tells, in a function
SELECT CAST(vault.email_of(1) AS vault.strict)
-- refused: a procedure
CALL vault.tell(1, NULL)
-- refused: a procedure that warns
CALL vault.shout(1)
-- refused: a block
DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers LIMIT 1); END $$
-- refused: a block with a tag
DO $tag$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers LIMIT 1); END $tag$
-- refused: a block in a plain string
DO 'BEGIN RAISE NOTICE ''%'', (SELECT email FROM customers LIMIT 1); END'
-- refused: a block in an escaped string
DO E'BEGIN RAISE NOTICE \'%\', (SELECT email FROM customers LIMIT 1); END'
-- refused: a block that names its language
DO LANGUAGE plpgsql $$ BEGIN RAISE INFO '%', (SELECT email FROM customers LIMIT 1); END $$
-- refused: a block that asserts
DO $$ BEGIN ASSERT false, (SELECT email FROM customers LIMIT 1); END $$
-- refused: a block that runs a text
DO $$ BEGIN EXECUTE format('SELECT %L::int', (SELECT email FROM customers LIMIT 1)); END $$
-- refused: a block that sets a setting
DO $$ BEGIN PERFORM set_config('my.value', (SELECT email FROM customers LIMIT 1), false); END $$
SELECT current_setting('my.value')
-- refused: a block that fills a table
DO $$ BEGIN UPDATE vault.targets SET note = (SELECT email FROM customers LIMIT 1); END $$
SELECT note FROM vault.targets
-- refused: a block that names a table by the value
DO $$ BEGIN EXECUTE format('CREATE TEMP TABLE %I ()', (SELECT email FROM customers LIMIT 1)); END $$
SELECT relname FROM pg_class WHERE relname LIKE 'x%'
-- refused: a block that names a column by the value
DO $$ BEGIN EXECUTE format('CREATE TEMP TABLE named (%I int)', (SELECT email FROM customers LIMIT 1)); END $$
SELECT * FROM named
-- refused: a block that renames the session
DO $$ BEGIN PERFORM set_config('application_name', (SELECT email FROM customers LIMIT 1), false); END $$
-- refused: a block that comments
DO $$ BEGIN EXECUTE format('COMMENT ON TABLE vault.targets IS %L', (SELECT email FROM customers LIMIT 1)); END $$
SELECT obj_description('vault.targets'::regclass)
-- refused: a block that notifies
LISTEN c
DO $$ BEGIN PERFORM pg_notify('c', (SELECT email FROM customers LIMIT 1)); END $$
COMMIT
-- refused: a block that raises a code
DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'm', HINT = (SELECT email FROM customers LIMIT 1); END $$
-- refused: a block that raises a table's name
DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'm', TABLE = (SELECT email FROM customers LIMIT 1); END $$
-- refused: a block that sets a sequence
DO $$ BEGIN PERFORM setval('vault.counter', (SELECT salary FROM staff.employees WHERE id = 1)); END $$
SELECT last_value FROM vault.counter
-- refused: a function of one's own
CREATE FUNCTION pg_temp.mine() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
SELECT pg_temp.mine()
-- refused: a function of one's own with a parsed body
\needs 14
CREATE FUNCTION pg_temp.mine() RETURNS text BEGIN ATOMIC SELECT email FROM customers LIMIT 1; END
SELECT pg_temp.mine()
-- refused: a function of one's own that returns
\needs 14
CREATE FUNCTION pg_temp.mine() RETURNS text RETURN (SELECT email FROM customers LIMIT 1)
SELECT pg_temp.mine()
-- refused: a harmless function replaced
CREATE OR REPLACE FUNCTION vault.same(text) RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
SELECT vault.same('')
-- refused: a procedure of one's own
CREATE PROCEDURE vault.mine() LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers LIMIT 1); END $$
CALL vault.mine()
-- refused: an aggregate of one's own
CREATE AGGREGATE vault.mine(text) (sfunc = textcat, stype = text, initcond = '')
SELECT vault.mine(email) FROM customers WHERE id < 3
-- refused: an operator of one's own
CREATE OPERATOR vault.@@@ (LEFTARG = text, RIGHTARG = text, FUNCTION = textcat)
SELECT email OPERATOR(vault.@@@) '' FROM customers LIMIT 1
-- refused: a function that hides one of PostgreSQL's
CREATE FUNCTION vault.lower(text) RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
SET search_path = vault, pg_catalog, public
SELECT lower(name) FROM customers LIMIT 1
-- refused: an operator that hides one of PostgreSQL's
CREATE FUNCTION vault.hides(text, text) RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
CREATE OPERATOR vault.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = vault.hides)
SET search_path = vault, pg_catalog, public
SELECT name || '' FROM customers LIMIT 1
-- refused: a trigger that tells when its row changes
UPDATE vault.watched SET id = id WHERE id = 1
-- refused: a trigger that copies to an open column
UPDATE vault.watched SET id = id WHERE id = 1 RETURNING note
-- refused: a rule that answers with another table
UPDATE vault.ruled SET note = 'x'
-- refused: a rule that answers, RETURNING
UPDATE vault.ruled SET note = 'x' WHERE id = 1
-- refused: a trigger of a view
INSERT INTO vault.door VALUES (1, 'x') RETURNING note
-- safe: a default that tells
INSERT INTO vault.defaulted (id) VALUES (1) RETURNING note
-- safe: a default that tells, asked for
INSERT INTO vault.defaulted VALUES (1, DEFAULT) RETURNING note
-- safe: a default that tells, by DEFAULT VALUES
INSERT INTO vault.defaulted DEFAULT VALUES RETURNING *
-- safe: a default that tells, by UPDATE
UPDATE vault.targets SET note = 'x' WHERE id = 1
INSERT INTO vault.defaulted (id) SELECT id FROM vault.targets RETURNING note
-- safe: a default that is kept and read
INSERT INTO vault.defaulted (id) VALUES (1)
SELECT note FROM vault.defaulted
-- safe: a check that tells
INSERT INTO vault.checked VALUES (1)
-- refused: a policy of rows that tells
CREATE POLICY p ON vault.rowed USING (vault.told(vault.email_of(1)) = '')
ALTER TABLE vault.rowed FORCE ROW LEVEL SECURITY
ALTER TABLE vault.rowed ENABLE ROW LEVEL SECURITY
GRANT USAGE ON SCHEMA vault TO pg_monitor
GRANT SELECT ON ALL TABLES IN SCHEMA vault TO pg_monitor
SET ROLE pg_monitor
SELECT * FROM vault.rowed
-- refused: a trigger of one's own on an open table
CREATE FUNCTION vault.mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := (SELECT email FROM customers LIMIT 1); RETURN NEW; END $$
CREATE TRIGGER mine BEFORE INSERT ON vault.targets FOR EACH ROW EXECUTE FUNCTION vault.mine()
INSERT INTO vault.targets VALUES (9, 'x') RETURNING note
-- refused: a rule of one's own
CREATE RULE mine AS ON INSERT TO vault.targets DO INSTEAD SELECT email FROM customers LIMIT 3
INSERT INTO vault.targets VALUES (9, 'x')
-- refused: an index whose expression tells
CREATE INDEX ON vault.people (vault.told(secret))
-- refused: an index whose condition tells
CREATE INDEX ON vault.people (id) WHERE vault.told(secret) = ''
-- refused: statistics whose expression tells
\needs 14
CREATE STATISTICS vault.mine ON (vault.told(secret)), id FROM vault.people
ANALYZE vault.people
-- refused: a constraint that tells
ALTER TABLE vault.people ADD CHECK (vault.told(secret) = '')
-- refused: a type change that tells
ALTER TABLE vault.people ALTER name TYPE text USING vault.told(secret)
-- refused: a default made from a query of one's own
CREATE FUNCTION pg_temp.mine() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
ALTER TABLE vault.targets ALTER note SET DEFAULT pg_temp.mine()
INSERT INTO vault.targets (id) VALUES (9) RETURNING note
-- refused: the planner that runs a function
EXPLAIN SELECT vault.told('quartz' || 'zebra')
-- refused: a plan that runs a function
EXPLAIN ANALYZE SELECT vault.told(email) FROM customers LIMIT 1
-- refused: a language's handler
DO LANGUAGE plpgsql $$ <<b>> DECLARE v text := (SELECT email FROM customers LIMIT 1); BEGIN RAISE LOG '%', v; RAISE NOTICE '%', b.v; END $$

-- Code that is read, and found to do nothing or only looking as if.

-- masked: a function that does nothing, beside
SELECT vault.slug('A B'), email FROM customers WHERE id = 1
-- masked: a trigger that only keeps the time
UPDATE vault.stamped SET note = 'other' WHERE id = 1 RETURNING secret
-- refused: a function that does nothing, over the value
SELECT vault.slug(email) FROM customers WHERE id = 1
-- refused: a function that reads a view
SELECT vault.by_view()
-- refused: a function that calls another
SELECT vault.by_call(1)
-- refused: a function of two queries
SELECT vault.by_two()
-- refused: a function that runs a text by a function
SELECT vault.by_text()
-- refused: a function with an operator
SELECT vault.by_operator()
-- refused: a function with a cast
SELECT vault.by_cast()
-- refused: a function of any type, over the value
SELECT vault.by_any(email) FROM customers WHERE id = 1
-- refused: a function of any type, which casts
SELECT vault.by_any(ROW(1)::vault.key)
-- refused: a function whose default tells
SELECT vault.by_default()
-- refused: a function whose result is judged
SELECT vault.by_result(1)
-- refused: a function whose argument is judged
SELECT vault.by_argument(1)
-- refused: a function whose names another schema hides
CREATE FUNCTION vault.to_hex(integer) RETURNS text LANGUAGE sql AS 'SELECT vault.email_of($1)'
SET search_path = vault, pg_catalog, public
SELECT vault.by_path(1)
-- refused: a function with rights and a search path of its own
ALTER FUNCTION vault.by_view() RENAME TO version
SELECT vault.by_owner()
-- refused: a function of a row that calls one by a field
SET search_path = vault, public
SELECT vault.by_field(c) FROM customers c WHERE id = 1
-- refused: a block that returns a query
SELECT vault.by_block(1)
-- refused: a block within comments
SELECT vault.by_comment(1)
-- refused: a function that takes the name of one that does nothing
BEGIN; ALTER FUNCTION vault.slug(text) RENAME TO former; ALTER FUNCTION vault.run(text) RENAME TO slug; SELECT vault.slug('SELECT email FROM customers LIMIT 1'); ROLLBACK
-- refused: a function that takes the name of PostgreSQL's
BEGIN; ALTER FUNCTION vault.by_view() RENAME TO version; SET LOCAL search_path = vault, pg_catalog; SELECT version(); ROLLBACK
-- refused: a trigger that copies
UPDATE vault.tricked_copy SET id = id RETURNING note
-- refused: a trigger that asks
UPDATE vault.tricked_query SET id = id RETURNING note
-- refused: a trigger that asks without brackets
UPDATE vault.tricked_from SET id = id RETURNING note
-- refused: a trigger that makes a new row
UPDATE vault.tricked_row SET id = id RETURNING note
-- refused: a trigger that takes the whole row
UPDATE vault.tricked_whole SET id = id RETURNING note
-- refused: a trigger that makes a document of the row
UPDATE vault.tricked_json SET id = id RETURNING note
-- refused: a trigger that hides code behind a comment in a string
UPDATE vault.tricked_comment SET id = id RETURNING note
-- refused: a trigger that runs a text
UPDATE vault.tricked_dynamic SET id = id RETURNING note
-- refused: a trigger that fails and asks
UPDATE vault.tricked_exception SET id = id RETURNING note
-- refused: a trigger that calls a function for its default
UPDATE vault.tricked_default SET id = id RETURNING note
-- oracle: a trigger that tests
UPDATE vault.tricked_if SET id = id RETURNING note
-- oracle: a trigger with a condition
UPDATE vault.tricked_when SET id = id RETURNING note
-- refused: a column of a domain whose check tells
INSERT INTO vault.judged_id VALUES (1, 'x')
-- refused: an array of a domain whose check tells
INSERT INTO vault.judged_ids VALUES ('{1}', 'x')
-- refused: a composite with a domain whose check tells
INSERT INTO vault.judged_pairs VALUES (ROW(1, 'x'), 'x')
-- refused: a domain over one whose check tells
INSERT INTO vault.judged_over VALUES (1, 'x')
-- refused: a column of a domain whose check tells, changed
UPDATE vault.judged_over SET id = 1
-- refused: the predicate of an index, which the plan computes
SELECT id FROM vault.planned
-- refused: the same of a table that is referred to
INSERT INTO vault.refers_to_planned VALUES (1)
-- refused: what the body of an indexed function has that is constant
SELECT id FROM vault.inlined_keys
-- refused: what the body of a checked function has that is constant
SET constraint_exclusion = on
SELECT id FROM vault.inlined_checks WHERE size = 3
-- masked: beside a write to a table whose trigger has a condition
UPDATE vault.labelled SET label = 'x' FROM customers c WHERE c.id = 1 RETURNING c.email
-- refused: what the key of a partition has that is constant
SET constraint_exclusion = on
SELECT id FROM vault.parted_first WHERE size = 3
-- refused: a default that calls one of PostgreSQL's own functions
INSERT INTO vault.given (id) VALUES (1) RETURNING told
-- refused: a check that calls one
INSERT INTO vault.tested VALUES (1)
-- refused: the default of a domain that calls one
INSERT INTO vault.given_by_type (id) VALUES (1) RETURNING told
-- refused: the check of a domain that calls one
SELECT '5'::vault.tested_number
-- refused: the condition of a trigger that calls one
UPDATE vault.worded SET told = 'x' WHERE id = 1
-- refused: a table like one whose default calls one
CREATE TEMP TABLE given_too (LIKE vault.given INCLUDING ALL)
INSERT INTO given_too (id) VALUES (1) RETURNING told
-- refused: the condition of a trigger that casts to a domain whose check tells
UPDATE vault.cast_when SET label = 'x' WHERE id = 1
-- refused: a check that casts to one
INSERT INTO vault.cast_checked VALUES (1, 1)
-- refused: a default that casts to one
INSERT INTO vault.cast_given (id) VALUES (1)
-- refused: an index that casts to one
INSERT INTO vault.cast_indexed VALUES (1, 1)
-- refused: the condition of an index that casts to one
INSERT INTO vault.cast_where VALUES (1, 1)
-- refused: a generated column that casts to one
INSERT INTO vault.cast_made (id, size) VALUES (1, 1)
-- refused: a check that reads a row with one
INSERT INTO vault.cast_row VALUES (1, '1')
-- refused: the key of partitions that casts to one
INSERT INTO vault.cast_parted VALUES (1, 1)
-- refused: the default of a view that casts to one
INSERT INTO vault.cast_before (id) VALUES (1)
-- refused: the check of a domain that reads a row with one
SELECT '5'::vault.looked_beyond
-- refused: a trigger that copies what is given where nothing is
INSERT INTO vault.drawn (id) VALUES (1) RETURNING label
-- refused: a trigger that copies what a table gives to its parts
INSERT INTO vault.drawn_parts (id) VALUES (1) RETURNING label
-- refused: a trigger that copies what comes from another part
UPDATE vault.moved SET id = 2 WHERE id = 1 RETURNING label
-- refused: a trigger that a part has of its table
UPDATE vault.cloned_1 SET label = 'x' WHERE id = 1
-- masked: a row of one's own that a trigger looks at
INSERT INTO vault.usual (secret) VALUES ('It@quartzzebra') RETURNING secret, label
-- masked: a change of another column than triggers look at
UPDATE vault.usual SET label = 'x' WHERE id = 1 RETURNING secret, label
-- masked: a change by what conflicts
INSERT INTO vault.usual (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET label = 'y' RETURNING secret, label
-- masked: a row that goes
BEGIN
DELETE FROM vault.usual WHERE id = 2 RETURNING secret, label
ROLLBACK
-- refused: the condition of a trigger that a part has from its table, and that casts
UPDATE vault.cast_when_part SET label = 'x' WHERE id = 1
-- refused: the same that calls a function
UPDATE vault.looked_when_part SET label = 'x' WHERE id = 1
-- refused: a trigger that makes a row anew of its own fields
UPDATE vault.turned SET label = 'x' WHERE id = 1 RETURNING (pair).one
-- masked: a trigger that tidies under a condition of the same, beside one of PostgreSQL's own
UPDATE vault.tidied SET label = 'x' WHERE id = 1 RETURNING secret, label
-- masked: a trigger that reads what is given
BEGIN
UPDATE vault.tidied_given SET secret = 'own' WHERE id = 1 RETURNING secret, label
SELECT secret FROM vault.people
ROLLBACK
-- masked: a change where PostgreSQL leaves out what changes nothing
BEGIN
UPDATE vault.same_again SET label = 'x' WHERE id = 1 RETURNING secret, label
ROLLBACK
-- refused: a function with a path of its own to what is named like one of PostgreSQL's own
SELECT vault.by_path()
-- masked: a function with a path of its own that only makes a value
SELECT secret, vault.small_by_path('x') FROM vault.people
-- masked: a change of other columns, where a trigger asks whether the row changes
UPDATE vault.touched SET size = 5 WHERE id = 1 RETURNING secret, label
-- masked: the same of a column
UPDATE vault.touched_one SET size = 5 WHERE id = 1 RETURNING secret, label
-- masked: the same in a function with a path of its own
UPDATE vault.touched_by_path SET size = 5 WHERE id = 1 RETURNING secret, label
-- masked: a trigger that keeps what was there where nothing is given
BEGIN
UPDATE vault.kept_where_null SET secret = NULL WHERE id = 1 RETURNING secret, label
ROLLBACK
