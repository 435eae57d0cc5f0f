//! How text is read: the options of CSV and JSON, validated.

use arrow::array::timezone::Tz;
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result};

use super::{
    Compression,
    encoding::{ENCODINGS, Encoding},
    moments::{Moment, Pattern},
    records::Syntax,
    value,
};

/// A text format.
#[derive(Clone, Debug)]
pub(crate) enum TextFormat {
    Csv(CsvSpec),
    Json(JsonSpec),
}

/// What CSV and JSON have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextSpec {
    /// By option; else each file's name says.
    pub(crate) compression: Option<Compression>,
    pub(super) encoding: Encoding,
    /// How many rows of a scan may be left out because they cannot be read.
    pub(super) max_bad_records: u64,
    pub(super) ignore_unknown: bool,
    pub(super) moments: Moments,
}

/// How dates and times are written; without a pattern as GoogleSQL writes them.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    pub(super) date: Option<Pattern>,
    pub(super) time: Option<Pattern>,
    pub(super) datetime: Option<Pattern>,
    pub(super) timestamp: Option<Pattern>,
    /// Where timestamps are that do not say it.
    pub(super) zone: Tz,
}

impl Default for Moments {
    fn default() -> Self {
        let zone = value::zone("UTC").expect("there is a zone of this name");
        Moments { date: None, time: None, datetime: None, timestamp: None, zone }
    }
}

/// CSV.
#[derive(Clone, Debug)]
pub(crate) struct CsvSpec {
    pub(crate) text: TextSpec,
    pub(super) syntax: Syntax,
    /// Whether the delimiter was given, and is not to be detected.
    pub(super) delimiter_given: bool,
    /// Rows at the beginning that are no rows of the table.
    pub(super) skip_rows: usize,
    /// What is NULL if it is not quoted; without a list, the empty field.
    pub(super) null_markers: Option<Vec<String>>,
    pub(super) jagged_rows: bool,
    pub(super) preserve_control: bool,
    /// Whether columns are found by their names in the header. `None`: as the header is found out.
    pub(super) by_name: Option<bool>,
}

/// Newline-delimited JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct JsonSpec {
    pub(crate) text: TextSpec,
    pub(super) geojson: bool,
}

impl TextFormat {
    /// What CSV and JSON have in common.
    pub(crate) fn text(&self) -> &TextSpec {
        match self {
            TextFormat::Csv(csv) => &csv.text,
            TextFormat::Json(json) => &json.text,
        }
    }

    /// Whether lines can be found from the middle of a file.
    pub(super) fn can_be_split(&self) -> bool {
        // With more header rows than this the first part of a file may not hold them all.
        const FEW_ROWS: usize = 100;
        self.text().encoding.has_plain_line_ends()
            && match self {
                TextFormat::Csv(csv) => !csv.syntax.quoted_newlines && csv.skip_rows <= FEW_ROWS,
                TextFormat::Json(_) => true,
            }
    }
}

impl TextSpec {
    fn try_new(options: &Options) -> Result<Self> {
        let given = options.string("encoding").unwrap_or("UTF-8");
        let encoding = ENCODINGS.iter().find(|(name, _)| *name == given).map(|(_, encoding)| *encoding);
        Ok(TextSpec {
            compression: options.string("compression").and_then(Compression::named),
            encoding: encoding.unwrap_or_default(),
            max_bad_records: u64::try_from(options.int64("max_bad_records").unwrap_or(0))
                .map_err(|_| Diagnostic::error(Code::Invalid, "option \"max_bad_records\" is below zero"))?,
            ignore_unknown: options.bool("ignore_unknown_values").unwrap_or(false),
            moments: Moments::try_new(options)?,
        })
    }
}

impl Moments {
    fn try_new(options: &Options) -> Result<Self> {
        let pattern = |name: &str, moment| {
            let Some(text) = options.string(name) else { return Ok(None) };
            let pattern = Pattern::try_new(text, moment).map_err(|reason| {
                Diagnostic::error(Code::Invalid, format!("option {name:?} cannot be {text:?}: {reason}"))
                    .hint("It is made of YYYY, MM, MON, DD, HH24, HH12, MI, SS, FF6, AM, TZH, TZM and what stands between them.")
            })?;
            Ok::<_, Diagnostic>(Some(pattern))
        };
        let zone = match options.string("time_zone") {
            None => Moments::default().zone,
            Some(name) => value::zone(name).ok_or_else(|| {
                Diagnostic::error(Code::Invalid, format!("option \"time_zone\" cannot be {name:?}"))
                    .hint("Name a zone of the tz database, such as 'Europe/Berlin', or write an offset such as '+02:00'.")
            })?,
        };
        Ok(Moments {
            date: pattern("date_format", Moment::Date)?,
            time: pattern("time_format", Moment::Time)?,
            datetime: pattern("datetime_format", Moment::Datetime)?,
            timestamp: pattern("timestamp_format", Moment::Timestamp)?,
            zone,
        })
    }
}

impl CsvSpec {
    /// Reads the options of CSV. How many rows are skipped is known if it was given.
    pub(crate) fn try_new(options: &Options) -> Result<Self> {
        let null_markers = match (options.string("null_marker"), options.strings("null_markers")) {
            (Some(_), Some(_)) => {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    "options \"null_marker\" and \"null_markers\" are both given",
                )
                .hint("Keep one of them."));
            }
            (Some(marker), None) => Some(vec![marker.to_owned()]),
            (None, Some(markers)) => Some(markers.to_vec()),
            (None, None) => None,
        };
        let skip_rows = usize::try_from(options.int64("skip_leading_rows").unwrap_or(0))
            .map_err(|_| Diagnostic::error(Code::Invalid, "option \"skip_leading_rows\" is below zero"))?;
        let by_name = options.string("source_column_match").map(|word| word == "NAME");
        let delimiter = one_byte(options, "field_delimiter")?.unwrap_or(b',');
        let quote = one_byte(options, "quote")?;
        if quote == Some(delimiter) {
            return Err(Diagnostic::error(
                Code::Invalid,
                "options \"quote\" and \"field_delimiter\" are the same byte",
            ));
        }
        Ok(CsvSpec {
            text: TextSpec::try_new(options)?,
            syntax: Syntax {
                delimiter,
                quote,
                quoted_newlines: options.bool("allow_quoted_newlines").unwrap_or(false),
            },
            delimiter_given: options.is_given("field_delimiter"),
            skip_rows,
            // The empty marker is what holds without one.
            null_markers: null_markers.filter(|markers| markers.iter().any(|marker| !marker.is_empty())),
            jagged_rows: options.bool("allow_jagged_rows").unwrap_or(false),
            preserve_control: options.bool("preserve_ascii_control_characters").unwrap_or(false),
            by_name,
        })
    }

    /// Fails if columns are to be found by names, and there are none.
    pub(crate) fn check_header(&self) -> Result<()> {
        if self.by_name == Some(true) && self.skip_rows == 0 { Err(no_header()) } else { Ok(()) }
    }

    /// The delimiter.
    pub(crate) fn delimiter(&self) -> u8 {
        self.syntax.delimiter
    }

    /// How many rows at the beginning are no rows of the table.
    pub(crate) fn skip_rows(&self) -> usize {
        self.skip_rows
    }

    /// Whether columns are found by their names in the header.
    pub(crate) fn by_name(&self) -> bool {
        self.by_name == Some(true) && self.skip_rows > 0
    }
}

/// The error for names that are to be found where no header is.
pub(crate) fn no_header() -> Diagnostic {
    Diagnostic::error(Code::Invalid, "source_column_match = 'NAME' needs a header to find the names in")
        .hint("Say where it is: skip_leading_rows = 1.")
}

impl JsonSpec {
    /// Reads the options of JSON.
    pub(crate) fn try_new(options: &Options) -> Result<Self> {
        Ok(JsonSpec {
            text: TextSpec::try_new(options)?,
            geojson: options.string("json_extension") == Some("GEOJSON"),
        })
    }
}

fn one_byte(options: &Options, name: &str) -> Result<Option<u8>> {
    match options.string(name).unwrap_or_default() {
        "" => Ok(None),
        "\\t" | "tab" => Ok(Some(b'\t')),
        "\n" | "\r" => Err(Diagnostic::error(Code::Invalid, format!("option {name:?} cannot be a line end"))),
        text if text.len() == 1 => Ok(text.bytes().next()),
        text => {
            Err(Diagnostic::error(Code::Invalid, format!("option {name:?} takes one byte, not {text:?}")))
        }
    }
}
