-- TPC-H query 5: revenue of local suppliers in Asia, by nation
-- Needs: customer, orders, lineitem, supplier, nation, region in the dataset tpch. Parameters are those of the specification's validation run.
SELECT n_name, SUM(l_extendedprice * (1 - l_discount)) AS revenue
FROM tpch.customer
JOIN tpch.orders ON o_custkey = c_custkey
JOIN tpch.lineitem ON l_orderkey = o_orderkey
JOIN tpch.supplier ON s_suppkey = l_suppkey AND s_nationkey = c_nationkey
JOIN tpch.nation ON n_nationkey = s_nationkey
JOIN tpch.region ON r_regionkey = n_regionkey
WHERE r_name = 'ASIA'
  AND o_orderdate >= DATE '1994-01-01'
  AND o_orderdate < DATE_ADD(DATE '1994-01-01', INTERVAL 1 YEAR)
GROUP BY n_name
ORDER BY revenue DESC;
