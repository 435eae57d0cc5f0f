"""An engine of the benchmark harness: answers one JSON line for each JSON line.

The protocol is described in benches/src/engine/driver.rs. A file NAME_engine.py beside this one is an
engine: a class with the methods version, set_up, query, export and write_rows, handed to `serve`. Its line
`# Requires:` names the packages that `cargo xtask bench` installs for it.
"""

import json
import os
import re
import sys


def serve(engine):
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(engine, request.pop("do"))(**request) or {}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def standard_sql(sql):
    """GoogleSQL as the suites use it, in the words that most engines know."""
    sql = re.sub(r"DATE_ADD\((DATE '[^']*'), (INTERVAL) (\d+) (\w+)\)", r"(\1 + \2 '\3' \4)", sql)
    return re.sub(r"DATE_SUB\((DATE '[^']*'), (INTERVAL) (\d+) (\w+)\)", r"(\1 - \2 '\3' \4)", sql)


def postgres_sql(sql, elsewhere):
    """A query for PostgreSQL itself, where Firth's schemas shop and tpch are the database's own."""
    sql = standard_sql(sql)
    if elsewhere and "tpch." in sql:
        raise NotImplementedError("this engine has PostgreSQL's tables only")
    return sql.replace("shop.", "").replace("tpch.", "").rstrip("; \n")


def local_path(uri):
    """The path of a file:// address; another address is refused."""
    if not uri.startswith("file://"):
        raise NotImplementedError(f"this engine does not write to {uri}")
    return uri.removeprefix("file://")
