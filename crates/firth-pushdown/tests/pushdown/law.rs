//! The law: pushdown on and pushdown off give the same rows.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray},
    util::display::{ArrayFormatter, FormatOptions},
};
use firth_testkit::fake_remote::{FakeRemote, FakeSplits};
use proptest::{collection::vec, option, prelude::*};

use crate::session::Session;

type Row = (Option<i64>, Option<i32>, Option<&'static str>, Option<bool>);

fn row() -> impl Strategy<Value = Row> {
    let text = prop::sample::select(vec!["a", "A", "b", "ab", "", "%", "_", "it's", "\\", "é"]);
    (option::of(-3_i64..4), option::of(-3_i32..4), option::of(text), option::of(any::<bool>()))
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: [(&str, ArrayRef); 4] = [
        ("Id", Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())),
        ("small", Arc::new(rows.iter().map(|row| row.1).collect::<Int32Array>())),
        ("name", Arc::new(rows.iter().map(|row| row.2).collect::<StringArray>())),
        ("flag", Arc::new(rows.iter().map(|row| row.3).collect::<BooleanArray>())),
    ];
    let columns = columns.map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// INT64 expressions.
fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => Just("id".to_owned()),
        1 => Just("small".to_owned()),
        3 => (-3_i64..4).prop_map(|value| value.to_string()),
        1 => Just("CAST(NULL AS BIGINT)".to_owned()),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*"]), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            inner.prop_map(|inner| format!("abs({inner})")),
        ]
    })
}

/// STRING expressions.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("name".to_owned()),
        1 => Just("upper(name)".to_owned()),
        3 => prop::sample::select(vec!["'a'", "'A'", "'it''s'", "''", "'b'"]).prop_map(str::to_owned),
    ]
}

/// Conditions with exact, inexact and local parts in any nesting.
fn condition() -> impl Strategy<Value = String> {
    let compare = prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]);
    let not = prop::sample::select(vec!["", "NOT "]);
    let pattern = prop::sample::select(vec!["a%", "_", "%b%", "", "\\%", "it''s"]);
    let leaf = prop_oneof![
        (number(), compare.clone(), number()).prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
        (text(), compare, text()).prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
        (number(), not.clone(), vec(-3_i64..4, 1..6)).prop_map(|(a, not, list)| {
            let list: Vec<String> = list.iter().map(i64::to_string).collect();
            format!("{a} {not}IN ({})", list.join(", "))
        }),
        (
            not.clone(),
            prop::sample::select(vec!["'a', 'B', 'ab', 'x'", "'a', NULL", "'IT''S', 'é', 'z', ''"])
        )
            .prop_map(|(not, list)| format!("name {not}IN ({list})")),
        (number(), not.clone(), number(), number())
            .prop_map(|(a, not, low, high)| format!("{a} {not}BETWEEN {low} AND {high}")),
        (text(), not.clone(), pattern).prop_map(|(a, not, pattern)| format!("{a} {not}LIKE '{pattern}'")),
        (number(), not.clone()).prop_map(|(a, not)| format!("{a} IS {not}NULL")),
        (text(), not).prop_map(|(a, not)| format!("{a} IS {not}NULL")),
        Just("flag".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|terms| format!("({})", terms.join(" AND "))),
            vec(inner.clone(), 2..4).prop_map(|terms| format!("({})", terms.join(" OR "))),
            inner.clone().prop_map(|inner| format!("(NOT ({inner}))")),
            inner.clone().prop_map(|inner| format!("(({inner}) IS NULL)")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(({a}) = ({b}))")),
            inner.prop_map(|inner| format!("(CASE WHEN {inner} THEN flag ELSE name = 'a' END)")),
        ]
    })
}

fn splits() -> impl Strategy<Value = FakeSplits> {
    prop_oneof![
        Just(FakeSplits::Whole),
        (1_usize..4).prop_map(FakeSplits::Predicates),
        (1_usize..4).prop_map(FakeSplits::Tokens),
    ]
}

/// The rows, as sorted texts.
async fn bag(remote: &FakeRemote, pushdown: bool, sql: &str) -> Result<Vec<String>, String> {
    let mut session = Session::empty(remote.clone(), pushdown, 2);
    session.register("t", "", "t").await;
    let frame = session.context.sql(sql).await.map_err(|error| error.to_string())?;
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    for batch in &batches {
        let options = FormatOptions::default().with_null("NULL");
        let columns: Vec<ArrayFormatter<'_>> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            let values: Vec<String> =
                columns.iter().map(|column| format!("{:?}", column.value(row).to_string())).collect();
            values.join("|")
        }));
    }
    rows.sort();
    Ok(rows)
}

/// As many cases as a push can wait for, or as `PROPTEST_CASES` asks for.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { 96 };
    ProptestConfig { cases, failure_persistence: None, ..asked }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn pushdown_on_and_off_give_the_same_rows(
        rows in vec(row(), 0..12),
        condition in condition(),
        columns in prop::sample::select(vec!["id, small, name, flag", "name", "id + 1", "count(*)"]),
        limit in option::of(0_usize..6),
        splits in splits(),
    ) {
        let remote = FakeRemote::new().with_table("", "t", batch(&rows)).with_splits(splits).with_batch_rows(3);
        let sql = format!("SELECT {columns} FROM t WHERE {condition}");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let off = runtime.block_on(bag(&remote, false, &sql));
        let on = runtime.block_on(bag(&remote, true, &sql));
        prop_assert!(off.is_ok(), "{}: {:?}", sql, off);
        prop_assert_eq!(&on, &off, "{}", sql);

        // Without an order, a limit is right if it takes the right number of the right rows.
        if let (Some(limit), Ok(mut all)) = (limit, off) {
            let some = runtime.block_on(bag(&remote, true, &format!("{sql} LIMIT {limit}"))).unwrap();
            prop_assert_eq!(some.len(), limit.min(all.len()), "{} LIMIT {}", sql, limit);
            for row in some {
                let position = all.iter().position(|candidate| *candidate == row);
                prop_assert!(position.is_some(), "{} LIMIT {} made up {}", sql, limit, row);
                all.swap_remove(position.unwrap());
            }
        }
    }
}
