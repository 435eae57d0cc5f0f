SELECT c_mktsegment, COUNT(*) AS orders, SUM(o_totalprice) AS total
FROM tpch.customer JOIN tpch.orders ON o_custkey = c_custkey
WHERE c_acctbal > 9990 GROUP BY c_mktsegment ORDER BY c_mktsegment
