-- TPC-H query 8: Brazil's share of a part type's market in America, by year
-- Needs: part, supplier, lineitem, orders, customer, nation, region in the dataset tpch. Parameters are those of the specification's validation run.
WITH all_nations AS (
  SELECT
    EXTRACT(YEAR FROM o_orderdate) AS o_year,
    l_extendedprice * (1 - l_discount) AS volume,
    supplied.n_name AS nation
  FROM tpch.part
  JOIN tpch.lineitem ON l_partkey = p_partkey
  JOIN tpch.supplier ON s_suppkey = l_suppkey
  JOIN tpch.orders ON o_orderkey = l_orderkey
  JOIN tpch.customer ON c_custkey = o_custkey
  JOIN tpch.nation AS bought ON bought.n_nationkey = c_nationkey
  JOIN tpch.region ON r_regionkey = bought.n_regionkey
  JOIN tpch.nation AS supplied ON supplied.n_nationkey = s_nationkey
  WHERE r_name = 'AMERICA'
    AND o_orderdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
    AND p_type = 'ECONOMY ANODIZED STEEL')
SELECT o_year, SUM(CASE WHEN nation = 'BRAZIL' THEN volume ELSE 0 END) / SUM(volume) AS mkt_share
FROM all_nations
GROUP BY o_year
ORDER BY o_year;
