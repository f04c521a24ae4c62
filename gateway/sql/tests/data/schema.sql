-- The database of the tests. tests/data/catalog.tsv holds what the catalog's queries say of it.
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE address AS (street text, town text);
CREATE DOMAIN short AS text CHECK (length(VALUE) < 100);
CREATE FUNCTION slug(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE FUNCTION is_slug(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = lower($1)';
CREATE DOMAIN slug_text AS text CHECK (is_slug(VALUE));
CREATE TABLE orgs (id int PRIMARY KEY, title text NOT NULL);
CREATE TABLE users (
    id int PRIMARY KEY,
    name text NOT NULL,
    email text UNIQUE,
    password text,
    org_id int REFERENCES orgs,
    feeling mood,
    home address,
    profile jsonb,
    email_lower text GENERATED ALWAYS AS (lower(email)) STORED
);
CREATE TABLE orders (
    id int,
    line int,
    user_id int REFERENCES users,
    amount numeric,
    PRIMARY KEY (id, line)
);
CREATE TABLE iv ("interval" text, "values" text);
CREATE VIEW people AS SELECT id, name, email AS mail, upper(password) AS secret FROM users;
CREATE VIEW happy_people AS SELECT p.* FROM people p JOIN users u USING (id) WHERE u.feeling = 'happy';
CREATE VIEW slugs AS SELECT id, slug(name) AS slug FROM users;
CREATE MATERIALIZED VIEW user_copies AS SELECT id, password AS p FROM users;
CREATE TABLE events (at date NOT NULL, who text, secret text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE parent (a int, b text);
CREATE TABLE child (c text) INHERITS (parent);
CREATE SCHEMA other;
CREATE TABLE twin (a int, b text);
CREATE TABLE other.twin (a int, b text);
CREATE TABLE odd_twin (a int, b text);
CREATE TABLE other.odd_twin (a int, x text, y text);
CREATE TABLE ruled (a int);
CREATE RULE ruled_rule AS ON INSERT TO ruled DO ALSO INSERT INTO twin VALUES (NEW.a, 'x');
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE triggered (a int);
CREATE TRIGGER note BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION note();
CREATE FUNCTION near(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 - $2 < 2';
CREATE OPERATOR <~> (LEFTARG = int, RIGHTARG = int, FUNCTION = near);
CREATE FUNCTION secret_of(users) RETURNS text LANGUAGE sql AS 'SELECT $1.password';
CREATE EXTENSION citext;
CREATE PROCEDURE tidy() LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE TABLE policed (a int);
ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY policed_policy ON policed USING (is_slug(a::text));
CREATE TABLE roots (id int PRIMARY KEY);
CREATE TABLE rooted (root int REFERENCES roots ON DELETE CASCADE ON UPDATE SET NULL);
CREATE TRIGGER note BEFORE INSERT OR UPDATE OR DELETE ON rooted FOR EACH ROW EXECUTE FUNCTION note();
