//! `tpch-data FOLDER SCALE [TABLE=FORMAT[:PARTS]…]`: TPC-H tables as files; all in Parquet if none is named.
//!
//! Formats are `parquet`, `csv`, `ndjson`, and `postgres`: CSV with a `schema.sql` and a `load.sql` beside
//! it for `psql`, run from FOLDER. Says each file on a line.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

use firth_testkit::tpch::{Format, Table, write};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, scale, wanted @ ..] = words.as_slice() else {
        return Err("usage: tpch-data FOLDER SCALE [TABLE=FORMAT[:PARTS]…]".into());
    };
    let (folder, scale) = (Path::new(folder), scale.parse()?);
    let all: Vec<String> = Table::ALL.iter().map(|table| format!("{}=parquet", table.name())).collect();
    let mut schema = String::new();
    let mut load = String::new();
    for word in if wanted.is_empty() { &all } else { wanted } {
        let (table, format) = word.split_once('=').ok_or_else(|| format!("{word:?} is not TABLE=FORMAT"))?;
        let (format, parts) = format.split_once(':').unwrap_or((format, "1"));
        let table = Table::from_name(table).ok_or_else(|| format!("there is no table {table:?}"))?;
        let for_postgres = format == "postgres";
        let format = if for_postgres { Some(Format::Csv) } else { Format::from_name(format) };
        let format = format.ok_or_else(|| format!("{word:?} has no known format"))?;
        for path in write(table, scale, format, parts.parse()?, folder)? {
            writeln!(std::io::stdout(), "{}", path.display())?;
            if for_postgres {
                let inside = path.strip_prefix(folder)?.display();
                load.push_str(&format!(
                    "\\copy {} FROM '{inside}' WITH (FORMAT csv, HEADER)\n",
                    table.name()
                ));
            }
        }
        if for_postgres {
            schema.push_str(&table.postgres_ddl());
            load.push_str(&format!("ANALYZE {};\n", table.name()));
        }
    }
    if !schema.is_empty() {
        fs::write(folder.join("schema.sql"), schema)?;
        fs::write(folder.join("load.sql"), load)?;
    }
    Ok(())
}
