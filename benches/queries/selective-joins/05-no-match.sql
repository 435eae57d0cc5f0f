SELECT COUNT(*) AS items
FROM tpch.orders JOIN tpch.lineitem ON l_orderkey = o_orderkey
WHERE o_orderkey = 9
