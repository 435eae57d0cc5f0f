//! Every format with every option of CREATE EXTERNAL TABLE: what applies is taken and changes no row, what does
//! not is refused by name, and so is a value of another type. The page of the options says which is which.

use std::path::Path;

use firth_connector::{OptionKind, OptionSpec};
use firth_engine::EXTERNAL_TABLE_OPTIONS;
use tempfile::TempDir;

use crate::session::TestSession;

const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/files");
/// Compressions, and what names end with.
type Compressions = &'static [(&'static str, &'static str)];

/// The formats of files with the compressions that EXPORT DATA has for them.
const FILES: &[(&str, &str, Compressions)] = &[
    ("PARQUET", "Parquet", &[("SNAPPY", "parquet"), ("GZIP", "parquet"), ("ZSTD", "parquet")]),
    ("CSV", "CSV", &[("NONE", "csv"), ("GZIP", "csv.gz")]),
    ("JSON", "JSON", &[("NONE", "json"), ("GZIP", "json.gz")]),
    ("AVRO", "Avro", &[("DEFLATE", "avro"), ("SNAPPY", "avro")]),
    ("ARROW", "Arrow", &[("NONE", "arrow")]),
];
/// Tables with a log of their own.
const LOGS: &[(&str, &str, &str)] =
    &[("ICEBERG", "Iceberg", "iceberg/unnumbered"), ("DELTA_LAKE", "Delta Lake", "delta/evolved")];

/// A value of each option that changes no row of the tables here; `None` for those that need more than
/// themselves, which have tests of their own. A new option needs a line.
fn harmless(option: &str) -> Option<&'static str> {
    Some(match option {
        "description" => "'a sentence'",
        "max_staleness" => "INTERVAL 1 HOUR",
        "file_set_spec_type" => "'FILE_SYSTEM_MATCH'",
        "require_hive_partition_filter" | "require_partition_filter" => return None,
        "format" | "uris" | "compression" | "metadata_cache_mode" | "hive_partition_uri_prefix" => {
            return None;
        }
        "reference_file_schema_uri" | "json_extension" => return None,
        "allow_moved_paths" | "enable_logical_types" | "enum_as_string" | "enable_list_inference" => "TRUE",
        "ignore_unknown_values" | "allow_quoted_newlines" | "allow_jagged_rows" => "TRUE",
        "preserve_ascii_control_characters" => "TRUE",
        "decimal_target_types" => "['NUMERIC']",
        "encoding" => "'UTF-8'",
        "max_bad_records" => "3",
        "date_format" => "'DD/MM/YYYY'",
        "time_format" => "'HH24:MI'",
        "datetime_format" => "'DD/MM/YYYY HH24:MI'",
        "timestamp_format" => "'YYYY-MM-DD HH24:MI:SS'",
        "time_zone" => "'Europe/Berlin'",
        "field_delimiter" => "','",
        "skip_leading_rows" => "1",
        "quote" => "'\"'",
        "null_marker" => "'nothing'",
        "null_markers" => "['nothing', 'none']",
        "source_column_match" => "'NAME'",
        other => panic!("no case for option {other}"),
    })
}

/// A value of another type.
fn mistyped(spec: &OptionSpec) -> &'static str {
    match spec.kind {
        OptionKind::Bool | OptionKind::Int64 => "'x'",
        _ => "17",
    }
}

/// Whether the option's sentence says that it is for this format.
fn is_said_to_apply(spec: &OptionSpec, name: &str, is_log: bool) -> bool {
    // ORC is read and not exported.
    let known: Vec<&str> = FILES
        .iter()
        .map(|(_, name, _)| *name)
        .chain(LOGS.iter().map(|(_, name, _)| *name))
        .chain(["ORC"])
        .collect();
    let said = spec.doc.split_once(": ").map(|(said, _)| said.replace(" and ", ", "));
    let said: Option<Vec<&str>> = said.as_ref().map(|said| said.split(", ").collect());
    match said.filter(|said| said.iter().all(|word| known.contains(word))) {
        Some(said) => said.contains(&name),
        None => !is_log || spec.name == "description",
    }
}

struct Case {
    format: &'static str,
    name: &'static str,
    uri: String,
    /// What its statement has besides format and uris.
    more: &'static str,
    is_log: bool,
}

async fn cases(session: &TestSession, folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for (format, name, compressions) in FILES {
        for (compression, ending) in *compressions {
            let uri = format!("file://{}/{format}-{compression}-*.{ending}", folder.display());
            let header = if *format == "CSV" { ", header = TRUE" } else { "" };
            let export = format!(
                "EXPORT DATA OPTIONS (uri = '{uri}', format = '{format}', compression = '{compression}'{header}) AS SELECT 1 AS id, 'x' AS text UNION ALL SELECT 2, 'y'"
            );
            session.execute(&export).await.expect("exported");
            cases.push(Case { format, name, uri, more: "", is_log: false });
        }
    }
    let orc = Path::new(TABLES).join("orc/drift/a.orc").canonicalize().expect("there");
    let uri = format!("file://{}", orc.display());
    cases.push(Case { format: "ORC", name: "ORC", uri, more: "", is_log: false });
    for (format, name, table) in LOGS {
        let uri =
            format!("file://{}", Path::new(TABLES).join(table).canonicalize().expect("there").display());
        let more = if *format == "ICEBERG" { ", allow_moved_paths = TRUE" } else { "" };
        cases.push(Case { format, name, uri, more, is_log: true });
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn every_option_is_taken_or_refused_as_its_page_says() {
    let work = TempDir::new().expect("a folder");
    let session = TestSession::new(&work.path().join("home"));
    for case in cases(&session, work.path()).await {
        let create = |more: &str| {
            let Case { format, uri, .. } = &case;
            format!(
                "CREATE OR REPLACE EXTERNAL TABLE t OPTIONS (format = '{format}', uris = ['{uri}']{more})"
            )
        };
        let rows = || async {
            session.execute("SELECT * FROM t ORDER BY 1").await.map(|answer| answer.expect("rows").rows)
        };
        session.execute(&create(case.more)).await.expect("created");
        let plain = rows().await.expect("read");
        assert!(!plain.is_empty(), "{}", case.uri);
        for spec in EXTERNAL_TABLE_OPTIONS.iter().filter(|spec| !matches!(spec.name, "format" | "uris")) {
            let what = format!("{} of {} over {}", spec.name, case.format, case.uri);
            let without = if spec.name == "allow_moved_paths" { "" } else { case.more };
            let wrong = format!("{without}, {} = {}", spec.name, mistyped(spec));
            let report = session.execute(&create(&wrong)).await.expect_err(&what).0;
            assert!(report.contains(spec.name), "{what}: {report}");

            let applies = is_said_to_apply(spec, case.name, case.is_log);
            let Some(value) = harmless(spec.name) else { continue };
            let made = session.execute(&create(&format!("{without}, {} = {value}", spec.name))).await;
            match made {
                Ok(_) => {
                    assert!(applies, "{what} was taken");
                    assert_eq!(rows().await.expect(&what), plain, "{what}");
                }
                Err(report) => {
                    assert!(!applies, "{what} was not taken: {report}");
                    let refusal = format!("option {:?} does not apply to format {}", spec.name, case.format);
                    assert!(report.0.contains(&refusal), "{what}: {report}");
                }
            }
        }
    }
}
