-- What the ways need beside the sample data. Every protected value carries the word quartzzebra, the
-- digits 73519284 or, in vault.types, a value that occurs nowhere else. The role is a superuser.

SET client_min_messages = warning;

-- Marks in the sample's columns stand where no mask keeps characters.
UPDATE customers SET email = 'x' || id || 'quartzzebra' || id || '@example.org',
    phone = '+49 73519284 ' || lpad(id::text, 6, '0'),
    password_hash = '$2b$quartzzebra$' || id, address = id || ' quartzzebra street';
UPDATE payments SET card_number = '4173519284' || lpad(id::text, 6, '0') WHERE card_number IS NOT NULL;
UPDATE payments SET iban = 'DE0073519284' || lpad(id::text, 10, '0') WHERE iban IS NOT NULL;
UPDATE api_tokens SET api_key = 'shop_quartzzebra_' || id || '_0123456789';
UPDATE staff.employees SET ssn = '735-19-284' || id, salary = 735192840 + id % 10;

CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION tablefunc;
CREATE EXTENSION pageinspect;

CREATE SCHEMA vault;

-- A column of every type.
CREATE TYPE vault.mood AS ENUM ('calm73519284', 'quartzzebra');
CREATE TYPE vault.pair AS (first_half text, second_half text);
CREATE TYPE vault.span AS RANGE (subtype = float8);
CREATE DOMAIN vault.code AS text CHECK (length(VALUE) < 100);
CREATE TABLE vault.types (
    id integer PRIMARY KEY, open text,
    c_text text, c_varchar varchar(60), c_char char(30), c_name name, c_citext citext, c_domain vault.code,
    c_int integer, c_big bigint, c_numeric numeric, c_real real, c_float float8, c_money money, c_oid oid,
    c_date date, c_time time, c_timetz timetz, c_stamp timestamp, c_stamptz timestamptz, c_interval interval,
    c_uuid uuid, c_inet inet, c_cidr cidr, c_mac macaddr, c_mac8 macaddr8, c_bytea bytea, c_bit bit(40), c_varbit varbit,
    c_json json, c_jsonb jsonb, c_path jsonpath, c_xml xml, c_hstore hstore,
    c_ints integer[], c_texts text[], c_uuids uuid[], c_moods vault.mood[],
    c_range int4range, c_nums numrange, c_dates daterange, c_span vault.span,
    c_tsv tsvector, c_tsq tsquery,
    c_point point, c_box box, c_poly polygon, c_circle circle, c_line line, c_lseg lseg, c_way path,
    c_lsn pg_lsn, c_tid tid, c_mood vault.mood, c_pair vault.pair, c_pairs vault.pair[]
);
INSERT INTO vault.types
SELECT i, 'open ' || i,
    'a quartzzebra ' || i, 'b quartzzebra ' || i, 'c quartzzebra ' || i, 'd quartzzebra ' || i, 'e quartzzebra ' || i, 'f quartzzebra ' || i,
    735192840 + i, 73519284000 + i, 73519284.5 + i, 735192.8 + i, 73519284.25 + i, (735192.84 + i)::numeric::money, 735192850 + i,
    date '73519-02-08' + i, time '07:35:19.284' + i * interval '1 second', timetz '07:35:19.284+02' + i * interval '1 minute',
    timestamp '7351-09-28 04:00:00' + i * interval '1 day', timestamptz '7351-09-28 05:11:00+00' + i * interval '1 day',
    i * interval '1 second' + interval '735192 days 84 hours',
    ('73519284-7351-9284-7351-92847351928' || i)::uuid, ('73.51.92.' || 84 + i)::inet, ('73.51.92.' || 84 + i)::cidr,
    ('73:51:92:84:73:5' || i)::macaddr, ('73:51:92:84:73:51:92:8' || i)::macaddr8,
    convert_to('g quartzzebra ' || i, 'UTF8'), ((735192840 + i)::bigint)::bit(40), ((735192840 + i)::bigint)::bit(36)::varbit,
    json_build_object('k', 'h quartzzebra ' || i), jsonb_build_object('k', 'i quartzzebra ' || i, 'n', 73519284),
    '$."quartzzebra".k', ('<a>j quartzzebra ' || i || '</a>')::xml, hstore('k', 'l quartzzebra ' || i),
    ARRAY[735192860 + i, 735192870 + i], ARRAY['m quartzzebra ' || i, 'n'], ARRAY['73519284-7351-9284-7351-92847351920' || i]::uuid[],
    ARRAY['quartzzebra']::vault.mood[],
    int4range(735192840 + i, 735192890), numrange(73519284.5 + i, 73519299), daterange(date '73519-02-08' + i, '73519-04-01'),
    vault.span(735192.84 + i, 735199),
    to_tsvector('simple', 'o quartzzebra ' || i), to_tsquery('simple', 'quartzzebra & p' || i),
    point(735192.84, i), box(point(735192.84, i), point(1, 2)), polygon(box(point(735192.84, i), point(1, 2))), circle(point(735192.84, i), 5),
    line(point(735192.84, i), point(1, 2)), lseg(point(735192.84, i), point(1, 2)), path(polygon(box(point(735192.84, i), point(1, 2)))),
    ('735192/8' || i)::pg_lsn, ('(735192,' || 84 + i || ')')::tid, 'quartzzebra',
    ROW('q quartzzebra ' || i, 'r')::vault.pair, ARRAY[ROW('s quartzzebra ' || i, 't')::vault.pair]
FROM generate_series(1, 3) AS i;

-- Names that readers stumble over.
CREATE TABLE vault.only (id integer PRIMARY KEY, "interval" text, "values" text, "c_Case" text, "c_""quote" text, "c_é" text, "c_user" text);
INSERT INTO vault.only
SELECT i, 'a quartzzebra ' || i, 'b quartzzebra ' || i, 'c quartzzebra ' || i, 'd quartzzebra ' || i, 'e quartzzebra ' || i, 'f quartzzebra ' || i
FROM generate_series(1, 3) AS i;
CREATE TABLE vault.long_tttttttttttttttttttttttttttttttttttttttttttttttttttttttttt (
    id integer, long_cccccccccccccccccccccccccccccccccccccccccccccccccccccccccc text);
INSERT INTO vault.long_tttttttttttttttttttttttttttttttttttttttttttttttttttttttttt VALUES (1, 'quartzzebra'), (2, 'quartzzebra');

-- Generated columns, partitions, children.
CREATE TABLE vault.people (
    id integer PRIMARY KEY, name text NOT NULL, secret text,
    shadow text GENERATED ALWAYS AS (upper(secret)) STORED,
    size integer GENERATED ALWAYS AS (length(secret)) STORED
);
INSERT INTO vault.people SELECT i, 'Person ' || i, 'quartzzebra ' || repeat('u', i) FROM generate_series(1, 5) AS i;
CREATE INDEX people_upper ON vault.people (upper(secret));

-- Primary keys that may be there twice.
CREATE TABLE vault.heirs (id integer PRIMARY KEY, secret text);
CREATE TABLE vault.heir () INHERITS (vault.heirs);
INSERT INTO vault.heirs SELECT i, 'quartzzebra ' || i FROM generate_series(1, 3) AS i;
INSERT INTO vault.heir SELECT i, 'quartzzebra ' || i / 3 FROM generate_series(1, 3) AS i;
CREATE TABLE vault.late (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, secret text);
INSERT INTO vault.late SELECT i, 'quartzzebra ' || i FROM generate_series(1, 3) AS i;

CREATE TABLE vault.events (at date NOT NULL, who text, secret text) PARTITION BY RANGE (at);
CREATE TABLE vault.events_2024 PARTITION OF vault.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE vault.events_rest (junk integer, secret text, who text, at date NOT NULL);
ALTER TABLE vault.events_rest DROP COLUMN junk;
ALTER TABLE vault.events ATTACH PARTITION vault.events_rest DEFAULT;
INSERT INTO vault.events SELECT date '2023-12-30' + i, 'Person ' || i, 'quartzzebra ' || i FROM generate_series(1, 5) AS i;

CREATE TABLE vault.parent (id integer, secret text);
CREATE TABLE vault.child (extra text) INHERITS (vault.parent);
CREATE TABLE vault.grandchild (more text) INHERITS (vault.child);
INSERT INTO vault.parent VALUES (1, 'quartzzebra one');
INSERT INTO vault.child VALUES (2, 'quartzzebra two', 'extra');
INSERT INTO vault.grandchild VALUES (3, 'quartzzebra three', 'extra', 'more');

-- Here it is the child, or the partition, whose column is protected.
CREATE TABLE vault.trunk (id integer, note text);
CREATE TABLE vault.leaf () INHERITS (vault.trunk);
INSERT INTO vault.leaf SELECT i, 'quartzzebra ' || i FROM generate_series(1, 3) AS i;
CREATE TABLE vault.days (at date NOT NULL, note text) PARTITION BY RANGE (at);
CREATE TABLE vault.days_1 PARTITION OF vault.days FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO vault.days SELECT date '2024-01-01' + i, 'quartzzebra ' || i FROM generate_series(1, 3) AS i;

-- Views, and copies that the database keeps by itself.
CREATE VIEW vault.nested AS SELECT * FROM customer_contacts;
CREATE VIEW vault.renamed (key, a, b) AS SELECT id, name, email FROM customers;
CREATE VIEW vault.swapped AS SELECT id, email AS name, name AS mail FROM customers;
CREATE VIEW vault.shouting AS SELECT id, upper(email) AS loud FROM customers;
CREATE VIEW vault.whole AS SELECT id, c AS everything FROM customers c;
CREATE VIEW vault.document AS SELECT id, to_jsonb(c) AS doc FROM customers c;
CREATE VIEW vault.judged AS SELECT id, name, email LIKE 'x1%' AS early FROM customers;
CREATE VIEW vault.chosen AS SELECT id, name FROM customers WHERE email LIKE 'x1%';
CREATE VIEW vault.ranked AS SELECT id, name, row_number() OVER (ORDER BY email) AS place FROM customers;
CREATE VIEW vault.counted AS SELECT country, max(email) AS last FROM customers GROUP BY country;
CREATE VIEW vault.both AS SELECT id, name AS word FROM customers UNION ALL SELECT id, email FROM customers;
CREATE VIEW vault.guarded WITH (security_barrier) AS SELECT id, email AS e FROM customers WHERE id < 100;
CREATE RECURSIVE VIEW vault.climbing (n, e) AS
    SELECT id, email FROM customers WHERE id = 1 UNION ALL SELECT n + 1, e FROM climbing WHERE n < 3;
CREATE VIEW vault.split AS SELECT id, part FROM customers, LATERAL regexp_split_to_table(email, '@') AS part;
CREATE VIEW vault.paired AS SELECT id, ROW(name, email)::vault.pair AS pair FROM customers;
CREATE MATERIALIZED VIEW vault.contacts AS SELECT id, name, email AS e FROM customers;
CREATE MATERIALIZED VIEW vault.shouts AS SELECT id, upper(email) AS u FROM customers;
CREATE MATERIALIZED VIEW vault.documents AS SELECT id, to_jsonb(c) AS doc FROM customers c;
CREATE VIEW vault.contact_view AS SELECT id, e AS mail FROM vault.contacts;

-- Code.
CREATE FUNCTION vault.email_of(integer) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT email FROM public.customers WHERE id = $1';
CREATE FUNCTION vault.email_of_row(customers) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.email';
CREATE FUNCTION vault.emails() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT email FROM public.customers ORDER BY id LIMIT 3';
CREATE FUNCTION vault.everyone() RETURNS SETOF customers LANGUAGE sql STABLE AS 'SELECT * FROM public.customers ORDER BY id LIMIT 3';
CREATE FUNCTION vault.listed(OUT id integer, OUT e text) RETURNS SETOF record LANGUAGE sql STABLE AS 'SELECT id, email FROM public.customers ORDER BY id LIMIT 3';
CREATE FUNCTION vault.run(text) RETURNS text LANGUAGE plpgsql AS 'DECLARE r text; BEGIN EXECUTE $1 INTO r; RETURN r; END';
CREATE FUNCTION vault.opened() RETURNS refcursor LANGUAGE plpgsql AS
    'DECLARE c refcursor := ''vc''; BEGIN OPEN c FOR SELECT email FROM public.customers LIMIT 2; RETURN c; END';
DO $do$ BEGIN
    IF current_setting('server_version_num')::integer >= 140000 THEN
        EXECUTE 'CREATE FUNCTION vault.atomic() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT email FROM public.customers LIMIT 1; END';
    END IF;
END $do$;
CREATE FUNCTION vault.told(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN ''''; END';
CREATE FUNCTION vault.failed(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE EXCEPTION ''%'', $1; END';
CREATE FUNCTION vault.failed_in_detail(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN RAISE EXCEPTION ''no'' USING DETAIL = $1, HINT = $1, COLUMN = left($1, 60), SCHEMA = left($1, 60); END';
CREATE FUNCTION vault.same(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || ''''';
CREATE FUNCTION vault.joined(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE AGGREGATE vault.glued(text) (sfunc = vault.joined, stype = text, initcond = '');
CREATE OPERATOR vault.||| (LEFTARG = text, RIGHTARG = text, FUNCTION = vault.joined);
CREATE FUNCTION vault.of_pair(vault.pair) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.first_half || $1.second_half';
CREATE CAST (vault.pair AS text) WITH FUNCTION vault.of_pair(vault.pair);
CREATE DOMAIN vault.strict AS text CHECK (NOT vault.failed(VALUE));
CREATE PROCEDURE vault.tell(id integer, INOUT said text) LANGUAGE plpgsql AS
    'BEGIN SELECT email INTO said FROM public.customers c WHERE c.id = tell.id; END';
CREATE PROCEDURE vault.shout(key integer) LANGUAGE plpgsql AS
    'DECLARE e text; BEGIN SELECT email INTO e FROM public.customers WHERE id = key; RAISE WARNING ''%'', e; END';

-- Code that only looks as if it did nothing.
CREATE FUNCTION vault.slug(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(regexp_replace($1, ''\W+'', ''-'', ''g''))';
CREATE FUNCTION vault.by_view() RETURNS text LANGUAGE sql AS 'SELECT mail FROM vault.contact_view LIMIT 1';
CREATE FUNCTION vault.by_call(integer) RETURNS text LANGUAGE sql AS 'SELECT upper(vault.email_of($1))';
CREATE FUNCTION vault.by_two() RETURNS text LANGUAGE sql AS 'SELECT 1; SELECT email FROM public.customers LIMIT 1';
CREATE FUNCTION vault.by_text() RETURNS text LANGUAGE sql AS 'SELECT query_to_xml(''SELECT email FROM public.customers LIMIT 1'', true, true, '''')::text';
CREATE FUNCTION vault.leaks(integer, integer) RETURNS text LANGUAGE sql AS 'SELECT vault.email_of($1)';
CREATE OPERATOR vault.<?> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = vault.leaks);
CREATE FUNCTION vault.by_operator() RETURNS text LANGUAGE sql AS 'SELECT 1 OPERATOR(vault.<?>) 2';
CREATE TYPE vault.key AS (id integer);
CREATE FUNCTION vault.of_key(vault.key) RETURNS text LANGUAGE sql AS 'SELECT vault.email_of($1.id)';
CREATE CAST (vault.key AS text) WITH FUNCTION vault.of_key(vault.key);
CREATE FUNCTION vault.by_cast() RETURNS text LANGUAGE sql AS 'SELECT ROW(1)::vault.key::text';
CREATE FUNCTION vault.by_any(anyelement) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE FUNCTION vault.by_default(text DEFAULT vault.email_of(1)) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE DOMAIN vault.judging AS integer CHECK (vault.told(vault.email_of(VALUE)) IS NOT NULL);
CREATE FUNCTION vault.by_result(integer) RETURNS vault.judging LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION vault.by_argument(vault.judging) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE FUNCTION vault.by_path(integer) RETURNS text LANGUAGE sql AS 'SELECT to_hex($1)';
CREATE FUNCTION vault.by_owner() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = vault, pg_catalog AS 'SELECT version()';
SET check_function_bodies = off;
CREATE FUNCTION vault.by_field(customers) RETURNS text LANGUAGE sql AS 'SELECT ($1).email_of_row';
RESET check_function_bodies;
CREATE FUNCTION vault.by_block(integer) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN email FROM public.customers WHERE id = $1; END';
CREATE FUNCTION vault.by_comment(integer) RETURNS text LANGUAGE plpgsql AS 'BEGIN /* RETURN 1; END; */ RETURN vault.email_of($1); -- RETURN 1; END;
END';
CREATE VIEW vault.by_function AS SELECT id, vault.email_of(id) AS s FROM orders;

-- Triggers, rules, defaults, checks and policies that tell.
CREATE TABLE vault.watched (id integer PRIMARY KEY, note text, secret text);
INSERT INTO vault.watched SELECT i, 'note', 'quartzzebra ' || i FROM generate_series(1, 3) AS i;
CREATE FUNCTION vault.on_watched() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE NOTICE ''%'', OLD.secret; NEW.note := OLD.secret; RETURN NEW; END';
CREATE TRIGGER watched BEFORE UPDATE ON vault.watched FOR EACH ROW EXECUTE FUNCTION vault.on_watched();
CREATE TABLE vault.ruled (id integer PRIMARY KEY, note text);
INSERT INTO vault.ruled VALUES (1, 'note');
CREATE RULE ruled AS ON UPDATE TO vault.ruled DO INSTEAD SELECT email AS e FROM customers LIMIT 3;
CREATE VIEW vault.door AS SELECT id, note FROM vault.ruled;
CREATE FUNCTION vault.on_door() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.note := (SELECT email FROM public.customers WHERE id = 1); RETURN NEW; END';
CREATE TRIGGER door INSTEAD OF INSERT ON vault.door FOR EACH ROW EXECUTE FUNCTION vault.on_door();
CREATE TABLE vault.defaulted (id integer, note text DEFAULT vault.email_of(1));
CREATE TABLE vault.checked (id integer CHECK (vault.told(vault.email_of(id)) IS NOT NULL));
CREATE TABLE vault.judged_id (id vault.judging, note text);
CREATE TYPE vault.judged_pair AS (id vault.judging, note text);
CREATE DOMAIN vault.judging_over AS vault.judging;
CREATE TABLE vault.judged_ids (ids vault.judging[], note text);
CREATE TABLE vault.judged_pairs (pair vault.judged_pair, note text);
CREATE TABLE vault.judged_over (id vault.judging_over, note text);
INSERT INTO vault.judged_over VALUES (2, 'note');
-- Triggers: the first does nothing, each of the others tells by the note.
CREATE TABLE vault.stamped (id integer PRIMARY KEY, note text, secret text, changed_at timestamptz, version integer DEFAULT 0);
INSERT INTO vault.stamped SELECT i, 'note', 'quartzzebra ' || i FROM generate_series(1, 3) AS i;
CREATE FUNCTION vault.on_stamped() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
    -- When, and how often.
    NEW."changed_at" := CURRENT_TIMESTAMP;
    NEW.version = OLD.version + 1;
    RETURN NEW;
END;';
CREATE TRIGGER stamped BEFORE UPDATE ON vault.stamped FOR EACH ROW EXECUTE FUNCTION vault.on_stamped();
CREATE FUNCTION vault.on_tricked_copy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := OLD.secret; RETURN NEW; END';
CREATE FUNCTION vault.on_tricked_query() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.note := (SELECT email FROM public.customers LIMIT 1); RETURN NEW; END';
CREATE FUNCTION vault.on_tricked_from() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.note := email FROM public.customers LIMIT 1; RETURN NEW; END';
CREATE FUNCTION vault.on_tricked_row() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW := ROW(OLD.id, (SELECT email FROM public.customers LIMIT 1), OLD.secret); RETURN NEW; END';
CREATE FUNCTION vault.on_tricked_whole() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := OLD::text; RETURN NEW; END';
CREATE FUNCTION vault.on_tricked_json() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := to_json(OLD)->>''secret''; RETURN NEW; END';
CREATE FUNCTION vault.on_tricked_comment() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.note := ''--''; NEW.note := vault.email_of(1); -- '';
    RETURN NEW; END';
CREATE FUNCTION vault.on_tricked_dynamic() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN EXECUTE ''SELECT email FROM public.customers LIMIT 1'' INTO NEW.note; RETURN NEW; END';
CREATE FUNCTION vault.on_tricked_exception() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.id := 1 / 0; RETURN NEW; EXCEPTION WHEN others THEN SELECT email INTO NEW.note FROM public.customers LIMIT 1; RETURN NEW; END';
CREATE FUNCTION vault.on_tricked_default() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := vault.by_default(); RETURN NEW; END';
DO $do$ DECLARE way text; BEGIN
    FOREACH way IN ARRAY ARRAY['copy', 'query', 'from', 'row', 'whole', 'json', 'comment', 'dynamic', 'exception', 'default'] LOOP
        EXECUTE format('CREATE TABLE vault.tricked_%s (id integer PRIMARY KEY, note text, secret text)', way);
        EXECUTE format('INSERT INTO vault.tricked_%s VALUES (1, ''note'', ''quartzzebra 1'')', way);
        EXECUTE format('CREATE TRIGGER tricked BEFORE UPDATE ON vault.tricked_%s FOR EACH ROW EXECUTE FUNCTION vault.on_tricked_%1$s()', way);
    END LOOP;
END $do$;
-- And two whose conditions tell.
CREATE TABLE vault.tricked_if (id integer PRIMARY KEY, note text, secret text);
INSERT INTO vault.tricked_if VALUES (1, 'note', 'quartzzebra 1');
CREATE FUNCTION vault.on_tricked_if() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF OLD.secret LIKE ''%z%'' THEN NEW.note := ''hit''; END IF; RETURN NEW; END';
CREATE TRIGGER tricked BEFORE UPDATE ON vault.tricked_if FOR EACH ROW EXECUTE FUNCTION vault.on_tricked_if();
CREATE TABLE vault.tricked_when (id integer PRIMARY KEY, note text, secret text);
INSERT INTO vault.tricked_when VALUES (1, 'note', 'quartzzebra 1');
CREATE FUNCTION vault.on_tricked_when() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''hit''; RETURN NEW; END';
CREATE TRIGGER tricked BEFORE UPDATE ON vault.tricked_when FOR EACH ROW
    WHEN (OLD.secret LIKE '%z%') EXECUTE FUNCTION vault.on_tricked_when();
CREATE DOMAIN vault.telling AS text DEFAULT vault.email_of(1);
CREATE TABLE vault.telling_rows (id integer, note vault.telling);
CREATE DOMAIN vault.checking AS text CHECK (vault.told(vault.email_of(1)) IS NOT NULL);
CREATE TYPE vault.checking_pair AS (a vault.checking, b text);
CREATE TYPE vault.checking_span AS RANGE (subtype = vault.checking);
CREATE TABLE vault.checking_rows (id integer, note vault.checking);
CREATE TABLE vault.checking_lists (id integer, notes vault.checking[]);
CREATE TABLE vault.checking_pairs (id integer, pair vault.checking_pair);
CREATE TABLE vault.checking_spans (id integer, span vault.checking_span);
CREATE FUNCTION vault.on_held() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE NOTICE ''%'', vault.email_of(1); RETURN NULL; END';
CREATE TABLE vault.held (id integer PRIMARY KEY);
CREATE TABLE vault.holding (id integer REFERENCES vault.held ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TRIGGER holding AFTER UPDATE OR DELETE OR TRUNCATE ON vault.holding EXECUTE FUNCTION vault.on_held();
CREATE TABLE vault.needed (id integer PRIMARY KEY);
CREATE TABLE vault.needing (id integer REFERENCES vault.needed ON DELETE SET NULL CHECK (id IS NOT NULL), secret text);
INSERT INTO vault.held VALUES (1), (2);
INSERT INTO vault.holding VALUES (1), (2);
INSERT INTO vault.needed VALUES (1);
INSERT INTO vault.needing VALUES (1, 'quartzzebra');
CREATE TABLE vault.told_apart (id integer, secret text);
CREATE DOMAIN vault.crowd AS vault.told_apart[];
CREATE TYPE vault.stretch AS RANGE (subtype = vault.told_apart);
CREATE TABLE vault.behind (id integer, d vault.crowd, r vault.stretch);
INSERT INTO vault.behind SELECT c.id, ARRAY[(c.id, c.email)::vault.told_apart],
    vault.stretch((c.id, c.email)::vault.told_apart, (c.id, c.email)::vault.told_apart, '[]') FROM customers c WHERE c.id < 4;
CREATE FUNCTION vault.told_of(integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN RAISE NOTICE ''%'', vault.email_of($1); RETURN ''''; END';
CREATE TABLE vault.spread (id integer, note text) PARTITION BY RANGE (vault.told_of(id));
CREATE TABLE vault.spread_1 PARTITION OF vault.spread FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
CREATE TABLE vault.indexed (id integer PRIMARY KEY);
INSERT INTO vault.indexed VALUES (1), (2), (3);
CREATE INDEX indexed_told ON vault.indexed (vault.told_of(id));
CREATE TABLE vault.surveyed (id integer PRIMARY KEY);
INSERT INTO vault.surveyed VALUES (1), (2), (3);
DO $$ BEGIN IF current_setting('server_version_num')::integer >= 140000 THEN
    EXECUTE 'CREATE STATISTICS vault.surveyed_told ON (vault.told_of(id)) FROM vault.surveyed'; END IF; END $$;
CREATE FUNCTION vault.telling_order(integer, integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN RAISE NOTICE ''%'', vault.email_of($1); RETURN btint4cmp($1, $2); END';
CREATE OPERATOR CLASS vault.telling_ops FOR TYPE integer USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 vault.telling_order(integer, integer);
CREATE TABLE vault.ordered (id integer);
INSERT INTO vault.ordered VALUES (1), (2), (3);
CREATE INDEX ordered_told ON vault.ordered (id vault.telling_ops);
CREATE TABLE vault.spread_by (id integer) PARTITION BY RANGE (id vault.telling_ops);
CREATE TABLE vault.spread_by_1 PARTITION OF vault.spread_by FOR VALUES FROM (1) TO (10);
CREATE FUNCTION vault.telling_distance(integer, integer) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN RAISE NOTICE ''%'', vault.email_of(1); RETURN $1 - $2; END';
CREATE TYPE vault.measured AS RANGE (subtype = integer, subtype_diff = vault.telling_distance);
CREATE TABLE vault.measures (span vault.measured);
INSERT INTO vault.measures VALUES ('[1,2)'), ('[2,3)'), ('[3,5)');
CREATE TABLE vault.rowed (id integer, note text);
INSERT INTO vault.rowed VALUES (1, 'note');
CREATE TABLE vault.targets (id integer PRIMARY KEY, note text, number bigint);
INSERT INTO vault.targets SELECT i, 'note', i FROM generate_series(1, 3) AS i;
CREATE MATERIALIZED VIEW vault.told_once AS SELECT vault.told_of(id) FROM vault.targets;
CREATE SEQUENCE vault.counter;
CREATE TABLE vault.grown (id integer PRIMARY KEY);
INSERT INTO vault.grown VALUES (1), (2);
ALTER TABLE vault.grown ADD COLUMN secret text DEFAULT 'quartzzebra';
CREATE TABLE vault.found (id integer PRIMARY KEY, secret text, note text) WITH (fillfactor = 50);
INSERT INTO vault.found SELECT i, repeat('u', i) || 'quartzzebra', 'note' FROM generate_series(1, 9) AS i;
CREATE INDEX found_by ON vault.found (secret, id);
CREATE TABLE vault.limited (id integer PRIMARY KEY, secret integer, highest integer, CHECK (highest >= secret));
INSERT INTO vault.limited SELECT i, 735192840 + i, 735192999 FROM generate_series(1, 3) AS i;
CREATE VIEW vault.put_limits AS SELECT id, highest FROM vault.limited;
CREATE TABLE vault.put_halves (id integer, secret integer, shown integer, half numeric GENERATED ALWAYS AS (1.0 / (shown - secret)) STORED);
INSERT INTO vault.put_halves VALUES (1, 735192840, 735192999);
CREATE TABLE vault.put_above (id integer, secret integer, shown integer);
CREATE TABLE vault.put_below (CHECK (shown >= secret)) INHERITS (vault.put_above);
INSERT INTO vault.put_below VALUES (1, 735192840, 735192999);
CREATE TABLE vault.put_apart (id integer, secret integer, shown integer) PARTITION BY RANGE ((shown - secret));
CREATE TABLE vault.put_apart_1 PARTITION OF vault.put_apart FOR VALUES FROM (0) TO (1000);
INSERT INTO vault.put_apart VALUES (1, 735192840, 735192999);
CREATE TABLE vault.named (secret text PRIMARY KEY);
INSERT INTO vault.named VALUES ('quartzzebra one');
CREATE TABLE vault.naming (id integer, whom text REFERENCES vault.named ON UPDATE CASCADE);
INSERT INTO vault.naming VALUES (1, 'quartzzebra one');
CREATE TABLE vault.graded (secret text, id integer) PARTITION BY RANGE (secret);
CREATE TABLE vault.graded_rest PARTITION OF vault.graded DEFAULT;
INSERT INTO vault.graded VALUES ('quartzzebra', 1);

REFRESH MATERIALIZED VIEW vault.contacts;
ANALYZE;

-- Code that runs where values of types are made and cast which nobody names.
CREATE TYPE vault.cref AS (id integer);
CREATE FUNCTION vault.email_of(vault.cref) RETURNS name LANGUAGE sql STABLE AS 'SELECT email::name FROM public.customers WHERE id = ($1).id';
CREATE CAST (vault.cref AS name) WITH FUNCTION vault.email_of(vault.cref);
CREATE TYPE vault.enref AS ENUM ('1', '2');
CREATE FUNCTION vault.json_of(vault.enref) RETURNS json LANGUAGE sql STABLE AS 'SELECT to_json(email) FROM public.customers WHERE id = $1::text::integer';
CREATE CAST (vault.enref AS json) WITH FUNCTION vault.json_of(vault.enref);
CREATE TABLE vault.refs (id integer, ref vault.enref);
INSERT INTO vault.refs VALUES (1, '1');
CREATE FUNCTION vault.looks(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', (SELECT email FROM public.customers WHERE id = 1); RETURN true; END';
CREATE DOMAIN vault.looked AS text CHECK (vault.looks(VALUE));
CREATE TYPE vault.looked_range AS RANGE (subtype = vault.looked);
CREATE TYPE vault.looked_pair AS (one vault.looked);
CREATE TABLE vault.boxes (id integer, many vault.looked[], span vault.looked_range, pair vault.looked_pair, one vault.looked);
INSERT INTO vault.boxes (id) VALUES (1);
CREATE TABLE vault.plain_boxes (id integer, one vault.looked);
INSERT INTO vault.plain_boxes (id) VALUES (1);
CREATE FUNCTION vault.limit_of(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''%'', (SELECT email FROM public.customers WHERE id = 1); RETURN $1; END';
CREATE TABLE vault.planned (id integer PRIMARY KEY, size integer);
CREATE INDEX ON vault.planned (size) WHERE id > vault.limit_of(1);
CREATE TABLE vault.refers_to_planned (id integer REFERENCES vault.planned);
INSERT INTO vault.planned VALUES (1, 1);
CREATE TYPE vault.tally_noted AS ENUM ('1', '2');
CREATE FUNCTION vault.tally_number_of(vault.tally_noted) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', (SELECT email FROM public.customers WHERE id = 1); RETURN 1; END';
CREATE CAST (vault.tally_noted AS integer) WITH FUNCTION vault.tally_number_of(vault.tally_noted);
CREATE DOMAIN vault.tally_counted AS integer;
CREATE TYPE vault.tally_counts AS (one integer);
CREATE FUNCTION vault.text_of(vault.enref) RETURNS text LANGUAGE sql STABLE AS 'SELECT email::text FROM public.customers WHERE id = 1';
CREATE CAST (vault.enref AS text) WITH FUNCTION vault.text_of(vault.enref);
CREATE FUNCTION vault.inlined(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + vault.limit_of(1)';
CREATE TABLE vault.inlined_keys (id integer PRIMARY KEY, size integer);
CREATE INDEX ON vault.inlined_keys (vault.inlined(size));
CREATE TABLE vault.inlined_checks (id integer PRIMARY KEY, size integer CHECK (vault.inlined(size) > 0));
CREATE TYPE vault.many_texts AS (many text[]);
CREATE DOMAIN vault.texts AS text[];
CREATE TYPE vault.letters AS (id integer);
CREATE FUNCTION vault.letters_of(vault.letters) RETURNS text[] LANGUAGE sql STABLE AS 'SELECT ARRAY[email::text] FROM public.customers WHERE id = ($1).id';
CREATE CAST (vault.letters AS text[]) WITH FUNCTION vault.letters_of(vault.letters);
CREATE FUNCTION vault.label_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.label := ''changed''; RETURN NEW; END';
CREATE TABLE vault.labelled (id integer PRIMARY KEY, label text);
INSERT INTO vault.labelled VALUES (1, '');
CREATE TRIGGER stamp BEFORE UPDATE ON vault.labelled FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION vault.label_it();
CREATE TABLE vault.overseen (id integer PRIMARY KEY, secret text, label text);
INSERT INTO vault.overseen VALUES (1, 'quartzzebra', '');
CREATE TRIGGER stamp BEFORE UPDATE ON vault.overseen FOR EACH ROW WHEN (OLD.secret > 'q') EXECUTE FUNCTION vault.label_it();
CREATE TABLE vault.overseen_rows (id integer PRIMARY KEY, secret text, label text);
INSERT INTO vault.overseen_rows VALUES (1, 'quartzzebra', '');
CREATE TRIGGER stamp BEFORE UPDATE ON vault.overseen_rows FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION vault.label_it();
CREATE TABLE vault.parted (id integer, size integer) PARTITION BY RANGE (vault.inlined(size));
CREATE TABLE vault.parted_first PARTITION OF vault.parted FOR VALUES FROM (0) TO (1000);
CREATE TABLE vault.summed (id integer PRIMARY KEY, secret integer, size integer);
INSERT INTO vault.summed VALUES (1, 10, 1);
CREATE INDEX ON vault.summed ((size + secret));
CREATE TABLE vault.compared (id integer PRIMARY KEY, secret integer, size integer);
INSERT INTO vault.compared VALUES (1, 10, 1);
ALTER TABLE vault.compared ADD CHECK ((to_jsonb(compared) ->> 'size')::integer < coalesce((to_jsonb(compared) ->> 'secret')::integer, 0) + 100);

-- What expressions call of PostgreSQL's own functions, and the values of domains that they make.
CREATE TABLE vault.given (id integer, told text DEFAULT query_to_xml('SELECT email FROM public.customers WHERE id = 1', true, false, '')::text);
CREATE TABLE vault.tested (id integer CHECK (query_to_xml('SELECT email FROM public.customers WHERE id = 1', true, false, '')::text::integer > id));
CREATE DOMAIN vault.given_text AS text DEFAULT query_to_xml('SELECT email FROM public.customers WHERE id = 1', true, false, '')::text;
CREATE TABLE vault.given_by_type (id integer, told vault.given_text);
CREATE DOMAIN vault.tested_number AS integer CHECK (query_to_xml('SELECT email FROM public.customers WHERE id = 1', true, false, '')::text::integer > VALUE);
CREATE TABLE vault.worded (id integer PRIMARY KEY, words tsvector, told text);
INSERT INTO vault.worded VALUES (1);
CREATE TRIGGER worded BEFORE UPDATE ON vault.worded FOR EACH ROW WHEN (query_to_xml('SELECT email FROM public.customers WHERE id = 1', true, false, '')::text::integer > NEW.id) EXECUTE FUNCTION tsvector_update_trigger(words, 'pg_catalog.simple', told);
CREATE FUNCTION vault.looks_at(integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', (SELECT email FROM public.customers WHERE id = 1); RETURN true; END';
CREATE DOMAIN vault.looked_at AS integer CHECK (vault.looks_at(VALUE));
CREATE TYPE vault.looked_at_row AS (one vault.looked_at);
CREATE DOMAIN vault.looked_beyond AS text CHECK (('(' || VALUE || ')')::vault.looked_at_row IS NOT NULL);
CREATE TABLE vault.cast_when (id integer PRIMARY KEY, label text);
INSERT INTO vault.cast_when VALUES (1, '');
CREATE TRIGGER stamp BEFORE UPDATE ON vault.cast_when FOR EACH ROW WHEN (NEW.id::vault.looked_at > 0) EXECUTE FUNCTION vault.label_it();
CREATE TABLE vault.cast_checked (id integer PRIMARY KEY, size integer CHECK (size::vault.looked_at > 0));
CREATE TABLE vault.cast_given (id integer, size integer DEFAULT 5::vault.looked_at);
CREATE TABLE vault.cast_indexed (id integer PRIMARY KEY, size integer);
CREATE INDEX ON vault.cast_indexed ((size::vault.looked_at));
CREATE TABLE vault.cast_made (id integer, size integer, made integer GENERATED ALWAYS AS (size::vault.looked_at) STORED);
CREATE TABLE vault.cast_row (id integer, word text CHECK (('(' || word || ')')::vault.looked_at_row IS NOT NULL));
CREATE TABLE vault.cast_parted (id integer, size integer) PARTITION BY RANGE ((size::vault.looked_at));
CREATE TABLE vault.cast_parted_rest PARTITION OF vault.cast_parted DEFAULT;
CREATE TABLE vault.cast_where (id integer PRIMARY KEY, size integer);
CREATE INDEX ON vault.cast_where (id) WHERE size::vault.looked_at > 0;
CREATE TABLE vault.cast_behind (id integer, size integer);
CREATE VIEW vault.cast_before AS SELECT * FROM vault.cast_behind;
ALTER VIEW vault.cast_before ALTER size SET DEFAULT 5::vault.looked_at;

-- What triggers put into columns, and fields of rows.
CREATE FUNCTION vault.pass_on() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.size := NEW.wanted; RETURN NEW; END';
CREATE TABLE vault.passed_on (id integer PRIMARY KEY, secret integer, size integer, wanted integer, CHECK (size < secret));
INSERT INTO vault.passed_on VALUES (1, 10, 1, 1);
CREATE TRIGGER pass_on BEFORE UPDATE ON vault.passed_on FOR EACH ROW EXECUTE FUNCTION vault.pass_on();
CREATE VIEW vault.passing_on AS SELECT id, wanted AS given FROM vault.passed_on;
CREATE TABLE vault.passed_sizes (wanted integer PRIMARY KEY);
INSERT INTO vault.passed_sizes VALUES (1);
CREATE TABLE vault.passed_by_key (id integer PRIMARY KEY, secret integer, size integer, wanted integer REFERENCES vault.passed_sizes ON UPDATE CASCADE, CHECK (size < secret));
INSERT INTO vault.passed_by_key VALUES (1, 10, 1, 1);
CREATE TRIGGER pass_on BEFORE UPDATE OF wanted ON vault.passed_by_key FOR EACH ROW EXECUTE FUNCTION vault.pass_on();
CREATE FUNCTION vault.label_by_secret() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.label := NEW.secret; RETURN NEW; END';
CREATE TABLE vault.drawn (id integer PRIMARY KEY, secret text DEFAULT 'quartzzebra', label text);
CREATE TRIGGER tell BEFORE INSERT ON vault.drawn FOR EACH ROW EXECUTE FUNCTION vault.label_by_secret();
CREATE TABLE vault.drawn_parts (id integer, secret text DEFAULT 'quartzzebra', label text) PARTITION BY RANGE (id);
CREATE TABLE vault.drawn_part (id integer, secret text, label text);
ALTER TABLE vault.drawn_parts ATTACH PARTITION vault.drawn_part DEFAULT;
CREATE TRIGGER tell BEFORE INSERT ON vault.drawn_part FOR EACH ROW EXECUTE FUNCTION vault.label_by_secret();
CREATE TABLE vault.moved (id integer, secret text, label text) PARTITION BY LIST (id);
CREATE TABLE vault.moved_1 PARTITION OF vault.moved FOR VALUES IN (1);
CREATE TABLE vault.moved_2 PARTITION OF vault.moved FOR VALUES IN (2);
INSERT INTO vault.moved VALUES (1, 'quartzzebra', '');
CREATE TRIGGER tell BEFORE INSERT ON vault.moved_2 FOR EACH ROW EXECUTE FUNCTION vault.label_by_secret();
CREATE FUNCTION vault.tells_of_update() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', NEW.secret; RETURN NULL; END';
CREATE TABLE vault.cloned (id integer, label text, secret text) PARTITION BY LIST (id);
CREATE TABLE vault.cloned_1 PARTITION OF vault.cloned FOR VALUES IN (1);
INSERT INTO vault.cloned VALUES (1, '', 'quartzzebra');
CREATE TRIGGER tell AFTER UPDATE ON vault.cloned FOR EACH ROW EXECUTE FUNCTION vault.tells_of_update();
CREATE TYPE vault.field_pair AS (one integer, secret integer);
CREATE TABLE vault.field_made (id integer PRIMARY KEY, size integer, pair vault.field_pair, made integer GENERATED ALWAYS AS (size + (pair).secret) STORED);
INSERT INTO vault.field_made VALUES (1, 0, ROW(0, 735192840));
CREATE TABLE vault.field_made_of_many (id integer PRIMARY KEY, pairs vault.field_pair[], made integer GENERATED ALWAYS AS ((pairs[1]).secret) STORED);
INSERT INTO vault.field_made_of_many VALUES (1, ARRAY[ROW(0, 735192840)::vault.field_pair]);
CREATE TABLE vault.field_made_of_row (id integer PRIMARY KEY, row vault.field_made, made integer GENERATED ALWAYS AS (((row).pair).secret) STORED);
INSERT INTO vault.field_made_of_row SELECT 1, f FROM vault.field_made AS f;
CREATE TABLE vault.field_checked (id integer PRIMARY KEY, size integer, pair vault.field_pair, CHECK (size < (pair).secret));
INSERT INTO vault.field_checked VALUES (1, 0, ROW(0, 10));
CREATE TABLE vault.field_within (id integer PRIMARY KEY, pair vault.field_pair, CHECK ((pair).one < (pair).secret));
INSERT INTO vault.field_within VALUES (1, ROW(0, 10));
CREATE TABLE vault.field_indexed (id integer PRIMARY KEY, size integer, pair vault.field_pair);
INSERT INTO vault.field_indexed VALUES (1, 0, ROW(0, 10));
CREATE INDEX ON vault.field_indexed ((size + (pair).secret));

-- What applications have, by which nothing is told.
CREATE FUNCTION vault.lower_secret() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.secret := lower(NEW.secret); RETURN NEW; END';
CREATE FUNCTION vault.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := now(); RETURN NEW; END';
CREATE TABLE vault.usual (id serial PRIMARY KEY, secret text CHECK (secret ~ '@'), label text DEFAULT 'new'::text CHECK (length(label) < 100), made timestamptz DEFAULT CURRENT_TIMESTAMP,
    touched timestamptz DEFAULT now(), token uuid DEFAULT gen_random_uuid(), many text[] DEFAULT '{}'::text[], CHECK (touched >= made));
CREATE UNIQUE INDEX ON vault.usual (lower(label)) WHERE label IS NOT NULL AND id > 1000;
CREATE TRIGGER lower BEFORE INSERT OR UPDATE ON vault.usual FOR EACH ROW EXECUTE FUNCTION vault.lower_secret();
CREATE TRIGGER touch BEFORE UPDATE ON vault.usual FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND lower(OLD.label) <> lower(NEW.label::varchar)) EXECUTE FUNCTION vault.touch();
CREATE TRIGGER tell BEFORE INSERT OR UPDATE OF secret ON vault.usual FOR EACH ROW WHEN (NEW.secret IS NOT NULL) EXECUTE FUNCTION vault.touch();
INSERT INTO vault.usual (secret) VALUES ('one@quartzzebra'), ('two@quartzzebra');

CREATE TYPE vault."odd.""pair" AS (one integer, secret integer);
CREATE TABLE vault.oddly_paired (id integer, pairs vault."odd.""pair"[]);
INSERT INTO vault.oddly_paired VALUES (1, ARRAY[ROW(1, 735192840)::vault."odd.""pair"]);

-- Conditions of triggers that partitions have from what they are a part of.
CREATE TABLE vault.overseen_whole (id integer, size integer, secret integer, label text) PARTITION BY LIST (id);
CREATE TABLE vault.overseen_part PARTITION OF vault.overseen_whole FOR VALUES IN (1);
INSERT INTO vault.overseen_whole VALUES (1, 0, 10, '');
CREATE TRIGGER stamp BEFORE UPDATE ON vault.overseen_whole FOR EACH ROW WHEN (NEW.size < OLD.secret) EXECUTE FUNCTION vault.label_it();
CREATE TABLE vault.cast_when_whole (id integer, label text) PARTITION BY LIST (id);
CREATE TABLE vault.cast_when_part PARTITION OF vault.cast_when_whole FOR VALUES IN (1);
INSERT INTO vault.cast_when_whole VALUES (1, '');
CREATE TRIGGER stamp BEFORE UPDATE ON vault.cast_when_whole FOR EACH ROW WHEN (NEW.id::vault.looked_at > 0) EXECUTE FUNCTION vault.label_it();
CREATE TABLE vault.looked_when_whole (id integer, label text) PARTITION BY LIST (id);
CREATE TABLE vault.looked_when_part PARTITION OF vault.looked_when_whole FOR VALUES IN (1);
INSERT INTO vault.looked_when_whole VALUES (1, '');
CREATE TRIGGER stamp BEFORE UPDATE ON vault.looked_when_whole FOR EACH ROW WHEN (vault.looks_at(NEW.id)) EXECUTE FUNCTION vault.label_it();

-- What triggers put back into a column or write under a condition, and what is compared by it.
CREATE FUNCTION vault.add_raise() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.secret := NEW.secret + NEW.raise; NEW.raise := 0; RETURN NEW; END';
CREATE TABLE vault.raised (id integer PRIMARY KEY, raise integer DEFAULT 0, secret integer);
INSERT INTO vault.raised VALUES (1, 0, 10);
CREATE TRIGGER raise BEFORE UPDATE ON vault.raised FOR EACH ROW EXECUTE FUNCTION vault.add_raise();
CREATE FUNCTION vault.add_setting() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.secret := NEW.secret + current_setting(''vault.raise'')::integer; RETURN NEW; END';
CREATE TABLE vault.raised_by_setting (id integer PRIMARY KEY, label text, secret integer);
INSERT INTO vault.raised_by_setting VALUES (1, '', 10);
CREATE TRIGGER raise BEFORE UPDATE ON vault.raised_by_setting FOR EACH ROW EXECUTE FUNCTION vault.add_setting();
CREATE FUNCTION vault.turn_pair() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.pair := ROW((NEW.pair).secret, (NEW.pair).one); RETURN NEW; END';
CREATE TABLE vault.turned (id integer PRIMARY KEY, label text, pair vault.field_pair);
INSERT INTO vault.turned VALUES (1, '', ROW(0, 735192840));
CREATE TRIGGER turn BEFORE UPDATE ON vault.turned FOR EACH ROW EXECUTE FUNCTION vault.turn_pair();
CREATE FUNCTION vault.clear_some() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.flag THEN NEW.secret := 0; END IF; NEW.size := NEW.wanted; RETURN NEW; END';
CREATE TABLE vault.cleared (id integer PRIMARY KEY, flag boolean, wanted integer, size integer, secret integer, CHECK (size < secret));
INSERT INTO vault.cleared VALUES (1, false, 0, 0, 10);
CREATE TRIGGER clear BEFORE UPDATE ON vault.cleared FOR EACH ROW EXECUTE FUNCTION vault.clear_some();
CREATE FUNCTION vault.keep_secret() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.secret := OLD.secret; RETURN NEW; END';
CREATE TABLE vault.restored (id integer PRIMARY KEY, size integer, secret integer, CHECK (size < secret));
INSERT INTO vault.restored VALUES (1, 0, 10);
CREATE TRIGGER keep BEFORE UPDATE ON vault.restored FOR EACH ROW EXECUTE FUNCTION vault.keep_secret();
CREATE TABLE vault.made_of (id integer PRIMARY KEY, size integer, made integer GENERATED ALWAYS AS (id + 1) STORED, label text, secret integer);
INSERT INTO vault.made_of (id, size, label, secret) VALUES (1, 0, '', 10);
CREATE FUNCTION vault.stamp_size() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.size := NEW.size; RETURN NEW; END';
CREATE TRIGGER size BEFORE UPDATE ON vault.made_of FOR EACH ROW EXECUTE FUNCTION vault.stamp_size();
CREATE TRIGGER tell BEFORE UPDATE OF made ON vault.made_of FOR EACH ROW WHEN (NEW.size < OLD.secret) EXECUTE FUNCTION vault.label_it();
CREATE FUNCTION vault.number_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.number := NEW.wanted; RETURN NEW; END';
CREATE TABLE vault.numbered (number integer PRIMARY KEY, wanted integer);
INSERT INTO vault.numbered VALUES (1, 1);
CREATE TRIGGER number BEFORE UPDATE ON vault.numbered FOR EACH ROW EXECUTE FUNCTION vault.number_it();
CREATE TABLE vault.numbered_parts (id integer PRIMARY KEY, number integer REFERENCES vault.numbered ON UPDATE CASCADE, secret integer, label text);
INSERT INTO vault.numbered_parts VALUES (1, 1, 10, '');
CREATE TRIGGER tell BEFORE UPDATE OF number ON vault.numbered_parts FOR EACH ROW WHEN (OLD.secret > NEW.number) EXECUTE FUNCTION vault.label_it();
CREATE TABLE vault.managed (id integer PRIMARY KEY, secret integer REFERENCES vault.managed, CHECK (secret < id OR id = 1));
INSERT INTO vault.managed VALUES (1, 1), (10, 1), (100, 10);
CREATE TABLE vault.doubled (id integer PRIMARY KEY, size integer, secret integer, made integer GENERATED ALWAYS AS (secret * 2) STORED, CHECK (size < secret));
INSERT INTO vault.doubled (id, size, secret) VALUES (1, 0, 10);
CREATE TABLE vault.bounded (id integer PRIMARY KEY, size integer, secret integer, CHECK (size < secret));
INSERT INTO vault.bounded VALUES (1, 0, 10);
CREATE TABLE vault.linked (size integer UNIQUE, secret integer REFERENCES vault.linked (size));
CREATE TABLE vault.linked_bounded () INHERITS (vault.bounded, vault.linked);
CREATE TABLE vault.same_again (id integer PRIMARY KEY, label text, secret text);
INSERT INTO vault.same_again VALUES (1, '', 'quartzzebra');
CREATE TRIGGER same BEFORE UPDATE ON vault.same_again FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();

-- What applications have beside that.
CREATE FUNCTION vault.tidy_secret() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.secret IS NOT NULL THEN NEW.secret := lower(trim(NEW.secret)); END IF; NEW.secret := coalesce(NEW.secret, ''''); RETURN NEW; END';
CREATE TABLE vault.tidied (id integer PRIMARY KEY, label text, words tsvector, secret text CHECK (secret ~ 'q'), small text GENERATED ALWAYS AS (lower(secret)) STORED);
INSERT INTO vault.tidied VALUES (1, '', '', 'quartzzebra');
CREATE TRIGGER tidy BEFORE INSERT OR UPDATE ON vault.tidied FOR EACH ROW EXECUTE FUNCTION vault.tidy_secret();
CREATE TRIGGER words BEFORE INSERT OR UPDATE ON vault.tidied FOR EACH ROW WHEN (NEW.label IS NOT NULL) EXECUTE FUNCTION tsvector_update_trigger(words, 'pg_catalog.simple', label);
CREATE FUNCTION vault.tidy_given() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.secret <> '''' THEN NEW.label := NEW.secret; END IF; RETURN NEW; END';
CREATE TABLE vault.tidied_given (id integer PRIMARY KEY, label text, secret text);
INSERT INTO vault.tidied_given VALUES (1, '', 'quartzzebra');
CREATE TRIGGER tidy BEFORE UPDATE ON vault.tidied_given FOR EACH ROW EXECUTE FUNCTION vault.tidy_given();

CREATE DOMAIN vault.word AS text;
CREATE TABLE vault.worded_by_domain (id integer PRIMARY KEY, secret vault.word);
INSERT INTO vault.worded_by_domain VALUES (1, 'quartzzebra');

-- What a view makes of rows that are inserted, and triggers that run on rows that are as they were.
CREATE TABLE vault.assigned (id integer PRIMARY KEY, secret text);
INSERT INTO vault.assigned VALUES (1, 'quartzzebra');
CREATE TABLE vault.duties (id integer PRIMARY KEY, title text, person integer);
INSERT INTO vault.duties VALUES (1, '', 1);
CREATE VIEW vault.duty_list AS SELECT d.id, d.title, d.person, (SELECT a.secret FROM vault.assigned a WHERE a.id = d.person) AS contact FROM vault.duties d;
CREATE VIEW vault.assigned_list AS SELECT id, secret FROM vault.assigned;
CREATE FUNCTION vault.give_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.locked THEN RETURN OLD; END IF; RETURN NEW; END';
CREATE FUNCTION vault.tell_over() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.secret > NEW.size THEN NEW.label := ''over''; END IF; RETURN NEW; END';
CREATE TABLE vault.given_back (id integer PRIMARY KEY, locked boolean, size integer, label text, secret integer);
INSERT INTO vault.given_back VALUES (1, true, 100, '', 10);
CREATE TRIGGER back BEFORE UPDATE ON vault.given_back FOR EACH ROW EXECUTE FUNCTION vault.give_back();
CREATE TRIGGER tell BEFORE UPDATE OF secret ON vault.given_back FOR EACH ROW EXECUTE FUNCTION vault.tell_over();
CREATE TABLE vault.led (id integer PRIMARY KEY, chief integer REFERENCES vault.led ON UPDATE CASCADE, size integer, label text, secret integer);
INSERT INTO vault.led VALUES (1, NULL, 100, '', 0), (2, 1, 100, '', 10);
CREATE TRIGGER tell BEFORE UPDATE ON vault.led FOR EACH ROW EXECUTE FUNCTION vault.tell_over();
CREATE TABLE vault.released (id integer PRIMARY KEY, number integer UNIQUE, chief integer REFERENCES vault.released (number) ON UPDATE SET NULL, size integer, label text, secret integer);
INSERT INTO vault.released VALUES (1, 1, NULL, 100, '', 0), (2, 2, 1, 100, '', 10);
CREATE TRIGGER tell BEFORE UPDATE ON vault.released FOR EACH ROW EXECUTE FUNCTION vault.tell_over();
CREATE TABLE vault.keyed (id integer PRIMARY KEY, number integer, made integer GENERATED ALWAYS AS (number + 1) STORED UNIQUE);
INSERT INTO vault.keyed VALUES (1, 1);
CREATE TABLE vault.keyed_parts (id integer PRIMARY KEY, number integer REFERENCES vault.keyed (made) ON UPDATE CASCADE, secret integer, CHECK (number < secret));
INSERT INTO vault.keyed_parts VALUES (1, 2, 10);
CREATE FUNCTION vault.count_down() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.secret := NEW.secret - 1; RETURN NEW; END';
CREATE TABLE vault.counted_down (id integer PRIMARY KEY, label text, secret integer CHECK (secret >= 0));
INSERT INTO vault.counted_down VALUES (1, '', 10);
CREATE TRIGGER down BEFORE UPDATE ON vault.counted_down FOR EACH ROW EXECUTE FUNCTION vault.count_down();
CREATE FUNCTION vault.shorten() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.secret := left(NEW.secret, -1); RETURN NEW; END';
CREATE TABLE vault.shortened (id integer PRIMARY KEY, label text, secret text CHECK (secret <> ''));
INSERT INTO vault.shortened VALUES (1, '', 'quartzzebra');
CREATE TRIGGER shorten BEFORE UPDATE ON vault.shortened FOR EACH ROW EXECUTE FUNCTION vault.shorten();

-- Triggers that ask whether a row changes, as those do that note when it did, and functions with a path.
CREATE TABLE vault.touched (id integer PRIMARY KEY, size integer, label text, secret varchar(40));
INSERT INTO vault.touched VALUES (1, 0, '', 'quartzzebra');
CREATE TRIGGER touch BEFORE UPDATE ON vault.touched FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION vault.label_it();
CREATE TABLE vault.touched_one (id integer PRIMARY KEY, size integer, label text, secret varchar(40));
INSERT INTO vault.touched_one VALUES (1, 0, '', 'quartzzebra');
CREATE TRIGGER touch BEFORE UPDATE ON vault.touched_one FOR EACH ROW WHEN (NEW.secret IS DISTINCT FROM OLD.secret AND OLD.size IS NOT DISTINCT FROM NEW.size) EXECUTE FUNCTION vault.label_it();
CREATE FUNCTION vault.touch_it() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS 'BEGIN IF NEW IS DISTINCT FROM OLD THEN NEW.label := ''changed''; END IF; RETURN NEW; END';
CREATE TABLE vault.touched_by_path (id integer PRIMARY KEY, size integer, label text, secret varchar(40));
INSERT INTO vault.touched_by_path VALUES (1, 0, '', 'quartzzebra');
CREATE TRIGGER touch BEFORE UPDATE ON vault.touched_by_path FOR EACH ROW EXECUTE FUNCTION vault.touch_it();
CREATE TABLE vault.touched_made (id integer PRIMARY KEY, size integer, label text, secret text, small text GENERATED ALWAYS AS (lower(secret)) STORED);
INSERT INTO vault.touched_made VALUES (1, 0, '', 'quartzzebra');
CREATE TRIGGER touch BEFORE UPDATE ON vault.touched_made FOR EACH ROW EXECUTE FUNCTION vault.touch_it();
CREATE FUNCTION vault.touch_secret() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.secret IS DISTINCT FROM OLD.secret THEN NEW.label := ''changed''; END IF; RETURN NEW; END';
CREATE TABLE vault.touched_parts (id integer, size integer, label text, secret text) PARTITION BY RANGE (size);
CREATE TABLE vault.touched_low PARTITION OF vault.touched_parts FOR VALUES FROM (0) TO (10);
CREATE TABLE vault.touched_high PARTITION OF vault.touched_parts FOR VALUES FROM (10) TO (20);
INSERT INTO vault.touched_parts VALUES (1, 0, '', 'quartzzebra');
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON vault.touched_parts FOR EACH ROW EXECUTE FUNCTION vault.touch_secret();
CREATE SEQUENCE vault.late_numbers;
CREATE FUNCTION vault.draw_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.secret IS NULL THEN NEW.secret := nextval(''vault.late_numbers''); END IF; RETURN NEW; END';
CREATE TABLE vault.numbered_late (id integer PRIMARY KEY, label text, secret integer);
INSERT INTO vault.numbered_late VALUES (1, '', 10);
CREATE TRIGGER draw BEFORE INSERT OR UPDATE ON vault.numbered_late FOR EACH ROW EXECUTE FUNCTION vault.draw_it();
CREATE FUNCTION vault.only_rises() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.secret := greatest(NEW.secret, OLD.secret); RETURN NEW; END';
CREATE TABLE vault.risen (id integer PRIMARY KEY, label text, secret integer);
INSERT INTO vault.risen VALUES (1, '', 10);
CREATE TRIGGER rise BEFORE UPDATE ON vault.risen FOR EACH ROW EXECUTE FUNCTION vault.only_rises();
CREATE FUNCTION vault.tell_zero() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.secret > 0 THEN NEW.label := ''raised''; END IF; RETURN NEW; END';
CREATE TRIGGER tell BEFORE UPDATE OF secret ON vault.risen FOR EACH ROW EXECUTE FUNCTION vault.tell_zero();
CREATE FUNCTION vault.refuse_less() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.secret < OLD.secret THEN NEW.secret := 0; END IF; RETURN NEW; END';
CREATE TABLE vault.lifted (id integer PRIMARY KEY, bonus integer, label text, secret integer, CHECK (bonus <= secret));
INSERT INTO vault.lifted VALUES (1, 0, '', 10);
CREATE TRIGGER a_less BEFORE UPDATE ON vault.lifted FOR EACH ROW EXECUTE FUNCTION vault.refuse_less();
CREATE TRIGGER tell BEFORE UPDATE OF secret ON vault.lifted FOR EACH ROW EXECUTE FUNCTION vault.tell_zero();
CREATE TABLE vault.equalled (id integer PRIMARY KEY, size integer, label text, secret text);
INSERT INTO vault.equalled VALUES (1, 0, '', 'quartzzebra');
CREATE TRIGGER touch BEFORE UPDATE ON vault.equalled FOR EACH ROW WHEN (OLD.secret = NEW.secret) EXECUTE FUNCTION vault.label_it();
CREATE TABLE vault.equalled_late (id integer PRIMARY KEY, size integer, label text, secret text);
INSERT INTO vault.equalled_late VALUES (1, 0, '', 'quartzzebra');
CREATE TRIGGER first BEFORE UPDATE ON vault.equalled_late FOR EACH ROW EXECUTE FUNCTION vault.tidy_secret();
CREATE TRIGGER touch BEFORE UPDATE ON vault.equalled_late FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION vault.label_it();
CREATE FUNCTION vault.keep_where_null() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.secret := coalesce(NEW.secret, OLD.secret); RETURN NEW; END';
CREATE TABLE vault.kept_where_null (id integer PRIMARY KEY, label text, secret text);
INSERT INTO vault.kept_where_null VALUES (1, '', 'quartzzebra');
CREATE TRIGGER keep BEFORE UPDATE ON vault.kept_where_null FOR EACH ROW EXECUTE FUNCTION vault.keep_where_null();
CREATE FUNCTION vault.quote_nullable(text) RETURNS text LANGUAGE sql AS 'SELECT secret FROM vault.people LIMIT 1';
CREATE FUNCTION vault.by_path() RETURNS text LANGUAGE sql SET search_path = vault, pg_catalog AS 'SELECT quote_nullable(''x''::text)';
CREATE FUNCTION vault.small_by_path(text) RETURNS text LANGUAGE sql SET search_path = '' AS 'SELECT lower($1)';
CREATE TABLE vault.beneath (id integer PRIMARY KEY, shown text);
INSERT INTO vault.beneath VALUES (1, 'quartzzebra');
CREATE DOMAIN vault.short_text AS text;
CREATE TABLE vault.beside (id integer PRIMARY KEY, extra vault.short_text);
INSERT INTO vault.beside VALUES (1, '');
CREATE FUNCTION vault.small_size(text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE VIEW vault.over_both AS SELECT shown AS secret, extra, vault.small_size(extra) AS size FROM vault.beneath JOIN vault.beside USING (id);
