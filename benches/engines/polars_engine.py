"""Polars, through its SQL interface. It reads files and S3; what its SQL lacks fails and is shown so."""
# Requires: polars==2.1.0

import os

import polars

from driver import local_path, serve, standard_sql


class Polars:
    def version(self):
        return {"version": polars.__version__}

    def set_up(self, tables, s3, postgres, threads):
        os.environ["POLARS_MAX_THREADS"] = str(threads)
        options = None
        if s3:
            options = {
                "aws_access_key_id": s3["key_id"], "aws_secret_access_key": s3["secret"],
                "aws_region": s3["region"], "aws_endpoint_url": s3["endpoint"], "aws_allow_http": "true",
            }
        self.context = polars.SQLContext()
        for table in tables:
            if table["at"] == "postgres":
                raise NotImplementedError("this engine does not stream from PostgreSQL")
            frame = polars.scan_parquet(table["uri"], storage_options=options if table["at"] == "s3" else None)
            self.context.register(table["name"], frame)

    def frame(self, sql):
        # It has no schemas.
        return self.context.execute(standard_sql(sql).replace("tpch.", ""))

    def query(self, sql):
        return {"rows": self.frame(sql).collect(engine="streaming").height}

    def export(self, sql, format, to):
        os.makedirs(local_path(to), exist_ok=True)
        frame = self.frame(sql)
        target = f"{local_path(to)}rows.{format.lower()}"
        frame.sink_parquet(target) if format == "PARQUET" else frame.sink_csv(target)

    def write_rows(self, sql, path):
        self.frame(sql).sink_csv(path)


serve(Polars())
