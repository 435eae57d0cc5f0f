-- TPC-H query 22: rich customers without orders, by country code
-- Needs: customer, orders in the dataset tpch. Parameters are those of the specification's validation run.
WITH rich AS (
  SELECT SUBSTR(c_phone, 1, 2) AS cntrycode, c_custkey, c_acctbal
  FROM tpch.customer
  WHERE SUBSTR(c_phone, 1, 2) IN ('13', '31', '23', '29', '30', '18', '17')
    AND c_acctbal > (
      SELECT AVG(c_acctbal)
      FROM tpch.customer
      WHERE c_acctbal > 0.00
        AND SUBSTR(c_phone, 1, 2) IN ('13', '31', '23', '29', '30', '18', '17')))
SELECT cntrycode, COUNT(*) AS numcust, SUM(c_acctbal) AS totacctbal
FROM rich
WHERE NOT EXISTS (SELECT * FROM tpch.orders WHERE o_custkey = c_custkey)
GROUP BY cntrycode
ORDER BY cntrycode;
