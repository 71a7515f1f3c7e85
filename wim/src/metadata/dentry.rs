//! Directory entries.

use std::num::NonZeroU64;

use super::{ExtendedAttribute, Streams, TaggedItem, UnixData};
use crate::{BlobHash, FileTime, Name};

/// A file's attributes: Windows' `FILE_ATTRIBUTE_` bits. Unknown ones are kept.
///
/// Some writers keep other things in the upper half; mask before reading meaning into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Attributes(pub u32);

impl Attributes {
    /// `FILE_ATTRIBUTE_READONLY`
    pub const READ_ONLY: Self = Self(0x1);
    /// `FILE_ATTRIBUTE_HIDDEN`
    pub const HIDDEN: Self = Self(0x2);
    /// `FILE_ATTRIBUTE_SYSTEM`
    pub const SYSTEM: Self = Self(0x4);
    /// `FILE_ATTRIBUTE_DIRECTORY`
    pub const DIRECTORY: Self = Self(0x10);
    /// `FILE_ATTRIBUTE_ARCHIVE`
    pub const ARCHIVE: Self = Self(0x20);
    /// `FILE_ATTRIBUTE_NORMAL`
    pub const NORMAL: Self = Self(0x80);
    /// `FILE_ATTRIBUTE_SPARSE_FILE`
    pub const SPARSE: Self = Self(0x200);
    /// `FILE_ATTRIBUTE_REPARSE_POINT`
    pub const REPARSE_POINT: Self = Self(0x400);
    /// `FILE_ATTRIBUTE_COMPRESSED`
    pub const COMPRESSED: Self = Self(0x800);
    /// `FILE_ATTRIBUTE_ENCRYPTED`
    pub const ENCRYPTED: Self = Self(0x4000);

    /// Whether all bits of `attributes` are set.
    #[must_use]
    pub fn contains(self, attributes: Self) -> bool {
        self.0 & attributes.0 == attributes.0
    }
}

/// What a directory entry says about its reparse point; the rest is in the reparse stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReparseHead {
    /// Which kind: see [`reparse`](crate::reparse).
    pub tag: u32,
    /// The reserved field of the reparse buffer.
    pub reserved: u16,
    /// Bit 0: the absolute target was left as it was at capture.
    pub flags: u16,
}

/// A directory entry, read in place.
#[derive(Debug, Clone, Copy)]
pub struct Dentry<'a> {
    bytes: &'a [u8],
}

impl<'a> Dentry<'a> {
    /// The attribute bits.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        todo!()
    }

    /// Whether it is a directory: marked as one and no reparse point. Junctions are none.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        let attributes = self.attributes();
        attributes.contains(Attributes::DIRECTORY) && !attributes.contains(Attributes::REPARSE_POINT)
    }

    /// The id of its security descriptor; `None` also where the stored id has no descriptor.
    #[must_use]
    pub fn security_id(&self) -> Option<u32> {
        todo!()
    }

    /// When the file was created.
    #[must_use]
    pub fn created(&self) -> FileTime {
        todo!()
    }

    /// When it was last read.
    #[must_use]
    pub fn accessed(&self) -> FileTime {
        todo!()
    }

    /// When its data was last written.
    #[must_use]
    pub fn written(&self) -> FileTime {
        todo!()
    }

    /// The main hash as stored; what it is the hash of, [`Dentry::streams`] tells.
    #[must_use]
    pub fn main_hash(&self) -> BlobHash {
        todo!()
    }

    /// The number that hard-linked names share, as stored. Names are links of one file only if their data agrees too:
    /// see [`Metadata::inode`](super::Metadata::inode).
    #[must_use]
    pub fn hard_link_id(&self) -> Option<NonZeroU64> {
        todo!()
    }

    /// The reparse point's tag and flags, if it is one.
    #[must_use]
    pub fn reparse(&self) -> Option<ReparseHead> {
        todo!()
    }

    /// The name; empty for the root.
    #[must_use]
    pub fn name(&self) -> Name<'a> {
        todo!()
    }

    /// The short (8.3) name; empty if it has none.
    #[must_use]
    pub fn short_name(&self) -> Name<'a> {
        todo!()
    }

    /// Its streams.
    #[must_use]
    pub fn streams(&self) -> Streams<'a> {
        todo!()
    }

    /// The tagged items behind the names, up to the first that does not fit.
    pub fn tagged_items(&self) -> impl Iterator<Item = TaggedItem<'a>> + use<'a> {
        let _ = self.bytes;
        std::iter::empty()
    }

    /// The Unix owner, mode and device that wimlib stores with `--unix-data`.
    #[must_use]
    pub fn unix_data(&self) -> Option<UnixData> {
        todo!()
    }

    /// The NTFS object id: 16 bytes, and up to three more GUIDs (birth volume, birth object, domain).
    #[must_use]
    pub fn object_id(&self) -> Option<&'a [u8]> {
        todo!()
    }

    /// The extended attributes, Windows' own and what wimlib stores among them.
    pub fn extended_attributes(&self) -> impl Iterator<Item = ExtendedAttribute<'a>> + use<'a> {
        let _ = self.bytes;
        std::iter::empty()
    }

    /// Linux's extended attributes, which wimlib stores in two forms; names have their prefix, as `user.x`.
    pub fn linux_xattrs(&self) -> impl Iterator<Item = ExtendedAttribute<'a>> + use<'a> {
        let _ = self.bytes;
        std::iter::empty()
    }
}
