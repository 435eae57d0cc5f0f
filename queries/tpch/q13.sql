-- TPC-H query 13: how many customers have how many orders
-- Needs: customer, orders in the dataset tpch. Parameters are those of the specification's validation run.
WITH orders_of AS (
  SELECT c_custkey, COUNT(o_orderkey) AS c_count
  FROM tpch.customer
  LEFT JOIN tpch.orders ON o_custkey = c_custkey AND o_comment NOT LIKE '%special%requests%'
  GROUP BY c_custkey)
SELECT c_count, COUNT(*) AS custdist
FROM orders_of
GROUP BY c_count
ORDER BY custdist DESC, c_count DESC;
