//! Tables as files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::csv::WriterBuilder;
use arrow::json::LineDelimitedWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::row::batches;
use super::table::Table;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Parquet, with Snappy.
    Parquet,
    /// CSV with a header line, which PostgreSQL's `COPY … (FORMAT csv, HEADER)` reads, too.
    Csv,
    /// JSON, one object a line; dates are text, money is a number.
    Ndjson,
}

impl Format {
    /// What file names end in, and what a command line calls it.
    pub const fn extension(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Format> {
        [Format::Parquet, Format::Csv, Format::Ndjson].into_iter().find(|format| format.extension() == name)
    }
}

/// Writes a table as `parts` files `FOLDER/TABLE/part-N.EXTENSION`, N from 1, and returns their paths.
///
/// The two smallest tables have one part, whatever `parts` says.
pub fn write(
    table: Table,
    scale: f64,
    format: Format,
    parts: i32,
    folder: &Path,
) -> io::Result<Vec<PathBuf>> {
    let folder = folder.join(table.name());
    fs::create_dir_all(&folder)?;
    let parts = if matches!(table, Table::Region | Table::Nation) { 1 } else { parts.max(1) };
    let mut paths = Vec::new();
    for part in 1..=parts {
        let path = folder.join(format!("part-{part}.{}", format.extension()));
        write_part(table, scale, format, part, parts, BufWriter::new(File::create(&path)?))
            .map_err(io::Error::other)?;
        paths.push(path);
    }
    Ok(paths)
}

fn write_part(
    table: Table,
    scale: f64,
    format: Format,
    part: i32,
    parts: i32,
    mut file: impl Write + Send,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let batches = batches(table, scale, part, parts);
    match format {
        Format::Parquet => {
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
            // Several row groups even at small scales: readers that split files have something to split.
            let properties = properties.set_max_row_group_row_count(Some(100_000)).build();
            let mut writer = ArrowWriter::try_new(file, table.schema(), Some(properties))?;
            for batch in batches {
                writer.write(&batch?)?;
            }
            writer.close()?;
        }
        Format::Csv => {
            let mut writer = WriterBuilder::new().with_header(true).build(&mut file);
            for batch in batches {
                writer.write(&batch?)?;
            }
            drop(writer);
            file.flush()?;
        }
        Format::Ndjson => {
            let mut writer = LineDelimitedWriter::new(&mut file);
            for batch in batches {
                writer.write(&batch?)?;
            }
            writer.finish()?;
            drop(writer);
            file.flush()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(table: Table, format: Format) -> String {
        let folder = tempfile::tempdir().unwrap();
        let paths = write(table, 0.001, format, 1, folder.path()).unwrap();
        fs::read_to_string(&paths[0]).unwrap()
    }

    fn first_lines(text: &str, count: usize) -> String {
        text.lines().take(count).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn csv_has_a_header_exact_money_and_dates() {
        let text = written(Table::LineItem, Format::Csv);
        assert_eq!(
            first_lines(&text, 2),
            "l_orderkey,l_partkey,l_suppkey,l_linenumber,l_quantity,l_extendedprice,l_discount,l_tax,\
             l_returnflag,l_linestatus,l_shipdate,l_commitdate,l_receiptdate,l_shipinstruct,l_shipmode,l_comment\n\
             1,156,4,1,17.00,17954.55,0.04,0.02,N,O,1996-03-13,1996-02-12,1996-03-22,DELIVER IN PERSON,TRUCK,\
             egular courts above the"
        );
        assert_eq!(text.lines().count(), 1 + 6005);
    }

    #[test]
    fn ndjson_has_numbers_and_dates() {
        let text = written(Table::Orders, Format::Ndjson);
        assert_eq!(
            first_lines(&text, 1),
            r#"{"o_orderkey":1,"o_custkey":37,"o_orderstatus":"O","o_totalprice":131251.81,"o_orderdate":"1996-01-02","o_orderpriority":"5-LOW","o_clerk":"Clerk#000000951","o_shippriority":0,"o_comment":"nstructions sleep furiously among "}"#
        );
        assert_eq!(text.lines().count(), 1500);
    }

    #[test]
    fn parts_together_are_the_table() {
        let rows = |parts| -> usize {
            let all = (1..=parts).flat_map(|part| batches(Table::Customer, 0.01, part, parts));
            all.map(|batch| batch.unwrap().num_rows()).sum()
        };
        assert_eq!((rows(1), rows(4)), (1500, 1500));
    }

    #[test]
    fn small_tables_have_one_part() {
        let folder = tempfile::tempdir().unwrap();
        let paths = write(Table::Nation, 1.0, Format::Parquet, 4, folder.path()).unwrap();
        assert_eq!(paths, [folder.path().join("nation/part-1.parquet")]);
    }

    #[test]
    fn postgres_types_are_exact() {
        assert_eq!(
            Table::PartSupp.postgres_ddl(),
            "CREATE TABLE partsupp (\n  ps_partkey bigint NOT NULL,\n  ps_suppkey bigint NOT NULL,\n  \
             ps_availqty bigint NOT NULL,\n  ps_supplycost numeric(15, 2) NOT NULL,\n  ps_comment text NOT NULL,\n  \
             PRIMARY KEY (ps_partkey, ps_suppkey)\n);\n"
        );
    }
}
