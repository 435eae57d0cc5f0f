"""Runs statements with DuckDB's ducklake extension: catalog, then statements about `lake`."""
import importlib
import pathlib
import sys

import duckdb

catalog, *statements = sys.argv[1:]
connection = duckdb.connect()
for name in ["sqlite_scanner", "ducklake"]:
    package = pathlib.Path(importlib.import_module(f"duckdb_extension_{name}").__file__).parent
    [file] = package.glob(f"extensions/*/{name}.duckdb_extension")
    connection.execute(f"LOAD '{file}'")
connection.execute(f"ATTACH 'ducklake:sqlite:{catalog}' AS lake")
for statement in statements:
    connection.execute(statement)
