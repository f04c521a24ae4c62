-- Values that views, materialized views, generated columns, partitions and children hold.

-- masked: a view of a view
SELECT email FROM vault.nested LIMIT 3
-- masked: everything of a view of a view
SELECT * FROM vault.nested LIMIT 3
-- masked: a view whose columns have other names
SELECT b FROM vault.renamed LIMIT 3
-- masked: a view whose columns changed places
SELECT name FROM vault.swapped LIMIT 3
-- refused: an expression over the open name of a view's column
SELECT upper(name) FROM vault.swapped LIMIT 3
-- refused: a filter over the open name of a view's column
SELECT name FROM vault.swapped WHERE name LIKE 'x%' LIMIT 3
-- refused: a view that computes
SELECT loud FROM vault.shouting LIMIT 3
-- refused: a view that computes, with a star
SELECT * FROM vault.shouting LIMIT 3
-- refused: a view with whole rows
SELECT everything FROM vault.whole LIMIT 3
-- refused: a view with whole rows, spread
SELECT (everything).email || '' FROM vault.whole LIMIT 3
-- refused: a view with documents
SELECT doc FROM vault.document LIMIT 3
-- refused: a field of a view's document
SELECT doc->>'email' FROM vault.document LIMIT 3
-- oracle: a view that judges
SELECT count(*) FROM vault.judged WHERE early
-- oracle: a view that judges, shown
SELECT early FROM vault.judged WHERE id = 1
-- oracle: a view that chooses
SELECT count(*) FROM vault.chosen
-- oracle: a view that ranks
SELECT place FROM vault.ranked WHERE id = 2
-- refused: a view that aggregates
SELECT last FROM vault.counted
-- masked: a view of a set operation
SELECT word FROM vault.both ORDER BY id DESC
-- refused: an expression over a view of a set operation
SELECT upper(word) FROM vault.both
-- masked: a view with a barrier
SELECT e FROM vault.guarded LIMIT 3
-- refused: a function that looks behind the barrier
SELECT e FROM vault.guarded WHERE vault.told(e) = ''
-- masked: a recursive view
SELECT e FROM vault.climbing
-- refused: a view that splits
SELECT part FROM vault.split LIMIT 4
-- refused: a view with composites
SELECT pair FROM vault.paired LIMIT 3
-- refused: a field of a view's composite
SELECT (pair).second_half FROM vault.paired LIMIT 3
-- refused: a view that calls a function
SELECT s FROM vault.by_function LIMIT 3
-- refused: a view's row
SELECT g FROM vault.guarded g LIMIT 3
-- refused: a view's row in JSON
SELECT to_json(r) FROM vault.renamed r LIMIT 3
-- masked: a view in COPY
COPY (SELECT * FROM vault.renamed) TO STDOUT
-- refused: a computing view in COPY
COPY (SELECT loud FROM vault.shouting) TO STDOUT
-- safe: an updatable view that returns
UPDATE vault.guarded SET e = e WHERE id = 1 RETURNING e
-- refused: an updatable view that copies
UPDATE vault.swapped SET mail = name WHERE id = 1 RETURNING mail
-- masked: a materialized view
SELECT e FROM vault.contacts LIMIT 3
-- masked: everything of a materialized view
SELECT * FROM vault.contacts LIMIT 3
-- masked: a materialized view in TABLE
TABLE vault.contacts
-- masked: a materialized view in COPY
COPY (TABLE vault.contacts) TO STDOUT
-- refused: an expression over a materialized view
SELECT upper(e) FROM vault.contacts LIMIT 3
-- refused: the row of a materialized view
SELECT c FROM vault.contacts c LIMIT 3
-- safe: a materialized view that computes
SELECT u FROM vault.shouts LIMIT 3
-- refused: an expression over a materialized view that computes
SELECT lower(u) FROM vault.shouts LIMIT 3
-- safe: a materialized view with documents
SELECT doc FROM vault.documents LIMIT 3
-- refused: a field of a materialized document
SELECT doc->>'email' FROM vault.documents LIMIT 3
-- masked: a view of a materialized view
SELECT mail FROM vault.contact_view LIMIT 3
-- safe: a materialized view refreshed
REFRESH MATERIALIZED VIEW vault.contacts
SELECT e FROM vault.contacts LIMIT 3
-- safe: a materialized view renamed
ALTER MATERIALIZED VIEW vault.contacts RENAME COLUMN e TO harmless
SELECT harmless FROM vault.contacts LIMIT 3
-- safe: an index on a materialized view fails
CREATE UNIQUE INDEX ON vault.contacts ((regexp_replace(e, '[0-9]', '', 'g')))
-- masked: a column of a table with generated ones
SELECT secret FROM vault.people
-- safe: a generated column
SELECT shadow FROM vault.people
-- refused: an expression over a generated column
SELECT lower(shadow) FROM vault.people
-- safe: everything with generated columns
SELECT * FROM vault.people
-- oracle: a generated length
SELECT size + 0 FROM vault.people ORDER BY id
-- refused: a generated column that is returned and copied
UPDATE vault.people SET name = shadow WHERE id = 1 RETURNING name
-- safe: a generated column by RETURNING
UPDATE vault.people SET name = 'x' WHERE id = 1 RETURNING shadow
-- safe: a generated column by COPY
COPY (SELECT shadow FROM vault.people) TO STDOUT
-- refused: a generated column in JSON
SELECT to_json(p) FROM vault.people p
-- masked: a partitioned table
SELECT secret FROM vault.events
-- masked: a partition by itself
SELECT secret FROM vault.events_2024
-- masked: a partition with other numbers of columns
SELECT secret FROM vault.events_rest
-- masked: everything of a partition
SELECT * FROM vault.events_rest
-- masked: a partition by COPY
COPY vault.events_rest TO STDOUT
-- masked: a partitioned table by COPY
COPY (SELECT * FROM vault.events) TO STDOUT
-- refused: an expression over a partition
SELECT upper(secret) FROM vault.events_2024
-- refused: a partition's row
SELECT e FROM vault.events_rest e
-- safe: a partition detached
ALTER TABLE vault.events DETACH PARTITION vault.events_2024
SELECT upper(secret) FROM vault.events_2024
-- safe: a partition detached and renamed
ALTER TABLE vault.events DETACH PARTITION vault.events_2024
ALTER TABLE vault.events_2024 RENAME secret TO open
SELECT open FROM vault.events_2024
-- masked: a parent
SELECT secret FROM vault.parent
-- masked: a parent alone
SELECT secret FROM ONLY vault.parent
-- masked: a parent and its children, by a star
SELECT secret FROM vault.parent *
-- masked: a child
SELECT secret FROM vault.child
-- masked: a grandchild
SELECT secret FROM vault.grandchild
-- masked: everything of a grandchild
SELECT * FROM vault.grandchild
-- refused: an expression over a grandchild
SELECT upper(secret) FROM vault.grandchild
-- refused: a grandchild's row as its parent's
SELECT g::vault.parent FROM vault.grandchild g
-- refused: a grandchild's row as its parent's, one field
SELECT (g::vault.parent).secret FROM vault.grandchild g
-- safe: a child that leaves
ALTER TABLE vault.child NO INHERIT vault.parent
SELECT upper(secret) FROM vault.child
-- safe: a child that leaves in the same text
ALTER TABLE vault.child NO INHERIT vault.parent; SELECT upper(secret) FROM vault.child
-- safe: a new parent
CREATE TABLE vault.above (email text NOT NULL)
ALTER TABLE customers INHERIT vault.above
SELECT upper(email) FROM vault.above LIMIT 3
-- masked: a parent whose child's column is protected
SELECT note FROM vault.trunk
-- refused: an expression over a parent whose child's column is protected
SELECT upper(note) FROM vault.trunk
-- masked: a child's own protection
SELECT note FROM vault.leaf
-- masked: a partitioned table of which one partition is protected
SELECT note FROM vault.days
-- refused: an expression over a partitioned table of which one partition is protected
SELECT upper(note) FROM vault.days
-- masked: a protected partition
SELECT note FROM vault.days_1
-- refused: a table made like another, and filled
CREATE TABLE vault.alike (LIKE vault.people INCLUDING ALL)
INSERT INTO vault.alike (id, name, secret) SELECT id, name, secret FROM vault.people
SELECT shadow FROM vault.alike
-- refused: a partition made from a table that was filled
CREATE TABLE vault.filled (at date NOT NULL, who text, secret text)
INSERT INTO vault.filled SELECT date '2030-01-01', who, secret FROM vault.events
SELECT who, secret || '' FROM vault.filled
-- refused: a move between partitions that returns
WITH moved AS (DELETE FROM vault.events_2024 RETURNING *) INSERT INTO vault.events SELECT at, secret, who FROM moved RETURNING who
-- refused: a generated column added and read
ALTER TABLE vault.people ADD COLUMN copy text GENERATED ALWAYS AS (secret || '') STORED
SELECT copy FROM vault.people
-- safe: a view replaced by one that shows
CREATE OR REPLACE VIEW vault.judged AS SELECT id, email AS name, true AS early FROM customers
SELECT upper(name) FROM vault.judged LIMIT 3
-- safe: a view whose column is renamed
ALTER VIEW vault.renamed RENAME COLUMN b TO harmless
SELECT upper(harmless) FROM vault.renamed LIMIT 3
-- safe: a view in another schema
ALTER VIEW vault.renamed SET SCHEMA public
SELECT upper(b) FROM public.renamed LIMIT 3
-- safe: a table in another schema
ALTER TABLE vault.people SET SCHEMA public
SELECT upper(secret) FROM public.people
-- safe: a schema with another name
ALTER SCHEMA vault RENAME TO harmless
SELECT upper(secret) FROM harmless.people
-- safe: a column renamed and read in one text
ALTER TABLE vault.people RENAME secret TO open; SELECT open FROM vault.people
-- safe: a column of another type
ALTER TABLE vault.types ALTER c_int TYPE text
SELECT c_int || '' FROM vault.types
-- safe: a column's default is another's value
ALTER TABLE vault.people ADD COLUMN extra text
UPDATE vault.people SET extra = secret RETURNING extra
-- safe: a table dropped and made again by its name
CREATE TABLE vault.kept AS SELECT * FROM vault.parent
DROP TABLE vault.parent CASCADE
ALTER TABLE vault.kept RENAME TO parent
SELECT upper(secret) FROM vault.parent
-- refused: the view that a protection is named by goes with a column
ALTER TABLE vault.beside DROP COLUMN extra CASCADE
SELECT shown FROM vault.beneath
-- refused: the view that a protection is named by goes with a table
DROP TABLE vault.beside CASCADE
SELECT shown FROM vault.beneath
-- refused: the view that a protection is named by goes with a function
DROP FUNCTION vault.small_size(text) CASCADE
SELECT shown FROM vault.beneath
-- refused: the view that a protection is named by goes with a type
DROP DOMAIN vault.short_text CASCADE
SELECT shown FROM vault.beneath
