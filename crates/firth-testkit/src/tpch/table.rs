//! The tables and their columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use ColumnKind::{Date, Integer, Money, Text};

/// One of the eight tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// 5 rows at every scale.
    Region,
    /// 25 rows at every scale.
    Nation,
    /// 10 000 rows at scale 1.
    Supplier,
    /// 150 000 rows at scale 1.
    Customer,
    /// 200 000 rows at scale 1.
    Part,
    /// 800 000 rows at scale 1.
    PartSupp,
    /// 1 500 000 rows at scale 1.
    Orders,
    /// About 6 000 000 rows at scale 1.
    LineItem,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// INT64.
    Integer,
    /// NUMERIC(15, 2), exact.
    Money,
    /// DATE.
    Date,
    /// STRING.
    Text,
}

/// A column: its name and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in lower case, with the table's letter in front.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
}

const fn column(name: &'static str, kind: ColumnKind) -> Column {
    Column { name, kind }
}

impl Table {
    /// All tables; a table comes after those that it refers to.
    pub const ALL: [Table; 8] = [
        Table::Region,
        Table::Nation,
        Table::Supplier,
        Table::Customer,
        Table::Part,
        Table::PartSupp,
        Table::Orders,
        Table::LineItem,
    ];

    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Region => "region",
            Table::Nation => "nation",
            Table::Supplier => "supplier",
            Table::Customer => "customer",
            Table::Part => "part",
            Table::PartSupp => "partsupp",
            Table::Orders => "orders",
            Table::LineItem => "lineitem",
        }
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Its columns, in order.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Table::Region => REGION,
            Table::Nation => NATION,
            Table::Supplier => SUPPLIER,
            Table::Customer => CUSTOMER,
            Table::Part => PART,
            Table::PartSupp => PARTSUPP,
            Table::Orders => ORDERS,
            Table::LineItem => LINEITEM,
        }
    }

    /// The names of its primary key's columns.
    pub const fn primary_key(self) -> &'static [&'static str] {
        match self {
            Table::Region => &["r_regionkey"],
            Table::Nation => &["n_nationkey"],
            Table::Supplier => &["s_suppkey"],
            Table::Customer => &["c_custkey"],
            Table::Part => &["p_partkey"],
            Table::PartSupp => &["ps_partkey", "ps_suppkey"],
            Table::Orders => &["o_orderkey"],
            Table::LineItem => &["l_orderkey", "l_linenumber"],
        }
    }

    /// Its columns as Arrow has them.
    pub fn schema(self) -> SchemaRef {
        let fields = self.columns().iter().map(|column| Field::new(column.name, column.kind.arrow(), false));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The `CREATE TABLE` that PostgreSQL takes, with the primary key.
    pub fn postgres_ddl(self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for column in self.columns() {
            lines.push(format!("  {} {} NOT NULL", column.name, column.kind.postgres()));
        }
        lines.push(format!("  PRIMARY KEY ({})", self.primary_key().join(", ")));
        format!("CREATE TABLE {} (\n{}\n);\n", self.name(), lines.join(",\n"))
    }
}

impl ColumnKind {
    fn arrow(self) -> DataType {
        match self {
            Integer => DataType::Int64,
            Money => DataType::Decimal128(15, 2),
            Date => DataType::Date32,
            Text => DataType::Utf8,
        }
    }

    fn postgres(self) -> &'static str {
        match self {
            Integer => "bigint",
            Money => "numeric(15, 2)",
            Date => "date",
            Text => "text",
        }
    }
}

const REGION: &[Column] =
    &[column("r_regionkey", Integer), column("r_name", Text), column("r_comment", Text)];

const NATION: &[Column] = &[
    column("n_nationkey", Integer),
    column("n_name", Text),
    column("n_regionkey", Integer),
    column("n_comment", Text),
];

const SUPPLIER: &[Column] = &[
    column("s_suppkey", Integer),
    column("s_name", Text),
    column("s_address", Text),
    column("s_nationkey", Integer),
    column("s_phone", Text),
    column("s_acctbal", Money),
    column("s_comment", Text),
];

const CUSTOMER: &[Column] = &[
    column("c_custkey", Integer),
    column("c_name", Text),
    column("c_address", Text),
    column("c_nationkey", Integer),
    column("c_phone", Text),
    column("c_acctbal", Money),
    column("c_mktsegment", Text),
    column("c_comment", Text),
];

const PART: &[Column] = &[
    column("p_partkey", Integer),
    column("p_name", Text),
    column("p_mfgr", Text),
    column("p_brand", Text),
    column("p_type", Text),
    column("p_size", Integer),
    column("p_container", Text),
    column("p_retailprice", Money),
    column("p_comment", Text),
];

const PARTSUPP: &[Column] = &[
    column("ps_partkey", Integer),
    column("ps_suppkey", Integer),
    column("ps_availqty", Integer),
    column("ps_supplycost", Money),
    column("ps_comment", Text),
];

const ORDERS: &[Column] = &[
    column("o_orderkey", Integer),
    column("o_custkey", Integer),
    column("o_orderstatus", Text),
    column("o_totalprice", Money),
    column("o_orderdate", Date),
    column("o_orderpriority", Text),
    column("o_clerk", Text),
    column("o_shippriority", Integer),
    column("o_comment", Text),
];

const LINEITEM: &[Column] = &[
    column("l_orderkey", Integer),
    column("l_partkey", Integer),
    column("l_suppkey", Integer),
    column("l_linenumber", Integer),
    column("l_quantity", Money),
    column("l_extendedprice", Money),
    column("l_discount", Money),
    column("l_tax", Money),
    column("l_returnflag", Text),
    column("l_linestatus", Text),
    column("l_shipdate", Date),
    column("l_commitdate", Date),
    column("l_receiptdate", Date),
    column("l_shipinstruct", Text),
    column("l_shipmode", Text),
    column("l_comment", Text),
];
