//! Lines of JSON become batches. One object a line; keys are matched without regard to case.

use std::{collections::HashMap, mem};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    datatypes::{Fields, SchemaRef},
};

use super::{
    Decoder, Problem, RowProblem,
    column::{Column, Values},
    csv::LARGEST_COLUMN,
    json_text::{JsonText, Kind},
    spec::JsonSpec,
};
use crate::files::sql_type;

/// Whether a text is one JSON value.
pub(super) fn is_json(text: &str) -> bool {
    let mut json = JsonText::new(text);
    json.raw().is_some() && json.is_done()
}

/// Reads the wanted columns of lines of JSON.
pub(super) struct JsonDecoder {
    spec: JsonSpec,
    row: Object,
    /// All columns of the files; `None` if nobody wants it.
    columns: Vec<Option<Column>>,
    wanted: Vec<usize>,
    schema: SchemaRef,
    rows: usize,
    batch_size: usize,
    scratch: String,
}

/// An object's keys, and below them those of its columns that are objects.
struct Object {
    names: Vec<String>,
    types: Vec<String>,
    /// Which column a key is, as it is spelled in the files; none of them, if so.
    known: HashMap<Box<str>, Option<usize>>,
    /// The column that is expected next: most lines have their keys in one order.
    next: Vec<(Box<str>, Option<usize>)>,
    below: Vec<Option<Box<Object>>>,
}

impl Object {
    fn new(fields: &Fields) -> Self {
        Object {
            names: fields.iter().map(|field| field.name().clone()).collect(),
            types: fields.iter().map(|field| sql_type(field)).collect(),
            known: HashMap::new(),
            next: Vec::new(),
            below: fields.iter().map(|field| Object::within(field.data_type())).collect(),
        }
    }

    fn within(data_type: &arrow::datatypes::DataType) -> Option<Box<Object>> {
        use arrow::datatypes::DataType;
        match data_type {
            DataType::Struct(fields) => Some(Box::new(Object::new(fields))),
            DataType::List(item) => Object::within(item.data_type()),
            _ => None,
        }
    }

    /// The column of a key that is the object's `position`th.
    fn column(&mut self, key: &str, position: usize) -> Option<usize> {
        if let Some((known, column)) = self.next.get(position)
            && **known == *key
        {
            return *column;
        }
        let column = match self.known.get(key) {
            Some(column) => *column,
            None => {
                let column = self.names.iter().position(|name| name == key).or_else(|| {
                    let lower = key.to_lowercase();
                    self.names.iter().position(|name| name.to_lowercase() == lower)
                });
                // A file whose keys are data would fill the memory.
                if self.known.len() < MOST_KEYS {
                    self.known.insert(key.into(), column);
                }
                column
            }
        };
        if position == self.next.len() && position < MOST_KEYS {
            self.next.push((key.into(), column));
        } else if let Some(next) = self.next.get_mut(position) {
            *next = (key.into(), column);
        }
        column
    }
}

/// How many spellings of keys are remembered.
const MOST_KEYS: usize = 10_000;

impl JsonDecoder {
    /// Columns that are not in `wanted` are not read, unless bad rows are left out: which rows there are must
    /// not depend on the query.
    pub(super) fn try_new(
        spec: &JsonSpec,
        file_schema: &SchemaRef,
        wanted: &[usize],
        batch_size: usize,
    ) -> Option<Self> {
        let lenient = spec.text.max_bad_records > 0;
        let columns = file_schema.fields().iter().enumerate().map(|(index, field)| {
            if lenient || wanted.contains(&index) {
                Column::try_new(field, &spec.text.moments).map(Some)
            } else {
                Some(None)
            }
        });
        Some(JsonDecoder {
            spec: spec.clone(),
            row: Object::new(file_schema.fields()),
            columns: columns.collect::<Option<_>>()?,
            wanted: wanted.to_vec(),
            schema: SchemaRef::new(file_schema.project(wanted).ok()?),
            rows: 0,
            batch_size,
            scratch: String::new(),
        })
    }

    /// Appends a line. With a problem, nothing is appended.
    fn line(&mut self, line: &[u8]) -> Result<(), Problem> {
        let text = std::str::from_utf8(line).map_err(|_| {
            Problem::new("it is not UTF-8".to_owned())
                .with_hint("If the file is in another encoding, say so: encoding = 'ISO-8859-1'.")
        })?;
        let mut columns: Vec<Option<&mut Column>> = self.columns.iter_mut().map(Option::as_mut).collect();
        let mut reader = Reader {
            json: JsonText::new(text),
            scratch: mem::take(&mut self.scratch),
            ignore_unknown: self.spec.text.ignore_unknown,
        };
        let read = if self.spec.geojson {
            reader.feature(&mut self.row, &mut columns)
        } else {
            reader.object(&mut self.row, &mut columns)
        };
        let read = match read {
            Ok(()) if !reader.json.is_done() => Err(not_an_object()),
            other => other,
        };
        self.scratch = reader.scratch;
        match read {
            Ok(()) => {
                self.rows += 1;
                Ok(())
            }
            Err(problem) => {
                self.columns.iter_mut().flatten().for_each(|column| column.truncate(self.rows));
                Err(problem)
            }
        }
    }
}

fn not_an_object() -> Problem {
    Problem::new("it is not one JSON object".to_owned())
        .with_hint("Each line of the files must be one JSON object.")
}

impl Decoder for JsonDecoder {
    fn decode(
        &mut self,
        text: &[u8],
        at_end: bool,
        bad: &mut dyn FnMut(RowProblem) -> Result<(), RowProblem>,
    ) -> Result<usize, RowProblem> {
        let mut at = 0;
        let mut row = 0;
        while !self.is_full() {
            let rest = &text[at..];
            let (length, next) = match memchr::memchr(b'\n', rest) {
                Some(length) => (length, length + 1),
                None if at_end && !rest.is_empty() => (rest.len(), rest.len()),
                None => break,
            };
            let line = &rest[..length];
            if !line.iter().all(u8::is_ascii_whitespace) {
                if let Err(problem) = self.line(line) {
                    bad(RowProblem { row, offset: at, length, problem })?;
                }
                row += 1;
            }
            at += next;
        }
        Ok(at)
    }

    fn is_full(&self) -> bool {
        self.rows >= self.batch_size
            || (self.rows.is_multiple_of(64)
                && self.columns.iter().flatten().any(|column| column.size() > LARGEST_COLUMN))
    }

    fn take(&mut self) -> Result<Option<RecordBatch>, arrow::error::ArrowError> {
        let rows = mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(None);
        }
        let arrays: Vec<Option<ArrayRef>> =
            self.columns.iter_mut().map(|column| column.as_mut().map(Column::finish)).collect();
        let wanted = self.wanted.iter().filter_map(|index| arrays[*index].clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(Some(RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), wanted, &options)?))
    }

    fn unfinished(&self) -> Option<Problem> {
        None
    }
}

/// Reads the values of one line into columns.
struct Reader<'a> {
    json: JsonText<'a>,
    scratch: String,
    ignore_unknown: bool,
}

impl Reader<'_> {
    /// An object's values into the columns of its keys; a column whose key is not there gets NULL.
    fn object(&mut self, object: &mut Object, columns: &mut [Option<&mut Column>]) -> Result<(), Problem> {
        if self.json.kind() != Some(Kind::Object) {
            return Err(not_an_object());
        }
        let before: Vec<usize> =
            columns.iter().map(|column| column.as_ref().map_or(0, |c| c.len())).collect();
        self.members(object, columns, &before)?;
        for (column, before) in columns.iter_mut().zip(&before) {
            if let Some(column) = column
                && column.len() == *before
            {
                column.push_null();
            }
        }
        Ok(())
    }

    /// The members of the object that stands here.
    fn members(
        &mut self,
        object: &mut Object,
        columns: &mut [Option<&mut Column>],
        before: &[usize],
    ) -> Result<(), Problem> {
        let broken =
            || Problem::new("it is not JSON".to_owned()).with_hint("Each line must be one JSON object.");
        if !self.json.take(b'{') {
            return Err(not_an_object());
        }
        if self.json.take(b'}') {
            return Ok(());
        }
        let mut position = 0;
        loop {
            self.json.kind();
            let key = self.json.text(&mut self.scratch).ok_or_else(broken)?;
            let index = object.column(key, position);
            if index.is_none() && !self.ignore_unknown {
                return Err(Problem::new(format!("the table has no column {key:?}")).with_hint(
                    "List the column when you make the table, or leave such values out with ignore_unknown_values = TRUE.",
                ));
            }
            position += 1;
            if !self.json.take(b':') {
                return Err(broken());
            }
            match index.and_then(|index| columns[index].as_deref_mut().map(|column| (index, column))) {
                Some((index, column)) => {
                    // Of a key that is there twice the last value counts.
                    column.truncate(before[index]);
                    let below = object.below[index].as_deref_mut();
                    self.value(&object.names[index], &object.types[index], below, column)?;
                }
                None => {
                    self.json.raw().ok_or_else(broken)?;
                }
            }
            if !self.json.more(b'}').ok_or_else(broken)? {
                return Ok(());
            }
        }
    }

    /// The value that stands here into a column.
    fn value(
        &mut self,
        name: &str,
        type_name: &str,
        below: Option<&mut Object>,
        column: &mut Column,
    ) -> Result<(), Problem> {
        let broken = || Problem::new(format!("the value of {name:?} is not JSON")).of_column(name);
        let kind = self.json.kind().ok_or_else(broken)?;
        if kind == Kind::Null {
            self.json.plain().ok_or_else(broken)?;
            column.push_null();
            return Ok(());
        }
        match column.values_mut() {
            Values::Json(_) => {
                let raw = self.json.raw().ok_or_else(broken)?;
                column.push_raw_json(raw);
                return Ok(());
            }
            Values::List(_, _, item) if kind == Kind::Array => {
                self.json.take(b'[');
                if !self.json.take(b']') {
                    let mut below = below;
                    loop {
                        self.value(name, type_name, below.as_deref_mut(), item)?;
                        if !self.json.more(b']').ok_or_else(broken)? {
                            break;
                        }
                    }
                }
                column.end_nested();
                return Ok(());
            }
            Values::Struct(fields) if kind == Kind::Object => {
                let Some(object) = below else { return Err(broken()) };
                let mut columns: Vec<Option<&mut Column>> =
                    fields.iter_mut().map(|(_, column)| Some(column)).collect();
                self.object(object, &mut columns).map_err(|problem| within(name, problem))?;
                column.end_nested();
                return Ok(());
            }
            _ => {}
        }
        let raw = match kind {
            Kind::Text => {
                let text = self.json.text(&mut self.scratch).ok_or_else(broken)?;
                if column.push_text(text) {
                    return Ok(());
                }
                text.to_owned()
            }
            Kind::Number | Kind::Bool => {
                let text = self.json.plain().ok_or_else(broken)?;
                if column.push_text(text) || (kind == Kind::Number && push_whole(column, text)) {
                    return Ok(());
                }
                text.to_owned()
            }
            Kind::Array | Kind::Object | Kind::Null => self.json.raw().ok_or_else(broken)?.to_owned(),
        };
        Err(Problem::value(name, type_name, &raw))
    }

    /// A GeoJSON feature: its properties are columns, and its geometry is one.
    fn feature(&mut self, object: &mut Object, columns: &mut [Option<&mut Column>]) -> Result<(), Problem> {
        let broken = || {
            Problem::new("it is not a GeoJSON Feature".to_owned())
                .with_hint("With json_extension = 'GEOJSON' each line is one Feature.")
        };
        let before: Vec<usize> =
            columns.iter().map(|column| column.as_ref().map_or(0, |c| c.len())).collect();
        if !self.json.take(b'{') {
            return Err(broken());
        }
        let mut is_feature = false;
        loop {
            self.json.kind();
            let key = self.json.text(&mut self.scratch).ok_or_else(broken)?.to_owned();
            if !self.json.take(b':') {
                return Err(broken());
            }
            match key.as_str() {
                "type" => is_feature = self.json.text(&mut self.scratch) == Some("Feature"),
                "properties" if self.json.kind() == Some(Kind::Object) => {
                    self.members(object, columns, &before)?;
                }
                GEOMETRY => {
                    let index = object.column(GEOMETRY, usize::MAX);
                    match index.and_then(|index| columns[index].as_deref_mut().map(|column| (index, column)))
                    {
                        Some((index, column)) => {
                            column.truncate(before[index]);
                            self.value(GEOMETRY, &object.types[index], None, column)?;
                        }
                        None => {
                            self.json.raw().ok_or_else(broken)?;
                        }
                    }
                }
                _ => {
                    self.json.raw().ok_or_else(broken)?;
                }
            }
            if !self.json.more(b'}').ok_or_else(broken)? {
                break;
            }
        }
        if !is_feature {
            return Err(broken());
        }
        for (column, before) in columns.iter_mut().zip(&before) {
            if let Some(column) = column
                && column.len() == *before
            {
                column.push_null();
            }
        }
        Ok(())
    }
}

/// The column of a GeoJSON feature's geometry.
pub(super) const GEOMETRY: &str = "geometry";

/// `1.0` and `1e3` are whole numbers too.
fn push_whole(column: &mut Column, text: &str) -> bool {
    if !matches!(column.values_mut(), Values::Int64(_)) {
        return false;
    }
    let whole = super::value::decimal(text, 38, 9).filter(|value| value % 1_000_000_000 == 0);
    whole.is_some_and(|value| column.push_text(&(value / 1_000_000_000).to_string()))
}

fn within(name: &str, problem: Problem) -> Problem {
    let column = problem.column.map(|column| format!("{name}.{column}"));
    Problem {
        reason: problem.reason.replacen("column \"", &format!("column \"{name}."), 1),
        column,
        ..problem
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        datatypes::{DataType, Field, Schema},
        util::pretty::pretty_format_batches,
    };

    use super::*;

    fn schema() -> SchemaRef {
        let item = Field::new("item", DataType::Int64, true);
        let inner = Fields::from(vec![Field::new("a", DataType::List(Arc::new(item)), true)]);
        Arc::new(Schema::new(vec![
            Field::new("Id", DataType::Int64, true),
            Field::new("word", DataType::Utf8, true),
            Field::new("inner", DataType::Struct(inner), true),
        ]))
    }

    fn read(spec: &JsonSpec, text: &str) -> (String, Vec<String>) {
        let mut decoder = JsonDecoder::try_new(spec, &schema(), &[0, 1, 2], 100).expect("types of JSON");
        let mut problems = Vec::new();
        let mut bad = |problem: RowProblem| {
            problems.push(format!("{}: {}", problem.row, problem.problem.reason));
            Ok(())
        };
        let read = decoder.decode(text.as_bytes(), true, &mut bad).expect("all problems are allowed");
        assert_eq!(read, text.len());
        let batch = decoder.take().expect("a batch").expect("rows");
        (pretty_format_batches(&[batch]).expect("a table").to_string(), problems)
    }

    #[test]
    fn bad_lines_leave_no_trace() {
        let text = r#"{"ID": 1, "Word": "x", "inner": {"a": [1, 2]}}
{"id": 2, "word": "y", "inner": {"a": [3, "z"]}}

{"inner": {"a": null}, "word": 5, "id": "3"}
{"id": 4, "more": 1}
[1]
{"id": 5.5}
{"id": 6.0, "id": 7e0, "inner": null}
{"id": 8
"#;
        let (rows, problems) = read(&JsonSpec::default(), text);
        insta::assert_snapshot!(rows, @r#"
        +----+------+-------------+
        | Id | word | inner       |
        +----+------+-------------+
        | 1  | x    | {a: [1, 2]} |
        | 3  | 5    | {a: }       |
        | 7  |      |             |
        +----+------+-------------+
        "#);
        insta::assert_snapshot!(problems.join("\n"), @r#"
        1: column "inner.a" is ARRAY<INT64>, and "z" is not
        3: the table has no column "more"
        4: it is not one JSON object
        5: column "Id" is INT64, and "5.5" is not
        7: it is not JSON
        "#);
    }

    #[test]
    fn features_are_rows_of_their_properties() {
        let spec = JsonSpec { geojson: true, ..JsonSpec::default() };
        let (rows, problems) = read(
            &spec,
            "{\"type\": \"Feature\", \"geometry\": {\"type\": \"Point\"}, \"properties\": {\"id\": 1}}\n{\"id\": 2}\n",
        );
        assert!(rows.contains("| 1  |      |       |"), "{rows}");
        assert_eq!(problems, ["1: it is not a GeoJSON Feature"]);
    }
}
