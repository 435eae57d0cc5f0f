-- the dearest ten of all lines
SELECT l_orderkey, l_linenumber, l_extendedprice
FROM tpch.lineitem ORDER BY l_extendedprice DESC, l_orderkey, l_linenumber LIMIT 10;
