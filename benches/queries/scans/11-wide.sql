-- every column of a quarter
SELECT * FROM tpch.lineitem WHERE l_shipdate >= DATE '1995-01-01' AND l_shipdate < DATE '1995-04-01';
