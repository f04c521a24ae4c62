-- What drivers never send: messages in unusual orders, portals that are resumed, plans that change, functions by number.

-- masked: executed without being described
\parse - SELECT secret FROM vault.people
\bind - - text
\execute - 0
\sync
-- masked: executed without being described, in binary
\parse - SELECT secret, id FROM vault.people
\bind - - binary
\execute - 0
\sync
-- masked: described as a statement only
\parse s SELECT secret FROM vault.people
\describe S s
\sync
\bind - s text
\execute - 0
\sync
-- masked: described long before
\parse s SELECT secret FROM vault.people
\describe S s
\sync
SELECT 1
\bind - s binary
\execute - 0
\sync
-- masked: a portal that is resumed
\parse - SELECT secret FROM vault.people
\bind p - text
\execute p 1
\execute p 1
\execute p 0
\sync
-- masked: a portal that is resumed after a Flush
\parse - SELECT secret FROM vault.people
\bind p - text
\execute p 1
\flush
\execute p 1
\sync
-- masked: a portal that is resumed after a Sync in a transaction
BEGIN
\parse - SELECT secret FROM vault.people
\bind p - text
\execute p 1
\sync
\execute p 2
\sync
ROLLBACK
-- masked: a portal that FETCH reads
BEGIN
\parse - SELECT secret FROM vault.people
\bind p - text
\sync
FETCH 2 FROM p
ROLLBACK
-- safe: a cursor that Execute reads
BEGIN
DECLARE c CURSOR FOR SELECT secret FROM vault.people
\describe P c
\execute c 2
\sync
ROLLBACK
-- safe: a cursor that Execute reads without Describe
BEGIN
DECLARE c CURSOR FOR SELECT secret FROM vault.people
\execute c 2
\sync
ROLLBACK
-- safe: a statement of SQL that Bind uses
PREPARE s AS SELECT secret FROM vault.people
\bind - s text
\execute - 0
\sync
-- masked: a statement of Parse that EXECUTE uses
\parse s SELECT secret FROM vault.people
\sync
EXECUTE s
-- masked: two portals side by side
\parse a SELECT secret FROM vault.people
\parse b SELECT name FROM vault.people
\bind pa a text
\bind pb b text
\execute pb 1
\execute pa 1
\execute pb 1
\execute pa 1
\sync
-- masked: several requests before one Sync
\parse - SELECT name FROM vault.people
\bind - - text
\execute - 0
\parse - SELECT secret FROM vault.people
\bind - - text
\execute - 0
\sync
-- safe: an error between, and the rest until Sync
\parse - SELECT nothing
\bind - - text
\execute - 0
\parse - SELECT secret FROM vault.people
\bind - - text
\execute - 0
\sync
\parse - SELECT secret FROM vault.people
\bind - - text
\execute - 0
\sync
-- safe: a name that is used again
\parse s SELECT name FROM vault.people
\sync
\close S s
\parse s SELECT secret FROM vault.people
\bind - s text
\execute - 0
\sync
-- safe: a name that is used again although it is taken
\parse s SELECT secret FROM vault.people
\sync
\parse s SELECT name FROM vault.people
\sync
\bind - s text
\execute - 0
\sync
-- safe: a name that is closed by SQL
\parse s SELECT name FROM vault.people
\sync
DEALLOCATE s
\parse s SELECT secret FROM vault.people
\bind - s text
\execute - 0
\sync
-- safe: names that DISCARD takes away
\parse s SELECT name FROM vault.people
\sync
DISCARD ALL
PREPARE s AS SELECT secret FROM vault.people
\bind - s text
\execute - 0
\sync
-- safe: two names of more than 63 bytes that are one
\parse long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1 SELECT secret FROM vault.people
\sync
\parse long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx2 SELECT name FROM vault.people
\sync
\bind - long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx2 text
\execute - 0
\sync
-- masked: the unnamed portal after a query
\parse - SELECT secret FROM vault.people
\bind p - text
\execute p 0
\sync
SELECT secret FROM vault.people
-- masked: COPY by the extended protocol
\parse - COPY vault.people (id, name, secret) TO STDOUT
\bind - - text
\execute - 0
\sync
-- masked: COPY by the extended protocol, in binary
\parse - COPY (SELECT secret FROM vault.people) TO STDOUT (FORMAT binary)
\bind - - text
\describe P -
\execute - 0
\sync
-- masked: RETURNING by the extended protocol
\parse - UPDATE vault.people SET name = name RETURNING secret
\bind - - text
\execute - 2
\sync
-- refused: an expression without Describe
\parse - SELECT upper(secret) FROM vault.people
\bind - - text
\execute - 0
\sync
-- refused: an expression after a harmless one
\parse - SELECT 1
\bind - - text
\execute - 0
\parse - SELECT upper(secret) FROM vault.people
\bind - - text
\execute - 0
\sync
-- refused: a function by its number
\call vault.email_of(integer) 1
-- refused: a function by its number that runs a text
\call vault.run(text) SELECT email FROM customers LIMIT 1
-- refused: a function by its number that tells
\call vault.run(text) SELECT secret::int FROM vault.people
-- refused: a function of PostgreSQL's own by its number
COPY vault.people TO PROGRAM 'cat > leak.number'
\call pg_read_file(text) leak.number
-- safe: a column renamed between Parse and Execute
\parse s SELECT name || '' FROM vault.people
\sync
\elsewhere ALTER TABLE vault.people RENAME name TO old
\elsewhere ALTER TABLE vault.people RENAME shadow TO name
\bind - s text
\execute - 0
\sync
\elsewhere ALTER TABLE vault.people RENAME name TO shadow
\elsewhere ALTER TABLE vault.people RENAME old TO name
-- safe: a view replaced between Parse and Execute
\parse s SELECT upper(word) FROM vault.shown
\elsewhere CREATE OR REPLACE VIEW vault.shown AS SELECT name AS word FROM vault.people
\sync
\parse s SELECT upper(word) FROM vault.shown
\sync
\elsewhere CREATE OR REPLACE VIEW vault.shown AS SELECT secret AS word FROM vault.people
\bind - s text
\execute - 0
\sync
\elsewhere DROP VIEW vault.shown
-- safe: a view replaced between two queries
\elsewhere CREATE OR REPLACE VIEW vault.shown AS SELECT name AS word FROM vault.people
SELECT upper(word) FROM vault.shown
\elsewhere CREATE OR REPLACE VIEW vault.shown AS SELECT secret AS word FROM vault.people
SELECT upper(word) FROM vault.shown
\elsewhere DROP VIEW vault.shown
-- safe: a search path between Parse and Execute
CREATE TEMP VIEW words AS SELECT upper(secret) AS word FROM vault.people
CREATE SCHEMA IF NOT EXISTS harmless
CREATE TABLE IF NOT EXISTS harmless.words (word text)
SET search_path = harmless, pg_temp
\parse s SELECT word FROM words
\sync
SET search_path = pg_temp
\bind - s text
\execute - 0
\sync
-- safe: a temporary table between Parse and Execute
\parse s SELECT note FROM vault.targets
\sync
SET search_path = pg_temp, vault
CREATE TEMP VIEW targets AS SELECT upper(secret) AS note FROM vault.people
\parse t SELECT note FROM targets
\bind - t text
\execute - 0
\sync
-- safe: a statement prepared before its table is swapped
PREPARE s AS SELECT note || '' FROM vault.swapping
\elsewhere CREATE TABLE IF NOT EXISTS vault.swapping (note text)
PREPARE s AS SELECT note || '' FROM vault.swapping
EXECUTE s
\elsewhere DROP TABLE vault.swapping
\elsewhere CREATE VIEW vault.swapping AS SELECT secret AS note FROM vault.people
EXECUTE s
\elsewhere DROP VIEW vault.swapping
-- refused: a function replaced between Parse and Execute
\elsewhere CREATE OR REPLACE FUNCTION vault.changing() RETURNS text LANGUAGE sql AS 'SELECT ''x''::text'
\parse s SELECT vault.changing()
\sync
\elsewhere CREATE OR REPLACE FUNCTION vault.changing() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
\bind - s text
\execute - 0
\sync
