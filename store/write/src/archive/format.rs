//! The bytes of headers, blob table entries and integrity tables.

use wim::{BlobHash, Compression, Guid, HEADER_SIZE, Part, ResourceHeader};

/// An entry of the blob table, as stored.
pub(crate) const ENTRY: usize = 50;
const REFERENCES: usize = 0x1A;

const VERSION: u32 = 0x1_0D00;
const VERSION_LZMS: u32 = 0xE00;

/// A header as stored. What is not set stays as it was.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HeaderBytes(pub(crate) [u8; HEADER_SIZE as usize]);

impl HeaderBytes {
    /// The header of a new archive without images.
    pub(crate) fn new(compression: Compression, chunk_size: u32, guid: Guid) -> Self {
        let mut header = Self([0; HEADER_SIZE as usize]);
        let (version, flags) = match compression {
            Compression::None => (VERSION, 0),
            Compression::Xpress => (VERSION, 0x2_0002),
            Compression::Lzx => (VERSION, 0x4_0002),
            Compression::Lzms => (VERSION_LZMS, 0x8_0002),
        };
        header.0[..8].copy_from_slice(b"MSWIM\0\0\0");
        header.set_u32(0x08, HEADER_SIZE as u32);
        header.set_u32(0x0C, version);
        header.set_u32(0x10, flags);
        header.set_u32(0x14, chunk_size);
        header.set_guid(guid);
        header.set_part(Part { number: 1, total: 1 });
        header
    }

    pub(crate) fn set_guid(&mut self, guid: Guid) {
        self.0[0x18..0x28].copy_from_slice(&guid.0);
    }

    /// Sets flag bits.
    pub(crate) fn add_flags(&mut self, flags: u32) {
        let old = u32::from_le_bytes([self.0[0x10], self.0[0x11], self.0[0x12], self.0[0x13]]);
        self.set_u32(0x10, old | flags);
    }

    pub(crate) fn set_part(&mut self, part: Part) {
        self.0[0x28..0x2A].copy_from_slice(&part.number.to_le_bytes());
        self.0[0x2A..0x2C].copy_from_slice(&part.total.to_le_bytes());
    }

    pub(crate) fn set_image_count(&mut self, count: u32) {
        self.set_u32(0x2C, count);
    }

    pub(crate) fn set_blob_table(&mut self, place: &ResourceHeader) {
        self.0[0x30..0x48].copy_from_slice(&resource_header(place));
    }

    pub(crate) fn set_xml(&mut self, place: &ResourceHeader) {
        self.0[0x48..0x60].copy_from_slice(&resource_header(place));
    }

    /// Sets the boot image: its number, 0 for none, and its metadata resource.
    pub(crate) fn set_boot(&mut self, number: u32, metadata: &ResourceHeader) {
        self.0[0x60..0x78].copy_from_slice(&resource_header(metadata));
        self.set_u32(0x78, number);
    }

    pub(crate) fn set_integrity(&mut self, place: &ResourceHeader) {
        self.0[0x7C..0x94].copy_from_slice(&resource_header(place));
    }

    fn set_u32(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
}

/// A resource header as stored.
pub(crate) fn resource_header(place: &ResourceHeader) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..7].copy_from_slice(&place.stored_size.to_le_bytes()[..7]);
    bytes[7] = place.flags.0;
    bytes[8..16].copy_from_slice(&place.offset.to_le_bytes());
    bytes[16..].copy_from_slice(&place.size.to_le_bytes());
    bytes
}

/// An entry of the blob table.
pub(crate) fn entry(place: &ResourceHeader, part: u16, references: u32, hash: &BlobHash) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    bytes[..24].copy_from_slice(&resource_header(place));
    bytes[24..26].copy_from_slice(&part.to_le_bytes());
    bytes[REFERENCES..REFERENCES + 4].copy_from_slice(&references.to_le_bytes());
    bytes[30..].copy_from_slice(&hash.0);
    bytes
}

/// Raises the number of references of an entry.
pub(crate) fn add_references(entry: &mut [u8; ENTRY], more: u32) {
    let field = &entry[REFERENCES..REFERENCES + 4];
    let old = u32::from_le_bytes([field[0], field[1], field[2], field[3]]);
    set_references(entry, old.saturating_add(more));
}

/// Sets the number of references of an entry.
pub(crate) fn set_references(entry: &mut [u8; ENTRY], references: u32) {
    entry[REFERENCES..REFERENCES + 4].copy_from_slice(&references.to_le_bytes());
}

/// Sets the part that an entry is in.
pub(crate) fn set_part(entry: &mut [u8; ENTRY], part: u16) {
    entry[24..26].copy_from_slice(&part.to_le_bytes());
}

/// An integrity table.
pub(crate) fn integrity_table(block_size: u32, hashes: &[BlobHash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12 + 20 * hashes.len());
    for number in [12 + 20 * hashes.len() as u32, hashes.len() as u32, block_size] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
    bytes
}

/// Random, of version 4.
pub(crate) fn new_guid() -> Guid {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random().to_le_bytes());
    bytes[8..].copy_from_slice(&random().to_le_bytes());
    bytes[7] = bytes[7] & 0x0F | 0x40; // the third field is stored in little-endian order
    bytes[8] = bytes[8] & 0x3F | 0x80;
    Guid(bytes)
}

/// A number that no other process has: hashers of the standard library are seeded by the system.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
