-- A shop, as a person would know one. Everything is made up and the same in every run.
-- The setting demo.scale says how much of it there is; 1 is some hundred thousand rows.

CREATE SCHEMA staff;

CREATE TABLE customers (
    id            integer PRIMARY KEY,
    name          text NOT NULL,
    email         text NOT NULL UNIQUE,
    phone         text,
    password_hash text NOT NULL,
    address       text NOT NULL,
    city          text NOT NULL,
    country       text NOT NULL,
    newsletter    boolean NOT NULL,
    created_at    timestamptz NOT NULL
);
COMMENT ON TABLE customers IS 'People who buy. Contact data is personal.';
COMMENT ON COLUMN customers.password_hash IS 'Never leaves the database.';

CREATE TABLE products (
    id       integer PRIMARY KEY,
    name     text NOT NULL,
    category text NOT NULL,
    price    numeric(10, 2) NOT NULL
);

CREATE TABLE orders (
    id          integer PRIMARY KEY,
    customer_id integer NOT NULL,
    product_id  integer NOT NULL,
    quantity    integer NOT NULL,
    status      text NOT NULL,
    ordered_at  timestamptz NOT NULL
);

CREATE TABLE payments (
    id          integer PRIMARY KEY,
    order_id    integer NOT NULL,
    card_number text,
    iban        text,
    amount      numeric(10, 2) NOT NULL,
    paid_at     timestamptz NOT NULL,
    CHECK (num_nonnulls(card_number, iban) = 1)
);

CREATE TABLE api_tokens (
    id          integer PRIMARY KEY,
    customer_id integer NOT NULL,
    api_key     text NOT NULL UNIQUE,
    scopes      text[] NOT NULL,
    last_used   timestamptz
);

CREATE TABLE staff.employees (
    id         integer PRIMARY KEY,
    manager_id integer,
    name       text NOT NULL,
    email      text NOT NULL UNIQUE,
    ssn        text NOT NULL,
    salary     integer NOT NULL,
    hired_on   date NOT NULL,
    details    jsonb NOT NULL
);

INSERT INTO customers
SELECT i,
       first.name || ' ' || last.name,
       lower(first.name || '.' || last.name || i || '@example.') || (ARRAY['com', 'org', 'net'])[1 + i % 3],
       CASE WHEN i % 7 > 0 THEN '+49 30 ' || lpad((i * 7919 % 10000000)::text, 7, '0') END,
       '$2b$12$' || md5('hash' || i) || substr(md5('salt' || i), 1, 21),
       (1 + i % 180) || ' ' || (ARRAY['Mill', 'Station', 'Church', 'Garden', 'River'])[1 + i % 5] || ' Street',
       (ARRAY['Berlin', 'Lisbon', 'Oslo', 'Lyon', 'Cork', 'Turin', 'Ghent'])[1 + i % 7],
       (ARRAY['DE', 'PT', 'NO', 'FR', 'IE', 'IT', 'BE'])[1 + i % 7],
       i % 3 = 0,
       timestamptz '2021-01-01 08:00+00' + i * interval '47 minutes'
FROM generate_series(1, greatest(100, (50000 * current_setting('demo.scale')::float8)::integer)) AS i,
     LATERAL (SELECT (ARRAY['Alice', 'Bruno', 'Chloe', 'Dmitri', 'Elena', 'Farid', 'Greta', 'Hugo', 'Ines',
                            'Jonas', 'Karin', 'Luca', 'Mona', 'Nils', 'Olga', 'Pavel'])[1 + i % 16]) AS first (name),
     LATERAL (SELECT (ARRAY['Almeida', 'Berg', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Hansen',
                            'Ivanov', 'Jensen', 'Keller'])[1 + i % 11]) AS last (name);

INSERT INTO products
SELECT i,
       (ARRAY['Oak', 'Steel', 'Linen', 'Glass', 'Cork'])[1 + i % 5] || ' '
           || (ARRAY['chair', 'lamp', 'table', 'shelf', 'bowl', 'rug'])[1 + i % 6] || ' ' || i,
       (ARRAY['furniture', 'lighting', 'furniture', 'furniture', 'kitchen', 'textiles'])[1 + i % 6],
       4.99 + i * 37 % 400
FROM generate_series(1, 500) AS i;

INSERT INTO orders
SELECT i,
       1 + i * 7907 % (SELECT max(id) FROM customers),
       1 + i * 31 % 500,
       1 + i % 4,
       (ARRAY['delivered', 'delivered', 'delivered', 'shipped', 'open', 'returned'])[1 + i % 6],
       timestamptz '2024-01-01 00:00+00' + i * interval '5 minutes'
FROM generate_series(1, greatest(200, (150000 * current_setting('demo.scale')::float8)::integer)) AS i;

INSERT INTO payments
SELECT id,
       id,
       CASE WHEN id % 3 > 0 THEN '4' || lpad((id::bigint * 104729 % 1000000000000000)::text, 15, '0') END,
       CASE WHEN id % 3 = 0 THEN 'DE' || lpad((id::bigint * 1299709 % 100000000000)::text, 20, '0') END,
       quantity * (SELECT price FROM products WHERE products.id = product_id),
       ordered_at + interval '3 minutes'
FROM orders
WHERE status <> 'open';

INSERT INTO api_tokens
SELECT id,
       id,
       'shop_' || md5('key' || id) || md5('more' || id),
       CASE WHEN id % 2 = 0 THEN ARRAY['orders:read'] ELSE ARRAY['orders:read', 'orders:write'] END,
       created_at + interval '30 days'
FROM customers
WHERE id % 25 = 0;

INSERT INTO staff.employees
SELECT i,
       CASE WHEN i > 1 THEN i / 6 + 1 - (i / 6 + 1) / i END,
       'Employee ' || i,
       'employee' || i || '@shop.example',
       lpad((100 + i)::text, 3, '0') || '-' || lpad((i * 13 % 100)::text, 2, '0') || '-' || lpad((i * 1009 % 10000)::text, 4, '0'),
       38000 + i * 7717 % 90000,
       date '2015-01-01' + i * 9,
       jsonb_build_object('level', 1 + i % 5, 'remote', i % 4 = 0)
FROM generate_series(1, 400) AS i;

-- What is left of an import: nobody needs it, nothing refers to it.
CREATE TABLE orders_import AS SELECT id, product_id, quantity, status FROM orders WHERE id <= 1000;

-- Constraints and indexes come last: row by row they take longer.
ALTER TABLE orders
    ADD FOREIGN KEY (customer_id) REFERENCES customers,
    ADD FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE payments ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE api_tokens ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE staff.employees ADD FOREIGN KEY (manager_id) REFERENCES staff.employees;
CREATE INDEX ON customers (country);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (product_id);
CREATE INDEX ON payments (order_id);
CREATE INDEX ON api_tokens (customer_id);

-- What people query: the protected columns come through two of them.
CREATE VIEW customer_contacts AS
SELECT id, name, email, phone, country FROM customers;

CREATE VIEW revenue AS
SELECT c.country, date_trunc('month', p.paid_at) AS month, count(*) AS payments, sum(p.amount) AS amount
FROM payments p
JOIN orders o ON o.id = p.order_id
JOIN customers c ON c.id = o.customer_id
GROUP BY 1, 2;

CREATE VIEW recent_payments AS
SELECT p.id, c.name, p.card_number, p.iban, p.amount, p.paid_at
FROM payments p
JOIN orders o ON o.id = p.order_id
JOIN customers c ON c.id = o.customer_id
ORDER BY p.paid_at DESC
LIMIT 1000;

ANALYZE;
