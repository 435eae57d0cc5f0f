//! Spans as OTLP has them in JSON: ids in hexadecimal digits, 64-bit numbers as strings, enumerations as numbers
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use firth_connector::SourceReport;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Parent, trace_of};
use crate::stats::StatementStats;

/// `SpanKind`.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
/// `Status.code`.
const ERROR: u8 = 2;

/// The request that tells of a statement which ended at `end`.
pub(super) fn request(
    stats: &StatementStats,
    end: SystemTime,
    service: &str,
    parent: Option<&Parent>,
) -> String {
    let begin = end.checked_sub(stats.elapsed).unwrap_or(end);
    let trace = parent.map_or_else(|| trace_of(stats.id), |parent| parent.trace.clone());
    let own = span_id();
    let mut attributes = vec![
        text("firth.statement.id", &stats.id.to_string()),
        number("firth.rows", stats.rows),
        number("firth.statement.number", stats.statement),
    ];
    let mut status = json!({});
    if let Some(code) = stats.error {
        attributes.push(text("error.type", code.word()));
        status = json!({ "code": ERROR });
    }
    let mut statement = json!({
        "traceId": trace,
        "spanId": own,
        "name": stats.kind.unwrap_or("not understood"),
        "kind": INTERNAL,
        "startTimeUnixNano": nanos(begin),
        "endTimeUnixNano": nanos(end),
        "attributes": attributes,
        "status": status,
    });
    if let Some(parent) = parent {
        statement["parentSpanId"] = json!(parent.span);
    }
    let mut spans = vec![statement];
    spans.extend(stats.sources.iter().map(|source| source_span(source, &trace, &own, begin)));
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            text("service.name", service),
            text("service.version", env!("CARGO_PKG_VERSION")),
        ] },
        "scopeSpans": [{
            "scope": { "name": "firth", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans,
        }],
    }] })
    .to_string()
}

/// What was asked of one source, from the first request to the last answer.
fn source_span(source: &SourceReport, trace: &str, parent: &str, begin: SystemTime) -> Value {
    let millis = |count: f64| Duration::from_secs_f64((count / 1e3).max(0.0));
    let first = begin + millis(source.after_ms);
    let mut attributes = vec![
        text("firth.connection.type", &source.kind),
        number("firth.bytes", source.bytes),
        number("firth.cache_bytes", source.cache_bytes),
        number("firth.requests", source.requests),
        number("db.response.returned_rows", source.rows),
    ];
    if let Some(connection) = &source.connection {
        attributes.push(text("firth.connection", connection));
    }
    // The name that OpenTelemetry's conventions have for it.
    if ["POSTGRES", "CLOUD_SQL", "ALLOYDB"].contains(&source.kind.as_str()) {
        attributes.push(text("db.system.name", "postgresql"));
    }
    json!({
        "traceId": trace,
        "spanId": span_id(),
        "parentSpanId": parent,
        "name": source.connection.as_deref().unwrap_or("local files"),
        "kind": CLIENT,
        "startTimeUnixNano": nanos(first),
        "endTimeUnixNano": nanos(first + millis(source.elapsed_ms)),
        "attributes": attributes,
        "status": {},
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

/// Eight random bytes, not all of which are zero.
fn span_id() -> String {
    // The first eight hold the version, and so are never all zero.
    let bytes = *Uuid::new_v4().as_bytes();
    bytes[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use firth_connector::StatementId;
    use firth_diagnostic::Code;

    use super::*;

    fn stats(error: Option<Code>) -> StatementStats {
        StatementStats {
            statement: 2,
            id: StatementId(Uuid::from_u128(0xabc)),
            kind: Some("SELECT"),
            rows: 3,
            elapsed: Duration::from_millis(250),
            sources: vec![SourceReport {
                connection: Some("us.shop".into()),
                kind: "POSTGRES".into(),
                remote_sql: vec!["SELECT 'a secret'".into()],
                notes: vec!["a note".into()],
                rows: 3,
                bytes: 40,
                requests: 2,
                after_ms: 50.0,
                elapsed_ms: 100.0,
                ..SourceReport::default()
            }],
            exported: None,
            rejected: None,
            error,
        }
    }

    #[test]
    fn a_statement_and_its_sources_are_spans_of_one_trace() {
        let end = UNIX_EPOCH + Duration::from_secs(10);
        let text = request(&stats(None), end, "nightly", None);
        assert!(!text.contains("secret") && !text.contains("note"), "{text}");
        let sent: Value = serde_json::from_str(&text).unwrap();
        let resource = &sent["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "nightly");
        let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
        let [statement, source] = spans.as_slice() else { panic!("{spans:?}") };
        assert_eq!(statement["traceId"], "00000000000000000000000000000abc");
        assert_eq!(statement["name"], "SELECT");
        assert_eq!(statement["startTimeUnixNano"], "9750000000");
        assert_eq!(statement["endTimeUnixNano"], "10000000000");
        assert_eq!(statement.get("parentSpanId"), None);
        assert_eq!(statement["status"], json!({}));
        assert_eq!(source["parentSpanId"], statement["spanId"]);
        assert_eq!(source["traceId"], statement["traceId"]);
        assert_eq!(source["startTimeUnixNano"], "9800000000");
        assert_eq!(source["endTimeUnixNano"], "9900000000");
        let bytes = source["attributes"].as_array().unwrap().iter().find(|pair| pair["key"] == "firth.bytes");
        assert_eq!(bytes.unwrap()["value"]["intValue"], "40", "64-bit numbers are strings");
        assert_ne!(statement["spanId"], source["spanId"]);
    }

    #[test]
    fn a_failure_has_its_code_and_not_its_words() {
        let parent =
            Parent { trace: "0af7651916cd43dd8448eb211c80319c".into(), span: "b7ad6b7169203331".into() };
        let text = request(&stats(Some(Code::Syntax)), UNIX_EPOCH, "firth", Some(&parent));
        let sent: Value = serde_json::from_str(&text).unwrap();
        let statement = &sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(statement["status"]["code"], 2);
        assert_eq!(statement["traceId"], parent.trace.as_str());
        assert_eq!(statement["parentSpanId"], parent.span.as_str());
        assert!(text.contains("error.type") && text.contains(Code::Syntax.word()), "{text}");
        assert_eq!(statement["startTimeUnixNano"], "0", "a clock before 1970 is no reason to fail");
    }
}
