"""PostgreSQL by itself: psql takes the rows by binary COPY and throws them away. What it needs is the floor.

It answers for tables that are all there. The processor time and the memory shown are those of this script,
not of psql's process.
"""
# Requires:

import os
import subprocess

from driver import serve, standard_sql


class Psql:
    def version(self):
        return {"version": "PostgreSQL's client"}

    def set_up(self, tables, s3, postgres, threads):
        if not postgres:
            raise NotImplementedError("this engine has PostgreSQL's tables only")
        self.elsewhere = [table["name"] for table in tables if table["at"] != "postgres"]
        place = {
            "PGHOST": postgres["host"], "PGPORT": str(postgres["port"]), "PGDATABASE": postgres["database"],
            "PGUSER": postgres["user"], "PGPASSWORD": postgres["password"], "PGSSLROOTCERT": postgres["ca"],
            "PGSSLMODE": "verify-full",
        }
        self.psql = subprocess.Popen(
            [postgres["psql"], "--no-psqlrc", "--quiet", "--no-align", "--tuples-only"],
            env=os.environ | place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )

    def run(self, command):
        self.psql.stdin.write(f"{command}\n\\echo :ROW_COUNT :ERROR done\n")
        self.psql.stdin.flush()
        said = []
        for line in self.psql.stdout:
            if line.endswith(" done\n"):
                count, failed, _ = line.rsplit(maxsplit=2)
                if failed == "true":
                    break
                return int(count)
            said.append(line.strip())
        raise RuntimeError(" ".join(said) or "psql ended")

    def sql(self, sql):
        # A backslash command is one line. The schema that Firth calls shop is the database's own here.
        lines = (line.split("--")[0] for line in standard_sql(sql).splitlines())
        sql = " ".join(lines).replace("shop.", "")
        if "tpch." in sql and self.elsewhere:
            raise NotImplementedError("this engine has PostgreSQL's tables only")
        return sql.replace("tpch.", "").rstrip("; ")

    def query(self, sql):
        return {"rows": self.run(f"\\copy ({self.sql(sql)}) TO '/dev/null' (FORMAT binary)")}

    def export(self, sql, format, to):
        raise NotImplementedError("this engine does not export")

    def write_rows(self, sql, path):
        self.run(f"\\copy ({self.sql(sql)}) TO '{path}' (FORMAT csv, HEADER)")


serve(Psql())
