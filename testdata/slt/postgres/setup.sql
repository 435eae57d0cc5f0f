-- What the files of this suite read: every type, texts whose order depends on the collation, values that
-- differ between systems, names that need quotes.
CREATE TABLE kinds (
  id bigint PRIMARY KEY, small smallint, medium integer, real_number real, double_number double precision,
  exact numeric(20, 4), any_exact numeric, flag boolean, word text, code varchar(10), fixed char(5), bytes bytea,
  day date, moment timestamptz, civil timestamp, hour time, doc jsonb, tag uuid, tags text[], span interval);
INSERT INTO kinds VALUES
  (1, 2, 3, 1.5, 2.25, 12345.6789, 0.5, true, 'word', 'code', 'abc', '\x00ff', '2026-01-02', '2026-01-02 03:04:05.000006+00',
   '2026-01-02 03:04:05.000006', '03:04:05', '{"a": [1, 2.50]}', '00000000-0000-0000-0000-00000000002a', '{a,NULL}', '1 mon 2 days 03:00:00'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
-- What is sent depends on what is known of a table, which nobody but the test is to change.
CREATE TABLE words (id bigint PRIMARY KEY, word text) WITH (autovacuum_enabled = false);
INSERT INTO words VALUES (1, 'apple'), (2, 'Apple'), (3, 'äpfel'), (4, 'Zebra'), (5, 'banana'), (6, ''), (7, NULL),
  (8, '50%'), (9, 'a_b'), (10, 'a\b'), (11, 'it''s'), (12, 'apple ');
CREATE TABLE numbers (id bigint PRIMARY KEY, f double precision, n numeric(12, 3)) WITH (autovacuum_enabled = false);
INSERT INTO numbers VALUES (1, 'NaN', 0), (2, '-0', -0.5), (3, 0, 0.5), (4, 'Infinity', 1.005), (5, '-Infinity', 999999999.999),
  (6, 1.5, NULL), (7, NULL, -1.005), (8, 0.1, 0.1);
CREATE TABLE "Mixed Case" ("Id" bigint, "select" text, "a""b" text);
INSERT INTO "Mixed Case" VALUES (1, 'chosen', 'quoted');
CREATE TABLE twins (id bigint, "Name" text, name text);
CREATE VIEW positive AS SELECT id, n FROM numbers WHERE n > 0;
CREATE TABLE empty (id bigint, word text);
CREATE TYPE span_of AS (low integer, high integer);
CREATE TABLE odd (id bigint PRIMARY KEY, price money, address inet, days int4range, counts integer[], pair span_of,
  pairs span_of[], place point, any_number numeric, grid integer[][], spent interval);
INSERT INTO odd VALUES
  (1, 1.50, '10.0.0.1', '[1,5)', '{1,NULL,3}', (1, 2), ARRAY[(3, 4)::span_of], '(1,2)', 1.5, '{{1,2},{3,4}}', '1 mon 2 days'),
  (2, -20, '10.0.0.1/8', 'empty', '{}', (NULL, NULL), '{}', '(0,0)', 1e-9, '{}', '-1 hour'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE SEQUENCE counter;
