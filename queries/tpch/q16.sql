-- TPC-H query 16: how many suppliers without complaints can supply each kind of part
-- Needs: partsupp, part, supplier in the dataset tpch. Parameters are those of the specification's validation run.
SELECT p_brand, p_type, p_size, COUNT(DISTINCT ps_suppkey) AS supplier_cnt
FROM tpch.partsupp
JOIN tpch.part ON p_partkey = ps_partkey
WHERE p_brand != 'Brand#45'
  AND p_type NOT LIKE 'MEDIUM POLISHED%'
  AND p_size IN (49, 14, 23, 45, 19, 3, 36, 9)
  AND ps_suppkey NOT IN (
    SELECT s_suppkey
    FROM tpch.supplier
    WHERE s_comment LIKE '%Customer%Complaints%')
GROUP BY p_brand, p_type, p_size
ORDER BY supplier_cnt DESC, p_brand, p_type, p_size;
