//! Rows of the generators, as batches.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Builder, Decimal128Builder, Int64Builder, RecordBatch, StringBuilder};
use arrow::error::ArrowError;
use tpchgen::dates::TPCHDate;
use tpchgen::decimal::TPCHDecimal;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};

use super::table::{ColumnKind, Table};

const BATCH_ROWS: usize = 8192;

/// The batches of part `part` (from 1) of `parts` of a table.
pub(super) fn batches(
    table: Table,
    scale: f64,
    part: i32,
    parts: i32,
) -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>> {
    // The two smallest tables have no parts: all of them is in the first.
    let fixed = if part == 1 { usize::MAX } else { 0 };
    match table {
        Table::Region => {
            Box::new(Batches::new(table, RegionGenerator::new(scale, 1, 1).iter().take(fixed), |row, to| {
                to.integer(row.r_regionkey).text(row.r_name).text(row.r_comment);
            }))
        }
        Table::Nation => {
            Box::new(Batches::new(table, NationGenerator::new(scale, 1, 1).iter().take(fixed), |row, to| {
                to.integer(row.n_nationkey).text(row.n_name).integer(row.n_regionkey).text(row.n_comment);
            }))
        }
        Table::Supplier => {
            Box::new(Batches::new(table, SupplierGenerator::new(scale, part, parts).iter(), |row, to| {
                to.integer(row.s_suppkey).text(row.s_name).text(row.s_address).integer(row.s_nationkey);
                to.text(row.s_phone).money(row.s_acctbal).text(row.s_comment);
            }))
        }
        Table::Customer => {
            Box::new(Batches::new(table, CustomerGenerator::new(scale, part, parts).iter(), |row, to| {
                to.integer(row.c_custkey).text(row.c_name).text(row.c_address).integer(row.c_nationkey);
                to.text(row.c_phone).money(row.c_acctbal).text(row.c_mktsegment).text(row.c_comment);
            }))
        }
        Table::Part => {
            Box::new(Batches::new(table, PartGenerator::new(scale, part, parts).iter(), |row, to| {
                to.integer(row.p_partkey)
                    .text(row.p_name)
                    .text(row.p_mfgr)
                    .text(row.p_brand)
                    .text(row.p_type);
                to.integer(row.p_size.into())
                    .text(row.p_container)
                    .money(row.p_retailprice)
                    .text(row.p_comment);
            }))
        }
        Table::PartSupp => {
            Box::new(Batches::new(table, PartSuppGenerator::new(scale, part, parts).iter(), |row, to| {
                to.integer(row.ps_partkey).integer(row.ps_suppkey).integer(row.ps_availqty.into());
                to.money(row.ps_supplycost).text(row.ps_comment);
            }))
        }
        Table::Orders => {
            Box::new(Batches::new(table, OrderGenerator::new(scale, part, parts).iter(), |row, to| {
                to.integer(row.o_orderkey)
                    .integer(row.o_custkey)
                    .text(row.o_orderstatus)
                    .money(row.o_totalprice);
                to.date(row.o_orderdate).text(row.o_orderpriority).text(row.o_clerk);
                to.integer(row.o_shippriority.into()).text(row.o_comment);
            }))
        }
        Table::LineItem => {
            Box::new(Batches::new(table, LineItemGenerator::new(scale, part, parts).iter(), |row, to| {
                to.integer(row.l_orderkey).integer(row.l_partkey).integer(row.l_suppkey);
                // The generator counts whole units where the table has two decimals.
                to.integer(row.l_linenumber.into()).money(TPCHDecimal(row.l_quantity * 100));
                to.money(row.l_extendedprice).money(row.l_discount).money(row.l_tax);
                to.text(row.l_returnflag).text(row.l_linestatus);
                to.date(row.l_shipdate).date(row.l_commitdate).date(row.l_receiptdate);
                to.text(row.l_shipinstruct).text(row.l_shipmode).text(row.l_comment);
            }))
        }
    }
}

/// Rows of `rows`, each added to the columns by `add`, some thousands at a time.
struct Batches<Rows, Add> {
    table: Table,
    rows: Rows,
    add: Add,
}

impl<Rows: Iterator, Add: Fn(Rows::Item, &mut Columns)> Batches<Rows, Add> {
    fn new(table: Table, rows: Rows, add: Add) -> Self {
        Batches { table, rows, add }
    }
}

impl<Rows: Iterator, Add: Fn(Rows::Item, &mut Columns)> Iterator for Batches<Rows, Add> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut columns = Columns::new(self.table);
        for row in self.rows.by_ref().take(BATCH_ROWS) {
            (self.add)(row, &mut columns);
        }
        if columns.values == 0 { None } else { Some(columns.finish(self.table)) }
    }
}

/// The columns of one batch. Values are added in the order of the columns, row after row.
struct Columns {
    builders: Vec<Builder>,
    values: usize,
}

enum Builder {
    Integer(Int64Builder),
    Money(Decimal128Builder),
    Date(Date32Builder),
    Text(StringBuilder),
}

impl Columns {
    fn new(table: Table) -> Self {
        let builders = table.columns().iter().map(|column| match column.kind {
            ColumnKind::Integer => Builder::Integer(Int64Builder::new()),
            ColumnKind::Money => {
                let kind = arrow::datatypes::DataType::Decimal128(15, 2);
                Builder::Money(Decimal128Builder::new().with_data_type(kind))
            }
            ColumnKind::Date => Builder::Date(Date32Builder::new()),
            ColumnKind::Text => Builder::Text(StringBuilder::new()),
        });
        Columns { builders: builders.collect(), values: 0 }
    }

    fn next(&mut self) -> &mut Builder {
        let column = self.values % self.builders.len();
        self.values += 1;
        &mut self.builders[column]
    }

    fn integer(&mut self, value: i64) -> &mut Self {
        let Builder::Integer(builder) = self.next() else { panic!("the next column holds no integers") };
        builder.append_value(value);
        self
    }

    fn money(&mut self, value: TPCHDecimal) -> &mut Self {
        let Builder::Money(builder) = self.next() else { panic!("the next column holds no money") };
        builder.append_value(value.0.into());
        self
    }

    fn date(&mut self, value: TPCHDate) -> &mut Self {
        let Builder::Date(builder) = self.next() else { panic!("the next column holds no dates") };
        builder.append_value(value.to_unix_epoch());
        self
    }

    fn text(&mut self, value: impl std::fmt::Display) -> &mut Self {
        let Builder::Text(builder) = self.next() else { panic!("the next column holds no text") };
        builder.append_value(value.to_string());
        self
    }

    fn finish(self, table: Table) -> Result<RecordBatch, ArrowError> {
        let arrays = self.builders.into_iter().map(|builder| -> ArrayRef {
            match builder {
                Builder::Integer(mut builder) => Arc::new(builder.finish()),
                Builder::Money(mut builder) => Arc::new(builder.finish()),
                Builder::Date(mut builder) => Arc::new(builder.finish()),
                Builder::Text(mut builder) => Arc::new(builder.finish()),
            }
        });
        RecordBatch::try_new(table.schema(), arrays.collect())
    }
}
