-- What is read and written by this suite alone: others list the tables of their schema.
CREATE TABLE words (id bigint PRIMARY KEY, word text);
INSERT INTO words VALUES (1, 'apple'), (2, 'Apple'), (3, 'äpfel'), (4, 'Zebra');
CREATE TABLE odd (id bigint PRIMARY KEY, price money);
CREATE DOMAIN home AS inet;
CREATE TABLE kinds (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price money, address inet, days int4range, place point, homes home[],
  word tsvector, prices money[], zoned timetz, code varchar(5));
CREATE TABLE flags (id bigint PRIMARY KEY, three bit(3), many bit varying(9), any_bits bit varying, threes bit(3)[], letter "char");
CREATE TABLE exact (id bigint PRIMARY KEY, n numeric, cents numeric(10, 2), hundreds numeric(5, -2), tenths numeric(6, 1)[]);
CREATE TABLE coarse (id bigint PRIMARY KEY, n numeric(5, 2), at timestamp(0), zoned timestamptz(3), clock time(0), span interval(0),
  years interval year to month);
CREATE TYPE flagged AS (three bit(3), n numeric(3, 1));
CREATE TABLE within (id bigint PRIMARY KEY, flagged flagged);
CREATE DOMAIN tenth AS numeric(6, 1);
CREATE TABLE domains (id bigint PRIMARY KEY, tenth tenth, tenths tenth[]);
CREATE TABLE sink (id integer PRIMARY KEY, word text, price numeric(9, 2) DEFAULT 7.25, list integer[]);
CREATE TABLE prices (id bigint PRIMARY KEY, cents bigint);
INSERT INTO prices VALUES (1, 50), (2, 80), (3, 300);
