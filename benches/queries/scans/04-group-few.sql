-- few groups
SELECT l_shipmode, COUNT(*) AS lines, SUM(l_extendedprice) AS total
FROM tpch.lineitem GROUP BY l_shipmode ORDER BY l_shipmode;
