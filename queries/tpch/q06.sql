-- TPC-H query 6: revenue that small discounts cost in a year
-- Needs: lineitem in the dataset tpch. Parameters are those of the specification's validation run.
-- The bounds are written out: 0.06 - 0.01 would be FLOAT64 arithmetic, and not quite 0.05.
SELECT SUM(l_extendedprice * l_discount) AS revenue
FROM tpch.lineitem
WHERE l_shipdate >= DATE '1994-01-01'
  AND l_shipdate < DATE_ADD(DATE '1994-01-01', INTERVAL 1 YEAR)
  AND l_discount BETWEEN 0.05 AND 0.07
  AND l_quantity < 24;
