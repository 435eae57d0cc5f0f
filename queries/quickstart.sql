-- Firth's quick start: one query over S3, Azure, Cloud Storage, PostgreSQL, Spanner and a local file,
-- exported back to two of them.
--
-- Needs: the servers and data that `cargo xtask demo` sets up; it also runs this file. A TPC-H data set is
-- spread over them: lineitem and orders in Parquet on S3, customer in CSV on Azure, part in JSON on
-- Cloud Storage, supplier and nation in PostgreSQL, partsupp in Spanner, region in a local file.
-- Where a server is missing, the parts below that need it are left out.

-- needs nothing: connections, each checked when it is made; secrets come from the environment and are stored sealed
CREATE OR REPLACE CONNECTION us.lake OPTIONS (
  connection_type = 'AWS', endpoint = ENV('FIRTH_DEMO_S3_ENDPOINT'), region = ENV('FIRTH_DEMO_S3_REGION'), path_style = TRUE,
  access_key_id = ENV('FIRTH_DEMO_S3_ACCESS_KEY_ID'), secret_access_key = ENV('FIRTH_DEMO_S3_SECRET_ACCESS_KEY'));
CREATE OR REPLACE CONNECTION us.span OPTIONS (
  connection_type = 'CLOUD_SPANNER', database = 'projects/demo/instances/tpch/databases/tpch', stub_data = ENV('FIRTH_DEMO_SPANNER_DATA'));
-- needs azure: a connection to Azure
CREATE OR REPLACE CONNECTION us.blob OPTIONS (
  connection_type = 'AZURE', account = ENV('FIRTH_DEMO_AZURE_ACCOUNT'), account_key = ENV('FIRTH_DEMO_AZURE_ACCOUNT_KEY'),
  endpoint = ENV('FIRTH_DEMO_AZURE_ENDPOINT'));
-- needs gcs: a connection to Cloud Storage
CREATE OR REPLACE CONNECTION us.bucket OPTIONS (
  connection_type = 'CLOUD_RESOURCE', endpoint = ENV('FIRTH_DEMO_GCS_ENDPOINT'), anonymous = TRUE);
-- needs postgres: a connection to PostgreSQL, over TLS that is verified in full
CREATE OR REPLACE CONNECTION us.shop OPTIONS (
  connection_type = 'POSTGRES', host = ENV('FIRTH_DEMO_PG_HOST'), port = ENV('FIRTH_DEMO_PG_PORT'), database = ENV('FIRTH_DEMO_PG_DATABASE'),
  user = ENV('FIRTH_DEMO_PG_USER'), password = ENV('FIRTH_DEMO_PG_PASSWORD'), sslrootcert = ENV('FIRTH_DEMO_PG_CA'));

-- needs nothing: what there is, and that no secret is shown
SHOW CONNECTIONS;
SHOW CREATE CONNECTION us.lake;
CHECK CONNECTION us.lake;

-- needs nothing: tables over files; columns are read from the files where they are not listed
CREATE SCHEMA IF NOT EXISTS tpch;
CREATE OR REPLACE EXTERNAL TABLE tpch.lineitem WITH CONNECTION us.lake OPTIONS (format = 'PARQUET', uris = ['s3://lake/tpch/lineitem/*']);
CREATE OR REPLACE EXTERNAL TABLE tpch.orders WITH CONNECTION us.lake OPTIONS (format = 'PARQUET', uris = ['s3://lake/tpch/orders/*']);
CREATE OR REPLACE EXTERNAL TABLE tpch.region OPTIONS (format = 'CSV', uris = [ENV('FIRTH_DEMO_REGION_URI')]);
-- needs azure: a table over CSV on Azure
CREATE OR REPLACE EXTERNAL TABLE tpch.customer (
  c_custkey INT64, c_name STRING, c_address STRING, c_nationkey INT64, c_phone STRING, c_acctbal NUMERIC(15, 2), c_mktsegment STRING, c_comment STRING)
WITH CONNECTION us.blob OPTIONS (format = 'CSV', uris = ['az://lake/tpch/customer/*'], skip_leading_rows = 1);
-- needs gcs: a table over JSON on Cloud Storage
CREATE OR REPLACE EXTERNAL TABLE tpch.part (
  p_partkey INT64, p_name STRING, p_mfgr STRING, p_brand STRING, p_type STRING, p_size INT64, p_container STRING, p_retailprice NUMERIC(15, 2), p_comment STRING)
WITH CONNECTION us.bucket OPTIONS (format = 'JSON', uris = ['gs://lake/tpch/part/*']);

-- needs nothing: every table of a Spanner database, and of a PostgreSQL schema, as it is there
CREATE EXTERNAL SCHEMA IF NOT EXISTS span WITH CONNECTION us.span OPTIONS (external_source = 'google-cloudspanner:/projects/demo/instances/tpch/databases/tpch');
SHOW TABLES FROM span;
-- needs postgres: every table of a PostgreSQL schema
CREATE EXTERNAL SCHEMA IF NOT EXISTS shop WITH CONNECTION us.shop OPTIONS (external_source = 'postgres://app/public');
SHOW TABLES FROM shop;

-- needs nothing: S3, Spanner and a local file in one query
SELECT
  l.l_shipmode, COUNT(*) AS lines, SUM(l.l_quantity) AS quantity, MIN(ps.ps_supplycost) AS cheapest, (SELECT COUNT(*) FROM tpch.region) AS regions
FROM tpch.lineitem AS l
JOIN span.partsupp AS ps ON ps.ps_partkey = l.l_partkey AND ps.ps_suppkey = l.l_suppkey
GROUP BY l.l_shipmode
ORDER BY lines DESC, l.l_shipmode;

-- needs postgres: what is sent to PostgreSQL, to the letter
EXPLAIN SELECT s_name, s_phone FROM shop.supplier WHERE s_nationkey = 7 AND s_suppkey < 50;
SELECT * FROM EXTERNAL_QUERY('us.shop', 'SELECT n_name AS nation, upper(left(n_name, 3)) AS code FROM nation ORDER BY n_nationkey LIMIT 5;') ORDER BY nation;

-- needs azure, gcs, postgres: one query over all six places
CREATE OR REPLACE VIEW tpch.region_year AS
SELECT
  r.r_name AS region, n.n_name AS nation, EXTRACT(YEAR FROM o.o_orderdate) AS year, p.p_mfgr AS manufacturer,
  COUNT(*) AS lines,
  SUM(l.l_extendedprice * (1 - l.l_discount)) AS revenue,
  SUM(l.l_extendedprice * (1 - l.l_discount) - ps.ps_supplycost * l.l_quantity) AS profit
FROM tpch.lineitem AS l                                                                                 -- Parquet on S3
JOIN tpch.orders AS o ON o.o_orderkey = l.l_orderkey                                                    -- Parquet on S3
JOIN tpch.customer AS c ON c.c_custkey = o.o_custkey                                                    -- CSV on Azure
JOIN tpch.part AS p ON p.p_partkey = l.l_partkey                                                        -- JSON on Cloud Storage
JOIN span.partsupp AS ps ON ps.ps_partkey = l.l_partkey AND ps.ps_suppkey = l.l_suppkey                 -- Spanner
JOIN shop.supplier AS s ON s.s_suppkey = l.l_suppkey                                                    -- PostgreSQL
JOIN shop.nation AS n ON n.n_nationkey = s.s_nationkey                                                  -- PostgreSQL
JOIN tpch.region AS r ON r.r_regionkey = n.n_regionkey                                                  -- a local file
WHERE c.c_mktsegment = 'BUILDING'
GROUP BY 1, 2, 3, 4;
SELECT region, year, SUM(lines) AS lines, SUM(revenue) AS revenue, SUM(profit) AS profit
FROM tpch.region_year
GROUP BY region, year
ORDER BY region, year;

-- needs azure, gcs, postgres: the result goes back, to S3 as Parquet and to Azure as CSV
EXPORT DATA WITH CONNECTION us.lake OPTIONS (uri = 's3://lake/out/region_year-*.parquet', format = 'PARQUET', overwrite = TRUE) AS
SELECT * FROM tpch.region_year ORDER BY region, nation, year, manufacturer;
EXPORT DATA WITH CONNECTION us.blob OPTIONS (uri = 'az://lake/out/region_year-*.csv', format = 'CSV', header = TRUE, overwrite = TRUE) AS
SELECT * FROM tpch.region_year ORDER BY region, nation, year, manufacturer;
