"""connectorx: a query's rows from PostgreSQL into Arrow, in one connection. It answers for tables that are all there.

NUMERIC comes as doubles, so that rows with it are not the same as other engines'.
"""
# Requires: connectorx==0.4.6 pyarrow==26.0.1

import urllib.parse

import connectorx
import pyarrow.csv

from driver import postgres_sql, serve


class ConnectorX:
    def version(self):
        return {"version": connectorx.__version__}

    def set_up(self, tables, s3, postgres, threads):
        if not postgres:
            raise NotImplementedError("this engine has PostgreSQL's tables only")
        self.elsewhere = [table["name"] for table in tables if table["at"] != "postgres"]
        quote = urllib.parse.quote
        self.place = (
            f"postgresql://{quote(postgres['user'])}:{quote(postgres['password'])}@{postgres['host']}:{postgres['port']}"
            f"/{quote(postgres['database'])}?sslmode=require&sslrootcert={quote(postgres['ca'])}"
        )

    def read(self, sql):
        return connectorx.read_sql(self.place, postgres_sql(sql, self.elsewhere), return_type="arrow")

    def query(self, sql):
        return {"rows": self.read(sql).num_rows}

    def export(self, sql, format, to):
        raise NotImplementedError("this engine does not export")

    def write_rows(self, sql, path):
        pyarrow.csv.write_csv(self.read(sql), path)


serve(ConnectorX())
