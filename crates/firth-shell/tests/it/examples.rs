//! Every SQL example under `docs/guide/` and `docs/connectors/` runs, page by page, and answers what the page says.
//!
//! A fence ```` ```sql ```` is run; a fence ```` ```csv ```` or ```` ```text ```` right behind it is its standard
//! output, or its error. `/data` in a page is a folder of the reader's: here one with a few small files.
//! A comment `<!-- needs: postgres -->` says which server a page asks for: see `example_servers`.

use std::{fs, path::Path};

use crate::{
    example_servers::ExampleServer,
    place::{Place, stderr},
};

/// What lies in the reader's folder.
const FILES: [(&str, &str); 2] = [
    (
        "clicks.csv",
        "customer_id,page,at\n1,home,2026-01-02T03:04:05\n2,cart,2026-01-02T03:05:00\n1,cart,2026-01-03T00:00:00\n",
    ),
    ("events.json", "{\"id\": 1, \"kind\": \"open\"}\n{\"id\": 2, \"kind\": \"close\"}\n"),
];

/// One example: where it stands, the statements, and what they are said to answer.
#[derive(Debug, PartialEq)]
struct Example {
    line: usize,
    sql: String,
    answer: Option<String>,
}

#[test]
fn examples_of_the_guide_answer_what_it_says() {
    run_all("guide");
}

#[test]
fn examples_of_the_connectors_answer_what_their_pages_say() {
    run_all("connectors");
}

fn run_all(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(folder);
    let mut wrong = Vec::new();
    let mut pages = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        pages += 1;
        let text = fs::read_to_string(&path).expect("a page");
        let page = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        wrong.extend(run(&page, &text).into_iter().map(|problem| format!("{page}:{problem}")));
    }
    assert!(pages > 0, "no page in {}", folder.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Runs the examples of a page in one home, and says what went otherwise.
fn run(page: &str, text: &str) -> Vec<String> {
    let place = Place::new();
    for (name, contents) in FILES {
        place.file(name, contents);
    }
    std::fs::create_dir(place.path().join("spanner")).expect("a folder");
    place.file("spanner/clicks.csv", FILES[0].1);
    let mut server = None;
    if let Some(name) = needed(text) {
        let test = format!("examples: {page}");
        server = ExampleServer::of(name, &test, &place);
        if server.is_none() {
            return Vec::new();
        }
    }
    let folder = place.path().display().to_string();
    let mut wrong = Vec::new();
    for example in examples(text) {
        let mut sql = example.sql.replace("/data/", &format!("{folder}/"));
        if let Some(server) = &server {
            sql = server.replaced(&sql);
        }
        let mut command = place.command(&["--format", "csv", "-c", &sql]);
        command.current_dir(place.path());
        if let Some(server) = &server {
            command.envs(server.variables());
        }
        let output = command.output().expect("started");
        let answered = match output.status.code() {
            Some(0) => String::from_utf8_lossy(&output.stdout).into_owned(),
            _ => stderr(&output),
        };
        let mut answered = answered.replace(&folder, "/data");
        if let Some(server) = &server {
            answered = server.shown(&answered);
        }
        let fits = match &example.answer {
            Some(expected) => expected.trim_end() == answered.trim_end(),
            None => output.status.code() == Some(0),
        };
        if !fits {
            let line = example.line;
            wrong.push(format!(
                "{line}: {}\nanswers\n{answered}\nThe page says {:?}",
                example.sql, example.answer
            ));
        }
    }
    wrong
}

/// The server that a page asks for.
fn needed(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("<!-- needs: ")?.strip_suffix(" -->"))
}

/// The examples of a page, in order.
fn examples(text: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut lines = text.lines().enumerate();
    // Whether nothing but empty lines stands between the last example and here.
    let mut behind = false;
    while let Some((number, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            behind &= line.trim().is_empty();
            continue;
        };
        let body: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let body = body.join("\n");
        match (kind, found.last_mut()) {
            ("sql", _) => found.push(Example { line: number + 1, sql: body, answer: None }),
            ("csv" | "text", Some(example)) if behind => example.answer = Some(body),
            _ => {}
        }
        behind = kind == "sql";
    }
    found
}

#[test]
fn an_answer_belongs_to_the_example_right_before_it() {
    let text =
        "a\n```sql\nSELECT 1\n```\n\n```csv\nf0_\n1\n```\n```sql\nSELECT 2\n```\nprose\n```csv\nx\n```\n";
    assert_eq!(
        examples(text),
        [
            Example { line: 2, sql: "SELECT 1".to_owned(), answer: Some("f0_\n1".to_owned()) },
            Example { line: 10, sql: "SELECT 2".to_owned(), answer: None },
        ]
    );
}
