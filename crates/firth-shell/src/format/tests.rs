//! One result set in every format.

use std::{io::Cursor, sync::Arc};

use ::arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
    ipc::reader::StreamReader,
};
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use insta::assert_snapshot;

use super::*;

fn rows() -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("share", DataType::Float64, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(1), Some(22), None])),
        Arc::new(StringArray::from(vec![Some("a, \"b\"|"), Some(""), None])),
        Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), None])),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).expect("consistent")
}

fn texts(header: &str, values: &[&str]) -> RecordBatch {
    let schema = Schema::new(vec![Field::new(header, DataType::Utf8, true)]);
    let column = Arc::new(StringArray::from(values.to_vec()));
    RecordBatch::try_new(Arc::new(schema), vec![column]).expect("consistent")
}

fn bytes(format: &str, batches: &[RecordBatch], style: Style) -> Vec<u8> {
    let mut out = Vec::new();
    let format = Format::named(format).expect("known");
    let mut writer = (format.open)(&batches[0].schema(), &mut out, style).expect("begun");
    for batch in batches {
        writer.write(batch).expect("written");
    }
    writer.finish().expect("finished");
    drop(writer);
    out
}

fn written(format: &str, batch: RecordBatch) -> String {
    String::from_utf8(bytes(format, &[batch], Style::default())).expect("UTF-8")
}

#[test]
fn csv() {
    assert_snapshot!(written("csv", rows()), @r#"
    id,name,share
    1,"a, ""b""|",0.5
    22,"",NaN
    ,,
    "#);
    assert_eq!(written("csv", texts("a\nb", &["\r", " x ", "y"])), "\"a\nb\"\n\"\r\"\n x \ny\n");
}

#[test]
fn tsv() {
    assert_eq!(written("tsv", rows()), "id\tname\tshare\n1\ta, \"b\"|\t0.5\n22\t\tNaN\n\\N\t\\N\t\\N\n");
    assert_eq!(written("tsv", texts("t", &["a\tb\\N\n"])), "t\na\\tb\\\\N\\n\n");
}

#[test]
fn json() {
    assert_snapshot!(written("json", rows()), @r#"
    [
    {"id":1,"name":"a, \"b\"|","share":0.5},
    {"id":22,"name":"","share":"NaN"},
    {"id":null,"name":null,"share":null}
    ]
    "#);
    assert_eq!(written("json", rows().slice(0, 0)), "[]\n");
}

#[test]
fn ndjson() {
    assert_snapshot!(written("ndjson", rows()), @r#"
    {"id":1,"name":"a, \"b\"|","share":0.5}
    {"id":22,"name":"","share":"NaN"}
    {"id":null,"name":null,"share":null}
    "#);
    assert_eq!(written("ndjson", rows().slice(0, 0)), "");
}

#[test]
fn markdown() {
    assert_snapshot!(written("markdown", rows()), @r#"
    | id | name | share |
    | ---: | --- | ---: |
    | 1 | a, "b"\| | 0.5 |
    | 22 |  | NaN |
    | NULL | NULL | NULL |
    "#);
}

#[test]
fn vertical() {
    assert_snapshot!(written("vertical", rows().slice(0, 2)), @r#"
    -[ row 1 ]-
    id    | 1
    name  | a, "b"|
    share | 0.5
    -[ row 2 ]-
    id    | 22
    name  | 
    share | NaN
    "#);
}

#[test]
fn table() {
    assert_snapshot!(written("table", rows()), @r#"
    ┌──────┬─────────┬───────┐
    │   id │ name    │ share │
    ├──────┼─────────┼───────┤
    │    1 │ a, "b"| │   0.5 │
    │   22 │         │   NaN │
    │ NULL │ NULL    │  NULL │
    └──────┴─────────┴───────┘
    "#);
    assert_snapshot!(written("table", rows().slice(0, 0)), @"
    ┌────┬──────┬───────┐
    │ id │ name │ share │
    ├────┼──────┼───────┤
    └────┴──────┴───────┘
    ");
}

#[test]
fn wide_characters_and_control_characters_keep_the_table_straight() {
    assert_snapshot!(written("table", texts("t", &["日本", "e\u{301}", "a\nb\u{1b}[31m"])), @r"
    ┌────────────────┐
    │ t              │
    ├────────────────┤
    │ 日本           │
    │ é              │
    │ a\nb\u{1b}[31m │
    └────────────────┘
    ");
}

#[test]
fn a_table_streams_after_the_rows_that_decide_its_widths() {
    let many = texts("t", &vec!["ab"; 1000]);
    let out = bytes("table", &[many, texts("t", &["longer than the rest"])], Style::default());
    let text = String::from_utf8(out).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1005);
    assert_eq!(lines[1003..], ["│ longer than the rest │", "└────┘"]);
}

#[test]
fn null_is_dim_where_colours_are_allowed() {
    let out = bytes("table", &[rows().slice(2, 1)], Style { color: true, fit: None });
    assert!(String::from_utf8(out).expect("UTF-8").contains("\x1b[2mNULL\x1b[0m"));
}

#[test]
fn parquet_reads_back() {
    let out = bytes("parquet", &[rows(), rows()], Style::default());
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file_of(&out)).expect("a file").build().expect("read");
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("read")).collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 6);
    assert_eq!(batches[0].schema().fields(), rows().schema().fields());
}

#[test]
fn arrow_streams_stand_one_behind_the_other() {
    let mut out = bytes("arrow", &[rows()], Style::default());
    out.extend(bytes("arrow", &[texts("t", &["x"])], Style::default()));
    let mut rest = Cursor::new(out);
    let first = StreamReader::try_new(&mut rest, None).expect("a stream");
    assert_eq!(first.map(|batch| batch.expect("read").num_rows()).sum::<usize>(), 3);
    let second = StreamReader::try_new(&mut rest, None).expect("a second stream");
    assert_eq!(second.schema().field(0).name(), "t");
}

#[test]
fn repeated_names_are_made_distinct_for_readers_that_look_them_up() {
    let field = |name: &str| Field::new(name, DataType::Int64, true);
    let schema = SchemaRef::new(Schema::new(vec![field("a"), field("a"), field("a_1"), field("a")]));
    assert_eq!(distinct_names(&schema), ["a", "a_1", "a_1_1", "a_2"]);
}

#[test]
fn names_and_extensions_are_unambiguous() {
    let mut names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    let mut extensions: Vec<&str> = FORMATS.iter().flat_map(|format| format.extensions).copied().collect();
    for list in [&mut names, &mut extensions] {
        let count = list.len();
        list.sort_unstable();
        list.dedup();
        assert_eq!(list.len(), count);
    }
}

/// Takes a few bytes, then says that the reader has gone.
struct Closing(usize);

impl io::Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_told_from_a_failure_in_every_format() {
    // The format `null` writes nothing that could be refused.
    for format in FORMATS.iter().filter(|format| format.name != "null") {
        for room in [0, 4, 300] {
            let mut sink = Closing(room);
            let result = (|| {
                let mut writer = (format.open)(&rows().schema(), &mut sink, Style::default())?;
                for _ in 0..1000 {
                    writer.write(&rows())?;
                }
                writer.finish()
            })();
            assert!(matches!(result, Err(WriteError::ClosedPipe)), "{} {room}: {result:?}", format.name);
        }
    }
}

fn file_of(bytes: &[u8]) -> std::fs::File {
    use std::io::{Seek as _, Write as _};
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    file.rewind().expect("rewound");
    file
}

fn fitted(batch: RecordBatch, columns: usize, rows: usize) -> String {
    let style = Style { color: false, fit: Some(Fit { columns, rows }) };
    String::from_utf8(bytes("table", &[batch], style)).expect("UTF-8")
}

#[test]
fn a_table_that_fits_shows_types_and_all_of_its_values() {
    assert_snapshot!(fitted(rows(), 80, 40), @r#"
    ┌───────┬─────────┬─────────┐
    │    id │ name    │   share │
    │ INT64 │ STRING  │ FLOAT64 │
    ├───────┼─────────┼─────────┤
    │     1 │ a, "b"| │     0.5 │
    │    22 │         │     NaN │
    │  NULL │ NULL    │    NULL │
    └───────┴─────────┴─────────┘
    "#);
}

#[test]
fn of_many_rows_the_first_and_the_last_are_shown() {
    let many: Vec<String> = (1..=1000).map(|row| format!("row {row}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_snapshot!(fitted(texts("a_column_of_some_width", &many), 80, 4), @r"
    ┌────────────────────────┐
    │ a_column_of_some_width │
    │ STRING                 │
    ├────────────────────────┤
    │ row 1                  │
    │ row 2                  │
    │ … 996 rows not shown … │
    │ row 999                │
    │ row 1000               │
    └────────────────────────┘
    ");
    let exactly: Vec<&str> = many[..4].to_vec();
    assert!(!fitted(texts("a", &exactly), 80, 4).contains("not shown"));
}

#[test]
fn long_values_are_shortened_and_rows_too_wide_even_so_stand_upright() {
    assert_snapshot!(fitted(texts("t", &["a text that is far too long", "短い文字列は幅が倍になる"]), 20, 40), @r"
    ┌──────────────────┐
    │ t                │
    │ STRING           │
    ├──────────────────┤
    │ a text that is … │
    │ 短い文字列は幅…  │
    └──────────────────┘
    ");
    assert_snapshot!(fitted(rows().slice(0, 1), 20, 40), @r#"
    -[ row 1 ]-
    id    | 1
    name  | a, "b"|
    share | 0.5
    "#);
}
