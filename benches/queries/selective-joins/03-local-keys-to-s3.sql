SELECT p_container, COUNT(*) AS items, SUM(l_extendedprice) AS total
FROM tpch.part JOIN tpch.lineitem ON l_partkey = p_partkey
WHERE p_brand = 'Brand#23' AND p_size = 1 GROUP BY p_container ORDER BY p_container
