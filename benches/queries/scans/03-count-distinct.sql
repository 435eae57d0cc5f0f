-- distinct values of a column with many
SELECT COUNT(DISTINCT l_partkey) AS parts, COUNT(DISTINCT l_shipmode) AS modes FROM tpch.lineitem;
