/** The demo's database: a small shop with what an agent must not see. */
export const SHOP = `
CREATE ROLE shop_app LOGIN PASSWORD 'change-me';
CREATE DATABASE shop OWNER shop_app;
`;

export const TABLES = `
CREATE TABLE customers (
  id int PRIMARY KEY, name text NOT NULL, city text NOT NULL, email text NOT NULL UNIQUE, phone text,
  card_number text NOT NULL, ssn text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (
  id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, region text NOT NULL, amount numeric(10, 2) NOT NULL,
  status text NOT NULL, note text, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE api_keys (id int PRIMARY KEY, service text NOT NULL, key text NOT NULL);
INSERT INTO customers (id, name, city, email, phone, card_number, ssn) VALUES
  (1, 'Ada Berg', 'Turku', 'ada.berg@mail.example', '+358 40 5550101', '4929381332664295', '517-84-2290'),
  (2, 'Bruno Costa', 'Porto', 'bruno.costa@post.example', '+351 91 5550102', '5425233430109903', '401-22-8731'),
  (3, 'Chiara Neri', 'Lyon', 'chiara.neri@mail.example', '+33 6 5550103', '4716258050958645', '530-19-4456'),
  (4, 'Dan Okafor', 'Austin', 'dan.okafor@work.example', '+1 512 5550104', '4539578763621486', '623-77-1904');
INSERT INTO orders (id, customer_id, region, amount, status, note) VALUES
  (10, 1, 'eu', 120.00, 'paid', 'gift wrap'), (11, 1, 'eu', 35.50, 'shipped', NULL), (12, 2, 'eu', 980.00, 'paid', 'call before delivery'),
  (13, 3, 'eu', 64.20, 'new', NULL), (14, 4, 'us', 4100.00, 'paid', 'tax exempt'), (15, 4, 'us', 15.75, 'new', NULL), (16, 2, 'apac', 220.00, 'paid', NULL);
INSERT INTO api_keys VALUES (1, 'payments', 'sk_live_9fQ2mXv7LrT4'), (2, 'mail', 'key-77aa10c4be');
ALTER TABLE customers OWNER TO shop_app;
ALTER TABLE orders OWNER TO shop_app;
ALTER TABLE api_keys OWNER TO shop_app;
`;

/** What must never be seen in the demo's output. */
export const HIDDEN: readonly string[] = [
  '517-84-2290',
  '401-22-8731',
  '530-19-4456',
  '623-77-1904',
  '4929381332664295',
  '5425233430109903',
  'ada.berg@',
  'bruno.costa@',
  'sk_live_9fQ2mXv7LrT4',
  'key-77aa10c4be',
  'tax exempt',
];
