"""DuckDB, with its own S3 and PostgreSQL extensions."""
# Requires: duckdb==1.5.5 duckdb-extension-httpfs==1.5.5 duckdb-extension-postgres-scanner==1.5.5 pyarrow==26.0.1

import importlib
import os
import pathlib

import duckdb

from driver import local_path, serve, standard_sql


def text(value):
    return "'" + str(value).replace("'", "''") + "'"


class DuckDB:
    def version(self):
        return {"version": duckdb.__version__}

    def set_up(self, tables, s3, postgres, threads):
        self.connection = duckdb.connect(config={"threads": threads})
        # Nothing is fetched from anywhere: the extensions are those of the wheels.
        self.connection.execute("SET autoinstall_known_extensions = false")
        self.connection.execute("CREATE SCHEMA tpch")
        if s3:
            self.load("httpfs")
            endpoint = s3["endpoint"].removeprefix("http://")
            self.connection.execute(
                f"CREATE SECRET (TYPE s3, KEY_ID {text(s3['key_id'])}, SECRET {text(s3['secret'])},"
                f" REGION {text(s3['region'])}, ENDPOINT {text(endpoint)}, URL_STYLE 'path', USE_SSL false)"
            )
        if postgres:
            self.load("postgres_scanner")
            words = {"host": "host", "port": "port", "dbname": "database", "user": "user",
                     "password": "password", "sslrootcert": "ca"}
            place = " ".join(f"{word}={postgres[key]}" for word, key in words.items())
            self.connection.execute(
                f"ATTACH {text(place + ' sslmode=verify-full')} AS shop (TYPE postgres, READ_ONLY)"
            )
        for table in tables:
            source = f"shop.{table['name']}" if table["at"] == "postgres" else f"read_parquet({text(table['uri'])})"
            self.connection.execute(f"CREATE VIEW tpch.{table['name']} AS SELECT * FROM {source}")

    def load(self, extension):
        package = pathlib.Path(importlib.import_module(f"duckdb_extension_{extension}").__file__).parent
        [file] = package.glob(f"extensions/*/{extension}.duckdb_extension")
        self.connection.execute(f"LOAD {text(file)}")

    def query(self, sql):
        batches = self.connection.execute(standard_sql(sql)).fetch_record_batch(100_000)
        return {"rows": sum(batch.num_rows for batch in batches)}

    def export(self, sql, format, to):
        if to.startswith("file://"):
            to = local_path(to)
            os.makedirs(to, exist_ok=True)
        options = "FORMAT csv, HEADER" if format == "CSV" else f"FORMAT {format.lower()}"
        target = f"{to}rows.{format.lower()}"
        self.connection.execute(f"COPY ({standard_sql(sql)}) TO {text(target)} ({options})")

    def write_rows(self, sql, path):
        self.connection.execute(f"COPY ({standard_sql(sql)}) TO {text(path)} (FORMAT csv, HEADER)")


serve(DuckDB())
