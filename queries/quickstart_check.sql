-- Reads back what quickstart.sql exported and compares it with the query's own answer, row by row.
-- Needs: quickstart.sql, run just before by `cargo xtask demo`. Every row says whether something holds.

-- needs azure, gcs, postgres: the exports
CREATE OR REPLACE EXTERNAL TABLE tpch.exported_parquet WITH CONNECTION us.lake
OPTIONS (format = 'PARQUET', uris = ['s3://lake/out/region_year-*.parquet']);
CREATE OR REPLACE EXTERNAL TABLE tpch.exported_csv (
  region STRING, nation STRING, year INT64, manufacturer STRING, lines INT64, revenue BIGNUMERIC(38, 4), profit BIGNUMERIC(38, 4))
WITH CONNECTION us.blob OPTIONS (format = 'CSV', uris = ['az://lake/out/region_year-*.csv'], skip_leading_rows = 1);

SELECT 'rows were exported' AS what, COUNT(*) > 0 AS holds FROM tpch.exported_parquet
UNION ALL
SELECT 'the Parquet on S3 has the rows of the query', COUNT(*) = 0 FROM (
  (SELECT * FROM tpch.exported_parquet EXCEPT DISTINCT SELECT * FROM tpch.region_year)
  UNION ALL (SELECT * FROM tpch.region_year EXCEPT DISTINCT SELECT * FROM tpch.exported_parquet))
UNION ALL
SELECT 'the CSV on Azure has the rows of the Parquet on S3', COUNT(*) = 0 FROM (
  (SELECT region, nation, year, manufacturer, lines, CAST(revenue AS BIGNUMERIC(38, 4)), CAST(profit AS BIGNUMERIC(38, 4)) FROM tpch.exported_parquet
   EXCEPT DISTINCT SELECT * FROM tpch.exported_csv)
  UNION ALL
  (SELECT * FROM tpch.exported_csv
   EXCEPT DISTINCT SELECT region, nation, year, manufacturer, lines, CAST(revenue AS BIGNUMERIC(38, 4)), CAST(profit AS BIGNUMERIC(38, 4)) FROM tpch.exported_parquet));
-- needs nothing: always
SELECT 'S3 still has what was put there' AS what, COUNT(*) = 60175 AS holds FROM tpch.lineitem;
