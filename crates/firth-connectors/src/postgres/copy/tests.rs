//! Bytes made by hand, and what they become.

use std::sync::Arc;

use arrow::{
    datatypes::{Field, Schema},
    util::pretty::pretty_format_batches,
};
use proptest::prelude::*;

use super::super::numeric::tests::encode as numeric;
use super::*;

/// A whole stream: rows of values, where `None` is NULL.
fn stream(rows: &[Vec<Option<Vec<u8>>>]) -> Vec<u8> {
    let mut bytes = [SIGNATURE, &[0, 0, 0, 0], &[0, 0, 0, 3], b"ext"].concat();
    for row in rows {
        bytes.extend((row.len() as i16).to_be_bytes());
        for value in row {
            match value {
                Some(value) => {
                    bytes.extend((value.len() as i32).to_be_bytes());
                    bytes.extend(value);
                }
                None => bytes.extend((-1i32).to_be_bytes()),
            }
        }
    }
    bytes.extend((-1i16).to_be_bytes());
    bytes
}

fn decoder(wires: &[Wire]) -> Decoder {
    let fields: Vec<Field> = wires
        .iter()
        .enumerate()
        .map(|(index, wire)| Field::new(format!("c{index}"), wire.data_type().expect("no composite"), true))
        .collect();
    Decoder::new(Arc::new(Schema::new(fields)), wires, &[])
}

/// Decodes the pieces; the batches put together.
fn decode<'a>(wires: &[Wire], pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<RecordBatch>> {
    let mut decoder = decoder(wires);
    let mut batches = Vec::new();
    for piece in pieces {
        decoder.feed(Bytes::copy_from_slice(piece));
        while decoder.fill()? {
            batches.extend(decoder.take_batch()?);
        }
    }
    decoder.finish()?;
    batches.extend(decoder.take_batch()?);
    Ok(batches)
}

fn shown(wires: &[Wire], rows: &[Vec<Option<Vec<u8>>>]) -> String {
    match decode(wires, [&stream(rows)[..]]) {
        Ok(batches) => pretty_format_batches(&batches).expect("printable").to_string(),
        Err(error) => error.render(None, false),
    }
}

fn some(bytes: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    Some(bytes.as_ref().to_vec())
}

#[test]
fn every_type_is_decoded() {
    let wires = [Wire::Bool, Wire::Integer, Wire::Integer, Wire::Integer, Wire::Float, Wire::Float];
    insta::assert_snapshot!(shown(&wires, &[
        vec![some([1]), some((-2i16).to_be_bytes()), some(3i32.to_be_bytes()), some(i64::MIN.to_be_bytes()),
             some(0.5f32.to_be_bytes()), some((-0.0f64).to_be_bytes())],
        vec![None; 6],
    ]), @r"
    +------+----+----+----------------------+-----+------+
    | c0   | c1 | c2 | c3                   | c4  | c5   |
    +------+----+----+----------------------+-----+------+
    | true | -2 | 3  | -9223372036854775808 | 0.5 | -0.0 |
    |      |    |    |                      |     |      |
    +------+----+----+----------------------+-----+------+
    ");
    let wires = [Wire::Text, Wire::Uuid, Wire::Jsonb, Wire::Bytes, Wire::Bits];
    insta::assert_snapshot!(shown(&wires, &[
        vec![some("ü"), some([0xab; 16]), some(b"\x01{}"), some([0, 255]), some([0, 0, 0, 3, 0xa0])],
        vec![None; 5],
    ]), @r"
    +----+--------------------------------------+----+------+----+
    | c0 | c1                                   | c2 | c3   | c4 |
    +----+--------------------------------------+----+------+----+
    | ü  | abababab-abab-abab-abab-abababababab | {} | 00ff | a0 |
    |    |                                      |    |      |    |
    +----+--------------------------------------+----+------+----+
    ");
    let wires = [
        Wire::Date,
        Wire::Time,
        Wire::Timestamp,
        Wire::TimestampTz,
        Wire::Numeric(38, 9),
        Wire::BigNumeric(76, 38),
    ];
    insta::assert_snapshot!(shown(&wires, &[
        vec![some((-1i32).to_be_bytes()), some(1i64.to_be_bytes()), some((-1i64).to_be_bytes()),
             some(0i64.to_be_bytes()), some(numeric("-12.5")), some(numeric("0.00000000000000000001"))],
        vec![None; 6],
    ]), @r"
    +------------+-----------------+----------------------------+----------------------+---------------+------------------------------------------+
    | c0         | c1              | c2                         | c3                   | c4            | c5                                       |
    +------------+-----------------+----------------------------+----------------------+---------------+------------------------------------------+
    | 1999-12-31 | 00:00:00.000001 | 1999-12-31T23:59:59.999999 | 2000-01-01T00:00:00Z | -12.500000000 | 0.00000000000000000001000000000000000000 |
    |            |                 |                            |                      |               |                                          |
    +------------+-----------------+----------------------------+----------------------+---------------+------------------------------------------+
    ");
}

#[test]
fn rows_without_columns_are_counted() {
    let batches = decode(&[], [&stream(&vec![vec![]; 10_000])[..]]).expect("decoded");
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [8192, 1808]);
}

#[test]
fn batches_end_by_bytes_too() {
    let rows = vec![vec![some(vec![b'x'; 3 << 20])]; 5];
    let batches = decode(&[Wire::Text], [&stream(&rows)[..]]).expect("decoded");
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_column() {
    let error =
        |wire: Wire, value: &[u8]| shown(&[wire], &[vec![some(value)]]).lines().next().map(str::to_owned);
    let mut nan = numeric("0");
    nan[4..6].copy_from_slice(&0xC000u16.to_be_bytes());
    let lines: Vec<String> = [
        error(Wire::Numeric(38, 9), &nan),
        error(Wire::Numeric(38, 9), &numeric("0.0000000001")),
        error(Wire::Numeric(38, 9), &numeric(&"9".repeat(30))),
        error(Wire::BigNumeric(76, 38), &numeric(&"9".repeat(39))),
        error(Wire::Date, &i32::MAX.to_be_bytes()),
        error(Wire::Date, &3_000_000i32.to_be_bytes()),
        error(Wire::Timestamp, &i64::MIN.to_be_bytes()),
        error(Wire::Timestamp, &(i64::MAX - 1).to_be_bytes()),
        error(Wire::Time, &86_400_000_000i64.to_be_bytes()),
        error(Wire::Text, &[0xff]),
        error(Wire::Jsonb, b"\x02{}"),
        error(Wire::Integer, &[0; 3]),
    ]
    .into_iter()
    .flatten()
    .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    error[bad_data]: column "c0" holds NaN, which NUMERIC cannot hold
    error[bad_data]: column "c0" holds 0.0000000001: more digits after the point than NUMERIC has
    error[bad_data]: column "c0" holds 999999999999999999999999999999: more digits before the point than NUMERIC has
    error[bad_data]: column "c0" holds 999999999999999999999999999999999999999: more digits before the point than BIGNUMERIC has
    error[bad_data]: column "c0" holds infinity
    error[bad_data]: column "c0" holds 10213-09-21, outside the years 1 to 9999 of DATE
    error[bad_data]: column "c0" holds -infinity
    error[bad_data]: column "c0" holds 294277-01-09 04:00:54.775806, outside the years 1 to 9999 of TIMESTAMP
    error[bad_data]: column "c0" holds the time 24:00:00, which TIME cannot hold
    error[bad_data]: column "c0" holds text that is not UTF-8
    error[bad_data]: column "c0" came with a value of 3 bytes that is not of its type
    error[bad_data]: column "c0" came with a value of 3 bytes that is not of its type
    "#);
}

#[test]
fn the_years_of_googlesql_are_the_limits() {
    let day = |days: i32| decode(&[Wire::Date], [&stream(&[vec![some(days.to_be_bytes())]])[..]]).is_ok();
    // 0001-01-01 and 9999-12-31, in days from 2000-01-01.
    assert_eq!([-730_120, -730_119, 2_921_939, 2_921_940].map(day), [false, true, true, false]);
}

#[test]
fn a_torn_stream_is_an_error() {
    let bytes = stream(&[vec![some("a")], vec![None]]);
    for length in 0..bytes.len() {
        assert!(decode(&[Wire::Text], [&bytes[..length]]).is_err(), "cut at {length}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(decode(&[Wire::Text], [&longer[..]]).is_err());
}

proptest! {
    #[test]
    fn cuts_between_messages_do_not_matter(
        rows in proptest::collection::vec(
            (proptest::option::of("[a-zü]{0,20}"), proptest::option::of(any::<i64>())), 0..50),
        sizes in proptest::collection::vec(1usize..40, 1..10),
    ) {
        let wires = [Wire::Text, Wire::Integer];
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(text, number)| vec![text.map(String::into_bytes), number.map(|n| n.to_be_bytes().to_vec())])
            .collect();
        let bytes = stream(&rows);
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(*size));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(decode(&wires, pieces)?, decode(&wires, [&bytes[..]])?);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let whole = [&stream(&[])[..22], &bytes[..]].concat();
        let _ = decode(&[Wire::Numeric(38, 9), Wire::Jsonb, Wire::Uuid], [&whole[..]]);
    }
}
