//! Arrays and composites on the wire.
//!
//! ```text
//! array: dimensions i32 | flags i32 | element type u32 | for each dimension: length i32, lower bound i32
//!        | for each element: length i32 (−1 for NULL), bytes
//! composite: fields i32 | for each field: type u32, length i32 (−1 for NULL), bytes
//! ```

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, ListArray, NullBufferBuilder, StructArray},
    buffer::{OffsetBuffer, ScalarBuffer},
    datatypes::{DataType, FieldRef, Fields},
};

use super::{
    column::{Fault, Values},
    types::Wire,
};

/// Arrays of one dimension, being filled.
pub(super) struct Lists {
    field: FieldRef,
    elements: Values,
    /// Where each array ends among the elements.
    ends: Vec<i32>,
    validity: NullBufferBuilder,
}

/// Composites, being filled.
pub(super) struct Structs {
    fields: Fields,
    values: Vec<Values>,
    validity: NullBufferBuilder,
}

/// What is left of a value.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn word(&mut self) -> Option<i32> {
        let (word, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*word))
    }
}

impl<'a> Cursor<'a> {
    /// A length and as many bytes: `Some(None)` for NULL.
    fn value(&mut self) -> Option<Option<&'a [u8]>> {
        let Ok(length) = usize::try_from(self.word()?) else { return Some(None) };
        let (value, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(value))
    }
}

impl Lists {
    /// `None` if the type is not that of arrays.
    pub(super) fn new(element: &Wire, data_type: &DataType) -> Option<Self> {
        let DataType::List(field) = data_type else { return None };
        Some(Lists {
            elements: Values::new(element, field.data_type()),
            field: FieldRef::clone(field),
            ends: vec![0],
            validity: NullBufferBuilder::new(0),
        })
    }

    pub(super) fn push_null(&mut self) {
        self.validity.append_null();
        self.ends.push(self.last());
    }

    pub(super) fn push(&mut self, value: &[u8]) -> Result<(), Fault> {
        let malformed = || Fault::Length(value.len());
        let mut rest = Cursor(value);
        let mut header = || rest.word().ok_or_else(malformed);
        let (dimensions, _flags, _type) = (header()?, header()?, header()?);
        let count = match dimensions {
            0 => 0,
            1 => {
                let (count, _lower_bound) = (header()?, header()?);
                count
            }
            dimensions => return Err(Fault::Dimensions(dimensions)),
        };
        for _ in 0..count {
            match rest.value().ok_or_else(malformed)? {
                Some(element) => self.elements.push(element)?,
                None => self.elements.push_null(),
            }
        }
        let end = self.last().checked_add(count).filter(|_| rest.0.is_empty()).ok_or_else(malformed)?;
        self.validity.append_non_null();
        self.ends.push(end);
        Ok(())
    }

    fn last(&self) -> i32 {
        self.ends.last().copied().unwrap_or_default()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let ends = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut self.ends, vec![0])));
        let field = FieldRef::clone(&self.field);
        Arc::new(ListArray::new(field, ends, self.elements.finish(), self.validity.finish()))
    }
}

impl Structs {
    /// `None` if the type is not that of composites.
    pub(super) fn new(fields: &[Wire], data_type: &DataType) -> Option<Self> {
        let DataType::Struct(into) = data_type else { return None };
        let values = fields.iter().zip(into).map(|(wire, field)| Values::new(wire, field.data_type()));
        Some(Structs { values: values.collect(), fields: into.clone(), validity: NullBufferBuilder::new(0) })
    }

    pub(super) fn push_null(&mut self) {
        self.validity.append_null();
        self.values.iter_mut().for_each(Values::push_null);
    }

    pub(super) fn push(&mut self, value: &[u8]) -> Result<(), Fault> {
        let malformed = || Fault::Length(value.len());
        let mut rest = Cursor(value);
        if rest.word().and_then(|count| usize::try_from(count).ok()) != Some(self.values.len()) {
            return Err(malformed());
        }
        for field in &mut self.values {
            rest.word().ok_or_else(malformed)?;
            match rest.value().ok_or_else(malformed)? {
                Some(value) => field.push(value)?,
                None => field.push_null(),
            }
        }
        self.validity.append_non_null();
        if rest.0.is_empty() { Ok(()) } else { Err(malformed()) }
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let columns = self.values.iter_mut().map(Values::finish).collect();
        Arc::new(StructArray::new(self.fields.clone(), columns, self.validity.finish()))
    }
}
