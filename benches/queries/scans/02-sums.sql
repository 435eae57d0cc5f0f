-- four sums over a whole table
SELECT SUM(l_quantity) AS quantity, SUM(l_extendedprice) AS price, MIN(l_shipdate) AS first_day, MAX(l_shipdate) AS last_day
FROM tpch.lineitem;
