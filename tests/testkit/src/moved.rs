//! The same archive in another order: a reader finds everything through resource headers.

use crate::bytes::Bytes;
use crate::wim::{Built, Place};
use crate::{flag, offset};
use std::ops::Range;

impl Built {
    /// Blob table and XML data in front, all resources behind them, so that a cut costs data
    /// instead of the tables.
    ///
    /// # Panics
    /// The archive has an integrity table, which would then cover nothing, or a boot image.
    pub fn tables_first(mut self) -> Self {
        assert!(self.places.integrity.is_empty() && self.bytes[offset::BOOT_INDEX] == 0);
        let resources = offset::END..self.places.blob_table.start;
        let tables = self.places.blob_table.start..self.places.xml.end.max(self.places.blob_table.end);
        for place in self.places.solid.iter_mut().chain(&mut self.places.resources).chain(&mut self.places.metadata) {
            let at = place.entry + offset::RESOURCE_OFFSET;
            // The offset of a blob in a solid resource is no place in the file; that of the
            // resource itself is.
            let flags = self.bytes[place.entry + offset::RESOURCE_FLAGS];
            if flags & flag::SOLID == 0 || place.hash == [0; 20] {
                add(&mut self.bytes, at, tables.len() as i64);
            }
            shift(place, tables.len());
            place.entry -= resources.len();
        }
        for header in [offset::BLOB_TABLE, offset::XML] {
            add(&mut self.bytes, header + offset::RESOURCE_OFFSET, -(resources.len() as i64));
        }
        for range in [&mut self.places.blob_table, &mut self.places.xml] {
            *range = range.start - resources.len()..range.end - resources.len();
        }
        let header = &self.bytes[..offset::END];
        self.bytes = [header, &self.bytes[tables], &self.bytes[resources]].concat();
        self
    }
}

/// Adds to a stored offset.
fn add(bytes: &mut Vec<u8>, at: usize, by: i64) {
    let value = u64::from_le_bytes(bytes[at..][..8].try_into().expect("eight bytes"));
    bytes.poke_u64(at, value.saturating_add_signed(by));
}

fn shift(place: &mut Place, by: usize) {
    let moved = |range: &Range<usize>| range.start + by..range.end + by;
    (place.range, place.table) = (moved(&place.range), moved(&place.table));
    place.chunks = place.chunks.iter().map(moved).collect();
}
