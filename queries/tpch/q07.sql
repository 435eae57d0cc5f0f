-- TPC-H query 7: what France and Germany shipped to each other, by year
-- Needs: supplier, lineitem, orders, customer, nation in the dataset tpch. Parameters are those of the specification's validation run.
WITH shipping AS (
  SELECT
    supplied.n_name AS supp_nation,
    bought.n_name AS cust_nation,
    EXTRACT(YEAR FROM l_shipdate) AS l_year,
    l_extendedprice * (1 - l_discount) AS volume
  FROM tpch.supplier
  JOIN tpch.lineitem ON l_suppkey = s_suppkey
  JOIN tpch.orders ON o_orderkey = l_orderkey
  JOIN tpch.customer ON c_custkey = o_custkey
  JOIN tpch.nation AS supplied ON supplied.n_nationkey = s_nationkey
  JOIN tpch.nation AS bought ON bought.n_nationkey = c_nationkey
  WHERE ((supplied.n_name = 'FRANCE' AND bought.n_name = 'GERMANY')
      OR (supplied.n_name = 'GERMANY' AND bought.n_name = 'FRANCE'))
    AND l_shipdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31')
SELECT supp_nation, cust_nation, l_year, SUM(volume) AS revenue
FROM shipping
GROUP BY supp_nation, cust_nation, l_year
ORDER BY supp_nation, cust_nation, l_year;
