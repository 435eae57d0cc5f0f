//! What is asked: one case is one piece of work that every engine is given.

use std::fs;

use firth_testkit::tpch::Table;

use crate::{Result, data::Data};

/// A piece of work and its name in the report.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) work: Work,
}

/// What an engine is to do.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// Answer a query, whose rows are made, taken as Arrow batches and thrown away.
    Query(String),
    /// Write a query's rows as files below a place that ends in a slash.
    Export {
        /// The query.
        sql: String,
        /// `PARQUET` or `CSV`.
        format: &'static str,
        /// `file:///folder/` or `s3://bucket/prefix/`; each engine writes to a place of its own below it.
        to: String,
    },
    /// Start a new process, answer a query in it, end it.
    StartUp(String),
    /// Answer a query again and again for several clients at once, each of which is a process.
    Clients {
        /// The query.
        sql: String,
        /// How many at once.
        clients: usize,
        /// How often each of them asks.
        each: usize,
    },
}

impl Work {
    /// The query at its core, whose rows are compared.
    pub(crate) fn sql(&self) -> &str {
        match self {
            Work::Query(sql) | Work::Export { sql, .. } | Work::StartUp(sql) | Work::Clients { sql, .. } => {
                sql
            }
        }
    }
}

fn query(name: &str, sql: impl Into<String>) -> Case {
    Case { name: name.to_string(), work: Work::Query(sql.into()) }
}

/// The 22 queries of `queries/tpch`.
pub(crate) fn tpch() -> Result<Vec<Case>> {
    (1..=22).map(|number| file(&format!("../queries/tpch/q{number:02}.sql"))).collect()
}

/// The queries of a folder of `benches/queries`, by their names.
pub(crate) fn folder(name: &str) -> Result<Vec<Case>> {
    let folder = format!("{}/queries/{name}", env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.iter().map(|file_name| file(&format!("queries/{name}/{file_name}"))).collect()
}

/// A query file, named after itself. The path is taken from this crate's folder.
fn file(path: &str) -> Result<Case> {
    let full = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&full).map_err(|error| format!("{full}: {error}"))?;
    let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".sql");
    Ok(query(name, text.trim_end().trim_end_matches(';')))
}

/// What a database behind a connection is asked for.
pub(crate) fn postgres(_: &Data) -> Result<Vec<Case>> {
    Ok(vec![
        query("scan-all", "SELECT * FROM shop.lineitem"),
        query(
            "scan-narrow",
            "SELECT SUM(l_extendedprice) AS total, MAX(l_comment) AS last_comment, MAX(l_shipdate) AS last_date \
             FROM shop.lineitem",
        ),
        query(
            "ten-keys",
            "SELECT l.l_orderkey, l.l_linenumber, l.l_extendedprice FROM shop.lineitem AS l \
             JOIN tpch.wanted_keys AS w ON w.l_orderkey = l.l_orderkey ORDER BY 1, 2",
        ),
        query(
            "join-both-there",
            "SELECT c_mktsegment, COUNT(*) AS orders, SUM(o_totalprice) AS total FROM shop.orders \
             JOIN shop.customer ON c_custkey = o_custkey GROUP BY c_mktsegment ORDER BY c_mktsegment",
        ),
        query(
            "top-ten",
            "SELECT o_orderkey, o_totalprice FROM shop.orders ORDER BY o_totalprice DESC, o_orderkey LIMIT 10",
        ),
        query("one-row", "SELECT o_orderkey, o_totalprice FROM shop.orders WHERE o_orderkey = 1"),
    ])
}

/// Rows written as files.
pub(crate) fn exports(data: &Data) -> Result<Vec<Case>> {
    let grouped = "SELECT l_suppkey, l_shipmode, SUM(l_extendedprice) AS total FROM tpch.lineitem \
                   GROUP BY l_suppkey, l_shipmode";
    let (all, local, bucket) = (all_of_lineitem(), local(data), bucket(data));
    Ok(vec![
        export("lineitem-parquet-local", &all, "PARQUET", &local),
        export("lineitem-csv-local", &all, "CSV", &local),
        export("lineitem-parquet-s3", &all, "PARQUET", &bucket),
        export("lineitem-csv-s3", &all, "CSV", &bucket),
        export("grouped-parquet-local", grouped, "PARQUET", &local),
    ])
}

/// Rows of a database written as files.
pub(crate) fn exports_from_postgres(data: &Data) -> Result<Vec<Case>> {
    let (all, bucket) = (all_of_lineitem(), bucket(data));
    Ok(vec![
        export("postgres-parquet-s3", &all, "PARQUET", &bucket),
        export("postgres-csv-s3", &all, "CSV", &bucket),
    ])
}

fn all_of_lineitem() -> String {
    format!("SELECT * FROM tpch.{}", Table::LineItem.name())
}

fn local(data: &Data) -> String {
    format!("file://{}/", data.exports.display())
}

fn bucket(data: &Data) -> String {
    format!("s3://{}/{}/exports/", data.bucket, data.prefix())
}

fn export(name: &str, sql: &str, format: &'static str, to: &str) -> Case {
    Case { name: name.to_string(), work: Work::Export { sql: sql.to_string(), format, to: to.to_string() } }
}

/// What a command line waits for.
pub(crate) fn start_up() -> Result<Vec<Case>> {
    let case = |name: &str, sql: &str| Case { name: name.to_string(), work: Work::StartUp(sql.to_string()) };
    Ok(vec![
        case("select-1", "SELECT 1 AS one"),
        case("count-a-table", "SELECT COUNT(*) AS nations FROM tpch.nation"),
    ])
}

/// What many short-lived programs wait for: a process, a connection to each source, one answer.
pub(crate) fn connection_churn() -> Result<Vec<Case>> {
    let case = |name: &str, sql: &str| Case { name: name.to_string(), work: Work::StartUp(sql.to_string()) };
    Ok(vec![
        case("postgres", "SELECT COUNT(*) AS nations FROM tpch.nation"),
        case("s3", "SELECT COUNT(*) AS regions FROM tpch.region"),
        case(
            "both",
            "SELECT COUNT(*) AS pairs FROM tpch.nation JOIN tpch.region ON r_regionkey = n_regionkey",
        ),
    ])
}

/// How many clients ask at once.
const CLIENTS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// How many answers all clients of a case get together, so that each case is the same work.
const ANSWERS: usize = 64;

/// A look-up in a database and a scan of files, by more and more clients.
pub(crate) fn concurrency() -> Result<Vec<Case>> {
    let work = [
        ("look-up", "SELECT o_orderkey, o_totalprice FROM shop.orders WHERE o_orderkey = 1"),
        (
            "scan",
            "SELECT l_shipmode, COUNT(*) AS items, SUM(l_quantity) AS quantity FROM tpch.lineitem \
             WHERE l_shipdate >= DATE '1998-01-01' GROUP BY l_shipmode ORDER BY l_shipmode",
        ),
    ];
    let case = |(name, sql): (&str, &str), clients: usize| Case {
        name: format!("{name}-{clients}"),
        work: Work::Clients { sql: sql.to_string(), clients, each: ANSWERS / clients },
    };
    Ok(work.into_iter().flat_map(|work| CLIENTS.map(|clients| case(work, clients))).collect())
}
