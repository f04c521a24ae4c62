-- Values that are first put elsewhere: into tables, settings, names, comments, locks, objects.

-- refused: CREATE TABLE AS
CREATE TABLE vault.loot AS SELECT email AS e FROM customers
SELECT e FROM vault.loot
-- refused: CREATE TABLE AS an expression
CREATE TABLE vault.loot AS SELECT upper(email) AS e FROM customers
SELECT e FROM vault.loot
-- refused: CREATE TABLE AS without the name
CREATE TEMP TABLE loot AS TABLE customer_contacts
SELECT * FROM loot
-- refused: CREATE TABLE AS of a common table expression
CREATE TEMP TABLE loot AS WITH a AS (SELECT email FROM customers) SELECT email AS e FROM a
SELECT e FROM loot
-- refused: CREATE TABLE AS VALUES
CREATE TEMP TABLE loot AS VALUES ((SELECT email FROM customers LIMIT 1))
SELECT * FROM loot
-- refused: CREATE TABLE AS EXECUTE
PREPARE p AS SELECT email AS e FROM customers
CREATE TEMP TABLE loot AS EXECUTE p
SELECT e FROM loot
-- refused: CREATE TABLE IF NOT EXISTS AS
CREATE TABLE IF NOT EXISTS vault.loot AS SELECT email AS e FROM customers
SELECT e FROM vault.loot
-- refused: CREATE UNLOGGED TABLE AS
CREATE UNLOGGED TABLE vault.loot AS SELECT secret AS e FROM vault.people
SELECT e FROM vault.loot
-- refused: SELECT INTO of a set operation
SELECT email AS e INTO TEMP loot FROM customers UNION SELECT name FROM customers
SELECT e FROM loot
-- refused: SELECT INTO by one text
SELECT email AS e INTO TEMP loot FROM customers; SELECT e FROM loot
-- refused: CREATE TABLE AS under EXPLAIN ANALYZE
EXPLAIN ANALYZE CREATE TEMP TABLE loot AS SELECT email AS e FROM customers
SELECT e FROM loot
-- refused: a materialized view
CREATE MATERIALIZED VIEW vault.loot AS SELECT email AS e FROM customers
SELECT e FROM vault.loot
-- refused: a materialized view without data, refreshed
CREATE MATERIALIZED VIEW vault.loot AS SELECT email AS e FROM customers WITH NO DATA
REFRESH MATERIALIZED VIEW vault.loot
SELECT e FROM vault.loot
-- refused: INSERT from SELECT
INSERT INTO vault.targets (id, note) SELECT id + 10, email FROM customers
SELECT note FROM vault.targets
-- refused: INSERT from SELECT by RETURNING
INSERT INTO vault.targets (id, note) SELECT id + 10, email FROM customers RETURNING note
-- refused: INSERT of a scalar subquery
INSERT INTO vault.targets VALUES (10, (SELECT email FROM customers LIMIT 1)) RETURNING note
-- refused: INSERT from TABLE
CREATE TEMP TABLE loot (LIKE customer_contacts)
INSERT INTO loot TABLE customer_contacts
SELECT * FROM loot
-- refused: INSERT through an updatable view
CREATE TEMP VIEW through AS SELECT id, note FROM vault.targets
INSERT INTO through SELECT id + 10, email FROM customers RETURNING note
-- refused: INSERT into the protected table's open column
INSERT INTO vault.people (id, name) SELECT id + 10, secret FROM vault.people RETURNING name
-- refused: INSERT with ON CONFLICT that copies
INSERT INTO vault.people (id, name) SELECT id, name FROM vault.people ON CONFLICT (id) DO UPDATE SET name = people.secret RETURNING name
-- refused: INSERT with ON CONFLICT that copies from EXCLUDED
INSERT INTO vault.people (id, name, secret) SELECT id, name, secret FROM vault.people ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.secret RETURNING name
-- refused: EXCLUDED of a view that reads another table
INSERT INTO vault.duty_list (id, title, person) VALUES (1, '', 1) ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.contact RETURNING title
-- refused: the same, without names
INSERT INTO vault.duty_list VALUES (1, '', 1) ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.contact RETURNING title
-- refused: the same of a whole row
INSERT INTO vault.duty_list (id, title, person) VALUES (1, '', 1) ON CONFLICT (id) DO UPDATE SET title = EXCLUDED::text RETURNING title
-- masked: EXCLUDED of what a view is given
BEGIN
INSERT INTO vault.assigned_list (id, secret) VALUES (1, 'own') ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret RETURNING secret
INSERT INTO vault.assigned_list VALUES (1, 'own') ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret RETURNING secret
SELECT secret FROM vault.people
ROLLBACK
-- refused: INSERT in a common table expression
WITH a AS (INSERT INTO vault.targets (id, note) SELECT id + 10, email FROM customers RETURNING note) SELECT note FROM a
-- refused: DELETE that feeds an INSERT
WITH gone AS (DELETE FROM vault.watched RETURNING id, secret) INSERT INTO vault.targets (id, note) SELECT id + 10, secret FROM gone RETURNING note
-- refused: UPDATE from the same row
UPDATE vault.people SET name = secret RETURNING name
-- refused: UPDATE from the same row, an expression
UPDATE vault.people SET name = left(secret, 100) RETURNING name
-- refused: UPDATE from another table
UPDATE vault.targets t SET note = c.email FROM customers c WHERE c.id = t.id RETURNING note
-- refused: UPDATE by a subquery
UPDATE vault.targets SET note = (SELECT email FROM customers c WHERE c.id = targets.id) RETURNING note
-- refused: UPDATE of a row by a subquery
UPDATE vault.targets SET (note, number) = (SELECT email, id FROM customers c WHERE c.id = targets.id) RETURNING note
-- refused: UPDATE of a row by ROW
UPDATE vault.people SET (name, id) = ROW(secret, id) RETURNING name
-- refused: UPDATE of an element of an array
ALTER TABLE vault.targets ADD notes text[]
UPDATE vault.targets SET notes[1] = (SELECT email FROM customers LIMIT 1) RETURNING notes
-- refused: UPDATE of a field
ALTER TABLE vault.targets ADD pair vault.pair
UPDATE vault.targets SET pair.first_half = (SELECT email FROM customers LIMIT 1) RETURNING (pair).first_half
-- refused: UPDATE of an index by the value
ALTER TABLE vault.targets ADD numbers integer[]
UPDATE vault.targets SET numbers[(SELECT salary FROM staff.employees WHERE id = 1)] = 1 RETURNING numbers
-- refused: MERGE from another table
\needs 15
MERGE INTO vault.targets t USING customers c ON t.id = c.id WHEN MATCHED THEN UPDATE SET note = c.email
SELECT note FROM vault.targets
-- refused: MERGE that inserts
\needs 15
MERGE INTO vault.targets t USING customers c ON t.id = c.id WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.email)
SELECT note FROM vault.targets
-- refused: MERGE from the target
\needs 15
MERGE INTO vault.people p USING vault.targets t ON t.id = p.id WHEN MATCHED THEN UPDATE SET name = p.secret
SELECT name FROM vault.people
-- safe: RETURNING a protected column after a write
UPDATE vault.people SET name = 'x' RETURNING secret
-- safe: RETURNING everything after a DELETE
DELETE FROM vault.people RETURNING *
-- refused: RETURNING an expression
UPDATE vault.people SET name = 'x' RETURNING upper(secret)
-- refused: RETURNING a whole row
UPDATE vault.people SET name = 'x' RETURNING people
-- refused: RETURNING a subquery
UPDATE vault.targets SET note = 'x' RETURNING (SELECT email || '' FROM customers LIMIT 1)
-- safe: RETURNING from a joined table
UPDATE vault.targets t SET note = 'x' FROM customers c WHERE c.id = t.id RETURNING c.email
-- safe: RETURNING from USING
DELETE FROM vault.targets t USING customers c WHERE c.id = t.id RETURNING c.email
-- refused: a setting
SELECT set_config('my.value', email, false) FROM customers LIMIT 1
SELECT current_setting('my.value')
-- refused: a setting of the transaction
BEGIN; SELECT set_config('my.value', email, true) FROM customers LIMIT 1; SHOW my.value; ROLLBACK
-- refused: a setting that is reported
SELECT set_config('application_name', left(email, 40), false) FROM customers LIMIT 1
-- refused: a setting by a subquery
SELECT set_config('application_name', (SELECT email FROM customers LIMIT 1), false)
-- refused: a setting in a join
SELECT set_config('my.value', c.email, false) FROM customers c JOIN orders o ON o.customer_id = c.id LIMIT 1
SHOW my.value
-- refused: a setting through UPDATE of the view
UPDATE pg_settings SET setting = (SELECT email FROM customers LIMIT 1) WHERE name = 'application_name'
SHOW application_name
-- refused: a sequence
SELECT setval('vault.counter', salary) FROM staff.employees WHERE id = 1
SELECT last_value FROM vault.counter
-- refused: a sequence and lastval
SELECT setval('vault.counter', (SELECT salary FROM staff.employees WHERE id = 1), false), nextval('vault.counter')
SELECT lastval()
-- refused: nextval as often as the value says
SELECT setval('vault.counter', (SELECT salary FROM staff.employees WHERE id = 1))
SELECT currval('vault.counter')
-- refused: an advisory lock of two numbers
SELECT pg_advisory_lock(salary, id) FROM staff.employees WHERE id = 1
SELECT classid FROM pg_locks WHERE locktype = 'advisory'
-- refused: an advisory lock of the transaction
SELECT pg_advisory_xact_lock(c_big) FROM vault.types WHERE id = 1
SELECT objid::bigint + (classid::bigint << 32) FROM pg_locks WHERE locktype = 'advisory'
-- refused: an advisory lock that is tried
SELECT pg_try_advisory_lock(salary) FROM staff.employees WHERE id = 1
SELECT objid FROM pg_locks WHERE locktype = 'advisory'
-- refused: a notification
LISTEN c
SELECT pg_notify('c', (SELECT email FROM customers LIMIT 1))
COMMIT
-- refused: a notification's channel
LISTEN x1quartz
SELECT pg_notify('x1quartz', email) FROM customers WHERE id = 1
COMMIT
-- refused: a large object
SELECT lo_from_bytea(4242, convert_to(email, 'UTF8')) FROM customers LIMIT 1
SELECT lo_get(4242)
-- refused: a large object, written
SELECT lo_create(4243)
SELECT lo_put(4243, 0, convert_to(email, 'UTF8')) FROM customers LIMIT 1
SELECT data FROM pg_largeobject WHERE loid = 4243
-- refused: a large object through its descriptor
BEGIN
SELECT lo_create(4244)
SELECT lowrite(lo_open(4244, 131072), convert_to(email, 'UTF8')) FROM customers LIMIT 1
SELECT loread(lo_open(4244, 262144), 100)
ROLLBACK
-- refused: a large object to a file
SELECT lo_from_bytea(4245, convert_to(email, 'UTF8')) FROM customers LIMIT 1
SELECT lo_export(4245, '{directory}/leak.lo'), pg_read_file('leak.lo')
-- refused: a file by COPY of a query
COPY (SELECT email FROM customers LIMIT 1) TO '{directory}/leak.query'
SELECT pg_read_file('leak.query')
-- refused: a file by COPY and back
COPY vault.people TO '{directory}/leak.back'
CREATE TEMP TABLE loot (a int, b text, c text, d text, e text)
COPY loot FROM '{directory}/leak.back'
SELECT * FROM loot
-- refused: a program by COPY of a query
COPY (SELECT email FROM customers LIMIT 1) TO PROGRAM 'cat > leak.program'
SELECT pg_read_file('leak.program')
-- refused: COPY FROM a program that reads files
CREATE TEMP TABLE loot (a text)
COPY vault.people (name, secret) TO PROGRAM 'cat > leak.from'
COPY loot FROM PROGRAM 'tr "\t" " " < leak.from'
SELECT * FROM loot
-- refused: a domain's default
CREATE DOMAIN vault.with_default AS text DEFAULT vault.email_of(1)
CREATE TABLE vault.loot (id int, e vault.with_default)
INSERT INTO vault.loot VALUES (1) RETURNING e
-- safe: a column's type changed by another
ALTER TABLE vault.people ALTER name TYPE text USING secret
SELECT name FROM vault.people
-- safe: a column's type changed by an expression over it
ALTER TABLE vault.people ADD loot text
ALTER TABLE vault.people ALTER loot TYPE text USING upper(secret)
SELECT loot FROM vault.people
-- safe: a protected column renamed
ALTER TABLE vault.parent RENAME secret TO open
SELECT open FROM vault.parent
-- safe: protected columns that change places
ALTER TABLE vault.watched RENAME note TO other
ALTER TABLE vault.watched RENAME secret TO note
SELECT note || '' FROM vault.watched
-- safe: tables that change places
ALTER TABLE vault.people RENAME TO nobody
ALTER TABLE vault.targets RENAME TO people
ALTER TABLE vault.nobody RENAME TO targets
SELECT upper(secret) FROM vault.targets
-- safe: an open table attached to a protected one, and detached
CREATE TABLE vault.extra (LIKE vault.events)
ALTER TABLE vault.events DETACH PARTITION vault.events_rest
ALTER TABLE vault.events ATTACH PARTITION vault.extra DEFAULT
INSERT INTO vault.events SELECT at, who, 'open' FROM vault.events_2024
SELECT upper(secret) FROM vault.events_rest
-- safe: a protected table attached to an open one
CREATE TABLE vault.all_days (at date NOT NULL, who text, secret text) PARTITION BY RANGE (at)
ALTER TABLE vault.events DETACH PARTITION vault.events_2024
ALTER TABLE vault.all_days ATTACH PARTITION vault.events_2024 DEFAULT
SELECT upper(secret) FROM vault.all_days
-- safe: a protected column inherited by an open parent
CREATE TABLE vault.above (secret text)
ALTER TABLE vault.people INHERIT vault.above
SELECT upper(secret) FROM vault.above
-- safe: a view made of it, by another name
CREATE VIEW vault.window AS SELECT secret AS open FROM vault.people
SELECT open || '' FROM vault.window
-- safe: a view of its rows
CREATE VIEW vault.window AS SELECT p AS open FROM vault.people p
SELECT open FROM vault.window
-- safe: a view made in one text
CREATE TEMP VIEW window_ AS SELECT upper(secret) AS open FROM vault.people; SELECT open FROM window_
-- refused: an index that is read
CREATE EXTENSION IF NOT EXISTS pageinspect
CREATE INDEX loot ON vault.parent (secret)
SELECT data FROM bt_page_items('vault.loot', 1)
-- refused: an exclusion constraint that tells
ALTER TABLE vault.people ADD EXCLUDE USING btree ((left(secret, 11)) WITH =)
-- safe: a unique constraint that tells
UPDATE vault.days_1 SET note = 'quartzzebra'
ALTER TABLE vault.days_1 ADD UNIQUE (note)
-- safe: a primary key that tells
UPDATE vault.trunk SET note = 'quartzzebra'
ALTER TABLE vault.leaf ADD PRIMARY KEY (note)
-- safe: a foreign key that tells
CREATE TABLE vault.names (note text PRIMARY KEY)
ALTER TABLE vault.parent ADD FOREIGN KEY (secret) REFERENCES vault.names
-- safe: a foreign key that tells on INSERT
CREATE TABLE vault.names (note text PRIMARY KEY)
INSERT INTO vault.names SELECT secret FROM ONLY vault.parent
ALTER TABLE vault.parent ADD FOREIGN KEY (secret) REFERENCES vault.names
DELETE FROM vault.names
-- safe: a check that tells the row
ALTER TABLE vault.people ADD CHECK (name <> 'x')
UPDATE vault.people SET name = 'x'
-- safe: a null that tells the row
UPDATE vault.people SET name = NULL
-- safe: a partition that is missing tells the row
ALTER TABLE vault.events DETACH PARTITION vault.events_rest
ALTER TABLE vault.events_2024 ADD CHECK (at < '2024-06-01')
UPDATE vault.events SET at = '2024-12-01'
-- safe: a view's check option tells the row
CREATE VIEW vault.narrow AS SELECT * FROM vault.people WHERE id < 100 WITH CHECK OPTION
UPDATE vault.narrow SET id = id + 1000 WHERE id = 1
-- safe: a unique violation that tells a protected value
CREATE UNIQUE INDEX ON vault.parent (secret)
INSERT INTO vault.parent SELECT 5, secret FROM ONLY vault.parent
-- refused: a cast that fails and tells
SELECT secret::integer FROM vault.people
-- refused: a cast that fails in an UPDATE
UPDATE vault.targets SET number = (SELECT secret::bigint FROM vault.people LIMIT 1)
-- refused: a cast that fails in a DELETE
DELETE FROM vault.people WHERE secret::integer = 1
-- refused: a cast that fails in a default
CREATE TABLE vault.loot (a int DEFAULT (vault.email_of(1))::int)
INSERT INTO vault.loot DEFAULT VALUES
-- refused: an array of JSON that fails and tells
SELECT ('[' || secret || ']')::jsonb FROM vault.people
-- refused: JSON that fails and tells
SELECT secret::json FROM vault.people
-- refused: XML that fails and tells
SELECT xmlparse(DOCUMENT '<' || secret) FROM vault.people
-- refused: a date that fails and tells
SELECT secret::date FROM vault.people
-- refused: a name that is not there
SELECT left(secret, 11)::regclass FROM vault.people
-- refused: a setting that is not there
SELECT current_setting(secret) FROM vault.people
-- refused: a time zone that is not there
SELECT now() AT TIME ZONE secret FROM vault.people
-- refused: an encoding that is not there
SELECT convert_to('x', secret) FROM vault.people
-- refused: a sequence that is not there
SELECT nextval(left(secret, 11)) FROM vault.people
-- refused: a range that is empty
SELECT ('(' || c_text || ',')::int4range FROM vault.types
-- refused: an enum label that is not there
SELECT secret::vault.mood FROM vault.people
-- refused: an array that fails
SELECT secret::int[] FROM vault.people
-- refused: a uuid that fails
SELECT secret::uuid FROM vault.people
-- refused: a table's name made of it
SELECT to_regclass(left(secret, 11)), secret || '' FROM vault.people
-- refused: a row as a table's name
SELECT pg_relation_size(left(secret, 11)) FROM vault.people
-- refused: a function that is not there
SELECT has_function_privilege(left(secret, 11) || '()', 'execute') FROM vault.people
-- refused: a role that is not there
SELECT has_table_privilege(secret, 'vault.people', 'select') FROM vault.people
-- refused: a child that makes another column one with a protected one
CREATE TEMP TABLE tied (email text UNIQUE, name text REFERENCES tied (email), secret text)
CREATE TEMP TABLE child () INHERITS (vault.people, tied)
SELECT secret FROM vault.people WHERE id = 1
