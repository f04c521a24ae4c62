-- A protected column of every type, as itself, as text and in an array. One line is one query.

-- masked: a column of the type of text
SELECT c_text FROM vault.types
-- masked: text as text
SELECT c_text::text FROM vault.types
-- masked: a column of the type of varchar
SELECT c_varchar FROM vault.types
-- masked: varchar as text
SELECT c_varchar::text FROM vault.types
-- masked: a column of the type of char
SELECT c_char FROM vault.types
-- refused: char as text
SELECT c_char::text FROM vault.types
-- masked: a column of the type of name
SELECT c_name FROM vault.types
-- refused: name as text
SELECT c_name::text FROM vault.types
-- masked: a column of the type of citext
SELECT c_citext FROM vault.types
-- refused: citext as text
SELECT c_citext::text FROM vault.types
-- masked: a column of the type of domain
SELECT c_domain FROM vault.types
-- refused: domain as text
SELECT c_domain::text FROM vault.types
-- masked: a column of the type of int
SELECT c_int FROM vault.types
-- refused: int as text
SELECT c_int::text FROM vault.types
-- masked: a column of the type of big
SELECT c_big FROM vault.types
-- refused: big as text
SELECT c_big::text FROM vault.types
-- masked: a column of the type of numeric
SELECT c_numeric FROM vault.types
-- refused: numeric as text
SELECT c_numeric::text FROM vault.types
-- masked: a column of the type of real
SELECT c_real FROM vault.types
-- refused: real as text
SELECT c_real::text FROM vault.types
-- masked: a column of the type of float
SELECT c_float FROM vault.types
-- refused: float as text
SELECT c_float::text FROM vault.types
-- masked: a column of the type of money
SELECT c_money FROM vault.types
-- refused: money as text
SELECT c_money::text FROM vault.types
-- masked: a column of the type of oid
SELECT c_oid FROM vault.types
-- refused: oid as text
SELECT c_oid::text FROM vault.types
-- masked: a column of the type of date
SELECT c_date FROM vault.types
-- refused: date as text
SELECT c_date::text FROM vault.types
-- masked: a column of the type of time
SELECT c_time FROM vault.types
-- refused: time as text
SELECT c_time::text FROM vault.types
-- masked: a column of the type of timetz
SELECT c_timetz FROM vault.types
-- refused: timetz as text
SELECT c_timetz::text FROM vault.types
-- masked: a column of the type of stamp
SELECT c_stamp FROM vault.types
-- refused: stamp as text
SELECT c_stamp::text FROM vault.types
-- masked: a column of the type of stamptz
SELECT c_stamptz FROM vault.types
-- refused: stamptz as text
SELECT c_stamptz::text FROM vault.types
-- masked: a column of the type of interval
SELECT c_interval FROM vault.types
-- refused: interval as text
SELECT c_interval::text FROM vault.types
-- masked: a column of the type of uuid
SELECT c_uuid FROM vault.types
-- refused: uuid as text
SELECT c_uuid::text FROM vault.types
-- masked: a column of the type of inet
SELECT c_inet FROM vault.types
-- refused: inet as text
SELECT c_inet::text FROM vault.types
-- masked: a column of the type of cidr
SELECT c_cidr FROM vault.types
-- refused: cidr as text
SELECT c_cidr::text FROM vault.types
-- masked: a column of the type of mac
SELECT c_mac FROM vault.types
-- refused: mac as text
SELECT c_mac::text FROM vault.types
-- masked: a column of the type of mac8
SELECT c_mac8 FROM vault.types
-- refused: mac8 as text
SELECT c_mac8::text FROM vault.types
-- masked: a column of the type of bytea
SELECT c_bytea FROM vault.types
-- refused: bytea as text
SELECT c_bytea::text FROM vault.types
-- masked: a column of the type of bit
SELECT c_bit FROM vault.types
-- refused: bit as text
SELECT c_bit::text FROM vault.types
-- masked: a column of the type of varbit
SELECT c_varbit FROM vault.types
-- refused: varbit as text
SELECT c_varbit::text FROM vault.types
-- masked: a column of the type of json
SELECT c_json FROM vault.types
-- refused: json as text
SELECT c_json::text FROM vault.types
-- masked: a column of the type of jsonb
SELECT c_jsonb FROM vault.types
-- refused: jsonb as text
SELECT c_jsonb::text FROM vault.types
-- masked: a column of the type of path
SELECT c_path FROM vault.types
-- refused: path as text
SELECT c_path::text FROM vault.types
-- masked: a column of the type of xml
SELECT c_xml FROM vault.types
-- refused: xml as text
SELECT c_xml::text FROM vault.types
-- masked: a column of the type of hstore
SELECT c_hstore FROM vault.types
-- refused: hstore as text
SELECT c_hstore::text FROM vault.types
-- masked: a column of the type of ints
SELECT c_ints FROM vault.types
-- refused: ints as text
SELECT c_ints::text FROM vault.types
-- masked: a column of the type of texts
SELECT c_texts FROM vault.types
-- refused: texts as text
SELECT c_texts::text FROM vault.types
-- masked: a column of the type of uuids
SELECT c_uuids FROM vault.types
-- refused: uuids as text
SELECT c_uuids::text FROM vault.types
-- masked: a column of the type of moods
SELECT c_moods FROM vault.types
-- refused: moods as text
SELECT c_moods::text FROM vault.types
-- masked: a column of the type of range
SELECT c_range FROM vault.types
-- refused: range as text
SELECT c_range::text FROM vault.types
-- masked: a column of the type of nums
SELECT c_nums FROM vault.types
-- refused: nums as text
SELECT c_nums::text FROM vault.types
-- masked: a column of the type of dates
SELECT c_dates FROM vault.types
-- refused: dates as text
SELECT c_dates::text FROM vault.types
-- masked: a column of the type of span
SELECT c_span FROM vault.types
-- refused: span as text
SELECT c_span::text FROM vault.types
-- masked: a column of the type of tsv
SELECT c_tsv FROM vault.types
-- refused: tsv as text
SELECT c_tsv::text FROM vault.types
-- masked: a column of the type of tsq
SELECT c_tsq FROM vault.types
-- refused: tsq as text
SELECT c_tsq::text FROM vault.types
-- masked: a column of the type of point
SELECT c_point FROM vault.types
-- refused: point as text
SELECT c_point::text FROM vault.types
-- masked: a column of the type of box
SELECT c_box FROM vault.types
-- refused: box as text
SELECT c_box::text FROM vault.types
-- masked: a column of the type of poly
SELECT c_poly FROM vault.types
-- refused: poly as text
SELECT c_poly::text FROM vault.types
-- masked: a column of the type of circle
SELECT c_circle FROM vault.types
-- refused: circle as text
SELECT c_circle::text FROM vault.types
-- masked: a column of the type of line
SELECT c_line FROM vault.types
-- refused: line as text
SELECT c_line::text FROM vault.types
-- masked: a column of the type of lseg
SELECT c_lseg FROM vault.types
-- refused: lseg as text
SELECT c_lseg::text FROM vault.types
-- masked: a column of the type of way
SELECT c_way FROM vault.types
-- refused: way as text
SELECT c_way::text FROM vault.types
-- masked: a column of the type of lsn
SELECT c_lsn FROM vault.types
-- refused: lsn as text
SELECT c_lsn::text FROM vault.types
-- masked: a column of the type of tid
SELECT c_tid FROM vault.types
-- refused: tid as text
SELECT c_tid::text FROM vault.types
-- masked: a column of the type of mood
SELECT c_mood FROM vault.types
-- refused: mood as text
SELECT c_mood::text FROM vault.types
-- masked: a column of the type of pair
SELECT c_pair FROM vault.types
-- refused: pair as text
SELECT c_pair::text FROM vault.types
-- masked: a column of the type of pairs
SELECT c_pairs FROM vault.types
-- refused: pairs as text
SELECT c_pairs::text FROM vault.types
-- masked: all types at once
SELECT * FROM vault.types
-- masked: all types in a cursor
BEGIN
DECLARE c CURSOR FOR SELECT * FROM vault.types
FETCH ALL FROM c
ROLLBACK
-- masked: all types in a binary cursor
BEGIN
DECLARE c BINARY CURSOR FOR SELECT * FROM vault.types
FETCH ALL FROM c
ROLLBACK
-- masked: all types by COPY
COPY vault.types TO STDOUT
-- masked: all types by COPY as CSV
COPY vault.types TO STDOUT (FORMAT csv, HEADER)
-- masked: all types by COPY as binary
COPY vault.types TO STDOUT (FORMAT binary)
-- masked: all types by a prepared statement
PREPARE p AS SELECT * FROM vault.types
EXECUTE p
-- refused: all types as a row
SELECT t FROM vault.types t
-- refused: all types in JSON
SELECT to_json(t) FROM vault.types t
-- refused: all types in an array of rows
SELECT array_agg(t) FROM vault.types t
-- refused: an element of an array
SELECT c_texts[1] FROM vault.types
-- refused: a slice of an array
SELECT c_texts[1:1] FROM vault.types
-- refused: elements of an array as rows
SELECT unnest(c_texts) FROM vault.types
-- refused: elements of an array in FROM
SELECT e FROM vault.types, unnest(c_texts) AS e
-- refused: elements of two arrays
SELECT * FROM vault.types t, ROWS FROM (unnest(t.c_texts), unnest(t.c_ints)) AS r (a, b)
-- refused: an array as text
SELECT array_to_string(c_texts, ',') FROM vault.types
-- refused: an array as JSON
SELECT array_to_json(c_texts) FROM vault.types
-- refused: an array that grows
SELECT array_append(c_texts, 'x') FROM vault.types
-- refused: an array and another
SELECT c_texts || ARRAY['x'] FROM vault.types
-- refused: the first half of a composite
SELECT (c_pair).first_half FROM vault.types
-- refused: a composite spread
SELECT (c_pair).* FROM vault.types
-- refused: a composite spread by way of a subquery
SELECT (p).first_half FROM (SELECT c_pair AS p FROM vault.types) s
-- refused: an element's field
SELECT (c_pairs[1]).first_half FROM vault.types
-- refused: composites unnested
SELECT p.* FROM vault.types, unnest(c_pairs) AS p
-- refused: the functional form of a composite's field
SELECT first_half(c_pair) FROM vault.types
-- refused: a JSON field
SELECT c_json->'k' FROM vault.types
-- refused: a JSON field as text
SELECT c_json->>'k' FROM vault.types
-- refused: a JSONB field by subscript
\needs 14
SELECT c_jsonb['k'] FROM vault.types
-- refused: a JSONB path
SELECT c_jsonb #>> '{k}' FROM vault.types
-- refused: a JSONB path query
SELECT jsonb_path_query(c_jsonb, '$.*') FROM vault.types
-- refused: a JSONB path query in FROM
SELECT q FROM vault.types, jsonb_path_query(c_jsonb, '$.k') AS q
-- refused: pairs of a JSONB value
SELECT key, value FROM vault.types, jsonb_each_text(c_jsonb)
-- refused: JSON as a record
SELECT r.k FROM vault.types, json_to_record(c_json) AS r (k text)
-- refused: JSON populated
SELECT (json_populate_record(NULL::vault.pair, json_build_object('first_half', c_json))).first_half FROM vault.types
-- refused: JSONB pretty
SELECT jsonb_pretty(c_jsonb) FROM vault.types
-- refused: JSONB less a key
SELECT c_jsonb - 'n' FROM vault.types
-- refused: JSONB and more
SELECT c_jsonb || '{"x": 1}' FROM vault.types
-- refused: JSONB set
SELECT jsonb_set(c_jsonb, '{x}', '1') FROM vault.types
-- refused: a value of hstore
SELECT c_hstore -> 'k' FROM vault.types
-- refused: all values of hstore
SELECT avals(c_hstore) FROM vault.types
-- refused: values of hstore as rows
SELECT svals(c_hstore) FROM vault.types
-- refused: pairs of hstore
SELECT (each(c_hstore)).value FROM vault.types
-- refused: hstore as JSON
SELECT hstore_to_json(c_hstore) FROM vault.types
-- refused: a row as hstore
SELECT hstore(t) -> 'c_text' FROM vault.types t
-- refused: the start of a range
SELECT lower(c_range) FROM vault.types
-- refused: ranges merged
SELECT range_merge(c_range, c_range) FROM vault.types
-- refused: ranges aggregated
\needs 14
SELECT range_agg(c_range) FROM vault.types
-- refused: the part of a date
SELECT extract(year FROM c_date)::text || '284' FROM vault.types
-- refused: a date in another time zone
SELECT c_stamp::date || ' 04:00:00' FROM vault.types
-- refused: a time added
SELECT c_date + interval '0 days' FROM vault.types
-- refused: lexemes
SELECT lexeme FROM vault.types, unnest(c_tsv)
-- refused: lexemes as an array
SELECT tsvector_to_array(c_tsv) FROM vault.types
-- refused: a tree of a query
SELECT querytree(c_tsq) FROM vault.types
-- refused: a headline
SELECT ts_headline('simple', c_text, to_tsquery('simple', 'a')) FROM vault.types
-- refused: a host
SELECT host(c_inet) || '/32' || abbrev(c_inet), c_inet - inet '0.0.0.0' + 0, set_masklen(c_inet, 31) FROM vault.types WHERE c_inet::text <> ''
-- refused: a point's x
SELECT (c_point[0] * 100)::bigint::text || '84' FROM vault.types
-- refused: a number formatted
SELECT to_char(c_big, '99999999999') FROM vault.types
-- refused: a number with a sign
SELECT -c_int FROM vault.types
-- refused: a number with a sign of its own
SELECT +c_int FROM vault.types
-- refused: a number times one
SELECT c_numeric * 1 FROM vault.types
-- refused: a number as hexadecimal digits of its text
SELECT encode(convert_to(c_int::text, 'UTF8'), 'hex') FROM vault.types
-- refused: money as a number
SELECT c_big::numeric / 10 FROM vault.types
-- refused: bits as a number
SELECT c_bit::bigint FROM vault.types
-- refused: bytes
SELECT convert_from(c_bytea, 'UTF8') FROM vault.types
-- refused: bytes escaped
SELECT encode(c_bytea, 'escape') FROM vault.types
-- refused: bytes one by one
SELECT array_agg(get_byte(c_bytea, i) ORDER BY i) FROM vault.types, generate_series(2, 12) i WHERE id = 1
-- refused: an XML path
SELECT xpath('/a/text()', c_xml) FROM vault.types
-- refused: XML in a table
SELECT x.* FROM vault.types t, xmltable('/a' PASSING t.c_xml COLUMNS v text PATH '.') x
-- refused: XML serialized
SELECT xmlserialize(CONTENT c_xml AS text) FROM vault.types
-- refused: XML in XML
SELECT xmlelement(NAME a, c_text) FROM vault.types
-- refused: an attribute of XML
SELECT xmlelement(NAME a, xmlattributes(c_text AS b)) FROM vault.types
-- refused: a comment in XML
SELECT xmlcomment(c_text) FROM vault.types
-- refused: XML put together
SELECT xmlconcat(c_xml, '<b/>') FROM vault.types
-- refused: XML aggregated
SELECT xmlagg(c_xml) FROM vault.types
-- refused: an enum's range
SELECT enum_range(c_mood, c_mood) FROM vault.types
-- refused: a domain's base
SELECT c_domain || '' FROM vault.types
-- refused: another case of citext
SELECT upper(c_citext) FROM vault.types
-- refused: a name as text
SELECT c_name::text || '' FROM vault.types
-- refused: text as a name
SELECT c_text::name FROM vault.types
-- refused: text as a JSON string
SELECT to_json(c_text) FROM vault.types
-- refused: text as an identifier
SELECT quote_ident(c_text) FROM vault.types
-- refused: text as a literal
SELECT quote_literal(c_text) FROM vault.types
-- refused: text padded
SELECT rpad(c_text, 60, '.') FROM vault.types
-- refused: text repeated
SELECT repeat(c_text, 2) FROM vault.types
-- refused: text split
SELECT split_part(c_text, ' ', 2) FROM vault.types
-- refused: text overlaid
SELECT overlay(c_text PLACING 'x' FROM 1 FOR 1) FROM vault.types
-- refused: text trimmed
SELECT trim(c_text) FROM vault.types
-- refused: text by a pattern
SELECT regexp_match(c_text, 'q\w+') FROM vault.types
-- refused: text replaced
SELECT replace(c_text, ' ', '') FROM vault.types
-- refused: text normalized
SELECT normalize(c_text, NFC) FROM vault.types
-- refused: letters apart
SELECT regexp_replace(c_text, '(.)', '\1.', 'g') FROM vault.types
-- refused: codes of letters
SELECT array_agg(ascii(substr(c_text, i, 1)) ORDER BY i) FROM vault.types, generate_series(3, 13) i WHERE id = 1
-- refused: letters in bits
SELECT string_agg(ascii(substr(c_text, i, 1))::bit(8)::text, '' ORDER BY i) FROM vault.types, generate_series(3, 13) i WHERE id = 1
-- refused: letters in octal
SELECT string_agg('\' || lpad((ascii(substr(c_text, i, 1)) / 64)::text || (ascii(substr(c_text, i, 1)) / 8 % 8)::text || (ascii(substr(c_text, i, 1)) % 8)::text, 3, '0'), '' ORDER BY i) FROM vault.types, generate_series(3, 13) i WHERE id = 1
-- refused: base64 behind one byte
SELECT encode(convert_to('.' || c_text, 'UTF8'), 'base64') FROM vault.types
-- refused: base64 behind two bytes
SELECT encode(convert_to('..' || c_text, 'UTF8'), 'base64') FROM vault.types
-- refused: hexadecimal in capitals
SELECT upper(encode(convert_to(c_text, 'UTF8'), 'hex')) FROM vault.types
-- refused: hexadecimal as quoted-printable
SELECT regexp_replace(upper(encode(convert_to(c_text, 'UTF8'), 'hex')), '(..)', '=\1', 'g') FROM vault.types
-- refused: as JSON escapes
SELECT regexp_replace(encode(convert_to(c_text, 'UTF8'), 'hex'), '(..)', '\\u00\1', 'g') FROM vault.types
-- refused: a compressed column's size beside it
SELECT pg_column_size(c_text), c_text || '' FROM vault.types
-- masked: the same by a record's field
SELECT (t).c_text FROM (SELECT t FROM vault.types t) s
-- masked: the same by a record's star
SELECT (t).* FROM (SELECT t FROM vault.types t) s
-- refused: rows to a record set
SELECT r.secret FROM (SELECT json_agg(p) AS j FROM vault.people p) s, json_populate_recordset(NULL::vault.people, j) AS r
-- refused: a cast from the type of a parameter
PREPARE y (vault.cref) AS SELECT $1::name
EXECUTE y('(1)')
-- refused: a parameter of a domain
PREPARE z (vault.looked) AS SELECT $1::text
EXECUTE z('x')
-- refused: a cast to JSON that nobody names
SELECT to_json(ref) FROM vault.refs
-- refused: a cast to JSON of a field
SELECT row_to_json(r) FROM vault.refs r
-- refused: a cast to JSON in an aggregate
SELECT jsonb_agg(r) FROM vault.refs r
-- refused: a cast to JSON in an object
SELECT json_build_object('a', ref) FROM vault.refs
-- refused: a literal beside an array of a domain
SELECT id FROM vault.boxes WHERE many @> '{x}'
-- refused: a literal that an array of a domain defaults to
SELECT coalesce(many, '{x}') FROM vault.boxes
-- refused: a literal beside an array of a domain in a set operation
SELECT many FROM vault.boxes UNION ALL SELECT '{x}'
-- refused: a literal beside a range over a domain
SELECT id FROM vault.boxes WHERE coalesce(span = '[a,b]', true)
-- refused: a literal beside a row of a domain
SELECT coalesce(pair, '(x)') FROM vault.boxes
-- refused: a row of a table that JSON fills
SELECT (jsonb_populate_record(b, '{"one": "x"}')).id FROM vault.boxes b
-- refused: a literal beside an array that is made of a domain
SELECT id FROM vault.plain_boxes WHERE coalesce(ARRAY[one] = '{x}', true)
-- refused: a literal beside an array of a domain that a query makes
SELECT id FROM vault.plain_boxes WHERE coalesce(ARRAY(SELECT one FROM vault.plain_boxes) = '{x}', true)
-- refused: a literal beside an aggregate of a domain
SELECT count(*) FROM vault.plain_boxes HAVING coalesce(array_agg(one) = '{x}', true)
-- refused: a type that is named by a text
\needs 16
SELECT pg_input_is_valid('x', 'vault.looked')
-- refused: a literal beside a row of a table with a domain
SELECT coalesce(b, '(1,x)') FROM vault.plain_boxes b
-- refused: a literal beside a row of a table with a domain, in a set operation
SELECT b FROM vault.plain_boxes b UNION ALL SELECT '(1,x)'
-- refused: a literal beside an array of a domain that an ordered aggregate makes
SELECT percentile_disc('{0.5}'::float8[]) WITHIN GROUP (ORDER BY one) = '{x}' FROM vault.plain_boxes
-- refused: a cast within a domain
SELECT '1'::vault.tally_noted::vault.tally_counted
-- refused: a cast within a row
SELECT ROW('1'::vault.tally_noted)::vault.tally_counts
-- refused: a cast to text within a function of PostgreSQL's own
SELECT quote_literal(ref) FROM vault.refs
-- refused: a cast to text within an operator of PostgreSQL's own
SELECT ref || 'x' FROM vault.refs
-- refused: the same behind a text
SELECT 'x' || ref FROM vault.refs
-- refused: a cast of what an array in a row has
SELECT ROW(ARRAY['1'::vault.enref])::vault.many_texts
-- refused: a cast of what an array of a domain has
SELECT ARRAY['1'::vault.enref]::vault.texts
-- refused: a cast to an array
SELECT ROW(1)::vault.letters::text[]
-- refused: a generated column of a field
SELECT made FROM vault.field_made
-- refused: a generated column of a field of an array
SELECT made FROM vault.field_made_of_many
-- refused: a generated column of a field of a row in a row
SELECT made FROM vault.field_made_of_row
-- masked: a field beside a generated column of it
SELECT (pair).secret FROM vault.field_made
-- refused: a field of an array whose elements are of a type with an odd name
SELECT (pairs[1]).secret FROM vault.oddly_paired
-- refused: rows of a type with an odd name
SELECT pairs FROM vault.oddly_paired
