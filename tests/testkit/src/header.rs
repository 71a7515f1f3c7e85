//! The header, with every field free.

use crate::bytes::Bytes;
use crate::offset;
use crate::resource::{Packing, ResourceHeader};

/// GUID of every archive here, unless a test sets another.
pub const GUID: [u8; 16] = *b"wimstore-testkit";

/// All fields of a header.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// `MSWIM\0\0\0`.
    pub magic: [u8; 8],
    /// 208.
    pub header_size: u32,
    /// 0x10D00, or 0xE00 with LZMS.
    pub version: u32,
    /// See [`crate::flag`].
    pub flags: u32,
    /// Bytes; 0 if nothing is compressed.
    pub chunk_size: u32,
    /// Equal in the parts of a split set.
    pub guid: [u8; 16],
    /// From 1.
    pub part: u16,
    /// Parts of the set.
    pub parts: u16,
    /// Number of images.
    pub images: u32,
    /// Place of the blob table.
    pub blob_table: ResourceHeader,
    /// Place of the XML data.
    pub xml: ResourceHeader,
    /// Place of the boot image's metadata.
    pub boot_metadata: ResourceHeader,
    /// From 1; 0 none.
    pub boot_index: u32,
    /// Place of the integrity table.
    pub integrity: ResourceHeader,
}

impl Default for Header {
    /// A header of a whole archive with nothing in it: blob table and XML data are empty.
    fn default() -> Self {
        let none = ResourceHeader::default();
        Self {
            magic: *b"MSWIM\0\0\0",
            header_size: 208,
            version: 0x10D00,
            flags: 0,
            chunk_size: 0,
            guid: GUID,
            part: 1,
            parts: 1,
            images: 0,
            blob_table: none,
            xml: none,
            boot_metadata: none,
            boot_index: 0,
            integrity: none,
        }
    }
}

impl Header {
    /// Sets compression flags, chunk size, and the version that goes with them.
    pub fn packing(mut self, packing: Packing) -> Self {
        if matches!(packing, Packing::Lzms(_)) {
            self.version = 0xE00;
        }
        self.flags |= packing.header_flags();
        self.chunk_size = packing.chunk_size() as u32;
        self
    }

    /// Its 208 bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(offset::END);
        bytes.extend(self.magic);
        bytes.u32(self.header_size);
        bytes.u32(self.version);
        bytes.u32(self.flags);
        bytes.u32(self.chunk_size);
        bytes.extend(self.guid);
        bytes.u16(self.part);
        bytes.u16(self.parts);
        bytes.u32(self.images);
        bytes.extend(self.blob_table.bytes());
        bytes.extend(self.xml.bytes());
        bytes.extend(self.boot_metadata.bytes());
        bytes.u32(self.boot_index);
        bytes.extend(self.integrity.bytes());
        bytes.resize(offset::END, 0);
        bytes
    }
}

/// 208 bytes of a valid header: LZX, one image, places of a blob table of one entry and of XML data
/// behind it.
///
/// The places point past the header, so only a parser of headers is content with these bytes alone.
pub fn header() -> Vec<u8> {
    let place = |offset, size| ResourceHeader { stored_size: size, flags: crate::flag::METADATA, offset, size };
    Header { images: 1, blob_table: place(208, 50), xml: place(258, 100), ..Header::default() }
        .packing(Packing::Lzx(32768))
        .bytes()
}
