-- Values by way of COPY, cursors, prepared statements and copies made elsewhere.

-- masked: COPY of a query
COPY (SELECT id, email FROM customers ORDER BY id LIMIT 3) TO STDOUT
-- masked: COPY of a query as CSV
COPY (SELECT id, email FROM customers ORDER BY id LIMIT 3) TO STDOUT (FORMAT csv, HEADER)
-- masked: COPY of a query as binary
COPY (SELECT id, email FROM customers ORDER BY id LIMIT 3) TO STDOUT (FORMAT binary)
-- masked: COPY of a table
COPY customers TO STDOUT
-- masked: COPY of columns of a table
COPY customers (id, email) TO STDOUT
-- masked: COPY with another delimiter
COPY (SELECT id, email FROM customers LIMIT 3) TO STDOUT (DELIMITER '@')
-- masked: COPY with quotes everywhere
COPY (SELECT id, email FROM customers LIMIT 3) TO STDOUT (FORMAT csv, FORCE_QUOTE *)
-- masked: COPY in the old spelling
COPY customers TO STDOUT WITH CSV
-- refused: COPY of an expression
COPY (SELECT upper(email) FROM customers LIMIT 3) TO STDOUT
-- refused: COPY to a program
COPY customers TO PROGRAM 'cat > leak.copy'
SELECT pg_read_file('leak.copy')
-- refused: COPY to a file
COPY customers TO '{directory}/leak.file'
SELECT pg_read_file('leak.file')
-- masked: a cursor
BEGIN
DECLARE c CURSOR FOR SELECT email FROM customers
FETCH 2 FROM c
MOVE 1 FROM c
FETCH FORWARD 2 FROM c
COMMIT
-- masked: a cursor that outlives its transaction
BEGIN
DECLARE h CURSOR WITH HOLD FOR SELECT id, email FROM customers
COMMIT
FETCH 3 FROM h
-- refused: a cursor over an expression
BEGIN
DECLARE c CURSOR FOR SELECT upper(email) FROM customers
FETCH 2 FROM c
-- masked: a cursor in one message
BEGIN; DECLARE c CURSOR FOR SELECT email FROM customers; FETCH 2 FROM c; COMMIT
-- masked: a prepared statement
PREPARE p AS SELECT email FROM customers LIMIT 3
EXECUTE p
-- masked: a prepared statement with a parameter
PREPARE p (integer) AS SELECT id, email FROM customers WHERE id = $1
EXECUTE p (1)
EXECUTE p (2)
-- refused: a prepared expression
PREPARE p AS SELECT upper(email) FROM customers LIMIT 3
EXECUTE p
-- safe: a prepared name used again for another
PREPARE p AS SELECT name FROM customers LIMIT 3
DEALLOCATE p
PREPARE p AS SELECT email FROM customers LIMIT 3
EXECUTE p
-- safe: a prepared name that failed to change
PREPARE p AS SELECT email FROM customers LIMIT 3
PREPARE p AS SELECT name FROM customers LIMIT 3
EXECUTE p
ROLLBACK
-- safe: a cursor name that was rolled back
BEGIN; DECLARE c CURSOR FOR SELECT email FROM customers
SAVEPOINT s
ROLLBACK TO s
FETCH 1 FROM c
-- refused: a table made of it
CREATE TABLE leak AS SELECT id, email FROM customers
SELECT * FROM leak
-- refused: a temporary table made of it
CREATE TEMPORARY TABLE leak AS TABLE customers
SELECT * FROM leak
-- refused: SELECT INTO
SELECT email INTO TEMPORARY leak FROM customers
SELECT * FROM leak
-- refused: an INSERT of it
CREATE TEMPORARY TABLE leak (e text)
INSERT INTO leak SELECT email FROM customers
SELECT * FROM leak
-- refused: a materialized view of it
CREATE MATERIALIZED VIEW leak AS SELECT email AS e FROM customers
SELECT e FROM leak
-- safe: a view of it
CREATE TEMPORARY VIEW leak AS SELECT email AS e FROM customers
SELECT e FROM leak LIMIT 3
-- safe: a view of an expression over it
CREATE TEMPORARY VIEW leak AS SELECT upper(email) AS e FROM customers
SELECT e FROM leak LIMIT 3
-- safe: the column renamed
BEGIN
ALTER TABLE customers RENAME COLUMN email TO harmless
SELECT harmless FROM customers LIMIT 3
ROLLBACK
-- safe: the table renamed
BEGIN
ALTER TABLE customers RENAME TO harmless
SELECT email FROM harmless LIMIT 3
ROLLBACK
-- safe: a column that is generated from it
ALTER TABLE customers ADD COLUMN shadow text GENERATED ALWAYS AS (email) STORED
SELECT shadow FROM customers LIMIT 3
-- safe: a column whose type is changed by way of it
BEGIN
ALTER TABLE customers ALTER COLUMN city TYPE text USING email
SELECT city FROM customers LIMIT 3
ROLLBACK
-- safe: a table that inherits it
CREATE TEMPORARY TABLE child () INHERITS (customers)
INSERT INTO child SELECT * FROM customers WHERE id = 7
SELECT email FROM child
-- safe: a rule that returns it
CREATE TEMPORARY TABLE door (e text)
CREATE RULE r AS ON UPDATE TO door DO INSTEAD SELECT email AS e FROM customers
UPDATE door SET e = ''
-- safe: a trigger that copies it
CREATE FUNCTION pg_temp.copier() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.name := new.email; RETURN new; END $$
CREATE TRIGGER t BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION pg_temp.copier()
UPDATE customers SET newsletter = true WHERE id = 1
SELECT name FROM customers WHERE id = 1
