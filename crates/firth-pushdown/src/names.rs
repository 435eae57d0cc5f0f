//! Column names: case-insensitive here, spelled as the source spells them there.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{Field, Schema, SchemaRef};
use firth_diagnostic::{Code, Diagnostic, Result};

/// The metadata key under which a field keeps the source's spelling of its name, where that differs.
pub const NAME_METADATA: &str = "firth.name";

/// The schema that DataFusion is shown: lower-cased names, in the same order.
///
/// The source's spelling is kept under [`NAME_METADATA`] where it differs. Two columns that differ
/// only by case are an error that names both. Names inside structs stay as they are.
pub fn shown_schema(schema: &Schema) -> Result<SchemaRef> {
    let mut spellings: HashMap<String, &str> = HashMap::with_capacity(schema.fields().len());
    let mut fields = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let shown = field.name().to_lowercase();
        if let Some(other) = spellings.insert(shown.clone(), field.name()) {
            return Err(same_but_for_case(other, field.name()));
        }
        fields.push(if shown == *field.name() { Arc::clone(field) } else { Arc::new(renamed(field, shown)) });
    }
    Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

fn renamed(field: &Field, shown: String) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(NAME_METADATA.to_owned(), field.name().clone());
    field.clone().with_name(shown).with_metadata(metadata)
}

fn same_but_for_case(one: &str, other: &str) -> Diagnostic {
    if one == other {
        return Diagnostic::error(Code::Invalid, format!("there are two columns {one:?}"))
            .hint("Give one of them another name, in the source or with AS in the query sent to it.");
    }
    Diagnostic::error(Code::Invalid, format!("columns {one:?} and {other:?} differ only by case"))
        .detail("column names are case-insensitive")
        .hint("Give one of them another name, in the source or with AS in the query sent to it.")
}
