//! Where the fields are, so that a test can name the one it breaks.
//!
//! Plain names count from the start of the archive; `BLOB_…` from the start of a blob table entry,
//! `DENTRY_…` of a dentry, `STREAM_…` of an extra stream entry, `RESOURCE_…` of a resource header.

/// u64: `MSWIM\0\0\0`.
pub const MAGIC: usize = 0x00;
/// u32: 208.
pub const HEADER_SIZE: usize = 0x08;
/// u32: 0x10D00, or 0xE00 with solid resources.
pub const VERSION: usize = 0x0C;
/// u32: see [`crate::flag`].
pub const FLAGS: usize = 0x10;
/// u32, bytes.
pub const CHUNK_SIZE: usize = 0x14;
/// 16 bytes.
pub const GUID: usize = 0x18;
/// u16, from 1.
pub const PART_NUMBER: usize = 0x28;
/// u16.
pub const PART_COUNT: usize = 0x2A;
/// u32.
pub const IMAGE_COUNT: usize = 0x2C;
/// Resource header.
pub const BLOB_TABLE: usize = 0x30;
/// Resource header.
pub const XML: usize = 0x48;
/// Resource header.
pub const BOOT_METADATA: usize = 0x60;
/// u32, from 1; 0 none.
pub const BOOT_INDEX: usize = 0x78;
/// Resource header.
pub const INTEGRITY: usize = 0x7C;
/// 60 bytes.
pub const UNUSED: usize = 0x94;
/// Length of the header.
pub const END: usize = 0xD0;

/// 7 bytes: size in the file.
pub const RESOURCE_STORED_SIZE: usize = 0;
/// u8: see [`crate::flag`].
pub const RESOURCE_FLAGS: usize = 7;
/// u64.
pub const RESOURCE_OFFSET: usize = 8;
/// u64: uncompressed size.
pub const RESOURCE_SIZE: usize = 16;
/// Length of a resource header.
pub const RESOURCE_END: usize = 24;

/// u16.
pub const BLOB_PART: usize = 24;
/// u32.
pub const BLOB_REFERENCES: usize = 26;
/// 20 bytes.
pub const BLOB_HASH: usize = 30;
/// Length of a blob table entry.
pub const BLOB_END: usize = 50;

/// u64: length without extra stream entries.
pub const DENTRY_LENGTH: usize = 0x00;
/// u32.
pub const DENTRY_ATTRIBUTES: usize = 0x08;
/// u32.
pub const DENTRY_SECURITY: usize = 0x0C;
/// u64: from the start of the metadata resource.
pub const DENTRY_SUBDIR: usize = 0x10;
/// u64.
pub const DENTRY_CREATED: usize = 0x28;
/// u64.
pub const DENTRY_ACCESSED: usize = 0x30;
/// u64.
pub const DENTRY_WRITTEN: usize = 0x38;
/// 20 bytes.
pub const DENTRY_HASH: usize = 0x40;
/// u32.
pub const DENTRY_UNKNOWN: usize = 0x54;
/// u64 hard-link group, or reparse tag (u32), reserved (u16), flags (u16).
pub const DENTRY_UNION: usize = 0x58;
/// u16.
pub const DENTRY_STREAM_COUNT: usize = 0x60;
/// u16, bytes.
pub const DENTRY_SHORT_LENGTH: usize = 0x62;
/// u16, bytes.
pub const DENTRY_NAME_LENGTH: usize = 0x64;
/// UTF-16LE.
pub const DENTRY_NAME: usize = 0x66;

/// u64.
pub const STREAM_LENGTH: usize = 0x00;
/// 20 bytes.
pub const STREAM_HASH: usize = 0x10;
/// u16, bytes.
pub const STREAM_NAME_LENGTH: usize = 0x24;
/// UTF-16LE.
pub const STREAM_NAME: usize = 0x26;

/// u64, from the start of a solid resource: its uncompressed size.
pub const SOLID_SIZE: usize = 0;
/// u32, from the start of a solid resource: bytes of a chunk.
pub const SOLID_CHUNK_SIZE: usize = 8;
/// u32, from the start of a solid resource: 0 none, 1 XPRESS, 2 LZX, 3 LZMS.
pub const SOLID_FORMAT: usize = 12;
/// u32 each, from the start of a solid resource: stored sizes of its chunks.
pub const SOLID_CHUNKS: usize = 16;

/// u32, from the start of the integrity table: its size.
pub const INTEGRITY_SIZE: usize = 0;
/// u32, from the start of the integrity table.
pub const INTEGRITY_COUNT: usize = 4;
/// u32, from the start of the integrity table.
pub const INTEGRITY_CHUNK: usize = 8;
/// First SHA-1, from the start of the integrity table.
pub const INTEGRITY_HASHES: usize = 12;
