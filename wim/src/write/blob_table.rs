//! The blob table as it is written.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::blob_table::{RawBlob, SOLID_RESOURCE_SIZE};
use crate::{BlobHash, ResourceFlags, ResourceHeader};

/// An entry of a blob table, 50 bytes as stored.
///
/// The entries of an archive are read back by [`BlobEntry::entries_of`] with everything that
/// [`BlobTable`](crate::BlobTable) leaves out: empty and duplicate blobs, those of other parts, the
/// entries of solid resources. So a table that is written again loses nothing.
///
/// ```
/// use wim::write::BlobEntry;
/// use wim::{BlobHash, BlobTable, ResourceFlags, ResourceHeader};
///
/// # fn main() -> wim::Result<()> {
/// let hash = BlobHash::of(b"abc");
/// let mut entry = BlobEntry::new(&ResourceHeader::plain(208, 3, ResourceFlags::default()), 1, 0, &hash);
/// entry.add_references(2);
/// let table = BlobTable::parse(BlobEntry::bytes_of(&[entry]), 1, false)?;
/// assert_eq!(table.get(0).references, 2);
/// # Ok(())
/// # }
/// ```
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct BlobEntry(RawBlob);

impl BlobEntry {
    /// The entry of a blob, or of an image's metadata, that has a resource of its own.
    ///
    /// `part` is the archive's own part number, `references` how often all images together use the
    /// blob, each hard link counted.
    #[must_use]
    pub fn new(place: &ResourceHeader, part: u16, references: u32, hash: &BlobHash) -> Self {
        Self(RawBlob { place: place.into(), part: part.into(), references: references.into(), hash: hash.0 })
    }

    /// The entry of a solid resource, which lies in `stored_size` bytes of the archive from `offset` on.
    /// The entries of its blobs follow.
    #[must_use]
    pub fn solid_resource(offset: u64, stored_size: u64, part: u16) -> Self {
        let (size, flags) = (SOLID_RESOURCE_SIZE, ResourceFlags::SOLID);
        Self::new(&ResourceHeader { offset, stored_size, size, flags }, part, 1, &BlobHash::ZERO)
    }

    /// The entry of a blob of `size` bytes in solid resources. `offset` counts through the uncompressed
    /// data of all resources whose entries stand before it in the same run.
    #[must_use]
    pub fn in_solid(offset: u64, size: u64, part: u16, references: u32, hash: &BlobHash) -> Self {
        let place = ResourceHeader { offset, stored_size: size, size: 0, flags: ResourceFlags::SOLID };
        Self::new(&place, part, references, hash)
    }

    /// The entries of a stored table. Bytes after the last whole entry are left out.
    #[must_use]
    pub fn entries_of(table: &[u8]) -> &[Self] {
        let count = table.len() / size_of::<Self>();
        <[Self]>::ref_from_prefix_with_elems(table, count).map_or(&[], |(entries, _)| entries)
    }

    /// The table of these entries, as stored.
    #[must_use]
    pub fn bytes_of(entries: &[Self]) -> &[u8] {
        entries.as_bytes()
    }

    /// Where the blob is, as stored.
    #[must_use]
    pub fn place(&self) -> ResourceHeader {
        self.0.place.get()
    }

    /// The SHA-1 of the uncompressed data; all zero for solid resources.
    #[must_use]
    pub fn hash(&self) -> BlobHash {
        BlobHash(self.0.hash)
    }

    /// The part of a split archive that holds the blob.
    #[must_use]
    pub fn part(&self) -> u16 {
        self.0.part.get()
    }

    /// How often the blob is used, as stored.
    #[must_use]
    pub fn references(&self) -> u32 {
        self.0.references.get()
    }

    /// The offset in the archive at which its resource ends; `None` for blobs in solid resources, which
    /// have none of their own. A place that cannot be ends at the largest offset. `solid` tells whether the archive's version
    /// knows solid resources.
    #[must_use]
    pub fn resource_end(&self, solid: bool) -> Option<u64> {
        let place = self.place();
        let is_solid = solid && place.flags.contains(ResourceFlags::SOLID);
        let has_resource = !is_solid || place.size == SOLID_RESOURCE_SIZE;
        has_resource.then(|| place.offset.saturating_add(place.stored_size))
    }

    /// Sets the part.
    pub fn set_part(&mut self, part: u16) {
        self.0.part = part.into();
    }

    /// Sets how often the blob is used.
    pub fn set_references(&mut self, references: u32) {
        self.0.references = references.into();
    }

    /// Adds uses of the blob. The count stops at the largest that can be stored.
    pub fn add_references(&mut self, more: u32) {
        self.set_references(self.references().saturating_add(more));
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::BlobTable;

    proptest! {
        #[test]
        fn tables_are_written_as_they_were_read(table in vec(any::<u8>(), 0..500)) {
            let entries = BlobEntry::entries_of(&table).to_vec();
            prop_assert_eq!(entries.len(), table.len() / 50);
            prop_assert_eq!(BlobEntry::bytes_of(&entries), &table[..entries.len() * 50]);
            let again = entries.iter().map(|entry| {
                let mut new = BlobEntry::new(&entry.place(), entry.part(), 0, &entry.hash());
                new.set_references(entry.references());
                new
            });
            prop_assert_eq!(again.collect::<Vec<_>>(), entries);
        }

        #[test]
        fn blobs_are_read_as_they_were_written(
            blobs in vec((1..1_u64 << 55, any::<u64>(), 1..u64::MAX, 1..u32::MAX), 0..20),
            part in 1..=u16::MAX,
        ) {
            let entries: Vec<_> = (1_u32..).zip(&blobs).map(|(number, &(stored_size, offset, size, references))| {
                let place = ResourceHeader { offset, stored_size, size, flags: ResourceFlags::COMPRESSED };
                BlobEntry::new(&place, part, references, &BlobHash::of(&number.to_le_bytes()))
            }).collect();
            let table = BlobTable::parse(BlobEntry::bytes_of(&entries), part, false).unwrap();
            prop_assert!(table.warnings().is_empty());
            prop_assert_eq!(table.len(), entries.len());
            for (blob, entry) in table.iter().zip(&entries) {
                let read = (blob.place, blob.hash, blob.part, blob.references);
                prop_assert_eq!(read, (entry.place(), entry.hash(), part, entry.references()));
            }
        }
    }

    #[test]
    fn solid_runs_are_read_as_they_were_written() {
        let entries = [
            BlobEntry::solid_resource(208, 1000, 1),
            BlobEntry::in_solid(0, 70, 1, 2, &BlobHash([1; 20])),
            BlobEntry::in_solid(70, 5, 1, 1, &BlobHash([2; 20])),
        ];
        let table = BlobTable::parse(BlobEntry::bytes_of(&entries), 1, true).unwrap();
        assert_eq!((table.len(), table.solid_runs().len(), table.warnings().len()), (2, 1, 0));
        assert_eq!((table.get(1).size(), table.get(1).offset(), table.get(0).references), (5, 70, 2));
        let ends = entries.map(|entry| (entry.resource_end(true), entry.resource_end(false)));
        assert_eq!(ends, [(Some(1208), Some(1208)), (None, Some(70)), (None, Some(75))]);
    }

    #[test]
    fn counts_do_not_wrap() {
        let mut entry = BlobEntry::solid_resource(0, 0, 1);
        entry.set_references(u32::MAX - 1);
        entry.add_references(5);
        assert_eq!(entry.references(), u32::MAX);
    }
}
