//! The header: the first 208 bytes of an archive.

use std::fmt;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::resource_header::RawResourceHeader;
use crate::{Error, ResourceHeader, Result};

/// The size of the header in bytes.
pub const HEADER_SIZE: u64 = size_of::<RawHeader>() as u64;

/// The usual version, 1.13.
pub(crate) const VERSION: u32 = 0x1_0D00;
/// The version of archives that use solid resources or LZMS.
pub(crate) const VERSION_SOLID: u32 = 0xE00;

pub(crate) const COMPRESSED: u32 = 0x2;
pub(crate) const XPRESS: u32 = 0x2_0000;
pub(crate) const LZX: u32 = 0x4_0000;
pub(crate) const LZMS: u32 = 0x8_0000;
pub(crate) const XPRESS_2: u32 = 0x20_0000;

/// The chunk size of compressed archives whose header has 0.
const DEFAULT_CHUNK_SIZE: u32 = 0x8000;
/// The largest number of images that a header may claim.
const MAX_IMAGES: u32 = 0xFFFF;

/// The header as stored.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug, Clone, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct RawHeader {
    pub(crate) magic: [u8; 8],                   // 0x00
    pub(crate) header_size: U32,                 // 0x08
    pub(crate) version: U32,                     // 0x0c
    pub(crate) flags: U32,                       // 0x10
    pub(crate) chunk_size: U32,                  // 0x14
    pub(crate) guid: [u8; 16],                   // 0x18
    pub(crate) part_number: U16,                 // 0x28
    pub(crate) part_total: U16,                  // 0x2a
    pub(crate) image_count: U32,                 // 0x2c
    pub(crate) blob_table: RawResourceHeader,    // 0x30
    pub(crate) xml: RawResourceHeader,           // 0x48
    pub(crate) boot_metadata: RawResourceHeader, // 0x60
    pub(crate) boot_index: U32,                  // 0x78
    pub(crate) integrity: RawResourceHeader,     // 0x7c
    pub(crate) unused: [u8; 60],                 // 0x94
}
const _: () = assert!(size_of::<RawHeader>() == 208);

/// The checked header of an archive: its format, its identity, and where its tables are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// 0x10D00, or 0xE00 where solid resources or LZMS may occur.
    pub version: u32,
    /// The flag bits.
    pub flags: HeaderFlags,
    /// Whether the archive is pipable, as wimlib writes it: chunk tables follow their chunks, and
    /// the copy of the header at the end is the valid one.
    pub pipable: bool,
    /// The compression of resources that have the compressed flag and are not solid.
    pub compression: Compression,
    /// The uncompressed bytes of a chunk: a power of two that the compression allows, 0 if there is
    /// none.
    pub chunk_size: u32,
    /// Identifies the archive; the same in all parts of a split archive.
    pub guid: Guid,
    /// Which part of a split archive this is.
    pub part: Part,
    /// The number of images that the header claims. The number of metadata resources decides:
    /// `Archive::image_count`.
    pub image_count: u32,
    /// Where the blob table is.
    pub blob_table: ResourceHeader,
    /// Where the XML data is.
    pub xml: ResourceHeader,
    /// A copy of the boot image's metadata resource header; all zero if there is none.
    pub boot_metadata: ResourceHeader,
    /// Where the integrity table is; all zero if there is none.
    pub integrity: ResourceHeader,
    /// The number of the image to boot as stored, so that it may lie above the number of images; 0
    /// for none.
    pub boot_index: u32,
}

impl Header {
    /// Parses and checks the header at the start of `bytes`. The valid header of a pipable archive
    /// is its last 208 bytes.
    ///
    /// # Errors
    /// [`Error::NotWim`] for another magic, [`Error::Unsupported`] for versions other than 1.13 and
    /// 0.14, and contradicting compression flags, [`Error::Incomplete`], [`Error::Truncated`] and
    /// [`Error::Invalid`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let have = bytes.len() as u64;
        let pipable = is_pipable(bytes)?;
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
            pipable,
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

    /// Whether resources may be solid: older programs do not read such archives.
    #[must_use]
    pub fn is_solid(&self) -> bool {
        self.version == VERSION_SOLID
    }

    /// The number of the image to boot, unless there is no such image among `count`.
    #[must_use]
    pub fn boot_image(&self, count: usize) -> Option<u32> {
        Some(self.boot_index).filter(|&index| index >= 1 && index as usize <= count)
    }
}

/// Recognises archives and pipable archives by their magic, however short the file is.
pub(crate) fn is_pipable(bytes: &[u8]) -> Result<bool> {
    match bytes.get(..8).ok_or(Error::NotWim)? {
        b"MSWIM\0\0\0" => Ok(false),
        b"WLPWM\0\0\0" => Ok(true),
        _ => Err(Error::NotWim),
    }
}

impl RawHeader {
    fn check_version(&self) -> Result<()> {
        let (version, size) = (self.version.get(), u64::from(self.header_size.get()));
        if !matches!(version, VERSION | VERSION_SOLID) {
            let (major, minor) = (version >> 16, version >> 8 & 0xFF);
            let kind = if (0x1_0000..VERSION).contains(&version) { ", older than 1.13" } else { "" };
            return Err(Error::unsupported("version", format!("{major}.{minor:02} ({version:#x}){kind}")));
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
    /// The compression that the header's `flags` name. A type without the flag that resources are
    /// compressed means nothing.
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

    /// The smallest and the largest chunk size in bytes, as powers of two; where nothing is
    /// compressed, those of raw chunks in solid resources.
    pub(crate) fn chunk_orders(self) -> (u32, u32) {
        match self {
            Self::None => (12, 30),
            Self::Xpress => (12, 16),
            Self::Lzx => (15, 21),
            Self::Lzms => (15, 30),
        }
    }

    /// Checks a chunk size, in bytes, against the sizes that the compression allows.
    ///
    /// # Errors
    /// The rule that it breaks, in words.
    pub fn allows_chunks_of(self, size: u32) -> Result<(), &'static str> {
        let (low, high) = self.chunk_orders();
        if size.is_power_of_two() && (low..=high).contains(&size.ilog2()) {
            return Ok(());
        }
        Err(match self {
            Self::None => "not a power of two from 4 KiB to 1 GiB",
            Self::Xpress => "not a power of two from 4 KiB to 64 KiB, as XPRESS needs",
            Self::Lzx => "not a power of two from 32 KiB to 2 MiB, as LZX needs",
            Self::Lzms => "not a power of two from 32 KiB to 1 GiB, as LZMS needs",
        })
    }

    /// The chunk size that a stored one stands for in the archive's header.
    fn check_chunk_size(self, stored: u32) -> Result<u32> {
        match stored {
            _ if self == Self::None => Ok(0),
            0 => Ok(DEFAULT_CHUNK_SIZE),
            _ => self.allows_chunks_of(stored).map(|()| stored).map_err(|rule| Error::Invalid {
                what: "chunk size",
                at: 0x14,
                value: u64::from(stored),
                rule,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::offset;

    fn poke(bytes: &mut [u8], at: usize, value: u32) {
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    #[test]
    fn takes_every_field() {
        let mut bytes = testkit::header();
        poke(&mut bytes, offset::BOOT_INDEX, 1);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!((header.version, header.compression, header.chunk_size), (0x1_0D00, Compression::Lzx, 32768));
        assert_eq!(header.flags, HeaderFlags(0x4_0002));
        assert_eq!(header.guid.to_string(), "736d6977-6f74-6572-2d74-6573746b6974");
        assert_eq!((header.part, header.image_count), (Part { number: 1, total: 1 }, 1));
        let place =
            |offset, size| ResourceHeader { offset, stored_size: size, size, flags: crate::ResourceFlags::METADATA };
        assert_eq!((header.blob_table, header.xml), (place(208, 50), place(258, 100)));
        assert!(header.boot_metadata.is_absent() && header.integrity.is_absent());
        assert_eq!((header.boot_image(0), header.boot_image(1)), (None, Some(1)));
    }

    #[test]
    fn says_what_is_wrong() {
        let compression = "not exactly one of XPRESS, LZX and LZMS";
        let flags = "compression in the header's flags at 0x10 is";
        type Case<'a> = (&'a str, fn(&mut Vec<u8>), &'a str);
        let cases: &[Case<'_>] = &[
            ("nothing", |h| h.clear(), "not a WIM archive"),
            ("cut short", |h| h.truncate(100), "header at 0x0 needs 208 bytes, but only 100 are there"),
            ("other magic", |h| h[0] = b'X', "not a WIM archive"),
            (
                "pipable, 1.12",
                |h| (h[0], h[1], h[2], h[3], h[0xD]) = (b'W', b'L', b'P', b'W', 0xC),
                "unsupported version: 1.12 (0x10c00), older than 1.13",
            ),
            ("size", |h| h[8] = 207, "header size at 0x8 is 0xcf, not 208"),
            ("1.12", |h| h[0xD] = 0xC, "unsupported version: 1.12 (0x10c00), older than 1.13"),
            ("1.14", |h| h[0xD] = 0xE, "unsupported version: 1.14 (0x10e00)"),
            ("1.09", |h| (h[8], h[0xD]) = (0x60, 9), "unsupported version: 1.09 (0x10900), older than 1.13"),
            ("part 2 of 1", |h| h[0x28] = 2, "part number at 0x28 is 0x2, outside 1..=part count"),
            ("part 0", |h| h[0x28] = 0, "part number at 0x28 is 0x0, outside 1..=part count"),
            ("65536 images", |h| h[0x2E] = 1, "image count at 0x2c is 0x10001, above 65535"),
            ("no type", |h| h[0x12] = 0, &format!("{flags} 0x2, {compression}")),
            ("two types", |h| h[0x12] = 6, &format!("{flags} 0x60002, {compression}")),
            (
                "odd chunks",
                |h| h[0x14] = 1,
                "chunk size at 0x14 is 0x8001, not a power of two from 32 KiB to 2 MiB, as LZX needs",
            ),
            (
                "small chunks",
                |h| h[0x15] = 0x40,
                "chunk size at 0x14 is 0x4000, not a power of two from 32 KiB to 2 MiB, as LZX needs",
            ),
            ("no tables", |h| h[0x30..0x60].fill(0), "incomplete archive: it has neither a blob table nor XML data"),
        ];
        for (name, damage, want) in cases {
            let mut bytes = testkit::header();
            damage(&mut bytes);
            assert_eq!(Header::parse(&bytes).expect_err(name).to_string(), *want, "{name}");
        }
    }

    #[test]
    fn knows_compressions_and_their_chunks() {
        type Case = (u32, u32, Option<(Compression, u32)>);
        let cases: &[Case] = &[
            (0, 0, Some((Compression::None, 0))),
            (0, 12345, Some((Compression::None, 0))),
            (LZX, 0x8000, Some((Compression::None, 0))),
            (COMPRESSED | XPRESS, 0x1000, Some((Compression::Xpress, 0x1000))),
            (COMPRESSED | XPRESS, 0x1_0000, Some((Compression::Xpress, 0x1_0000))),
            (COMPRESSED | XPRESS, 0x2_0000, None),
            (COMPRESSED | XPRESS, 0x800, None),
            (COMPRESSED | XPRESS_2, 0x2000, Some((Compression::Xpress, 0x2000))),
            (COMPRESSED | XPRESS | XPRESS_2, 0, Some((Compression::Xpress, 0x8000))),
            (COMPRESSED | LZX, 0x20_0000, Some((Compression::Lzx, 0x20_0000))),
            (COMPRESSED | LZX, 0x40_0000, None),
            (COMPRESSED | LZMS, 0x4000_0000, Some((Compression::Lzms, 0x4000_0000))),
            (COMPRESSED | LZMS, 0x8000_0000, None),
            (COMPRESSED | LZMS, 0, Some((Compression::Lzms, 0x8000))),
        ];
        for &(flags, chunk_size, want) in cases {
            let mut bytes = testkit::header();
            poke(&mut bytes, offset::FLAGS, flags);
            poke(&mut bytes, offset::CHUNK_SIZE, chunk_size);
            let got = Header::parse(&bytes).ok().map(|header| (header.compression, header.chunk_size));
            assert_eq!(got, want, "{flags:#x}, {chunk_size:#x}");
        }
    }

    #[test]
    fn version_0_14_may_be_solid() {
        let mut bytes = testkit::header();
        poke(&mut bytes, 0xC, VERSION_SOLID);
        assert!(Header::parse(&bytes).unwrap().is_solid());
    }
}
