-- groups by a number and a text
SELECT l_suppkey, l_shipinstruct, COUNT(*) AS lines
FROM tpch.lineitem GROUP BY l_suppkey, l_shipinstruct ORDER BY lines DESC, l_suppkey, l_shipinstruct LIMIT 10;
