//! Values on their way to and from a file: side by side in one place, since an allocation each would cost more than SQLite.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::ops::Range;

/// Values in their order.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    cells: Vec<Cell>,
    /// The texts and blobs, one after the other.
    bytes: Vec<u8>,
}

/// Most rows have less text.
const USUAL_BYTES: usize = 512;

/// A value, or where it lies.
#[derive(Debug)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Range<usize>),
    Blob(Range<usize>),
}

impl Cells {
    pub(crate) fn with_capacity(cells: usize) -> Self {
        Self { cells: Vec::with_capacity(cells), bytes: Vec::with_capacity(USUAL_BYTES) }
    }

    pub(crate) fn push(&mut self, value: ValueRef<'_>) {
        let cell = match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(text) => Cell::Text(self.keep(text)),
            ValueRef::Blob(blob) => Cell::Blob(self.keep(blob)),
        };
        self.cells.push(cell);
    }

    /// Adds what `value` is in a file.
    pub(crate) fn push_sql(&mut self, value: &impl ToSql) -> Result<(), rusqlite::Error> {
        match value.to_sql()? {
            ToSqlOutput::Borrowed(value) => self.push(value),
            ToSqlOutput::Owned(value) => self.push((&value).into()),
            _ => return Err(rusqlite::Error::InvalidQuery),
        }
        Ok(())
    }

    /// Returns the value at a place, counted from 0.
    pub(crate) fn get(&self, at: usize) -> Option<ValueRef<'_>> {
        let at_place = |place: &Range<usize>| self.bytes.get(place.clone());
        Some(match self.cells.get(at)? {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Real(number) => ValueRef::Real(*number),
            Cell::Text(place) => ValueRef::Text(at_place(place)?),
            Cell::Blob(place) => ValueRef::Blob(at_place(place)?),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        from..self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_in_their_order_as_they_were() {
        let values = [
            ValueRef::Text(b"one"),
            ValueRef::Null,
            ValueRef::Blob(b"\0\xff"),
            ValueRef::Text(b""),
            ValueRef::Integer(-7),
            ValueRef::Real(0.5),
            ValueRef::Text("zwölf".as_bytes()),
        ];
        let mut cells = Cells::default();
        for value in values {
            cells.push(value);
        }

        assert_eq!((0..=cells.len()).filter_map(|at| cells.get(at)).collect::<Vec<_>>(), values);
    }
}
