//! The suites: where the tables lie, and what is asked.

use crate::{
    Result,
    case::{self, Case},
    data::Data,
    place::At,
};

/// A placement and the cases run over it.
pub(crate) struct Suite {
    /// As `--suites` takes it.
    pub(crate) name: &'static str,
    /// What it shows, for people.
    pub(crate) doc: &'static str,
    /// Where each of TPC-H's tables lies.
    pub(crate) place: fn(table: &str) -> At,
    /// What is asked.
    pub(crate) cases: fn(&Data) -> Result<Vec<Case>>,
}

/// Every suite.
pub(crate) const SUITES: &[Suite] = &[
    Suite {
        name: "tpch-local",
        doc: "TPC-H's 22 queries over Parquet files on the local disk",
        place: |_| At::Local,
        cases: |_| case::tpch(),
    },
    Suite {
        name: "tpch-s3",
        doc: "TPC-H's 22 queries over the same files on an S3 server of this machine (SeaweedFS)",
        place: |_| At::S3,
        cases: |_| case::tpch(),
    },
    Suite {
        name: "tpch-federated-s3-facts",
        doc: "TPC-H's 22 queries; lineitem, part and partsupp on S3, the rest in PostgreSQL",
        place: |table| match table {
            "lineitem" | "part" | "partsupp" => At::S3,
            _ => At::Postgres,
        },
        cases: |_| case::tpch(),
    },
    Suite {
        name: "tpch-federated-pg-facts",
        doc: "TPC-H's 22 queries; lineitem and orders in PostgreSQL, the rest on S3",
        place: |table| match table {
            "lineitem" | "orders" => At::Postgres,
            _ => At::S3,
        },
        cases: |_| case::tpch(),
    },
    Suite {
        name: "tpch-federated-local-pg",
        doc: "TPC-H's 22 queries; lineitem and orders in local files, the rest in PostgreSQL",
        place: |table| match table {
            "lineitem" | "orders" => At::Local,
            _ => At::Postgres,
        },
        cases: |_| case::tpch(),
    },
    Suite {
        name: "tpch-federated-all-pg",
        doc: "TPC-H's 22 queries; every table in one PostgreSQL",
        place: |_| At::Postgres,
        cases: |_| case::tpch(),
    },
    Suite {
        name: "postgres",
        doc: "one PostgreSQL table or two: a whole scan, a narrow one, ten keys, a join, the top ten",
        place: |_| At::Postgres,
        cases: case::postgres,
    },
    Suite {
        name: "scans",
        doc: "wide scans and groupings over local Parquet files, in ClickBench's manner",
        place: |_| At::Local,
        cases: |_| case::folder("scans"),
    },
    Suite {
        name: "exports",
        doc: "lineitem and an aggregate written as files, to the local disk and to S3",
        place: |_| At::Local,
        cases: case::exports,
    },
    Suite {
        name: "exports-from-postgres",
        doc: "lineitem of a PostgreSQL table written as files to S3",
        place: |table| if table == "lineitem" { At::Postgres } else { At::Local },
        cases: case::exports_from_postgres,
    },
    Suite {
        name: "start-up",
        doc: "a new process, one statement, the end of the process",
        place: |_| At::Local,
        cases: |_| case::start_up(),
    },
    Suite {
        name: "selective-joins",
        doc: "few rows of one source decide which of another are wanted: orders in PostgreSQL, lineitem on S3, the rest local",
        place: |table| match table {
            "orders" => At::Postgres,
            "lineitem" => At::S3,
            _ => At::Local,
        },
        cases: |_| case::folder("selective-joins"),
    },
    Suite {
        name: "connection-churn",
        doc: "a new process that connects anew to PostgreSQL, to S3, to both, and asks one thing",
        place: |table| if table == "region" { At::S3 } else { At::Postgres },
        cases: |_| case::connection_churn(),
    },
    Suite {
        name: "concurrency",
        doc: "1 to 32 clients at once, a process each; a look-up in PostgreSQL and a scan of local Parquet files",
        place: |table| if table == "lineitem" { At::Local } else { At::Postgres },
        cases: |_| case::concurrency(),
    },
];

impl Suite {
    /// Whether a server's connection is needed: for a table, or for what the cases write.
    pub(crate) fn uses(&self, at: At) -> bool {
        let writes_to_s3 = self.name.starts_with("exports") && at == At::S3;
        writes_to_s3 || firth_testkit::tpch::Table::ALL.iter().any(|table| (self.place)(table.name()) == at)
    }
}
