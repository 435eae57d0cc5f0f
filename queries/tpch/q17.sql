-- TPC-H query 17: what a year would lose if small orders of a part were refused
-- Needs: lineitem, part in the dataset tpch. Parameters are those of the specification's validation run.
SELECT SUM(l_extendedprice) / 7.0 AS avg_yearly
FROM tpch.lineitem
JOIN tpch.part ON p_partkey = l_partkey
WHERE p_brand = 'Brand#23'
  AND p_container = 'MED BOX'
  AND l_quantity < (
    SELECT 0.2 * AVG(of_part.l_quantity)
    FROM tpch.lineitem AS of_part
    WHERE of_part.l_partkey = p_partkey);
