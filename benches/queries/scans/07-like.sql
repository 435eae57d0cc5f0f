-- a word somewhere in a text
SELECT COUNT(*) AS lines, MIN(l_comment) AS first_comment FROM tpch.lineitem WHERE l_comment LIKE '%special%requests%';
