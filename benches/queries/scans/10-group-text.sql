-- groups by a long text
SELECT o_clerk, COUNT(*) AS orders, MAX(o_totalprice) AS dearest
FROM tpch.orders GROUP BY o_clerk ORDER BY dearest DESC, o_clerk LIMIT 10;
