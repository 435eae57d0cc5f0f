//! CSV records become batches.

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions},
    compute::filter_record_batch,
    datatypes::SchemaRef,
};

use super::{
    Decoder, Problem, RowProblem,
    column::Column,
    records::{Field, Record, Records},
    spec::CsvSpec,
};
use crate::files::sql_type;

/// A batch ends before one of its columns is longer than this.
pub(super) const LARGEST_COLUMN: usize = 256 << 20;

/// Reads the wanted columns of CSV records.
pub(super) struct CsvDecoder {
    spec: CsvSpec,
    records: Records,
    /// All columns of the files.
    columns: Vec<CsvColumn>,
    schema: SchemaRef,
    /// Of the batch that is being filled: which rows are good.
    kept: Vec<bool>,
    batch_size: usize,
    /// Header rows still to be left out.
    skip: usize,
    /// How many fields a record has.
    width: usize,
    /// Whether bad rows are left out rather than told.
    lenient: bool,
}

struct CsvColumn {
    /// Which field of a record it is; none if the file does not have it.
    field: Option<usize>,
    name: String,
    type_name: String,
    /// `None` if nobody wants it.
    column: Option<Column>,
}

impl CsvDecoder {
    /// `fields` says for each column of the files which field of a record it is, and `width` how many fields
    /// there are. Columns that are not in `wanted` are not read; bad rows are then not found there, so all
    /// columns are read where bad rows are left out: which rows there are must not depend on the query.
    pub(super) fn try_new(
        spec: &CsvSpec,
        file_schema: &SchemaRef,
        wanted: &[usize],
        fields: &[Option<usize>],
        width: usize,
        batch_size: usize,
    ) -> Option<Self> {
        let schema = SchemaRef::new(file_schema.project(wanted).ok()?);
        let lenient = spec.text.max_bad_records > 0;
        let mut columns = Vec::new();
        for (index, field) in file_schema.fields().iter().enumerate() {
            let is_read = lenient || wanted.contains(&index);
            let column = if is_read { Some(Column::try_new(field, &spec.text.moments)?) } else { None };
            let (name, type_name) = (field.name().clone(), sql_type(field));
            columns.push(CsvColumn { field: fields[index], name, type_name, column });
        }
        Some(CsvDecoder {
            records: Records::new(spec.syntax),
            skip: spec.skip_rows,
            spec: spec.clone(),
            columns,
            schema,
            kept: Vec::new(),
            batch_size,
            width,
            lenient,
        })
    }

    /// For the part of a file that does not begin with its header.
    pub(super) fn without_header(mut self) -> Self {
        self.skip = 0;
        self
    }

    fn skip_header(&mut self, text: &[u8], at_end: bool) -> usize {
        let consumed = self.records.find(text, at_end, self.skip, true);
        self.skip -= self.records.records.len();
        consumed
    }
}

impl Decoder for CsvDecoder {
    fn decode(
        &mut self,
        text: &[u8],
        at_end: bool,
        bad: &mut dyn FnMut(RowProblem) -> Result<(), RowProblem>,
    ) -> Result<usize, RowProblem> {
        if self.skip > 0 {
            return Ok(self.skip_header(text, at_end));
        }
        let room = self.batch_size - self.kept.len();
        // A line without anything is a NULL where there is one column, and nothing where there are several.
        let consumed = self.records.find(text, at_end, room, self.width == 1);
        let mut unquoted = self.records.take_unquoted();
        let mut problems: Vec<RowProblem> = Vec::new();
        let mut owned;
        let mut text = &text[..consumed];
        for (row, record) in self.records.records.iter().enumerate() {
            let problem = if record.problem.is_some() {
                Problem::from(record)
            } else if record.fields < self.width && !self.spec.jagged_rows {
                Problem::new(widths(record.fields, self.width)).with_hint(
                    "If rows may lack fields at their end, set allow_jagged_rows = TRUE; they are then NULL.",
                )
            } else if record.fields > self.width && !self.spec.text.ignore_unknown {
                Problem::new(widths(record.fields, self.width)).with_hint(
                    "Give the table the columns that the file has, or leave them out with ignore_unknown_values = TRUE.",
                )
            } else {
                continue;
            };
            problems.push(of_record(row, record, problem));
        }
        let has_nul = !self.spec.preserve_control && memchr::memchr(0, text).is_some();
        let is_utf8 = std::str::from_utf8(text).is_ok();
        if has_nul || !is_utf8 {
            owned = text.to_vec();
            for (row, record) in self.records.records.iter().enumerate() {
                let bytes = &owned[record.start..record.end];
                let problem = if std::str::from_utf8(bytes).is_err() {
                    Problem::new("it is not UTF-8".to_owned())
                        .with_hint("If the file is in another encoding, say so: encoding = 'ISO-8859-1'.")
                } else if has_nul && memchr::memchr(0, bytes).is_some() {
                    Problem::new("it holds the character NUL".to_owned())
                        .with_hint("To read it as it is, set preserve_ascii_control_characters = TRUE.")
                } else {
                    continue;
                };
                problems.push(of_record(row, record, problem));
            }
            mask(&mut owned);
            mask(&mut unquoted);
            text = &owned;
        }
        let (Ok(text), Ok(unquoted)) = (std::str::from_utf8(text), std::str::from_utf8(&unquoted)) else {
            return Err(RowProblem {
                row: 0,
                offset: 0,
                length: 0,
                problem: Problem::new("it is not UTF-8".to_owned()),
            });
        };
        let records = &self.records;
        for column in &mut self.columns {
            let Some(values) = &mut column.column else { continue };
            for (row, record) in records.records.iter().enumerate() {
                let field = column.field.and_then(|index| records.field(record, index, text, unquoted));
                let Some(field) = field else {
                    values.push_null();
                    continue;
                };
                if !push(values, field, &self.spec) {
                    values.push_null();
                    let problem = Problem::value(&column.name, &column.type_name, field.text);
                    problems.push(of_record(row, record, problem));
                }
            }
        }
        // Stable: of several problems of a row the first that was found is told.
        problems.sort_by_key(|problem| problem.row);
        problems.dedup_by_key(|problem| problem.row);
        let start = self.kept.len();
        self.kept.resize(start + self.records.records.len(), true);
        for problem in problems {
            self.kept[start + problem.row] = false;
            bad(problem)?;
        }
        Ok(consumed)
    }

    fn is_full(&self) -> bool {
        self.kept.len() >= self.batch_size
            || self
                .columns
                .iter()
                .filter_map(|column| column.column.as_ref())
                .any(|c| c.size() > LARGEST_COLUMN)
    }

    fn take(&mut self) -> Result<Option<RecordBatch>, arrow::error::ArrowError> {
        let kept = std::mem::take(&mut self.kept);
        if kept.is_empty() {
            return Ok(None);
        }
        let mut arrays: Vec<Option<ArrayRef>> =
            self.columns.iter_mut().map(|column| column.column.as_mut().map(Column::finish)).collect();
        // The wanted ones, in the order of the schema.
        let mut wanted = Vec::with_capacity(self.schema.fields().len());
        for field in self.schema.fields() {
            let index = self.columns.iter().position(|column| column.name == *field.name());
            wanted.extend(index.and_then(|index| arrays[index].take()));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(kept.len()));
        let batch = RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), wanted, &options)?;
        if self.lenient && kept.contains(&false) {
            return Ok(Some(filter_record_batch(&batch, &BooleanArray::from(kept))?));
        }
        Ok(Some(batch))
    }

    fn unfinished(&self) -> Option<Problem> {
        (self.skip > 0).then(|| {
            Problem::new(format!("its {} header rows are too long to be read in parts", self.spec.skip_rows))
        })
    }
}

fn of_record(row: usize, record: &Record, problem: Problem) -> RowProblem {
    RowProblem { row, offset: record.start, length: record.end - record.start, problem }
}

/// Appends a field to its column, by the rules of NULL. False if it is not of the column's type.
///
/// Only what is not quoted can be NULL, so that `""` is the empty string; where an empty text is no value and
/// nothing else was said to be NULL, `""` is NULL too.
fn push(column: &mut Column, field: Field<'_>, spec: &CsvSpec) -> bool {
    let is_null = match &spec.null_markers {
        None => field.text.is_empty() && (!field.quoted || !column.takes_empty_text()),
        Some(markers) => !field.quoted && markers.iter().any(|marker| marker == field.text),
    };
    if is_null {
        column.push_null();
        return true;
    }
    column.push_text(field.text)
}

pub(super) fn widths(fields: usize, columns: usize) -> String {
    let count = |number, what| if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") };
    format!("it has {} and the table {}", count(fields, "field"), count(columns, "column"))
}

/// Puts question marks for the bytes that are not UTF-8.
fn mask(text: &mut [u8]) {
    let mut at = 0;
    while let Err(error) = std::str::from_utf8(&text[at..]) {
        let start = at + error.valid_up_to();
        let end = error.error_len().map_or(text.len(), |length| start + length);
        text[start..end].fill(b'?');
        at = end;
    }
}
