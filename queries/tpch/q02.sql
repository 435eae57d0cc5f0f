-- TPC-H query 2: the cheapest European supplier of each brass part of size 15
-- Needs: part, supplier, partsupp, nation, region in the dataset tpch. Parameters are those of the specification's validation run.
SELECT s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
FROM tpch.part
JOIN tpch.partsupp ON ps_partkey = p_partkey
JOIN tpch.supplier ON s_suppkey = ps_suppkey
JOIN tpch.nation ON n_nationkey = s_nationkey
JOIN tpch.region ON r_regionkey = n_regionkey
WHERE p_size = 15
  AND p_type LIKE '%BRASS'
  AND r_name = 'EUROPE'
  AND ps_supplycost = (
    SELECT MIN(cheapest.ps_supplycost)
    FROM tpch.partsupp AS cheapest
    JOIN tpch.supplier AS s ON s.s_suppkey = cheapest.ps_suppkey
    JOIN tpch.nation AS n ON n.n_nationkey = s.s_nationkey
    JOIN tpch.region AS r ON r.r_regionkey = n.n_regionkey
    WHERE cheapest.ps_partkey = p_partkey AND r.r_name = 'EUROPE')
ORDER BY s_acctbal DESC, n_name, s_name, p_partkey
LIMIT 100;
