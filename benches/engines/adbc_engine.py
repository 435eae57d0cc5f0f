"""ADBC's driver of PostgreSQL: binary COPY into Arrow batches. It answers for tables that are all there."""
# Requires: adbc-driver-postgresql==1.13.0 adbc-driver-manager==1.13.0 pyarrow==26.0.1

import urllib.parse

import adbc_driver_postgresql.dbapi
import pyarrow
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

    def query(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(postgres_sql(sql, self.elsewhere))
            return {"rows": sum(batch.num_rows for batch in cursor.fetch_record_batch())}

    def export(self, sql, format, to):
        raise NotImplementedError("this engine does not export")

    def write_rows(self, sql, path):
        with self.connection.cursor() as cursor:
            cursor.execute(postgres_sql(sql, self.elsewhere))
            table = cursor.fetch_arrow_table()
            for index, field in enumerate(table.schema):
                # NUMERIC comes as text, which says so.
                if isinstance(field.type, pyarrow.BaseExtensionType):
                    plain = pyarrow.chunked_array([chunk.storage for chunk in table.column(index).chunks], field.type.storage_type)
                    table = table.set_column(index, field.name, plain)
            pyarrow.csv.write_csv(table, path)


serve(ADBC())
