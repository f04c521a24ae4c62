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
SELECT (d[1]).secret || '' FROM vault.behind
-- safe: attributes behind a domain over an array, as they are
SELECT (unnest(d)).secret FROM vault.behind
-- safe: a domain over an array of rows
SELECT d FROM vault.behind
-- refused: attributes behind a range
SELECT (lower(r)).secret || '' FROM vault.behind
-- refused: a range of rows as text
SELECT r::text FROM vault.behind
-- safe: a range of rows
SELECT r FROM vault.behind
-- refused: the key of a partition
INSERT INTO vault.spread VALUES (1, 'a')
-- refused: the key of a partition, written by itself
INSERT INTO vault.spread_1 VALUES (1, 'a')
-- refused: ANALYZE of an index over an expression
ANALYZE vault.indexed
-- refused: ANALYZE of statistics over an expression
\needs 14
ANALYZE vault.surveyed
-- refused: an index whose operator class calls
INSERT INTO vault.ordered VALUES (1)
-- refused: REINDEX of an index whose operator class calls
REINDEX TABLE vault.ordered
-- refused: a partition key whose operator class calls
INSERT INTO vault.spread_by VALUES (1)
-- refused: ANALYZE of a range whose distance calls
ANALYZE vault.measures
-- refused: VACUUM FULL of an index over an expression
VACUUM FULL vault.indexed
-- refused: REINDEX of a table with an index over an expression
REINDEX TABLE vault.indexed
-- refused: REINDEX of an index over an expression
REINDEX INDEX vault.indexed_told
-- refused: CLUSTER of a table with an index over an expression
CLUSTER vault.indexed USING indexed_pkey
-- refused: a table with an index over an expression that is written anew
ALTER TABLE vault.indexed SET UNLOGGED
-- refused: REFRESH of a view that calls
REFRESH MATERIALIZED VIEW vault.told_once
-- refused: a foreign key's deletion
DELETE FROM vault.held WHERE id = 1
-- refused: a foreign key's update
UPDATE vault.held SET id = 10 WHERE id = 1
-- refused: a foreign key's update by way of a conflict
INSERT INTO vault.held VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 10
-- refused: a foreign key's deletion by MERGE
\needs 15
MERGE INTO vault.held h USING vault.targets t ON h.id = t.id WHEN MATCHED THEN DELETE
-- refused: TRUNCATE that cascades
TRUNCATE vault.held CASCADE
-- safe: a row that a foreign key's action leaves wrong
DELETE FROM vault.needed WHERE id = 1
