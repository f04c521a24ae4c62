-- Ways that the second adversary found: what runs, or is written, behind a statement's back. Guard off.

-- refused: a domain's default
CREATE TEMP TABLE xx (v vault.telling)
INSERT INTO xx DEFAULT VALUES
SELECT * FROM xx
-- refused: a domain's default in a table that is there
INSERT INTO vault.telling_rows (id) VALUES (1) RETURNING note
-- refused: a check of a domain
INSERT INTO vault.checking_rows (note) VALUES ('a')
-- refused: a check of a domain of an array's elements
INSERT INTO vault.checking_lists (notes) VALUES ('{a}')
-- refused: a check of a domain in a row
INSERT INTO vault.checking_pairs (pair) VALUES ('(a,b)')
-- refused: a check of a domain in a range
INSERT INTO vault.checking_spans (span) VALUES ('[a,b]')
-- refused: attributes behind a domain over an array
SELECT (d[1]).email || '' FROM vault.behind
-- safe: attributes behind a domain over an array, as they are
SELECT (unnest(d)).email FROM vault.behind
-- safe: a domain over an array of rows
SELECT d FROM vault.behind
-- refused: attributes behind a range
SELECT (lower(r)).email || '' FROM vault.behind
-- refused: a range of rows as text
SELECT r::text FROM vault.behind
-- safe: a range of rows
SELECT r FROM vault.behind
