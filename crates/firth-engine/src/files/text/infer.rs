//! The schema of text: what the first rows of a file say (BigQuery's rules for detecting one).

use std::sync::Arc;

use arrow::{
    datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit},
    json::reader::infer_json_schema_from_iterator,
};
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::TryStreamExt;
use serde_json::Value;

use super::{
    CsvSpec, JsonSpec, Problem,
    encoding::Transcoder,
    input::Compression,
    json::GEOMETRY,
    reading::TextFile,
    records::{Field as Text, Records, Syntax},
    spec::{Moments, no_header},
    value,
};
use crate::{
    error::from_datafusion,
    files::{ListedFiles, declared_field, schema::normalized},
};

/// How many rows a schema is read from, as in BigQuery.
const ROWS: usize = 500;
/// So much of a file holds so many rows, but for the longest ones.
const SAMPLE: usize = 1 << 20;
/// The delimiters that are detected.
const DELIMITERS: [u8; 3] = [b',', b'|', b'\t'];

/// What is known of a CSV file's header before it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CsvHeader {
    /// To be found out.
    Unknown,
    /// There is none.
    None,
    /// It is the last of the rows that are skipped.
    LastSkipped,
}

/// What a file says about its columns.
pub(crate) struct Inferred {
    pub(crate) schema: Schema,
    /// How many rows at the beginning are not of the table.
    pub(crate) skip_rows: usize,
    pub(crate) delimiter: u8,
}

/// A listed file, as text.
fn text_file(
    text: &super::spec::TextSpec,
    listed: &ListedFiles,
    file: &object_store::ObjectMeta,
) -> TextFile {
    TextFile {
        store: Arc::clone(&listed.handle.store),
        location: listed.handle.store.outer(&file.location),
        compression: text.compression.unwrap_or_else(|| Compression::of_name(file.location.as_ref())),
        encoding: text.encoding,
    }
}

impl CsvSpec {
    /// Reads names and types from the first rows of a file.
    pub(crate) async fn infer(
        &self,
        header: CsvHeader,
        listed: &ListedFiles,
        file: &object_store::ObjectMeta,
    ) -> Result<Inferred> {
        let file = text_file(&self.text, listed, file);
        let sample = Sample::read(&file).await?;
        let mut syntax = self.syntax;
        if !self.delimiter_given {
            syntax.delimiter = sample.delimiter(syntax, self.skip_rows);
        }
        let preamble = match header {
            CsvHeader::LastSkipped => self.skip_rows.saturating_sub(1),
            CsvHeader::None => self.skip_rows,
            CsvHeader::Unknown => 0,
        };
        let rows = sample.rows(syntax, preamble, ROWS + 1)?;
        let Some((first, _)) = rows.first() else {
            return Ok(Inferred {
                schema: Schema::empty(),
                skip_rows: preamble,
                delimiter: syntax.delimiter,
            });
        };
        let has_header = match header {
            CsvHeader::LastSkipped => true,
            CsvHeader::None => false,
            CsvHeader::Unknown => self.looks_like_a_header(&rows),
        };
        let body = &rows[usize::from(has_header)..];
        let width = if has_header || !self.jagged_rows {
            first.len()
        } else {
            body.iter().map(|(row, _)| row.len()).max().unwrap_or(0)
        };
        let mut seen = vec![Seen::default(); width];
        for (row, offset) in body {
            let fits = (row.len() == width)
                || (row.len() < width && self.jagged_rows)
                || (row.len() > width && self.text.ignore_unknown);
            if !fits && self.text.max_bad_records == 0 {
                let problem = Problem::new(super::csv::widths(row.len(), width));
                return Err(sample.error(&file, *offset, &problem));
            }
            for (seen, field) in seen.iter_mut().zip(row) {
                if !self.is_null(field) {
                    seen.add(&field.text, &self.text.moments);
                }
            }
        }
        let fields = seen.iter().enumerate().map(|(index, seen)| {
            let (data_type, word) = seen.data_type();
            let named =
                if has_header { first.get(index).map(|field| column_name(&field.text)) } else { None };
            let name =
                named.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("{word}_field_{index}"));
            Field::new(name, data_type, true)
        });
        let schema = Schema::new(fields.collect::<Vec<_>>());
        Ok(Inferred { schema, skip_rows: preamble + usize::from(has_header), delimiter: syntax.delimiter })
    }

    /// Takes what was found out about a file.
    pub(crate) fn learn(&mut self, inferred: &Inferred, match_names: bool) {
        self.skip_rows = inferred.skip_rows;
        self.syntax.delimiter = inferred.delimiter;
        self.by_name.get_or_insert(match_names && inferred.skip_rows > 0);
    }

    /// The names in a file's header, as columns are called. `None` if the file has no such row.
    pub(crate) async fn header(
        &self,
        listed: &ListedFiles,
        file: &object_store::ObjectMeta,
    ) -> Result<Option<Vec<String>>> {
        self.header_of(&text_file(&self.text, listed, file)).await
    }

    async fn header_of(&self, file: &TextFile) -> Result<Option<Vec<String>>> {
        let Some(preamble) = self.skip_rows.checked_sub(1) else { return Err(no_header()) };
        let sample = Sample::read(file).await?;
        let rows = sample.rows(self.syntax, preamble, 1)?;
        Ok(rows.first().map(|(row, _)| row.iter().map(|field| column_name(&field.text)).collect()))
    }

    /// Whether the first row names the columns: it is all text and some other row is not (BigQuery's rule).
    fn looks_like_a_header(&self, rows: &[(Vec<OwnedField>, usize)]) -> bool {
        let Some(((head, _), body)) = rows.split_first() else { return false };
        let is_text = |field: &OwnedField| {
            let mut seen = Seen::default();
            seen.add(&field.text, &self.text.moments);
            seen.data_type().0 == DataType::Utf8
        };
        !head.is_empty()
            && head.iter().all(|field| !field.text.is_empty() && is_text(field))
            && body.iter().flat_map(|(row, _)| row).any(|field| !self.is_null(field) && !is_text(field))
    }

    fn is_null(&self, field: &OwnedField) -> bool {
        match &self.null_markers {
            None => field.text.is_empty(),
            Some(markers) => !field.quoted && markers.contains(&field.text),
        }
    }
}

/// Which field of a file's records each column is, by the names in its header, and how many fields there are.
pub(super) async fn positions(
    spec: &CsvSpec,
    file: &TextFile,
    schema: &SchemaRef,
) -> Result<(Vec<Option<usize>>, usize)> {
    // A file without anything has no rows either.
    let Some(names) = spec.header_of(file).await? else {
        return Ok((vec![None; schema.fields().len()], schema.fields().len()));
    };
    let same = |name: &str, other: &str| name.to_lowercase() == other.to_lowercase();
    let fields: Vec<Option<usize>> = schema
        .fields()
        .iter()
        .map(|field| names.iter().position(|name| same(name, &column_name(field.name()))))
        .collect();
    let unknown =
        names.iter().enumerate().find(|(index, name)| !name.is_empty() && !fields.contains(&Some(*index)));
    let uri = file.store.uri(&file.location);
    if let Some((_, name)) = unknown.filter(|_| !spec.text.ignore_unknown) {
        return Err(Diagnostic::error(Code::BadData, format!("{uri}: the table has no column {name:?}"))
            .hint(
                "Make the table anew to get the column, or leave it out with ignore_unknown_values = TRUE.",
            ));
    }
    if fields.iter().all(Option::is_none) {
        return Err(Diagnostic::error(Code::BadData, format!("{uri}: the header has none of the table's columns"))
            .detail(format!("it is {}", names.join(", ")))
            .hint("Say which row the header is with skip_leading_rows, or match by place: source_column_match = 'POSITION'."));
    }
    Ok((fields, names.len()))
}

/// What a header's field calls its column.
fn column_name(text: &str) -> String {
    text.trim().replace(' ', "_")
}

impl JsonSpec {
    /// Reads keys and types from the first lines of a file.
    pub(crate) async fn infer(
        &self,
        listed: &ListedFiles,
        file: &object_store::ObjectMeta,
    ) -> Result<Schema> {
        let file = text_file(&self.text, listed, file);
        let sample = Sample::read(&file).await?;
        let mut objects = Vec::new();
        let mut at = 0;
        for line in sample.text.split_inclusive(|byte| *byte == b'\n') {
            let is_whole = line.ends_with(b"\n") || sample.is_all;
            if objects.len() == ROWS || !is_whole {
                break;
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                let parsed = serde_json::from_slice::<Value>(line).ok().and_then(|value| self.row(value));
                match parsed {
                    Some(object) => objects.push(Ok(object)),
                    None if self.text.max_bad_records > 0 => {}
                    None => {
                        let problem = Problem::new("it is not one JSON object".to_owned())
                            .with_hint("Each line of the files must be one JSON object.");
                        return Err(sample.error(&file, at, &problem));
                    }
                }
            }
            at += line.len();
        }
        let schema = infer_json_schema_from_iterator(objects.into_iter()).map_err(|error| {
            let uri = file.store.uri(&file.location);
            Diagnostic::error(Code::BadData, format!("{uri}: the rows do not have the same columns"))
                .detail(error.to_string())
                .hint("List the columns in the statement; a column of type JSON takes anything.")
        })?;
        let schema = normalized(&schema);
        let fields = schema.fields().iter().map(|field| {
            if self.geojson && field.name() == GEOMETRY {
                return Arc::new(declared_field(GEOMETRY, &firth_sql::ColumnType::Json, true));
            }
            without_null(field)
        });
        Ok(Schema::new(fields.collect::<Vec<_>>()))
    }

    fn row(&self, value: Value) -> Option<Value> {
        if !self.geojson {
            return value.is_object().then_some(value);
        }
        let mut feature = match value {
            Value::Object(feature) if feature.get("type")?.as_str()? == "Feature" => feature,
            _ => return None,
        };
        let mut row = match feature.remove("properties") {
            Some(Value::Object(properties)) => properties,
            _ => serde_json::Map::new(),
        };
        row.insert(GEOMETRY.to_owned(), Value::String(String::new()));
        Some(Value::Object(row))
    }
}

/// A field of which only NULLs were seen is text.
fn without_null(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Null => DataType::Utf8,
        DataType::List(item) => DataType::List(without_null(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(without_null).collect()),
        other => other.clone(),
    };
    Arc::new(Field::new(field.name(), data_type, true))
}

/// The beginning of a text.
struct Sample {
    text: Vec<u8>,
    /// Whether it is the whole text.
    is_all: bool,
}

/// A field that outlives its text.
struct OwnedField {
    text: String,
    quoted: bool,
}

impl Sample {
    async fn read(file: &TextFile) -> Result<Self> {
        let mut pieces = file.whole().await.map_err(from_datafusion)?;
        let mut transcoder = Transcoder::new(file.encoding, true);
        let mut text = Vec::new();
        let mut is_all = false;
        while text.len() < SAMPLE && !is_all {
            let piece = pieces.try_next().await.map_err(|error| from_datafusion(file.named(error)))?;
            let pushed = match piece {
                Some((_, bytes)) => transcoder.push(&bytes, &mut text),
                None => {
                    is_all = true;
                    transcoder.finish(&mut text)
                }
            };
            if let Err(problem) = pushed {
                let uri = file.store.uri(&file.location);
                return Err(Diagnostic::error(Code::BadData, format!("{uri}: {}", problem.reason))
                    .hint("Say the encoding that the file is in: encoding = '…'."));
            }
        }
        Ok(Sample { text, is_all })
    }

    /// Rows after the first `skip`, and where they begin.
    fn rows(&self, syntax: Syntax, skip: usize, most: usize) -> Result<Vec<(Vec<OwnedField>, usize)>> {
        let mut records = Records::new(syntax);
        let start = if skip > 0 { records.find(&self.text, self.is_all, skip, true) } else { 0 };
        if records.records.len() < skip {
            return Ok(Vec::new());
        }
        let text = &self.text[start..];
        records.find(text, self.is_all, most, false);
        let unquoted = String::from_utf8_lossy(&records.take_unquoted()).into_owned();
        let mut rows = Vec::new();
        for record in records.records.iter().filter(|record| record.problem.is_none()) {
            // A row that is not UTF-8 tells nothing; it is told when it is read.
            let Ok(text) = std::str::from_utf8(&text[..record.end]) else { break };
            let fields = (0..record.fields).filter_map(|index| {
                let Text { text, quoted } = records.field(record, index, text, &unquoted)?;
                Some(OwnedField { text: text.to_owned(), quoted })
            });
            rows.push((fields.collect(), start + record.start));
        }
        Ok(rows)
    }

    /// The first delimiter by which all rows have one number of fields, and more than one.
    fn delimiter(&self, syntax: Syntax, skip: usize) -> u8 {
        let divides = |delimiter: &u8| {
            let rows = self.rows(Syntax { delimiter: *delimiter, ..syntax }, skip, 20).unwrap_or_default();
            let width = rows.first().map_or(0, |(row, _)| row.len());
            width > 1 && rows.iter().all(|(row, _)| row.len() == width)
        };
        DELIMITERS.into_iter().find(|delimiter| divides(delimiter)).unwrap_or(syntax.delimiter)
    }

    fn error(&self, file: &TextFile, offset: usize, problem: &Problem) -> Diagnostic {
        let line = memchr::memchr_iter(b'\n', &self.text[..offset]).count() + 1;
        let uri = file.store.uri(&file.location);
        Diagnostic::error(Code::BadData, format!("{uri}, line {line}: {}", problem.reason))
            .hint_if(problem.hint.map(str::to_owned))
    }
}

/// What the values of a column were.
#[derive(Clone, Copy, Default)]
struct Seen {
    bool: bool,
    int64: bool,
    float64: bool,
    date: bool,
    datetime: bool,
    timestamp: bool,
    time: bool,
    text: bool,
}

impl Seen {
    fn add(&mut self, text: &str, moments: &Moments) {
        let text = text.trim_matches(' ');
        let starts_like_number =
            text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
        let is_whole = text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit());
        let is_fraction = starts_like_number && !is_whole && value::float64(text).is_some();
        let kind = if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            &mut self.bool
        } else if value::int64(text).is_some() {
            &mut self.int64
        } else if is_fraction || matches!(text, "NaN" | "nan" | "inf" | "-inf") {
            &mut self.float64
        } else if value::date(text, moments.date.as_ref()).is_some() {
            &mut self.date
        } else if value::datetime(text, moments.datetime.as_ref()).is_some() {
            &mut self.datetime
        } else if value::timestamp(text, moments.timestamp.as_ref(), moments.zone).is_some() {
            &mut self.timestamp
        } else if (text.len() >= 8 || moments.time.is_some())
            && value::time(text, moments.time.as_ref()).is_some()
        {
            &mut self.time
        } else {
            &mut self.text
        };
        *kind = true;
    }

    /// The type that holds all, and what BigQuery calls a column of it that has no name.
    fn data_type(self) -> (DataType, &'static str) {
        let moment = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Arc::from));
        let Seen { bool, int64, float64, date, datetime, timestamp, time, text } = self;
        match (bool, int64 | float64, date | datetime | timestamp, time, text) {
            (true, false, false, false, false) => (DataType::Boolean, "bool"),
            (false, true, false, false, false) if float64 => (DataType::Float64, "double"),
            (false, true, false, false, false) => (DataType::Int64, "int64"),
            (false, false, true, false, false) if timestamp => (moment(Some("UTC")), "timestamp"),
            (false, false, true, false, false) if datetime => (moment(None), "datetime"),
            (false, false, true, false, false) => (DataType::Date32, "date"),
            (false, false, false, true, false) => (DataType::Time64(TimeUnit::Microsecond), "time"),
            _ => (DataType::Utf8, "string"),
        }
    }
}
