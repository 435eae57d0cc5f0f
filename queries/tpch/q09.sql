-- TPC-H query 9: profit on green parts, by nation and year
-- Needs: part, supplier, lineitem, partsupp, orders, nation in the dataset tpch. Parameters are those of the specification's validation run.
WITH profit AS (
  SELECT
    n_name AS nation,
    EXTRACT(YEAR FROM o_orderdate) AS o_year,
    l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity AS amount
  FROM tpch.part
  JOIN tpch.lineitem ON l_partkey = p_partkey
  JOIN tpch.supplier ON s_suppkey = l_suppkey
  JOIN tpch.partsupp ON ps_partkey = l_partkey AND ps_suppkey = l_suppkey
  JOIN tpch.orders ON o_orderkey = l_orderkey
  JOIN tpch.nation ON n_nationkey = s_nationkey
  WHERE p_name LIKE '%green%')
SELECT nation, o_year, SUM(amount) AS sum_profit
FROM profit
GROUP BY nation, o_year
ORDER BY nation, o_year DESC;
