SELECT c_mktsegment, COUNT(*) AS items, SUM(l_quantity) AS quantity
FROM tpch.customer JOIN tpch.orders ON o_custkey = c_custkey JOIN tpch.lineitem ON l_orderkey = o_orderkey
WHERE c_acctbal > 9990 GROUP BY c_mktsegment ORDER BY c_mktsegment
