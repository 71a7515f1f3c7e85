//! Reparse points: links, and the tags of other kinds.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::{Error, Result};

/// The tag of symbolic links.
pub const SYMLINK: u32 = 0xA000_000C;
/// The tag of junctions and volume mount points.
pub const MOUNT_POINT: u32 = 0xA000_0003;
/// The tag of files whose data another file holds, as in compressed or WIM-backed systems.
pub const WOF: u32 = 0x8000_0017;
/// The tag of deduplicated files.
pub const DEDUP: u32 = 0x8000_0013;

/// The most bytes of reparse data that a file can have, as stored in a WIM.
pub const MAX_DATA: usize = 16 * 1024 - 8;

/// The flag of links whose target is relative to their own folder.
const RELATIVE: u32 = 1;

/// The fixed part of both kinds of links as stored; symbolic links have flags after it, then the
/// names follow.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawLink {
    substitute: RawName,
    print: RawName,
}

/// A name's place, in bytes from the end of the fixed part.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawName {
    offset: U16,
    bytes: U16,
}
const _: () = assert!(size_of::<RawLink>() == 8);

/// Where a symbolic link or junction leads, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReparseLink {
    /// The path that the system follows, UTF-16 units: `\??\C:\a\b`, or `..\a` for relative ones.
    pub substitute: Vec<u16>,
    /// The path for display, UTF-16 units; may be empty.
    pub print: Vec<u16>,
    /// Whether `substitute` is relative to the link's own folder.
    pub relative: bool,
}

/// Parses the target of a link; `None` when `tag` is not that of a link.
///
/// `data` is the reparse data as stored in a WIM: without the tag, length and reserved fields.
///
/// # Errors
/// [`Error::Truncated`] and [`Error::Invalid`], counting from the start of `data`.
pub fn parse_link(tag: u32, data: &[u8]) -> Result<Option<ReparseLink>> {
    let (link, rest) = match tag {
        SYMLINK | MOUNT_POINT => take::<RawLink>(data, 0)?,
        _ => return Ok(None),
    };
    let (relative, names) = match tag {
        SYMLINK => take::<U32>(rest, 8).map(|(flags, names)| (flags.get() & RELATIVE != 0, names))?,
        _ => (false, rest),
    };
    let (substitute, print) = (link.substitute.get(0, names)?, link.print.get(4, names)?);
    Ok(Some(ReparseLink { substitute, print, relative }))
}

/// Splits a fixed part off the reparse data, of which `data` is what begins at `at`.
fn take<T: FromBytes + Immutable + KnownLayout + Unaligned>(data: &[u8], at: u64) -> Result<(&T, &[u8])> {
    let (need, have) = (size_of::<T>() as u64, data.len() as u64);
    T::ref_from_prefix(data).map_err(|_| Error::Truncated { what: "reparse data of a link", at, need, have })
}

impl RawName {
    /// The units of a name, whose place is stored at `at`, out of all `names`.
    fn get(&self, at: u64, names: &[u8]) -> Result<Vec<u16>> {
        let (offset, bytes) = (usize::from(self.offset.get()), usize::from(self.bytes.get()));
        let invalid = |at, value: usize, rule| Error::Invalid { what: "name of a link", at, value: value as u64, rule };
        if !offset.is_multiple_of(2) {
            return Err(invalid(at, offset, "an odd offset"));
        }
        if !bytes.is_multiple_of(2) {
            return Err(invalid(at + 2, bytes, "an odd length"));
        }
        let name =
            names.get(offset..offset + bytes).ok_or(invalid(at + 2, bytes, "past the end of the reparse data"))?;
        Ok(name.as_chunks().0.iter().map(|&unit| u16::from_le_bytes(unit)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    /// Reparse data with the given places (offset, length, offset, length) and flags, then the
    /// names.
    fn data(places: [u16; 4], flags: Option<u32>, names: &str) -> Vec<u8> {
        let mut bytes = places.map(u16::to_le_bytes).concat();
        bytes.extend(flags.into_iter().flat_map(u32::to_le_bytes));
        bytes.extend(utf16(names).into_iter().flat_map(u16::to_le_bytes));
        bytes
    }

    #[test]
    fn finds_targets() {
        let link = |substitute, print, relative| {
            Some(ReparseLink { substitute: utf16(substitute), print: utf16(print), relative })
        };
        let junction = data([0, 12, 14, 4], None, "\\??\\C:\0C:\0");
        assert_eq!(parse_link(MOUNT_POINT, &junction).unwrap(), link("\\??\\C:", "C:", false));
        let relative = data([4, 4, 0, 4], Some(1), "ab..");
        assert_eq!(parse_link(SYMLINK, &relative).unwrap(), link("..", "ab", true));
        let absolute = data([0, 12, 0, 0], Some(2), "\\??\\C:");
        assert_eq!(parse_link(SYMLINK, &absolute).unwrap(), link("\\??\\C:", "", false));
        assert_eq!(parse_link(WOF, &junction).unwrap(), None);
    }

    #[test]
    fn says_what_is_wrong() {
        let end = "past the end of the reparse data";
        let cases: &[(&str, u32, Vec<u8>, &str)] = &[
            ("cut", MOUNT_POINT, vec![0; 7], "reparse data of a link at 0x0 needs 8 bytes, but only 7 are there"),
            ("no flags", SYMLINK, vec![0; 11], "reparse data of a link at 0x8 needs 4 bytes, but only 3 are there"),
            ("odd offset", SYMLINK, data([1, 2, 0, 0], Some(0), "ab"), "name of a link at 0x0 is 0x1, an odd offset"),
            ("odd length", SYMLINK, data([0, 0, 0, 3], Some(0), "ab"), "name of a link at 0x6 is 0x3, an odd length"),
            ("too long", SYMLINK, data([2, 4, 0, 0], Some(0), "ab"), &format!("name of a link at 0x2 is 0x4, {end}")),
            (
                "print too long",
                MOUNT_POINT,
                data([0, 2, 0, 6], None, "ab"),
                &format!("name of a link at 0x6 is 0x6, {end}"),
            ),
            (
                "far",
                SYMLINK,
                data([0xFFFE, 0xFFFE, 0, 0], Some(0), "ab"),
                &format!("name of a link at 0x2 is 0xfffe, {end}"),
            ),
        ];
        for (name, tag, data, want) in cases {
            assert_eq!(parse_link(*tag, data).expect_err(name).to_string(), *want, "{name}");
        }
    }
}
