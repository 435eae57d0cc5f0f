"""chDB: ClickHouse within a Python process. Its own functions read files, S3 and PostgreSQL."""
# Requires: chdb==4.4.0 pyarrow==26.0.1

import os

import chdb
import pyarrow.ipc
from chdb import session

from driver import local_path, serve, standard_sql


class ChDB:
    def version(self):
        return {"version": chdb.__version__}

    def set_up(self, tables, s3, postgres, threads):
        self.session = session.Session()
        self.session.query("CREATE DATABASE tpch")
        self.settings = f" SETTINGS max_threads = {threads}, joined_subquery_requires_alias = 0"
        # As the standard has it: outer joins and sums of nothing give NULL.
        self.settings += ", join_use_nulls = 1, aggregate_functions_null_for_empty = 1, format_csv_null_representation = ''"
        for table in tables:
            if table["at"] == "postgres":
                raise NotImplementedError("tables in PostgreSQL are not described to this engine yet")
            if table["at"] == "s3":
                url = s3["endpoint"] + "/" + table["uri"].removeprefix("s3://")
                source = f"s3('{url}', '{s3['key_id']}', '{s3['secret']}', 'Parquet')"
            else:
                source = f"file('{table['uri']}', 'Parquet')"
            self.session.query(f"CREATE VIEW tpch.{table['name']} AS SELECT * FROM {source}")

    def query(self, sql):
        answer = self.session.query(standard_sql(sql) + self.settings, "Arrow").bytes()
        return {"rows": pyarrow.ipc.open_file(answer).read_all().num_rows if answer else 0}

    def export(self, sql, format, to):
        os.makedirs(local_path(to), exist_ok=True)
        target = f"{local_path(to)}rows.{format.lower()}"
        kind = "Parquet" if format == "PARQUET" else "CSVWithNames"
        self.session.query(f"INSERT INTO FUNCTION file('{target}', '{kind}') {standard_sql(sql)}")

    def write_rows(self, sql, path):
        answer = self.session.query(standard_sql(sql) + self.settings, "CSVWithNames")
        with open(path, "wb") as file:
            file.write(answer.bytes())


serve(ChDB())
