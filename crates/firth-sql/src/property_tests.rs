//! What holds for every text, and for every statement.

use firth_diagnostic::{Name, Secret, Span, Spanned};
use proptest::prelude::*;

use crate::{
    AlterConnection, AlterTable, Assert, CleanTables, ColumnDefinition, ColumnType, ConnectionReference,
    CopyKind, CopyTable, CreateConnection, CreateExternalSchema, CreateExternalTable, CreateMaterializedView,
    CreateSchema, CreateTable, CreateView, Creation, Drop, DropBehavior, Explain, ExplainKind, ExportData,
    Insert, LoadData, OptionList, OptionLiteral, Parameters, PartitionColumns, Query, SetSetting, SqlOption,
    Statement, TableAction, format, is_complete, lex, lint, parse, rewrite, split,
};

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

/// Names that are hard to print: quotes, keywords, dashes, letters of all kinds. No dots, which part
/// names, and no slashes, which make a resource path.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-z0-9_]{0,8}",
        Just("select".to_string()),
        Just("Connection".to_string()),
        Just("default".to_string()),
        Just("us-east4".to_string()),
        Just("a`b'\"\\".to_string()),
        Just("1st\n\tcolumn".to_string()),
        "[^./]{1,6}",
    ]
}

fn name(most: usize) -> impl Strategy<Value = Spanned<Name>> {
    prop::collection::vec(part(), 1..=most).prop_map(|parts| spanned(Name(parts)))
}

fn leaf_type() -> impl Strategy<Value = ColumnType> {
    use ColumnType::*;
    prop_oneof![
        Just(Bool),
        Just(Int64),
        Just(Float64),
        Just(Numeric(None)),
        Just(Numeric(Some((10, 2)))),
        Just(BigNumeric(None)),
        Just(BigNumeric(Some((50, 20)))),
        Just(String),
        Just(Bytes),
        Just(Date),
        Just(Datetime),
        Just(Time),
        Just(Timestamp),
        Just(Json),
    ]
}

fn column_type() -> impl Strategy<Value = ColumnType> {
    leaf_type().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_filter_map("no array of arrays", |item| {
                (!matches!(item, ColumnType::Array(_))).then(|| ColumnType::Array(Box::new(item)))
            }),
            prop::collection::vec((part(), inner), 1..3).prop_map(ColumnType::Struct),
        ]
    })
}

fn columns() -> impl Strategy<Value = Vec<ColumnDefinition>> {
    prop::collection::vec((part(), column_type(), any::<bool>()), 0..4).prop_map(|columns| {
        let mut seen: Vec<String> = Vec::new();
        let mut kept = Vec::new();
        for (name, column_type, not_null) in columns {
            if !seen.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
                seen.push(name.clone());
                kept.push(ColumnDefinition {
                    name: spanned(name),
                    column_type: spanned(column_type),
                    not_null,
                });
            }
        }
        kept
    })
}

fn leaf_literal(texts: BoxedStrategy<String>) -> impl Strategy<Value = OptionLiteral> {
    prop_oneof![
        Just(OptionLiteral::Null),
        any::<bool>().prop_map(OptionLiteral::Bool),
        any::<i64>().prop_map(OptionLiteral::Int64),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(OptionLiteral::Float64),
        texts.clone().prop_map(|text| OptionLiteral::String(Secret::new(text))),
        any::<String>().prop_map(OptionLiteral::Env),
        any::<String>().prop_map(OptionLiteral::File),
        Just(OptionLiteral::Prompt),
        Just(OptionLiteral::Other("INTERVAL", "4 HOUR".into())),
        texts.prop_map(|text| OptionLiteral::Other("TIMESTAMP", text)),
    ]
}

fn options(texts: BoxedStrategy<String>) -> impl Strategy<Value = OptionList> {
    let literal = leaf_literal(texts)
        .prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(OptionLiteral::Array));
    prop::collection::vec((part(), literal), 0..4).prop_map(|options| {
        let mut kept: Vec<SqlOption> = Vec::new();
        for (name, value) in options {
            if !kept.iter().any(|other| other.name.value.eq_ignore_ascii_case(&name)) {
                kept.push(SqlOption { name: spanned(name), value: spanned(value) });
            }
        }
        spanned(kept)
    })
}

fn shown() -> impl Strategy<Value = OptionList> {
    options(any::<String>().boxed())
}

fn hidden() -> impl Strategy<Value = OptionList> {
    options(Just("***".to_string()).boxed())
}

fn query() -> impl Strategy<Value = Query> {
    prop_oneof![
        Just("SELECT 'INT64 -- `x`' AS `a b`, r'\\n' FROM my-p.ds.t WHERE x IN (1, 2)"),
        Just("WITH a AS (SELECT 1 AS x) SELECT STRUCT(x AS y), [1] FROM a ORDER BY x LIMIT 3"),
        Just("(SELECT 1) UNION ALL SELECT @p"),
    ]
    .prop_map(|text| match parse(text) {
        Ok(Statement::Query(query)) => query,
        other => panic!("{text}: {other:?}"),
    })
}

fn creation() -> impl Strategy<Value = Creation> {
    prop_oneof![Just(Creation::New), Just(Creation::OrReplace), Just(Creation::IfNotExists)]
}

fn drop(most: usize) -> impl Strategy<Value = Drop> {
    let behavior = prop_oneof![
        Just(DropBehavior::Unspecified),
        Just(DropBehavior::Restrict),
        Just(DropBehavior::Cascade)
    ];
    (any::<bool>(), name(most), behavior).prop_map(|(if_exists, name, behavior)| Drop {
        if_exists,
        name,
        behavior,
    })
}

fn connection() -> impl Strategy<Value = Option<ConnectionReference>> {
    prop::option::of(name(3).prop_map(ConnectionReference::Named))
}

fn connection_statement() -> impl Strategy<Value = Statement> {
    prop_oneof![
        (creation(), name(3), hidden()).prop_map(|(creation, name, options)| Statement::CreateConnection(
            CreateConnection { creation, name, options }
        )),
        (any::<bool>(), name(3), hidden()).prop_map(|(if_exists, name, options)| Statement::AlterConnection(
            AlterConnection { if_exists, name, options }
        )),
        drop(3).prop_map(Statement::DropConnection),
        name(3).prop_map(Statement::DescribeConnection),
        name(3).prop_map(Statement::CheckConnection),
        name(3).prop_map(Statement::ShowCreateConnection),
        any::<String>().prop_map(|kind| Statement::ShowOptions(spanned(kind))),
        Just(Statement::ShowConnections),
        Just(Statement::ShowConnectionTypes),
    ]
}

fn table_statement() -> impl Strategy<Value = Statement> {
    let partitions = prop_oneof![
        Just(PartitionColumns::None),
        Just(PartitionColumns::Inferred),
        columns().prop_map(PartitionColumns::Listed),
    ];
    let connection_or_default =
        prop_oneof![connection(), Just(Some(ConnectionReference::Default(Span::default())))];
    prop_oneof![
        (creation(), name(2), shown()).prop_map(|(creation, name, options)| Statement::CreateSchema(
            CreateSchema { creation, name, options }
        )),
        (creation(), name(2), connection(), shown()).prop_map(|(creation, name, connection, options)| {
            Statement::CreateExternalSchema(CreateExternalSchema { creation, name, connection, options })
        }),
        (creation(), name(3), prop::option::of(columns()), partitions, connection_or_default, shown())
            .prop_map(|(creation, name, columns, partition_columns, connection, options)| {
                let table =
                    CreateExternalTable { creation, name, columns, partition_columns, connection, options };
                Statement::CreateExternalTable(table)
            }),
        (
            creation(),
            name(3),
            prop::option::of(prop::collection::vec(part().prop_map(spanned), 1..3)),
            query()
        )
            .prop_map(|(creation, name, columns, query)| Statement::CreateView(CreateView {
                creation,
                name,
                columns,
                query
            })),
        (creation(), name(3), prop::collection::vec(part().prop_map(spanned), 0..3), shown(), query())
            .prop_map(|(creation, name, cluster_by, options, query)| {
                let partition_by = None;
                Statement::CreateMaterializedView(CreateMaterializedView {
                    creation,
                    name,
                    partition_by,
                    cluster_by,
                    options,
                    query,
                })
            }),
        drop(3).prop_map(Statement::DropMaterializedView),
        name(3).prop_map(Statement::RefreshMaterializedView),
        prop::option::of(name(2)).prop_map(Statement::ShowMaterializedViews),
        drop(2).prop_map(Statement::DropSchema),
        drop(3).prop_map(Statement::DropExternalTable),
        drop(3).prop_map(Statement::DropView),
        prop::option::of(name(2)).prop_map(Statement::ShowTables),
        name(3).prop_map(Statement::DescribeTable),
        name(3).prop_map(Statement::RefreshExternalTable),
        name(3).prop_map(Statement::ShowCreateTable),
    ]
}

fn alter_table() -> impl Strategy<Value = Statement> {
    let column = || part().prop_map(spanned);
    let several = prop_oneof![
        (any::<bool>(), columns()).prop_map(|(if_not_exists, columns)| {
            columns.into_iter().map(|column| TableAction::AddColumn { if_not_exists, column }).collect()
        }),
        (any::<bool>(), column(), column(), column_type()).prop_map(
            |(if_exists, column, to, column_type)| {
                vec![
                    TableAction::RenameColumn { if_exists, column: column.clone(), to },
                    TableAction::SetDataType {
                        if_exists,
                        column: column.clone(),
                        column_type: spanned(column_type),
                    },
                    TableAction::DropNotNull { if_exists, column: column.clone() },
                    TableAction::DropColumn { if_exists, column },
                ]
            }
        ),
        column().prop_map(|name| vec![TableAction::RenameTo(name)]),
        shown().prop_map(|options| vec![TableAction::SetOptions(options)]),
    ];
    (
        any::<bool>(),
        name(3),
        several.prop_filter("an action", |actions: &Vec<TableAction>| !actions.is_empty()),
    )
        .prop_map(|(if_exists, name, actions)| Statement::AlterTable(AlterTable { if_exists, name, actions }))
}

fn native_statement() -> impl Strategy<Value = Statement> {
    let listed = || prop::collection::vec(part().prop_map(spanned), 0..3);
    let partition_by = prop_oneof![Just(None), Just(Some("DATE_TRUNC(day, MONTH)")), Just(Some("day"))];
    // A list of columns may not name one twice, and a table has columns or a query.
    let distinct = |columns: Vec<Spanned<String>>| {
        let mut kept: Vec<Spanned<String>> = Vec::new();
        for column in columns {
            if !kept.iter().any(|other| other.value.eq_ignore_ascii_case(&column.value)) {
                kept.push(column);
            }
        }
        (!kept.is_empty()).then_some(kept)
    };
    prop_oneof![
        (
            creation(),
            any::<bool>(),
            name(3),
            columns(),
            partition_by,
            listed(),
            connection(),
            shown(),
            prop::option::of(query())
        )
            .prop_map(
                |(
                    creation,
                    temporary,
                    name,
                    columns,
                    partition_by,
                    cluster_by,
                    connection,
                    options,
                    query,
                )| {
                    let partition_by = partition_by.map(|text| spanned(text.to_string()));
                    let columns = Some(columns);
                    let table = CreateTable {
                        creation,
                        temporary,
                        name,
                        columns,
                        partition_by,
                        cluster_by,
                        connection,
                        options,
                        query,
                    };
                    Statement::CreateTable(table)
                }
            ),
        (
            creation(),
            any::<bool>(),
            name(3),
            0_usize..3,
            name(3),
            prop::option::of(Just("a(1, 'x')")),
            shown()
        )
            .prop_map(|(creation, temporary, name, kind, source, as_of, options)| {
                let kind = [CopyKind::Like, CopyKind::Copy, CopyKind::Clone][kind];
                let as_of = as_of.filter(|_| kind == CopyKind::Clone).map(|text| spanned(text.to_string()));
                Statement::CopyTable(CopyTable { creation, temporary, name, kind, source, as_of, options })
            }),
        alter_table(),
        drop(3).prop_map(Statement::DropTable),
        name(3).prop_map(Statement::TruncateTable),
        name(3).prop_map(Statement::Optimize),
        prop::option::of(any::<u64>().prop_map(spanned))
            .prop_map(|older_than| Statement::CleanTables(CleanTables { older_than })),
        (name(3), listed(), query()).prop_map(move |(target, columns, query)| {
            Statement::Insert(Insert { target, columns: distinct(columns), query, says_default: false })
        }),
        (any::<bool>(), name(3), prop::option::of(columns()), listed(), shown(), connection()).prop_map(
            |(flag, name, columns, cluster_by, files, connection)| {
                Statement::LoadData(LoadData {
                    overwrite: flag,
                    temporary: !flag,
                    name,
                    columns,
                    partitions: flag.then(|| spanned("(day = DATE '2026-01-02')".to_string())),
                    partition_by: None,
                    cluster_by,
                    options: spanned(Vec::new()),
                    files,
                    partition_columns: if flag { PartitionColumns::None } else { PartitionColumns::Inferred },
                    connection,
                })
            }
        ),
        prop_oneof![
            Just("UPDATE d.t SET a = 1, b = DEFAULT WHERE c IN (SELECT 1)"),
            Just("DELETE d.t AS x WHERE x.a > '2'"),
            Just("DELETE FROM t WHERE TRUE"),
            Just(
                "MERGE INTO `d.t` t USING (SELECT 1 AS a) s ON t.a = s.a WHEN MATCHED AND t.b THEN DELETE \
                  WHEN NOT MATCHED THEN INSERT ROW WHEN NOT MATCHED BY SOURCE THEN UPDATE SET b = FALSE"
            ),
        ]
        .prop_map(|text| parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))),
    ]
}

fn assertion() -> impl Strategy<Value = Statement> {
    let condition =
        prop_oneof![Just("TRUE"), Just("EXISTS(SELECT 1 AS a)"), Just("(SELECT COUNT(*) FROM t) > @n")];
    (condition, prop::option::of(any::<String>())).prop_map(|(condition, description)| {
        match parse(&format!("ASSERT {condition}")) {
            Ok(Statement::Assert(Assert { condition, .. })) => {
                Statement::Assert(Assert { condition, description: description.map(spanned) })
            }
            other => panic!("{condition}: {other:?}"),
        }
    })
}

fn other_statement() -> impl Strategy<Value = Statement> {
    let export = || {
        (connection(), shown(), query()).prop_map(|(connection, options, query)| {
            Statement::ExportData(ExportData { connection, options, query })
        })
    };
    let explained = prop_oneof![query().prop_map(Statement::Query), export()];
    prop_oneof![
        query().prop_map(Statement::Query),
        export(),
        assertion(),
        (0_usize..3, explained).prop_map(|(kind, statement)| Statement::Explain(Explain {
            kind: [ExplainKind::Plan, ExplainKind::Analyze, ExplainKind::Pushdown][kind],
            statement: Box::new(statement)
        })),
        (part(), leaf_literal(any::<String>().boxed())).prop_map(|(name, value)| Statement::Set(
            SetSetting { name: spanned(name), value: spanned(value) }
        )),
        part().prop_map(|name| Statement::Reset(spanned(name))),
        Just(Statement::ShowSchemas),
        Just(Statement::ShowSettings),
        Just(Statement::ShowAudit),
        Just(Statement::ShowCaches),
        Just(Statement::CleanExports),
    ]
}

/// Texts that look like SQL more than random ones do.
fn script() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("SELECT"),
        Just("FROM"),
        Just("WITH"),
        Just("CREATE"),
        Just("CONNECTION"),
        Just("EXTERNAL"),
        Just("TABLE"),
        Just("OPTIONS"),
        Just("("),
        Just(")"),
        Just("["),
        Just("]"),
        Just(","),
        Just(";"),
        Just("'"),
        Just("\""),
        Just("'''"),
        Just("`"),
        Just("\\"),
        Just("--"),
        Just("/*"),
        Just("*/"),
        Just("\n"),
        Just("é"),
        Just("x"),
        Just("1"),
        Just("0x"),
        Just("1."),
        Just("."),
        Just("-"),
        Just("<"),
        Just(">"),
        Just("="),
        Just("@p"),
        Just("AS"),
        Just("CAST"),
        Just("INT64"),
        Just("ARRAY"),
        Just("STRUCT"),
        Just("INTERVAL"),
        Just("DAY"),
        Just("EXTRACT"),
        Just("UNNEST"),
        Just("EXTERNAL_QUERY"),
        Just("UNION ALL"),
        Just("*"),
        Just("EXPORT DATA"),
        Just("SHOW"),
        Just("b'\\xff'"),
        Just("'a'"),
        Just("SUBSTR"),
        Just("DATE_TRUNC"),
        Just("CASE"),
        Just("WHEN"),
        Just("END"),
    ];
    let space = prop_oneof![Just(""), Just(" ")];
    prop::collection::vec((word, space), 0..40)
        .prop_map(|words| words.into_iter().map(|(word, space)| format!("{word}{space}")).collect())
}

fn holds(text: &str, span: Span) -> bool {
    span.start <= span.end && text.get(span.start..span.end).is_some()
}

/// Everything public is run over the text; nothing may panic, and all places lie in the text.
fn check(text: &str) -> Result<(), TestCaseError> {
    let mut end = 0;
    for token in lex(text) {
        prop_assert!(holds(text, token.span) && token.span.start >= end && token.span.end > token.span.start);
        let gap_is_space = text[end..token.span.start].chars().all(|c| c.is_whitespace() || c == '\u{feff}');
        prop_assert!(gap_is_space);
        end = token.span.end;
    }
    is_complete(text);
    if let Ok(formatted) = format(text) {
        let texts = |text: &str| -> Vec<String> {
            lex(text).iter().map(|token| token.text(text).trim_end().to_owned()).collect()
        };
        prop_assert_eq!(texts(&formatted), texts(text));
        prop_assert_eq!(format(&formatted), Ok(formatted.clone()));
    }
    for span in split(text) {
        prop_assert!(holds(text, span));
        let statement = &text[span.start..span.end];
        match parse(statement) {
            Err(error) => prop_assert!(error.span().is_none_or(|span| holds(statement, span)), "{error:?}"),
            Ok(parsed) => {
                for finding in lint(&parsed) {
                    prop_assert!(finding.warning.span().is_some_and(|span| holds(statement, span)));
                }
                let shown = parsed.to_string();
                prop_assert!(parse(&shown).is_ok(), "{statement} was printed as {shown}");
                if let Statement::Query(query) = parsed
                    && let Err(error) = rewrite(&query, &Parameters::new())
                {
                    prop_assert!(error.span().is_none_or(|span| holds(statement, span)), "{error:?}");
                }
            }
        }
    }
    let _ = parse(text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_statement_parses_back_from_its_text(
        statement in prop_oneof![connection_statement(), table_statement(), native_statement(), other_statement()]
    ) {
        let text = statement.to_string();
        prop_assert_eq!(parse(&text).map_err(|error| format!("{text}: {error}")), Ok(statement));
        prop_assert_eq!(split(&format!("{text};{text}")).len(), 2);
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn no_script_panics(text in script()) {
        check(&text)?;
    }

    #[test]
    fn no_query_panics(text in script().prop_map(|rest| format!("SELECT {rest}"))) {
        check(&text)?;
    }
}
