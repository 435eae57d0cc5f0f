-- TPC-H query 11: parts that make up an important share of Germany's stock
-- Needs: partsupp, supplier, nation in the dataset tpch. Parameters are those of the specification's validation run.
-- The fraction is 0.0001 divided by the scale factor; it is written for scale 1.
SELECT ps_partkey, SUM(ps_supplycost * ps_availqty) AS value
FROM tpch.partsupp
JOIN tpch.supplier ON s_suppkey = ps_suppkey
JOIN tpch.nation ON n_nationkey = s_nationkey
WHERE n_name = 'GERMANY'
GROUP BY ps_partkey
HAVING SUM(ps_supplycost * ps_availqty) > (
  SELECT SUM(ps_supplycost * ps_availqty) * 0.0001
  FROM tpch.partsupp
  JOIN tpch.supplier ON s_suppkey = ps_suppkey
  JOIN tpch.nation ON n_nationkey = s_nationkey
  WHERE n_name = 'GERMANY')
ORDER BY value DESC;
