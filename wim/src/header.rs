//! The header: the first 208 bytes of an archive.

use std::fmt;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::resource_header::RawResourceHeader;
use crate::{Error, ResourceHeader, Result};

/// The size of the header in bytes.
pub const HEADER_SIZE: u64 = size_of::<RawHeader>() as u64;

/// The usual version, 1.13.
const VERSION: u32 = 0x1_0D00;
/// The version of archives that use solid resources or LZMS.
const VERSION_SOLID: u32 = 0xE00;

const COMPRESSED: u32 = 0x2;
const XPRESS: u32 = 0x2_0000;
const LZX: u32 = 0x4_0000;
const LZMS: u32 = 0x8_0000;
const XPRESS_2: u32 = 0x20_0000;

/// The chunk size of compressed archives that do not say one.
const DEFAULT_CHUNK_SIZE: u32 = 0x8000;
/// The most images that a header may claim.
const MAX_IMAGES: u32 = 0xFFFF;

/// The header as stored.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHeader {
    magic: [u8; 8],                   // 0x00
    header_size: U32,                 // 0x08
    version: U32,                     // 0x0c
    flags: U32,                       // 0x10
    chunk_size: U32,                  // 0x14
    guid: [u8; 16],                   // 0x18
    part_number: U16,                 // 0x28
    part_total: U16,                  // 0x2a
    image_count: U32,                 // 0x2c
    blob_table: RawResourceHeader,    // 0x30
    xml: RawResourceHeader,           // 0x48
    boot_metadata: RawResourceHeader, // 0x60
    boot_index: U32,                  // 0x78
    integrity: RawResourceHeader,     // 0x7c
    unused: [u8; 60],                 // 0x94
}
const _: () = assert!(size_of::<RawHeader>() == 208);

/// What an archive says about itself as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// 0x10D00, or 0xE00 where solid resources or LZMS may occur.
    pub version: u32,
    /// The flag bits.
    pub flags: HeaderFlags,
    /// How resources are compressed, where they are.
    pub compression: Compression,
    /// The uncompressed bytes of a chunk: a power of two that the compression allows, 0 if there is none.
    pub chunk_size: u32,
    /// What the parts of a split archive have in common.
    pub guid: Guid,
    /// Which part of a split archive this is.
    pub part: Part,
    /// How many images the header claims. The truth is the number of metadata resources: `Archive::image_count`.
    pub image_count: u32,
    /// Where the blob table is.
    pub blob_table: ResourceHeader,
    /// Where the XML data is.
    pub xml: ResourceHeader,
    /// A copy of the boot image's metadata resource header; all zero if there is none.
    pub boot_metadata: ResourceHeader,
    /// Where the integrity table is; all zero if there is none.
    pub integrity: ResourceHeader,
    /// The number of the image to boot as stored, so that it may lie above the number of images; 0 for none.
    pub boot_index: u32,
}

impl Header {
    /// Parses and checks the header at the start of `bytes`.
    ///
    /// # Errors
    /// [`Error::NotWim`] for another magic, [`Error::Unsupported`] for pipable archives, versions other than 1.13 and
    /// 0.14, and contradicting compression flags, [`Error::Incomplete`], [`Error::Truncated`] and [`Error::Invalid`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let have = bytes.len() as u64;
        check_magic(bytes)?;
        let (raw, _) = RawHeader::ref_from_prefix(bytes).map_err(|_| Error::Truncated {
            what: "header",
            at: 0,
            need: HEADER_SIZE,
            have,
        })?;
        raw.check_version()?;
        let compression = Compression::from_flags(raw.flags.get())?;
        let header = Self {
            version: raw.version.get(),
            flags: HeaderFlags(raw.flags.get()),
            compression,
            chunk_size: compression.check_chunk_size(raw.chunk_size.get())?,
            guid: Guid(raw.guid),
            part: Part::new(raw.part_number.get(), raw.part_total.get())?,
            image_count: raw.image_count.get(),
            blob_table: raw.blob_table.get(),
            xml: raw.xml.get(),
            boot_metadata: raw.boot_metadata.get(),
            integrity: raw.integrity.get(),
            boot_index: raw.boot_index.get(),
        };
        if header.image_count > MAX_IMAGES {
            let value = u64::from(header.image_count);
            return Err(Error::Invalid { what: "image count", at: 0x2C, value, rule: "above 65535" });
        }
        if header.blob_table.size == 0 && header.xml.size == 0 {
            return Err(Error::Incomplete);
        }
        Ok(header)
    }

    /// Whether resources may be solid.
    pub(crate) fn is_solid(&self) -> bool {
        self.version == VERSION_SOLID
    }

    /// The number of the image to boot, unless there is no such image among `count`.
    #[must_use]
    pub fn boot_image(&self, count: usize) -> Option<u32> {
        Some(self.boot_index).filter(|&index| index >= 1 && index as usize <= count)
    }
}

/// Tells archives from other files, however short they are cut.
fn check_magic(bytes: &[u8]) -> Result<()> {
    let magic = bytes.get(..8).ok_or(Error::NotWim)?;
    match magic {
        b"MSWIM\0\0\0" => Ok(()),
        b"WLPWM\0\0\0" => Err(Error::unsupported("kind of archive", "pipable")),
        _ => Err(Error::NotWim),
    }
}

impl RawHeader {
    fn check_version(&self) -> Result<()> {
        let (version, size) = (self.version.get(), u64::from(self.header_size.get()));
        if !matches!(version, VERSION | VERSION_SOLID) {
            let (major, minor) = (version >> 16, version >> 8 & 0xFF);
            return Err(Error::unsupported("version", format!("{major}.{minor:02} ({version:#x})")));
        }
        if size != HEADER_SIZE {
            return Err(Error::Invalid { what: "header size", at: 8, value: size, rule: "not 208" });
        }
        Ok(())
    }
}

/// The flag bits of a header. Unknown ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HeaderFlags(pub u32);

impl HeaderFlags {
    /// Tools must not modify the archive.
    pub const READ_ONLY: Self = Self(0x4);
    /// The archive is a part of a split one.
    pub const SPANNED: Self = Self(0x8);
    /// File resources without images.
    pub const RESOURCE_ONLY: Self = Self(0x10);
    /// Images without file resources.
    pub const METADATA_ONLY: Self = Self(0x20);
    /// A writer is at work, or crashed.
    pub const WRITE_IN_PROGRESS: Self = Self(0x40);
    /// Absolute links into the captured tree were made relative to the image's root.
    pub const LINKS_FIXED: Self = Self(0x80);

    /// Whether all bits of `flags` are set.
    #[must_use]
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// Sixteen bytes that name an archive; the first three fields are stored in little-endian order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Guid(pub [u8; 16]);

/// As Windows writes it: `{a52b80b7-7ad2-4c5f-a3a5-5a1b8d0ac5a6}` without the braces.
impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, rest @ ..] = self.0;
        let a = u32::from_le_bytes([a0, a1, a2, a3]);
        let (b, c, d) = (u16::from_le_bytes([b0, b1]), u16::from_le_bytes([c0, c1]), u16::from_be_bytes([d0, d1]));
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-")?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

/// Which part of a split archive this is: 1 of 1 where it is not split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// Counting from 1.
    pub number: u16,
    /// At least `number`.
    pub total: u16,
}

impl Part {
    fn new(number: u16, total: u16) -> Result<Self> {
        if number == 0 || number > total {
            let rule = "outside 1..=part count";
            return Err(Error::Invalid { what: "part number", at: 0x28, value: u64::from(number), rule });
        }
        Ok(Self { number, total })
    }
}

/// How the chunks of an archive's resources are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// XPRESS with Huffman codes.
    Xpress,
    /// LZX.
    Lzx,
    /// LZMS.
    Lzms,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Xpress => "XPRESS",
            Self::Lzx => "LZX",
            Self::Lzms => "LZMS",
        })
    }
}

impl Compression {
    /// What the header's `flags` say. A type without the flag that resources are compressed means nothing.
    fn from_flags(flags: u32) -> Result<Self> {
        if flags & COMPRESSED == 0 {
            return Ok(Self::None);
        }
        match (flags & (XPRESS | XPRESS_2) != 0, flags & LZX != 0, flags & LZMS != 0) {
            (true, false, false) => Ok(Self::Xpress),
            (false, true, false) => Ok(Self::Lzx),
            (false, false, true) => Ok(Self::Lzms),
            _ => Err(Error::Invalid {
                what: "compression in the header's flags",
                at: 0x10,
                value: u64::from(flags),
                rule: "not exactly one of XPRESS, LZX and LZMS",
            }),
        }
    }

    /// The smallest and the largest chunk size in bytes, as powers of two.
    pub(crate) fn chunk_orders(self) -> (u32, u32) {
        match self {
            Self::None => (0, 0),
            Self::Xpress => (12, 16),
            Self::Lzx => (15, 21),
            Self::Lzms => (15, 30),
        }
    }

    /// The chunk size that a stored one stands for.
    fn check_chunk_size(self, stored: u32) -> Result<u32> {
        let (low, high) = self.chunk_orders();
        match stored {
            _ if self == Self::None => Ok(0),
            0 => Ok(DEFAULT_CHUNK_SIZE),
            _ if stored.is_power_of_two() && (low..=high).contains(&stored.ilog2()) => Ok(stored),
            _ => {
                let rule = match self {
                    Self::Xpress => "not a power of two from 4 KiB to 64 KiB, as XPRESS needs",
                    Self::Lzx => "not a power of two from 32 KiB to 2 MiB, as LZX needs",
                    _ => "not a power of two from 32 KiB to 1 GiB, as LZMS needs",
                };
                Err(Error::Invalid { what: "chunk size", at: 0x14, value: u64::from(stored), rule })
            }
        }
    }
}
