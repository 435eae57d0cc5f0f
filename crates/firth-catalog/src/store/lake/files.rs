//! Which files are a table's, at which snapshot.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{
    alter::was_altered,
    snapshot::{NewSnapshot, quoted},
};
use crate::{
    DataFile, DeleteFile, NewDataFile, NewDeleteFile,
    error::{StoreError, StoreResult},
};

/// The files of a table at a snapshot, in the order in which they were written.
pub(super) fn read(
    connection: &Connection,
    table_id: i64,
    folder: &str,
    snapshot: i64,
) -> StoreResult<Vec<DataFile>> {
    refuse_inlined(connection, table_id)?;
    let mut statement = connection.prepare_cached(
        "SELECT data.data_file_id, data.path, data.path_is_relative, data.record_count, data.file_size_bytes,
                deletes.path, deletes.delete_count, data.partial_max, deletes.partial_max,
                data.mapping_id
         FROM ducklake_data_file AS data
         LEFT JOIN ducklake_delete_file AS deletes
           ON deletes.data_file_id = data.data_file_id AND deletes.begin_snapshot <= ?2
             AND (deletes.end_snapshot IS NULL OR deletes.end_snapshot > ?2)
         WHERE data.table_id = ?1 AND data.begin_snapshot <= ?2
           AND (data.end_snapshot IS NULL OR data.end_snapshot > ?2)
         ORDER BY data.data_file_id",
    )?;
    let mut rows = statement.query([table_id, snapshot])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        let (is_relative, partial): (bool, (Option<i64>, Option<i64>)) =
            (row.get(2)?, (row.get(7)?, row.get(8)?));
        if !is_relative || partial != (None, None) {
            return Err(StoreError::stored(
                "a table's file",
                "another program wrote it in a way not read here",
            ));
        }
        if row.get::<_, Option<i64>>(9)?.is_some() && was_altered(connection, table_id)? {
            return Err(StoreError::stored(
                "a table's file",
                "another program added it without numbers of columns, and the table's columns were changed",
            ));
        }
        let path: String = row.get(1)?;
        let deletes = row
            .get::<_, Option<String>>(5)?
            .map(|path| {
                Ok::<_, StoreError>(DeleteFile {
                    path: format!("{folder}{path}"),
                    rows: unsigned(row.get(6)?)?,
                })
            })
            .transpose()?;
        files.push(DataFile {
            id: row.get(0)?,
            path: format!("{folder}{path}"),
            rows: unsigned(row.get(3)?)?,
            bytes: unsigned(row.get(4)?)?,
            deletes,
        });
    }
    Ok(files)
}

/// Rows that DuckDB kept in the catalog itself are in no file, and those that it deleted there are in all. It makes
/// the tables for them, empty, also when it alters one.
fn refuse_inlined(connection: &Connection, table_id: i64) -> StoreResult<()> {
    let mut statement = connection
        .prepare_cached("SELECT table_name FROM ducklake_inlined_data_tables WHERE table_id = ?")?;
    let names = statement.query_map([table_id], |row| row.get::<_, String>(0))?;
    for name in names {
        if has_rows(connection, &name?)? {
            return Err(StoreError::stored(
                "a table",
                "another program keeps rows of it in the catalog, not in files",
            ));
        }
    }
    // Which is listed nowhere.
    let deletes = format!("ducklake_inlined_delete_{table_id}");
    let find = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)";
    if connection.query_row(find, [&deletes], |row| row.get(0))? && has_rows(connection, &deletes)? {
        return Err(StoreError::stored(
            "a table",
            "another program keeps in the catalog, not in files, which rows of it are deleted",
        ));
    }
    Ok(())
}

fn has_rows(connection: &Connection, table: &str) -> StoreResult<bool> {
    let any = format!("SELECT EXISTS (SELECT 1 FROM {})", quoted(table));
    Ok(connection.query_row(&any, [], |row| row.get(0))?)
}

/// Adds files to a table.
pub(super) fn add(
    transaction: &Transaction<'_>,
    snapshot: &mut NewSnapshot<'_>,
    table_id: i64,
    files: &[NewDataFile],
) -> StoreResult<()> {
    let known: Option<(i64, i64, i64)> = transaction
        .query_row(
            "SELECT record_count, next_row_id, file_size_bytes FROM ducklake_table_stats WHERE table_id = ?",
            [table_id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let (mut records, mut next_row, mut bytes) = known.unwrap_or_default();
    for file in files {
        let id = snapshot.file_id();
        transaction.execute(
            "INSERT INTO ducklake_data_file (data_file_id, table_id, begin_snapshot, path, path_is_relative,
                 file_format, record_count, file_size_bytes, footer_size, row_id_start)
             VALUES (?, ?, ?, ?, 1, 'parquet', ?, ?, ?, ?)",
            params![
                id,
                table_id,
                snapshot.id,
                file.name,
                signed(file.rows),
                signed(file.bytes),
                signed(file.footer_bytes),
                next_row
            ],
        )?;
        for column in &file.columns {
            let (least, greatest) = column.range.clone().unzip();
            transaction.execute(
                "INSERT INTO ducklake_file_column_stats (data_file_id, table_id, column_id, column_size_bytes,
                     value_count, null_count, min_value, max_value)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    id,
                    table_id,
                    column.column_id,
                    signed(column.bytes),
                    signed(column.values),
                    column.nulls.map(signed),
                    least,
                    greatest
                ],
            )?;
        }
        records += signed(file.rows);
        next_row += signed(file.rows);
        bytes += signed(file.bytes);
    }
    let text = match known {
        Some(_) => {
            "UPDATE ducklake_table_stats SET record_count = ?2, next_row_id = ?3, file_size_bytes = ?4
             WHERE table_id = ?1"
        }
        None => "INSERT INTO ducklake_table_stats VALUES (?1, ?2, ?3, ?4)",
    };
    transaction.execute(text, params![table_id, records, next_row, bytes])?;
    Ok(())
}

/// Puts lists of deleted rows in the place of the earlier ones.
pub(super) fn delete_rows(
    transaction: &Transaction<'_>,
    snapshot: &mut NewSnapshot<'_>,
    table_id: i64,
    deletes: &[NewDeleteFile],
) -> StoreResult<()> {
    for file in deletes {
        end_deletes(transaction, snapshot.id, file.data_file)?;
        let id = snapshot.file_id();
        transaction.execute(
            "INSERT INTO ducklake_delete_file (delete_file_id, table_id, begin_snapshot, data_file_id, path,
                 path_is_relative, format, delete_count, file_size_bytes, footer_size)
             VALUES (?, ?, ?, ?, ?, 1, 'parquet', ?, ?, ?)",
            params![
                id,
                table_id,
                snapshot.id,
                file.data_file,
                file.name,
                signed(file.rows),
                signed(file.bytes),
                signed(file.footer_bytes)
            ],
        )?;
    }
    Ok(())
}

/// Takes files out of a table.
pub(super) fn remove(transaction: &Transaction<'_>, snapshot: i64, files: &[i64]) -> StoreResult<()> {
    for file in files {
        end_deletes(transaction, snapshot, *file)?;
        transaction.execute(
            "UPDATE ducklake_data_file SET end_snapshot = ? WHERE data_file_id = ? AND end_snapshot IS NULL",
            [snapshot, *file],
        )?;
    }
    Ok(())
}

fn end_deletes(transaction: &Transaction<'_>, snapshot: i64, data_file: i64) -> StoreResult<()> {
    transaction.execute(
        "UPDATE ducklake_delete_file SET end_snapshot = ? WHERE data_file_id = ? AND end_snapshot IS NULL",
        [snapshot, data_file],
    )?;
    Ok(())
}

/// Whether rows of the table went since a snapshot, or only if `added_too`, came.
pub(super) fn changed_since(
    connection: &Connection,
    table_id: i64,
    snapshot: i64,
    added_too: bool,
) -> StoreResult<bool> {
    let since = |text: &str| -> StoreResult<bool> {
        let found: Option<i64> =
            connection.query_row(text, [table_id, snapshot], |row| row.get(0)).optional()?;
        Ok(found.is_some())
    };
    let went = since("SELECT 1 FROM ducklake_data_file WHERE table_id = ? AND end_snapshot > ? LIMIT 1")?
        || since("SELECT 1 FROM ducklake_delete_file WHERE table_id = ? AND begin_snapshot > ? LIMIT 1")?;
    let came = || since("SELECT 1 FROM ducklake_data_file WHERE table_id = ? AND begin_snapshot > ? LIMIT 1");
    Ok(went || (added_too && came()?))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> StoreResult<u64> {
    u64::try_from(number).map_err(|error| StoreError::stored("a file's rows", error))
}
