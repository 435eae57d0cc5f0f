//! What becomes of a column, by its type.
//!
//! The mapping is BigQuery's for federated queries. What BigQuery refuses has a natural type here where
//! GoogleSQL has one: `uuid`, `jsonb`, `citext` and enums are STRING, `money` is NUMERIC, `interval` is
//! INTERVAL, arrays are ARRAY, composites STRUCT. For the rest `unsupported_type` decides. As STRING
//! such a column is PostgreSQL's own text of it, which the server is asked for by a cast.

use arrow::datatypes::{DataType, Field, Fields};
use firth_connector::DecimalType;
use postgres_types::{Kind, Type};

use super::types::{BIGNUMERIC, NUMERIC, Wire, declared_decimal};

/// What is to become of types whose mapping is a matter of choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeOptions {
    /// Of a `numeric` that promises nothing about its digits.
    pub(super) numeric_as: DecimalType,
    /// Whether also one that does becomes STRING or FLOAT64, if those are what is asked for.
    pub(super) every_numeric: bool,
    /// Of types that GoogleSQL has no type for.
    pub(super) unsupported_type: UnsupportedType,
}

/// What becomes of a column whose type GoogleSQL has no type for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnsupportedType {
    /// The table cannot be read.
    Error,
    /// It is STRING.
    String,
    /// The table does not have it.
    Skip,
}

/// How a column is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) data_type: DataType,
    /// What the server is asked to cast it to.
    pub(super) read_as: Option<String>,
}

impl Mapping {
    fn plain(data_type: DataType) -> Self {
        Mapping { data_type, read_as: None }
    }

    fn cast(data_type: DataType, type_: &str) -> Self {
        Mapping { data_type, read_as: Some(type_.to_owned()) }
    }

    /// The text that the server writes of such a value.
    fn text(type_: &Type) -> Self {
        // Its own cast to text appends /32, which its output has not; a `name` is made of the output.
        let inet = *type_ == Type::INET;
        Mapping::cast(DataType::Utf8, if inet { "name::text" } else { "text" })
    }

    /// An array of such elements.
    fn list(self) -> Self {
        Mapping {
            data_type: DataType::new_list(self.data_type, true),
            read_as: self.read_as.map(|types| {
                types.split("::").map(|type_| format!("{type_}[]")).collect::<Vec<_>>().join("::")
            }),
        }
    }
}

impl TypeOptions {
    /// The same for one query, which says what becomes of its numbers.
    pub(super) fn with_decimals(self, decimals: Option<DecimalType>) -> Self {
        match decimals {
            Some(numeric_as) => TypeOptions { numeric_as, every_numeric: true, ..self },
            None => self,
        }
    }

    /// How a column is read; `None` if it is not.
    ///
    /// `dimensions` is how many an array was declared with: zero, if that is not known.
    pub(super) fn mapping(&self, type_: &Type, modifier: i32, dimensions: i32) -> Option<Mapping> {
        if dimensions <= 1
            && let Some(natural) = self.natural(type_, modifier)
        {
            return Some(natural);
        }
        if self.unsupported_type != UnsupportedType::String {
            return None;
        }
        match type_.kind() {
            Kind::Domain(base) => self.mapping(base, modifier, dimensions),
            Kind::Array(element) if dimensions <= 1 && has_text(element) => {
                Some(Mapping::text(base(element)).list())
            }
            _ => has_text(type_).then(|| Mapping::text(type_)),
        }
    }

    /// The type that GoogleSQL has for it.
    fn natural(&self, type_: &Type, modifier: i32) -> Option<Mapping> {
        match type_.kind() {
            Kind::Domain(base) => return self.natural(base, modifier),
            Kind::Array(element) => {
                let element = self.natural(element, modifier)?;
                // GoogleSQL has no arrays of arrays.
                return (!matches!(element.data_type, DataType::List(_))).then(|| element.list());
            }
            Kind::Composite(fields) => {
                let fields = fields.iter().map(|field| {
                    // A field is not cast by itself.
                    let mapping = self.natural(field.type_(), -1).filter(|field| field.read_as.is_none())?;
                    Some(Field::new(field.name(), mapping.data_type, true))
                });
                let fields: Fields = fields.collect::<Option<Vec<_>>>()?.into();
                return (!fields.is_empty()).then(|| Mapping::plain(DataType::Struct(fields)));
            }
            _ => {}
        }
        match *type_ {
            Type::NUMERIC => self.numeric(modifier),
            Type::MONEY => Some(Mapping::cast(DataType::Decimal128(NUMERIC.0, NUMERIC.1), "numeric")),
            Type::CHAR => Some(Mapping::text(type_)),
            _ => Some(Mapping::plain(Wire::simple(type_)?.data_type()?)),
        }
    }

    fn numeric(&self, modifier: i32) -> Option<Mapping> {
        let as_asked =
            self.every_numeric && matches!(self.numeric_as, DecimalType::String | DecimalType::Float64);
        if let Some(declared) = declared_decimal(modifier)
            && !as_asked
        {
            return Some(Mapping::plain(declared));
        }
        match self.numeric_as {
            DecimalType::String => Some(Mapping::text(&Type::NUMERIC)),
            DecimalType::Float64 => Some(Mapping::cast(DataType::Float64, "float8")),
            // Not where more digits are declared than either has.
            _ if modifier >= 4 => None,
            DecimalType::Numeric => Some(Mapping::plain(DataType::Decimal128(NUMERIC.0, NUMERIC.1))),
            DecimalType::BigNumeric => Some(Mapping::plain(DataType::Decimal256(BIGNUMERIC.0, BIGNUMERIC.1))),
        }
    }
}

/// What a domain is over.
fn base(type_: &Type) -> &Type {
    match type_.kind() {
        Kind::Domain(over) => base(over),
        _ => type_,
    }
}

/// Whether the server casts it to text. Types that are none, such as `void`, have no values to cast.
fn has_text(type_: &Type) -> bool {
    !matches!(type_.kind(), Kind::Pseudo) || *type_ == Type::RECORD
}

#[cfg(test)]
mod tests;
