-- TPC-H query 14: the share of a month's revenue that promoted parts brought
-- Needs: lineitem, part in the dataset tpch. Parameters are those of the specification's validation run.
SELECT
  100.00 * SUM(CASE WHEN p_type LIKE 'PROMO%' THEN l_extendedprice * (1 - l_discount) ELSE 0 END)
    / SUM(l_extendedprice * (1 - l_discount)) AS promo_revenue
FROM tpch.lineitem
JOIN tpch.part ON p_partkey = l_partkey
WHERE l_shipdate >= DATE '1995-09-01'
  AND l_shipdate < DATE_ADD(DATE '1995-09-01', INTERVAL 1 MONTH);
