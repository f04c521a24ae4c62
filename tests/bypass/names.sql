-- Names, quotes, comments, the search path, and what readers may take for something else.

-- masked: a table called only
SELECT "interval", "values" FROM vault.only
-- masked: a table called only, after ONLY
SELECT "interval" FROM ONLY vault.only
-- masked: ONLY by the search path
SET search_path = vault, public
SELECT "interval" FROM ONLY "only"
-- safe: a column called interval
SELECT interval FROM vault.only
-- safe: a column called interval, joined
SELECT interval || '' FROM vault.only
-- masked: a column in mixed case
SELECT "c_Case" FROM vault.only
-- masked: a column with a quote
SELECT "c_""quote" FROM vault.only
-- masked: a column with a letter that is not ASCII
SELECT "c_é" FROM vault.only
-- masked: a column with a letter that is not ASCII, bare
SELECT c_é FROM vault.only
-- masked: a column with a letter that is not ASCII, by its number
SELECT U&"c_\00e9" FROM vault.only
-- masked: a column by numbers with another escape
SELECT U&"c!005fuser" UESCAPE '!' FROM vault.only
-- masked: a column by a long number
SELECT U&"\+000063_user" FROM vault.only
-- refused: an expression over a column by its number
SELECT U&"\0063_user" || '' FROM vault.only
-- masked: a column whose alias hides another
SELECT c_user AS id FROM vault.only
-- refused: an alias that is filtered by
SELECT id FROM (SELECT c_user AS id FROM vault.only) s WHERE id LIKE 'f%'
-- masked: an alias that is a keyword
SELECT c_user AS "select" FROM vault.only AS "from"
-- masked: an alias without AS
SELECT c_user "id" FROM vault.only o
-- masked: aliases for all columns
SELECT g FROM vault.only AS o (a, b, c, d, e, f, g)
-- masked: a table by database and schema
SELECT postgres_is_not_it.c_user FROM vault.only AS postgres_is_not_it
-- masked: names of 63 bytes
SELECT long_cccccccccccccccccccccccccccccccccccccccccccccccccccccccccc FROM vault.long_tttttttttttttttttttttttttttttttttttttttttttttttttttttttttt
-- masked: names of more than 63 bytes
SELECT long_ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc FROM vault.long_ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt
-- safe: an expression over names of more than 63 bytes
SELECT upper(long_ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc) FROM vault.long_ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt
-- safe: a cursor with a name of more than 63 bytes
BEGIN
DECLARE long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx CURSOR FOR SELECT email FROM customers
FETCH 2 FROM long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
ROLLBACK
-- safe: a statement with a name of more than 63 bytes
PREPARE long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx AS SELECT email FROM customers LIMIT 3
EXECUTE long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
-- safe: two statements whose names are one
PREPARE long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1 AS SELECT email FROM customers LIMIT 3
PREPARE long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx2 AS SELECT name FROM customers LIMIT 3
EXECUTE long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx2
EXECUTE long_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1
ROLLBACK
-- masked: a cursor's name in another case
BEGIN
DECLARE Cc CURSOR FOR SELECT email FROM customers
FETCH 2 FROM cC
ROLLBACK
-- masked: a cursor's name in quotes
BEGIN
DECLARE "c C" CURSOR FOR SELECT email FROM customers
FETCH 2 FROM "c C"
ROLLBACK
-- masked: a statement's name by numbers
PREPARE U&"\0070" AS SELECT email FROM customers LIMIT 3
EXECUTE p
-- safe: a string that goes on in the next line
SELECT E'x'⏎'\'' , secret FROM vault.people --'
-- safe: a plain string that goes on in the next line
SELECT 'x'⏎'y', secret || '' FROM vault.people
-- safe: a string with numbers of letters
SELECT U&'\0061', secret || '' FROM vault.people
-- safe: a string in dollars that holds a quote
SELECT $$'$$, secret || '' FROM vault.people --'$$
-- safe: a string in dollars with a tag that holds another
SELECT $a$ $b$ ' $a$, secret || '' FROM vault.people
-- safe: a bit string
SELECT B'1', X'1F', secret || '' FROM vault.people
-- safe: a national string
SELECT N'x', secret || '' FROM vault.people
-- safe: a comment within a comment
SELECT /* a /* b */ ' */ secret || '' FROM vault.people /* ' */
-- safe: a comment that ends the line
SELECT -- '⏎ secret || '' FROM vault.people
-- masked: a comment between all words
SELECT/**/secret/**/FROM/**/vault/**/./**/people
-- masked: tabs, form feeds and returns
SELECT	secret⏎FROM⏎⏎vault . people
-- masked: a semicolon at the end
SELECT secret FROM vault.people;
-- masked: many semicolons
;;SELECT secret FROM vault.people;;
-- masked: brackets
((SELECT secret FROM vault.people))
-- refused: brackets and a set operation
((SELECT secret FROM vault.people) UNION (SELECT name FROM vault.people)) ORDER BY 1
-- masked: a star with brackets
SELECT (people).secret FROM vault.people
-- refused: a row of a star
SELECT ROW(p.*) FROM vault.people p
-- refused: a row compared with itself
SELECT p IS DISTINCT FROM NULL, p FROM vault.people p
-- masked: a natural join
SELECT secret FROM vault.people NATURAL JOIN (SELECT id FROM vault.people) q
-- oracle: a natural join over the protected column
SELECT count(*) FROM vault.people NATURAL JOIN (SELECT secret FROM vault.people WHERE id = 1) q
-- oracle: a join with USING over the protected column
SELECT count(*) FROM vault.people JOIN (VALUES ('quartzzebra u')) AS v (secret) USING (secret)
-- masked: a join's alias
SELECT (j).secret FROM (vault.people JOIN vault.targets USING (id)) AS j
-- masked: a join with an alias for what it merges
\needs 14
SELECT secret FROM vault.people JOIN vault.targets USING (id) AS j
-- masked: lateral and left
SELECT l.s FROM vault.targets t LEFT JOIN LATERAL (SELECT p.secret AS s FROM vault.people p WHERE p.id = t.id) l ON true
-- masked: nested common table expressions
WITH a AS (WITH b AS (SELECT secret FROM vault.people) SELECT * FROM b) SELECT * FROM a
-- masked: a common table expression that hides a table
WITH targets AS (SELECT secret AS note FROM vault.people) SELECT note FROM targets
-- refused: an expression over a common table expression that hides a table
WITH targets AS (SELECT secret AS note FROM vault.people) SELECT upper(note) FROM targets
-- safe: an expression over a table that a common table expression does not hide
SET search_path = vault
WITH people AS (SELECT 1 AS id, 'x'::text AS secret) SELECT upper(p.secret) FROM vault.people p
-- refused: intersection
SELECT secret FROM vault.people INTERSECT ALL SELECT secret FROM vault.people
-- refused: except
SELECT secret FROM vault.people EXCEPT ALL SELECT name FROM vault.people
-- refused: union without doubles
SELECT secret FROM vault.people UNION SELECT secret FROM vault.people
-- masked: union with constants
SELECT 'x' UNION ALL SELECT secret FROM vault.people
-- masked: three unions
SELECT NULL UNION ALL SELECT name FROM vault.people UNION ALL SELECT secret FROM vault.people
-- safe: another table by the search path
SET search_path = vault, public
CREATE TEMP TABLE people AS SELECT 1 AS id, 'x'::text AS secret
SELECT upper(secret) FROM vault.people
-- safe: a temporary view that hides a table
CREATE TEMP VIEW targets AS SELECT id, secret AS note FROM vault.people
SET search_path = vault
SELECT upper(note) FROM targets
-- safe: a table of another schema by the search path
CREATE SCHEMA other
CREATE VIEW other.products AS SELECT id, email AS name FROM customers
SET search_path = other, public
SELECT upper(name) FROM products
-- safe: a search path of one transaction
BEGIN
CREATE SCHEMA other
CREATE VIEW other.products AS SELECT id, email AS name FROM customers
SET LOCAL search_path = other
SELECT upper(name) FROM products
ROLLBACK
-- safe: a search path by set_config
CREATE SCHEMA other
CREATE VIEW other.products AS SELECT id, email AS name FROM customers
SELECT set_config('search_path', 'other', false)
SELECT upper(name) FROM products
-- safe: a search path by the start of the session
\login search_path=vault, public
SELECT upper(secret) FROM people
-- safe: a search path by options
\login options=-c search_path=vault
SELECT upper(secret) FROM people
-- masked: a search path by options, plain
\login options=-c search_path=vault
SELECT secret FROM people
-- safe: strings with escapes
SET standard_conforming_strings = off
SELECT 'a\'', secret || '' FROM vault.people --'
-- safe: strings with escapes for a transaction
BEGIN
SET LOCAL standard_conforming_strings TO off
SELECT 'a\'', secret || '' FROM vault.people --'
ROLLBACK
-- safe: strings with escapes in the same text
SET standard_conforming_strings = off; SELECT 'a\' , secret || '' FROM vault.people --'
-- safe: strings with escapes by set_config
SELECT set_config('standard_conforming_strings', 'off', false)
SELECT 'a\'', secret || '' FROM vault.people --'
-- safe: a quote after a backslash is allowed
SET backslash_quote = on
SELECT E'a\'', secret || '' FROM vault.people --'
-- safe: bytes as escapes
SET bytea_output = escape
SELECT convert_to(secret, 'UTF8') FROM vault.people
-- masked: bytes of a column as escapes
SET bytea_output = escape
SELECT c_bytea FROM vault.types
-- masked: dates in another style
SET DateStyle = German
SELECT c_date, c_stamp, c_int FROM vault.types
-- masked: intervals in another style
SET IntervalStyle = iso_8601
SELECT c_interval, c_int FROM vault.types
-- masked: numbers with fewer digits
SET extra_float_digits = 0
SELECT c_float, c_point FROM vault.types
-- masked: XML as a document
SET xmloption = document
SELECT c_xml FROM vault.types
-- masked: money of another place
SET lc_monetary = 'C'
SELECT c_money, c_int FROM vault.types
-- safe: another role
SET ROLE app
SELECT secret FROM vault.people
-- refused: another role, an expression
SET ROLE app
SELECT upper(secret) FROM vault.people
-- safe: another user
SET SESSION AUTHORIZATION app
SELECT upper(secret) FROM vault.people
-- safe: another user reset
SET SESSION AUTHORIZATION DEFAULT
SELECT upper(secret) FROM vault.people
-- safe: everything discarded
PREPARE p AS SELECT name FROM vault.people
DISCARD ALL
PREPARE p AS SELECT upper(secret) FROM vault.people
EXECUTE p
ROLLBACK
-- safe: messages of all levels
SET client_min_messages = debug5
SELECT upper(secret) FROM vault.people
-- safe: the parse tree in messages
SET debug_print_parse = on
SET client_min_messages = log
SELECT upper(secret) FROM vault.people
-- safe: a role with the value as its password
SET log_statement = 'all'
SET client_min_messages = log
SELECT secret || '' FROM vault.people
-- safe: equals transformed
SET transform_null_equals = on
SELECT secret || '' FROM vault.people WHERE id = NULL OR id = 1
-- safe: another encoding
SET client_encoding = 'UTF8'
SELECT secret || '' FROM vault.people
-- safe: names of another encoding
SET NAMES 'LATIN1'
SELECT secret || '' FROM vault.people
-- safe: an encoding whose second byte may be a backslash
SET client_encoding = 'SJIS'
SELECT secret || '' FROM vault.people
-- safe: EXECUTE of a name that texts have changed whose transactions failed at their end
BEGIN
CREATE TEMP TABLE at_end (x integer UNIQUE DEFERRABLE INITIALLY DEFERRED)
COMMIT
PREPARE at_end AS SELECT 'a'::text AS email UNION ALL SELECT 'b'
INSERT INTO at_end VALUES (1), (1); DEALLOCATE at_end
INSERT INTO at_end VALUES (1), (1); PREPARE at_end AS SELECT email::text FROM customers WHERE id < 3 UNION ALL SELECT 'b'
EXECUTE at_end
-- safe: the same, by cursors that are run at their end and fail as if nothing had run
BEGIN
COMMIT
PREPARE at_end_too AS SELECT 'a'::text AS email UNION ALL SELECT 'b'
DECLARE held CURSOR WITH HOLD FOR SELECT ('nosuch' || x)::regclass FROM generate_series(0, 1) x; DEALLOCATE at_end_too
DECLARE held CURSOR WITH HOLD FOR SELECT ('nosuch' || x)::regclass FROM generate_series(0, 1) x; PREPARE at_end_too AS SELECT email::text FROM customers WHERE id < 3 UNION ALL SELECT 'b'
EXECUTE at_end_too
