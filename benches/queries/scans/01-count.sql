-- how many rows
SELECT COUNT(*) AS lines FROM tpch.lineitem;
