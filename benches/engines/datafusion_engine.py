"""DataFusion, the engine that Firth is built on, as its Python package; S3 by its object store. No databases."""
# Requires: datafusion==55.0.0 pyarrow==26.0.1

import os

import datafusion
import pyarrow
import pyarrow.csv
from datafusion.object_store import AmazonS3

from driver import local_path, serve, standard_sql


class DataFusion:
    def version(self):
        return {"version": datafusion.__version__}

    def set_up(self, tables, s3, postgres, threads):
        config = datafusion.SessionConfig().with_target_partitions(threads).with_information_schema(True)
        self.session = datafusion.SessionContext(config)
        self.session.sql("CREATE SCHEMA tpch").collect()
        if s3:
            store = AmazonS3(
                bucket_name=s3["bucket"], region=s3["region"], endpoint=s3["endpoint"],
                access_key_id=s3["key_id"], secret_access_key=s3["secret"], allow_http=True,
            )
            self.session.register_object_store(f"s3://{s3['bucket']}/", store, None)
        for table in tables:
            if table["at"] == "postgres":
                raise NotImplementedError("this engine reads no PostgreSQL")
            place = table["uri"].rsplit("/", 1)[0] + "/"
            self.session.sql(
                f"CREATE EXTERNAL TABLE tpch.{table['name']} STORED AS PARQUET LOCATION '{place}'"
            ).collect()

    def query(self, sql):
        stream = self.session.sql(standard_sql(sql)).execute_stream()
        return {"rows": sum(batch.to_pyarrow().num_rows for batch in stream)}

    def export(self, sql, format, to):
        os.makedirs(local_path(to), exist_ok=True)
        target = f"{local_path(to)}rows.{format.lower()}"
        self.session.sql(f"COPY ({standard_sql(sql)}) TO '{target}' STORED AS {format}").collect()

    def write_rows(self, sql, path):
        frame = self.session.sql(standard_sql(sql))
        batches = [batch.to_pyarrow() for batch in frame.execute_stream()]
        table = pyarrow.Table.from_batches(batches, None if batches else frame.schema())
        # Views have no CSV.
        fields = [
            pyarrow.field(field.name, pyarrow.string()) if field.type == pyarrow.string_view() else field
            for field in table.schema
        ]
        pyarrow.csv.write_csv(table.cast(pyarrow.schema(fields)), path)


serve(DataFusion())
