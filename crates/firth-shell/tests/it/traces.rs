//! Traces that a collector of OpenTelemetry gets.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
};

use serde_json::Value;

use crate::{
    canary::canary,
    place::{PATIENCE, Place},
};

/// One request, as it came.
struct Got {
    head: String,
    body: String,
}

/// Takes requests as a collector does, answers each with `status`, and hands them out. Ends with the test.
fn collector(status: &'static str) -> (String, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).is_ok_and(|read| read == 0) {
                    break;
                }
            }
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).expect("as long as it says");
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
            let body = String::from_utf8(body).expect("text");
            if sender.send(Got { head, body }).is_err() {
                return;
            }
        }
    });
    (format!("http://{address}"), requests)
}

#[test]
fn a_collector_gets_a_span_for_each_statement_and_no_text_of_any() {
    let (endpoint, requests) = collector("200 OK");
    let place = Place::new();
    let (literal, token) = (canary("literal"), canary("token"));
    place.file("a.csv", "n\n1\n2\n");
    let table = format!(
        "CREATE EXTERNAL TABLE t OPTIONS (format = 'CSV', uris = ['file://{}'])",
        place.path().join("a.csv").display()
    );
    place.run(&table);
    let sql = format!("SELECT n FROM t WHERE '{literal}' <> ''; SELECT broken_{literal} FROM t");
    let output = place
        .command(&["--stats", "json", "--continue-on-error", "-c", &sql])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
        .env("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer%20{token}"))
        .env("OTEL_SERVICE_NAME", "nightly")
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut got: Vec<Got> = (0..2).map(|_| requests.recv_timeout(PATIENCE).expect("two requests")).collect();
    // Sent side by side, they may come in any order.
    got.sort_by_key(|got| got.body.contains("error.type"));
    for (line, got) in said.lines().filter(|line| line.starts_with('{')).zip(&got) {
        assert!(got.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", got.head);
        assert!(got.head.to_lowercase().contains(&format!("authorization: bearer {token}").to_lowercase()));
        assert!(!got.body.contains(&literal), "{}", got.body);
        let figures: Value = serde_json::from_str(line).expect("JSON");
        let sent: Value = serde_json::from_str(&got.body).expect("JSON");
        let resource = &sent["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "nightly");
        let statement = &resource["scopeSpans"][0]["spans"][0];
        let id = figures["statement_id"].as_str().expect("text").replace('-', "");
        assert_eq!(statement["traceId"], id.as_str(), "{sent}");
        assert_eq!(statement["name"], "SELECT");
    }
    let spans = |got: &Got| -> usize {
        let sent: Value = serde_json::from_str(&got.body).expect("JSON");
        sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").len()
    };
    assert_eq!(spans(&got[0]), 2, "the statement and the local files: {}", got[0].body);
    assert!(got[1].body.contains("not_found") || got[1].body.contains("invalid"), "{}", got[1].body);
    assert_eq!(said.lines().filter(|line| line.starts_with('{')).count(), 2, "{said}");
    assert!(!said.contains("collector"), "{said}");
    assert!(!said.contains(&token), "{said}");
}

#[test]
fn a_collector_that_refuses_is_one_warning_and_no_failure() {
    let (endpoint, _requests) = collector("503 Service Unavailable");
    let place = Place::new();
    let output = place.output(&[
        "--otlp-endpoint",
        &endpoint,
        "--format",
        "csv",
        "-c",
        "SELECT 1 AS a; SELECT 2 AS a",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("the OpenTelemetry collector did not take traces").count(), 1, "{said}");
    assert!(said.contains("503"), "{said}");
    let output = place.output(&["--otlp-endpoint", "no url", "-c", "SELECT 1"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is no URL of HTTP"), "{said}");
}
