-- many groups, ten of them wanted
SELECT l_partkey, COUNT(*) AS lines, SUM(l_quantity) AS quantity
FROM tpch.lineitem GROUP BY l_partkey ORDER BY lines DESC, quantity DESC, l_partkey LIMIT 10;
