//! Blob table, XML data, integrity table and header: the end of every archive.

use wim::write::{BlobEntry, HeaderBytes, integrity_table};
use wim::{ResourceFlags, ResourceHeader};

use super::ArchiveWriter;
use crate::Result;
use crate::blocks::Hashes;

/// What stands behind the blob table, and the header: with the hashes of the blocks all that is
/// compared when the archive is read back.
pub(super) struct Tail {
    pub(super) header: HeaderBytes,
    /// Where the XML data begins.
    pub(super) start: u64,
    /// XML data and integrity table.
    pub(super) bytes: Vec<u8>,
    pub(super) hashes: Hashes,
    /// The size of the archive.
    pub(super) end: u64,
}

impl ArchiveWriter<'_> {
    /// Writes all tables, and returns the header, which is not written. `from` is where the bytes
    /// begin that were written now; `integrity` whether there is an integrity table.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn write_tables(&mut self, from: u64, integrity: bool) -> Result<Tail> {
        let metadata = self.images.iter().map(|(place, hash)| BlobEntry::new(place, self.part, 1, hash));
        let entries: Vec<BlobEntry> = self.entries.iter().copied().chain(metadata).collect();
        let table = BlobEntry::bytes_of(&entries);
        let start = self.sink.append(table)?;
        let blob_table = ResourceHeader::plain(start, table.len() as u64, ResourceFlags::METADATA);
        let hashes = self.sink.finish_blocks(if integrity { 0 } else { from })?;

        self.xml.set_total_bytes(self.sink.end());
        let mut bytes = self.xml.to_bytes();
        let start = self.sink.append_uncovered(&bytes)?;
        let mut header = self.header.clone();
        header.set_blob_table(&blob_table);
        header.set_xml(&ResourceHeader::plain(start, bytes.len() as u64, ResourceFlags::METADATA));
        header.set_integrity(&ResourceHeader::default());
        if let Some(all) = hashes.all().filter(|_| integrity) {
            let table = integrity_table(hashes.block_size(), &all);
            let at = self.sink.append_uncovered(&table)?;
            header.set_integrity(&ResourceHeader::plain(at, table.len() as u64, ResourceFlags::default()));
            bytes.extend(table);
        }
        header.set_image_count(self.image_count());
        header.set_boot(self.boot, &self.boot_metadata());
        self.sink.flush()?;
        Ok(Tail { header, start, bytes, hashes, end: self.sink.end() })
    }

    fn boot_metadata(&self) -> ResourceHeader {
        let all = self.old_images.iter().chain(self.images.iter().map(|(place, _)| place));
        let index = self.boot.checked_sub(1);
        index.and_then(|index| all.copied().nth(index as usize)).unwrap_or_default()
    }
}
