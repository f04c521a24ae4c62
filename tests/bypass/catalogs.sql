-- Values that statistics, catalogs, files, pages and functions that take SQL hold or fetch.

-- refused: most common values
SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'types'
-- refused: histograms
SELECT histogram_bounds FROM pg_stats WHERE schemaname = 'public' AND tablename = 'customers' AND attname = 'email'
-- refused: histograms, all of it
SELECT s FROM pg_stats s WHERE s.tablename = 'customers'
-- refused: histograms by a star
SELECT * FROM pg_stats WHERE tablename = 'customers'
-- refused: histograms in JSON
SELECT to_json(s) FROM pg_catalog.pg_stats s WHERE s.tablename = 'customers'
-- refused: histograms by a common table expression
WITH s AS (SELECT * FROM pg_stats) SELECT histogram_bounds FROM s WHERE tablename = 'customers'
-- refused: histograms by a view of one's own
CREATE TEMP VIEW mine AS SELECT tablename, histogram_bounds::text AS h FROM pg_stats
SELECT h FROM mine WHERE tablename = 'customers'
-- refused: the statistics themselves
SELECT stavalues1, stavalues2, stavalues3 FROM pg_statistic WHERE starelid = 'customers'::regclass
-- refused: the statistics themselves as text
SELECT stavalues1::text FROM pg_statistic WHERE starelid = 'customers'::regclass
-- refused: the statistics themselves by TABLE
TABLE pg_statistic
-- refused: the statistics by COPY
COPY pg_statistic TO STDOUT
-- refused: the statistics by COPY of a query
COPY (SELECT histogram_bounds FROM pg_stats) TO STDOUT
-- refused: statistics of expressions
SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'people_upper'
-- refused: statistics of several columns
CREATE STATISTICS vault.mine (mcv) ON id, secret FROM vault.people
ANALYZE vault.people
SELECT most_common_vals FROM pg_stats_ext WHERE tablename = 'people'
-- refused: statistics of several columns, their data
CREATE STATISTICS vault.mine (mcv) ON id, secret FROM vault.people
ANALYZE vault.people
SELECT encode(pg_mcv_list_send(stxdmcv), 'hex') FROM pg_statistic_ext_data
-- refused: statistics of several columns, item by item
CREATE STATISTICS vault.mine (mcv) ON id, secret FROM vault.people
ANALYZE vault.people
SELECT m.values FROM pg_statistic_ext_data, pg_mcv_list_items(stxdmcv) m
-- refused: a column of statistics as an array
SELECT unnest(histogram_bounds::text::text[]) FROM pg_stats WHERE tablename = 'customers' AND attname = 'email'
-- refused: statistics by information in another schema's name
SELECT histogram_bounds FROM "pg_catalog"."pg_stats" WHERE tablename = 'customers'
-- masked: statements of others
\elsewhere SELECT 'quartzzebra'
SELECT * FROM pg_stat_activity
-- masked: statements of others, in JSON
\elsewhere SELECT 'quartzzebra'
SELECT json_agg(a) FROM pg_stat_activity a
-- refused: statements of others, by numbers
\elsewhere SELECT 'quartzzebra'
SELECT pg_stat_get_backend_activity(i) FROM pg_stat_get_backend_idset() i
-- refused: prepared statements of the session
PREPARE p AS SELECT 'quartzzebra'::text, secret FROM vault.people
SELECT statement FROM pg_prepared_statements
-- refused: cursors of the session
BEGIN
DECLARE c CURSOR FOR SELECT 'quartzzebra'::text, secret FROM vault.people
SELECT statement FROM pg_cursors
ROLLBACK
-- refused: cursors of the session by the function
BEGIN
DECLARE c CURSOR FOR SELECT 'quartzzebra'::text, secret FROM vault.people
SELECT statement FROM pg_cursor()
ROLLBACK
-- refused: large objects
\elsewhere SELECT lo_from_bytea(777, (SELECT convert_to(secret, 'UTF8') FROM vault.people WHERE id = 1)) WHERE NOT EXISTS (SELECT FROM pg_largeobject_metadata WHERE oid = 777)
SELECT data FROM pg_largeobject WHERE loid = 777
-- refused: large objects by a function
\elsewhere SELECT lo_from_bytea(778, (SELECT convert_to(secret, 'UTF8') FROM vault.people WHERE id = 1)) WHERE NOT EXISTS (SELECT FROM pg_largeobject_metadata WHERE oid = 778)
SELECT lo_get(778)
-- refused: large objects by a descriptor
\elsewhere SELECT lo_from_bytea(779, (SELECT convert_to(secret, 'UTF8') FROM vault.people WHERE id = 1)) WHERE NOT EXISTS (SELECT FROM pg_largeobject_metadata WHERE oid = 779)
BEGIN
SELECT lo_open(779, 262144)
SELECT loread(0, 100)
ROLLBACK
-- refused: a page of a table
SELECT encode(get_raw_page('vault.people', 0), 'escape')
-- refused: items of a page
SELECT t_data FROM heap_page_items(get_raw_page('vault.people', 0))
-- refused: attributes of a page
SELECT t_attrs FROM heap_page_item_attrs(get_raw_page('vault.people', 0), 'vault.people'::regclass)
-- refused: a page of an index
SELECT data FROM bt_page_items('api_tokens_api_key_key', 1)
-- refused: a page's tuple taken apart
SELECT tuple_data_split('vault.people'::regclass, t_data, t_infomask, t_infomask2, t_bits) FROM heap_page_items(get_raw_page('vault.people', 0))
-- refused: a file of a table
CHECKPOINT
SELECT pg_read_binary_file(pg_relation_filepath('vault.people'))
-- refused: a piece of a file of a table
CHECKPOINT
SELECT pg_read_binary_file(pg_relation_filepath('vault.people'), 0, 8192)
-- refused: a file of a table by COPY
CHECKPOINT
CREATE TEMP TABLE loot (a text)
COPY loot FROM PROGRAM 'grep -a -o -h quartzzebra -r base | head -n 1'
TABLE loot
-- refused: a file of the log
SELECT pg_read_file('../log')
SELECT secret::int FROM vault.people
-- refused: a query as XML
SELECT query_to_xml('SELECT secret FROM vault.people', true, false, '')
-- refused: a query as XML, put together
SELECT query_to_xml('SELECT sec' || 'ret FROM vault.peo' || 'ple', true, false, '')
-- refused: a query as XML, qualified
SELECT pg_catalog.query_to_xml('SELECT secret FROM vault.people', true, false, '')
-- refused: a query as XML, in FROM
SELECT * FROM query_to_xml('SELECT secret FROM vault.people', true, false, '')
-- refused: a query as XML, by Unicode
SELECT U&"query_to\005fxml"(U&'SELECT \0073ecret FROM vault.people', true, false, '')
-- refused: a query as XML and schema
SELECT query_to_xml_and_xmlschema('SELECT secret FROM vault.people', true, false, '')
-- refused: a table as XML and schema
SELECT table_to_xml_and_xmlschema('vault.people', true, false, '')
-- refused: a table as XML by its number
SELECT table_to_xml('vault.people'::regclass::oid::regclass, true, false, '')
-- refused: every table as XML
SELECT table_to_xml(oid, true, false, '') FROM pg_class WHERE relname = 'people' AND relkind = 'r'
-- refused: a schema as XML
SELECT schema_to_xml('vault', true, false, '')
-- refused: words of a query
SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', secret) FROM vault.people')
-- refused: words of a query, with weights
SELECT * FROM ts_stat('SELECT c_tsv FROM vault.types', 'abcd')
-- refused: a query rewritten by a query
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, to_tsquery(''simple'', ''quartzzebra'') FROM vault.people WHERE secret LIKE ''q%''')
-- refused: a table turned
SELECT * FROM crosstab('SELECT id, 1, secret FROM vault.people ORDER BY 1, 2') AS t (id int, a text)
-- refused: a table turned, by hash
SELECT * FROM crosstab('SELECT id, 1, secret FROM vault.people ORDER BY 1, 2', 'SELECT 1') AS t (id int, a text)
-- refused: a table turned, two columns
SELECT * FROM crosstab2('SELECT id::text, ''a''::text, secret FROM vault.people ORDER BY 1, 2')
-- refused: a tree of a table
SELECT * FROM connectby('vault.people', 'secret', 'secret', 'quartzzebra u', 1) AS t (k text, p text, l int)
-- refused: a cursor as XML
BEGIN
DECLARE c CURSOR FOR SELECT secret FROM vault.people
SELECT cursor_to_xml('c', 10, true, false, '')
ROLLBACK
-- refused: a cursor's schema and its rows as XML
BEGIN
DECLARE c CURSOR FOR SELECT secret FROM vault.people
SELECT cursor_to_xmlschema('c', true, false, ''), cursor_to_xml('c', 10, true, false, '')
ROLLBACK
-- oracle: an estimate
EXPLAIN SELECT 1 FROM vault.people WHERE secret > 'r'
-- oracle: an estimate in JSON
EXPLAIN (FORMAT JSON) SELECT 1 FROM customers WHERE email BETWEEN 'x1' AND 'x3'
-- oracle: an estimate of a join
EXPLAIN SELECT 1 FROM customers c JOIN vault.contacts d ON left(c.email, 2) = left(d.e, 2)
-- oracle: an estimate of groups
EXPLAIN SELECT password_hash FROM customers GROUP BY password_hash
-- oracle: a plan with widths that ran
EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) SELECT 1 FROM customers WHERE email < 'c'
-- oracle: a plan that ran and filtered by a view
EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) SELECT * FROM vault.chosen
-- oracle: a plan of a prepared statement
PREPARE p AS SELECT 1 FROM customers WHERE email LIKE 'x1%'
EXPLAIN EXECUTE p
-- oracle: the width of a column
SELECT avg_width FROM pg_stats WHERE tablename = 'people' AND attname = 'secret'
-- oracle: the number of distinct values
SELECT n_distinct FROM pg_stats WHERE tablename = 'customers' AND attname = 'password_hash'
-- oracle: the frequency of values
SELECT most_common_freqs FROM pg_stats WHERE tablename = 'customers' AND attname = 'password_hash'
-- masked: statements of others in a dashboard's query
\elsewhere SELECT 'quartzzebra'
SELECT pid, datname, usename, application_name, client_addr, backend_start, state, wait_event, query FROM pg_stat_activity ORDER BY pid
-- oracle: statements of others as a filter
\elsewhere SELECT 'quartzzebra'
SELECT pid FROM pg_stat_activity WHERE query LIKE '%quartzzebra%' AND pid <> pg_backend_pid()
