SELECT o_orderpriority, COUNT(*) AS items, SUM(l_quantity) AS quantity
FROM tpch.orders JOIN tpch.lineitem ON l_orderkey = o_orderkey
WHERE o_custkey = 7 GROUP BY o_orderpriority ORDER BY o_orderpriority
