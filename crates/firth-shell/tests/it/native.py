"""Reads a table of Firth's with DuckDB's ducklake extension: catalog, `schema.table`, and the column to sort by.

Prints the rows as JSON arrays of DuckDB's texts, one a line.
"""
import importlib
import json
import pathlib
import sys

import duckdb

catalog, table, order = sys.argv[1:]
connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")
for name in ["sqlite_scanner", "ducklake"]:
    package = pathlib.Path(importlib.import_module(f"duckdb_extension_{name}").__file__).parent
    [file] = package.glob(f"extensions/*/{name}.duckdb_extension")
    connection.execute(f"LOAD '{file}'")
connection.execute(f"ATTACH 'ducklake:sqlite:{catalog}' AS lake (READ_ONLY)")
rows = connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM lake.{table} ORDER BY lake.{table}.{order}").fetchall()
for row in rows:
    print(json.dumps(row))
