-- The same rows lie here and in files: see pushdown_is_invisible.slt. Among them are the values that systems
-- treat differently.
CREATE TABLE items (
  id bigint PRIMARY KEY, word text, f double precision, n numeric(12, 3), day date, moment timestamptz, flag boolean);
INSERT INTO items VALUES
  (1, 'apple', 'NaN', 0, '2026-01-01', '2026-01-01 00:00:00+00', true),
  (2, 'Apple', '-0', -0.5, '2026-01-02', '2026-01-01 23:59:59.999999+00', false),
  (3, 'äpfel', 0, 0.5, '1999-12-31', '2026-01-02 00:00:00+00', NULL),
  (4, 'Zebra', 'Infinity', 1.005, '0001-01-01', '1969-12-31 23:59:59+00', true),
  (5, 'banana', '-Infinity', 999999999.999, '9999-12-31', '2026-01-01 01:00:00+01', false),
  (6, '', 1.5, NULL, NULL, NULL, NULL),
  (7, NULL, NULL, -1.005, '2026-02-28', '2026-02-28 12:00:00+00', true),
  (8, '50%', 0.1, 0.1, '2026-03-01', '2026-03-01 00:00:00.000001+00', true),
  (9, 'a_b', -1.5, 0.100, '2026-03-02', '2026-03-02 00:00:00+00', false),
  (10, 'a\b', 1e300, 12345.678, '2026-03-03', '2026-03-03 00:00:00+00', NULL),
  (11, 'it''s', 2, 2, '2026-03-04', '2026-03-04 00:00:00+00', true),
  (12, 'apple ', 3, 3.000, '2026-03-05', '2026-03-05 00:00:00+00', false);
