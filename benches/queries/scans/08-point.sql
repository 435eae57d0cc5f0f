-- one order's lines
SELECT l_orderkey, l_linenumber, l_comment FROM tpch.lineitem WHERE l_orderkey = 7 ORDER BY l_linenumber;
