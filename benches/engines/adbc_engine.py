"""ADBC's driver of PostgreSQL: binary COPY into Arrow batches. It answers for tables that are all there."""
# Requires: adbc-driver-postgresql==1.13.0 adbc-driver-manager==1.13.0 pyarrow==26.0.1

import urllib.parse

import adbc_driver_postgresql.dbapi
import pyarrow.csv

from driver import postgres_sql, serve


class ADBC:
    def version(self):
        return {"version": adbc_driver_postgresql.__version__}

    def set_up(self, tables, s3, postgres, threads):
        if not postgres:
            raise NotImplementedError("this engine has PostgreSQL's tables only")
        self.elsewhere = [table["name"] for table in tables if table["at"] != "postgres"]
        quote = urllib.parse.quote
        self.connection = adbc_driver_postgresql.dbapi.connect(
            f"postgresql://{quote(postgres['user'])}:{quote(postgres['password'])}@{postgres['host']}:{postgres['port']}"
            f"/{quote(postgres['database'])}?sslmode=verify-full&sslrootcert={quote(postgres['ca'])}"
        )

    def batches(self, sql):
        cursor = self.connection.cursor()
        cursor.execute(postgres_sql(sql, self.elsewhere))
        return cursor.fetch_record_batch()

    def query(self, sql):
        return {"rows": sum(batch.num_rows for batch in self.batches(sql))}

    def export(self, sql, format, to):
        raise NotImplementedError("this engine does not export")

    def write_rows(self, sql, path):
        pyarrow.csv.write_csv(self.batches(sql).read_all(), path)


serve(ADBC())
