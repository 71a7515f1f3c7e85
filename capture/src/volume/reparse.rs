//! What becomes of reparse points.

use crate::disk::Result;
use crate::disk::fields::Fields;
use crate::ntfs::Inode;

/// The bit of tags whose files stand for a name elsewhere, such as links.
const NAME_SURROGATE: u32 = 0x2000_0000;
const CLOUD: u32 = 0x9000_001A;
/// Tags of the cloud differ in these bits.
const CLOUD_MASK: u32 = 0xFFFF_0FFF;
/// `FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS`: the data is not on the volume.
const RECALL: u32 = 0x40_0000;

/// What becomes of a file that may be a reparse point.
pub(super) enum Fate {
    /// A file or directory without a reparse point.
    Plain,
    /// The reparse point is kept: tag, reserved field, and the data after these.
    Kept(u32, u16, Vec<u8>),
    /// A directory whose tag is dropped, because with it the image could not hold its children.
    Opened,
    /// The file is left out.
    LeftOut(&'static str),
    /// Nothing is captured.
    Refused(&'static str),
}

/// Decides what becomes of a file.
pub(super) fn fate(inode: &Inode) -> Result<Fate> {
    let Some(buffer) = &inode.reparse else { return Ok(Fate::Plain) };
    let fields = Fields::new("reparse point", 0, buffer);
    let (tag, reserved) = (fields.u32(0)?, fields.u16(6)?);
    let is_absent = || {
        let main = inode.streams.iter().find(|stream| stream.name.is_empty());
        inode.attributes & RECALL != 0 || main.is_some_and(|stream| stream.is_hole)
    };
    Ok(match tag {
        _ if inode.is_directory && tag & NAME_SURROGATE == 0 => Fate::Opened,
        wim::reparse::WOF => Fate::Refused(
            "compressed by CompactOS or backed by an archive: expand it first (`compact /u /exe`, `compact /compactos:never`)",
        ),
        wim::reparse::DEDUP => Fate::Refused("deduplicated: its data is elsewhere on the volume"),
        _ if tag & CLOUD_MASK == CLOUD && is_absent() => Fate::LeftOut("its data is in the cloud only"),
        _ if tag & CLOUD_MASK == CLOUD => Fate::Plain,
        _ => Fate::Kept(tag, reserved, fields.rest(8)?.to_vec()),
    })
}
