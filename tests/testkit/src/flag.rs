//! Flags of headers, resources and dentries.

/// Header: resources may be compressed.
pub const COMPRESSION: u32 = 0x2;
/// Header: tools must not modify the file.
pub const READ_ONLY: u32 = 0x4;
/// Header: part of a split set.
pub const SPANNED: u32 = 0x8;
/// Header: file resources, no metadata.
pub const RESOURCE_ONLY: u32 = 0x10;
/// Header: metadata, no file resources.
pub const METADATA_ONLY: u32 = 0x20;
/// Header: a writer is at work or died.
pub const WRITE_IN_PROGRESS: u32 = 0x40;
/// Header: absolute links were made relative to the image at capture.
pub const RP_FIX: u32 = 0x80;
/// Header: XPRESS.
pub const XPRESS: u32 = 0x2_0000;
/// Header: LZX.
pub const LZX: u32 = 0x4_0000;
/// Header: LZMS.
pub const LZMS: u32 = 0x8_0000;
/// Header: XPRESS too, in some files whose chunks are not of 32 KiB.
pub const XPRESS_2: u32 = 0x20_0000;

/// Resource: unused space.
pub const FREE: u8 = 0x01;
/// Resource: metadata of an image; also on the header's blob table and XML data.
pub const METADATA: u8 = 0x02;
/// Resource: chunked, with a chunk table.
pub const COMPRESSED: u8 = 0x04;
/// Resource: cut over parts.
pub const RESOURCE_SPANNED: u8 = 0x08;
/// Resource: several blobs compressed together.
pub const SOLID: u8 = 0x10;

/// Attribute: read-only.
pub const READONLY: u32 = 0x1;
/// Attribute: hidden.
pub const HIDDEN: u32 = 0x2;
/// Attribute: system.
pub const SYSTEM: u32 = 0x4;
/// Attribute: directory.
pub const DIRECTORY: u32 = 0x10;
/// Attribute: archive.
pub const ARCHIVE: u32 = 0x20;
/// Attribute: sparse file.
pub const SPARSE: u32 = 0x200;
/// Attribute: reparse point.
pub const REPARSE_POINT: u32 = 0x400;
/// Attribute: encrypted.
pub const ENCRYPTED: u32 = 0x4000;
