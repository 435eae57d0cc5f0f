-- TPC-H query 21: Saudi suppliers who alone kept an order waiting
-- Needs: supplier, lineitem, orders, nation in the dataset tpch. Parameters are those of the specification's validation run.
SELECT s_name, COUNT(*) AS numwait
FROM tpch.supplier
JOIN tpch.lineitem AS late ON late.l_suppkey = s_suppkey
JOIN tpch.orders ON o_orderkey = late.l_orderkey
JOIN tpch.nation ON n_nationkey = s_nationkey
WHERE o_orderstatus = 'F'
  AND late.l_receiptdate > late.l_commitdate
  AND EXISTS (
    SELECT *
    FROM tpch.lineitem AS other
    WHERE other.l_orderkey = late.l_orderkey AND other.l_suppkey != late.l_suppkey)
  AND NOT EXISTS (
    SELECT *
    FROM tpch.lineitem AS other
    WHERE other.l_orderkey = late.l_orderkey
      AND other.l_suppkey != late.l_suppkey
      AND other.l_receiptdate > other.l_commitdate)
  AND n_name = 'SAUDI ARABIA'
GROUP BY s_name
ORDER BY numwait DESC, s_name
LIMIT 100;
