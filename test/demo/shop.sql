-- A small shop. Every person, number, card and key in it is made up.

-- The role that the airlock connects as. It owns everything and may read the server's files: what is refused below, the database would do.
CREATE ROLE shop_app LOGIN PASSWORD 'change-me' IN ROLE pg_read_server_files;
GRANT CREATE ON SCHEMA public TO shop_app;
SET ROLE shop_app;

CREATE TABLE customers (
  id int PRIMARY KEY, name text NOT NULL, city text NOT NULL, email text NOT NULL, phone text NOT NULL,
  card_number text NOT NULL, ssn text NOT NULL, created_at timestamptz NOT NULL
);
INSERT INTO customers VALUES
  (1, 'Ada Brandt', 'Hamburg', 'ada.brandt@mail.example', '+49 40 5550101', '4242424242424242', '912-65-4320', '2025-01-14 09:12Z'),
  (2, 'Bruno Keller', 'Bern', 'bruno@keller.example', '+41 31 5550102', '5555555555554444', '923-41-8876', '2025-02-02 17:40Z'),
  (3, 'Chiara Conti', 'Milano', 'c.conti@studio.example', '+39 02 5550103', '4000056655665556', '934-77-1029', '2025-02-19 11:05Z'),
  (4, 'Diego Ramos', 'Sevilla', 'diego.ramos@mail.example', '+34 95 5550104', '5200828282828210', '945-12-6604', '2025-03-08 20:31Z'),
  (5, 'Elif Aydin', 'Berlin', 'elif@aydin.example', '+49 30 5550105', '4111111111111111', '921-30-5518', '2025-03-27 08:56Z'),
  (6, 'Farid Haddad', 'Lyon', 'farid.haddad@mail.example', '+33 4 5550106', '6011111111111117', '956-88-2431', '2025-04-15 13:22Z'),
  (7, 'Grace Okafor', 'London', 'grace@okafor.example', '+44 20 5550107', '4012888888881881', '967-05-9913', '2025-05-01 10:10Z'),
  (8, 'Hana Novak', 'Praha', 'hana.novak@mail.example', '+420 2 5550108', '5105105105105100', '978-54-3347', '2025-05-23 15:48Z'),
  (9, 'Ivo Petrov', 'Hamburg', 'ivo.petrov@work.example', '+49 40 5550109', '4917610000000000', '989-21-7760', '2025-06-11 07:33Z'),
  (10, 'Jana Lind', 'Berlin', 'jana@lind.example', '+49 30 5550110', '3566002020360505', '925-96-0285', '2025-07-04 18:02Z'),
  (11, 'Kofi Mensah', 'Hamburg', 'kofi.mensah@mail.example', '+49 40 5550111', '6205500000000000', '990-63-4152', '2025-08-16 12:27Z'),
  (12, 'Lena Fischer', 'Berlin', 'lena@fischer.example', '+49 30 5550112', '4263982640269299', '919-38-8094', '2025-09-30 16:15Z');

CREATE TABLE orders (
  id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, region text NOT NULL, amount numeric(10, 2) NOT NULL,
  status text NOT NULL, created_at timestamptz NOT NULL
);
INSERT INTO orders
  SELECT id, 1 + id * 7 % 12, (ARRAY['eu', 'us', 'eu', 'apac', 'us'])[1 + id % 5], round(19.90 + id * 37 % 400 * 1.35, 2),
    (ARRAY['paid', 'shipped', 'shipped', 'returned'])[1 + id % 4], timestamptz '2026-01-05 08:00Z' + id * interval '7 hours'
  FROM generate_series(1, 60) id;

CREATE TABLE order_items (order_id int REFERENCES orders, sku text, quantity int NOT NULL, PRIMARY KEY (order_id, sku));
INSERT INTO order_items
  SELECT id, 'SKU-' || 100 + (id * 13 + item * 29) % 40, 1 + (id + item) % 3 FROM generate_series(1, 60) id, generate_series(1, 2) item;

CREATE TABLE secrets (service text PRIMARY KEY, api_key text NOT NULL);
INSERT INTO secrets VALUES ('payments', 'live-7Qm2xV9dKp41'), ('shipping', 'live-Zt83nRb6Yw05'), ('mailing', 'live-4HcJ1uEs9aLf');

-- Functions reach data without naming a relation.
CREATE FUNCTION api_key_of(name text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT api_key FROM secrets WHERE service = name';
CREATE FUNCTION open_orders(customer int) RETURNS bigint LANGUAGE sql
  AS 'SELECT count(*) FROM orders WHERE customer_id = customer AND status = ''paid''';

RESET ROLE;
ANALYZE;
