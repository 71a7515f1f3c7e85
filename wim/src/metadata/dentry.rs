//! Directory entries.

use std::num::NonZeroU64;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::seen::Seen;
use super::streams::skip_streams;
use super::tagged::{linux_xattrs, parse_unix_data, tagged_items, windows_eas};
use super::{ExtendedAttribute, Streams, TaggedItem, UnixData};
use crate::{BlobHash, Error, FileTime, Name, Result};

/// The fixed part of a directory entry as stored; names, tagged items and extra streams follow.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug, Default)]
#[repr(C)]
pub(crate) struct RawDentry {
    pub(crate) length: U64,           // 0x00  with names and tagged items, without streams
    pub(crate) attributes: U32,       // 0x08
    pub(crate) security_id: U32,      // 0x0c
    pub(crate) subdir: U64,           // 0x10
    pub(crate) unused: [u8; 16],      // 0x18
    pub(crate) created: U64,          // 0x28
    pub(crate) accessed: U64,         // 0x30
    pub(crate) written: U64,          // 0x38
    pub(crate) hash: [u8; 20],        // 0x40
    pub(crate) unknown: [u8; 4],      // 0x54
    pub(crate) reparse_or_link: U64,  // 0x58
    pub(crate) stream_count: U16,     // 0x60
    pub(crate) short_name_bytes: U16, // 0x62
    pub(crate) name_bytes: U16,       // 0x64
}
const FIXED: usize = size_of::<RawDentry>();
const _: () = assert!(FIXED == 102);

/// The security id of entries without a descriptor.
pub(crate) const NO_SECURITY: u32 = u32::MAX;

/// A file's attributes: Windows' `FILE_ATTRIBUTE_` bits. Unknown ones are kept.
///
/// Some writers keep other values in the upper half: mask it before interpreting.
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

    /// Whether they are those of a directory: the directory bit is set and the reparse point bit is
    /// not.
    #[must_use]
    pub fn is_directory(self) -> bool {
        self.contains(Self::DIRECTORY) && !self.contains(Self::REPARSE_POINT)
    }
}

/// The part of a reparse point that is in the directory entry; the rest is in the reparse stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReparseHead {
    /// The kind: see [`reparse`](crate::reparse).
    pub tag: u32,
    /// The reserved field of the reparse buffer.
    pub reserved: u16,
    /// Bit 0: the absolute target was left as it was at capture.
    pub flags: u16,
}

/// A directory entry, read in place.
#[derive(Debug, Clone, Copy)]
pub struct Dentry<'a> {
    raw: &'a RawDentry,
    /// The metadata after the fixed part, up to its end.
    tail: &'a [u8],
    /// The number of security descriptors of the image.
    descriptors: u32,
    /// The root has no name, whatever is stored.
    is_root: bool,
}

impl<'a> Dentry<'a> {
    /// The attribute bits.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        Attributes(self.raw.attributes.get())
    }

    /// Whether it is a directory: the directory bit is set and the reparse point bit is not, so
    /// that junctions are none.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.attributes().is_directory()
    }

    /// The id of its security descriptor; `None` also where the stored id has no descriptor.
    #[must_use]
    pub fn security_id(&self) -> Option<u32> {
        Some(self.raw.security_id.get()).filter(|&id| id < self.descriptors)
    }

    /// When the file was created.
    #[must_use]
    pub fn created(&self) -> FileTime {
        FileTime(self.raw.created.get())
    }

    /// When it was last read.
    #[must_use]
    pub fn accessed(&self) -> FileTime {
        FileTime(self.raw.accessed.get())
    }

    /// When its data was last written.
    #[must_use]
    pub fn written(&self) -> FileTime {
        FileTime(self.raw.written.get())
    }

    /// The main hash as stored; [`Dentry::streams`] says which stream it belongs to.
    #[must_use]
    pub fn main_hash(&self) -> BlobHash {
        BlobHash(self.raw.hash)
    }

    /// The number that hard-linked names share, as stored. Names are links of one file only if
    /// their data agrees as well: see [`Metadata::inode`](super::Metadata::inode).
    #[must_use]
    pub fn hard_link_id(&self) -> Option<NonZeroU64> {
        let is_reparse_point = self.attributes().contains(Attributes::REPARSE_POINT);
        NonZeroU64::new(self.raw.reparse_or_link.get()).filter(|_| !is_reparse_point)
    }

    /// The reparse point's tag and flags, if it is one.
    #[must_use]
    pub fn reparse(&self) -> Option<ReparseHead> {
        let bits = self.raw.reparse_or_link.get();
        let head = ReparseHead { tag: bits as u32, reserved: (bits >> 32) as u16, flags: (bits >> 48) as u16 };
        self.attributes().contains(Attributes::REPARSE_POINT).then_some(head)
    }

    /// The name; empty for the root.
    #[must_use]
    pub fn name(&self) -> Name<'a> {
        if self.is_root { Name::default() } else { self.stored_name() }
    }

    /// The short (8.3) name; empty if it has none.
    #[must_use]
    pub fn short_name(&self) -> Name<'a> {
        let start = with_end(self.raw.name_bytes);
        Name::new(&self.tail[start..][..usize::from(self.raw.short_name_bytes.get())])
    }

    /// Its streams.
    #[must_use]
    pub fn streams(&self) -> Streams<'a> {
        let entries = self.tail.get(self.size() - FIXED..).unwrap_or_default();
        Streams::new(self.attributes(), self.main_hash(), entries, self.raw.stream_count.get())
    }

    /// The hashes of all contents that the entry names as stored, also of those that
    /// [`Dentry::streams`] leaves out: what a copy of the image needs.
    pub fn hashes(&self) -> impl Iterator<Item = BlobHash> + use<'a> {
        let entries = self.tail.get(self.size() - FIXED..).unwrap_or_default();
        let main = Some(self.main_hash()).filter(|hash| !hash.is_zero());
        main.into_iter().chain(Streams::extra_hashes(entries, self.raw.stream_count.get()))
    }

    /// The tagged items after the names, up to the first that does not fit.
    pub fn tagged_items(&self) -> impl Iterator<Item = TaggedItem<'a>> + use<'a> {
        let start = (FIXED + self.raw.names_len()).next_multiple_of(8) - FIXED;
        tagged_items(self.tail.get(start..self.size() - FIXED).unwrap_or_default())
    }

    /// The Unix owner, mode and device that wimlib stores with `--unix-data`.
    #[must_use]
    pub fn unix_data(&self) -> Option<UnixData> {
        self.item(TaggedItem::UNIX_DATA).and_then(parse_unix_data)
    }

    /// The NTFS object id: 16 bytes, and up to three more GUIDs (birth volume, birth object,
    /// domain).
    #[must_use]
    pub fn object_id(&self) -> Option<&'a [u8]> {
        self.item(TaggedItem::OBJECT_ID).filter(|data| (16..=64).contains(&data.len()))
    }

    /// The extended attributes, Windows' own and what wimlib stores among them.
    pub fn extended_attributes(&self) -> impl Iterator<Item = ExtendedAttribute<'a>> + use<'a> {
        windows_eas(self.item(TaggedItem::EXTENDED_ATTRIBUTES).unwrap_or_default())
    }

    /// Linux's extended attributes, which wimlib stores in two forms; names have their prefix, as
    /// `user.x`.
    pub fn linux_xattrs(&self) -> impl Iterator<Item = ExtendedAttribute<'a>> + use<'a> {
        let older = linux_xattrs(self.item(TaggedItem::LINUX_XATTRS).unwrap_or_default());
        older.chain(self.extended_attributes().filter(ExtendedAttribute::is_linux))
    }

    /// The data of the first item with this tag.
    fn item(&self, tag: u32) -> Option<&'a [u8]> {
        self.tagged_items().find(|item| item.tag == tag).map(|item| item.data)
    }

    /// The stored bytes without a known meaning: 16 of 0x18, and 4 of 0x54.
    pub(crate) fn unknown(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..16].copy_from_slice(&self.raw.unused);
        bytes[16..].copy_from_slice(&self.raw.unknown);
        bytes
    }

    /// Its length in bytes without its streams, a multiple of 8.
    fn size(&self) -> usize {
        (self.raw.length.get() as usize).next_multiple_of(8)
    }

    /// The name as stored, also of the root.
    pub(super) fn stored_name(&self) -> Name<'a> {
        Name::new(&self.tail[..usize::from(self.raw.name_bytes.get())])
    }

    /// Where the list of its children is; 0 for none.
    pub(super) fn subdir(&self) -> u64 {
        self.raw.subdir.get()
    }

    /// The security id as stored, if it has no descriptor.
    pub(super) fn bad_security_id(&self) -> Option<u32> {
        Some(self.raw.security_id.get()).filter(|&id| id != NO_SECURITY && id >= self.descriptors)
    }

    /// The entry at `at`, which [`Extent::parse`] found to be sound.
    pub(super) fn at(bytes: &'a [u8], at: u32, descriptors: u32, is_root: bool) -> Self {
        let (raw, tail) = RawDentry::ref_from_prefix(&bytes[at as usize..]).expect("checked when the tree was built");
        Self { raw, tail, descriptors, is_root }
    }
}

/// The bytes of a name of `len` bytes with its terminator, which only names that are not empty
/// have.
fn with_end(len: U16) -> usize {
    match len.get() {
        0 => 0,
        len => usize::from(len) + 2,
    }
}

impl RawDentry {
    /// The bytes of both names with their terminators.
    fn names_len(&self) -> usize {
        with_end(self.name_bytes) + with_end(self.short_name_bytes)
    }

    /// Holds the names, which lie in the entry at `at`, against its length, rounded up.
    fn check_names(&self, at: u64, length: u64) -> Result<()> {
        let invalid = |what, offset, value: U16, rule| {
            Err(Error::Invalid { what, at: at + offset, value: u64::from(value.get()), rule })
        };
        if !self.name_bytes.get().is_multiple_of(2) {
            return invalid("length of a name", 0x64, self.name_bytes, "odd");
        }
        if !self.short_name_bytes.get().is_multiple_of(2) {
            return invalid("length of a short name", 0x62, self.short_name_bytes, "odd");
        }
        if (FIXED + self.names_len()) as u64 > length {
            return invalid("length of a name", 0x64, self.name_bytes, "more than its directory entry has room for");
        }
        Ok(())
    }
}

/// A fault after which a list of entries cannot be read further.
#[derive(Debug)]
pub(super) enum ListFault {
    /// There is no telling where the next entry begins.
    Damaged(Error),
    /// The entry shares bytes with one that has been read before.
    Twice,
}

impl From<Error> for ListFault {
    fn from(error: Error) -> Self {
        Self::Damaged(error)
    }
}

/// The bytes of an entry, with its streams.
#[derive(Debug)]
pub(super) struct Extent {
    /// Where the next entry begins: after the streams, a multiple of 8.
    pub(super) end: usize,
    /// A fault that makes this entry unusable, but not the next one.
    pub(super) fault: Option<Error>,
}

impl Extent {
    /// Finds the end of the entry at `at`, a multiple of 8, or `None` at the end of a list, and
    /// claims its bytes.
    pub(super) fn parse(bytes: &[u8], at: usize, seen: &mut Seen) -> Result<Option<Self>, ListFault> {
        let rest = bytes.get(at..).unwrap_or_default();
        let (what, have) = ("directory entry", rest.len() as u64);
        let truncated = |need| Error::Truncated { what, at: at as u64, need, have };
        let length = *rest.first_chunk().ok_or(truncated(8))?;
        let length = u64::from_le_bytes(length);
        if length <= 8 {
            return Ok(None);
        }
        // Lengths close to 2^64 have no next multiple of 8.
        let rounded = length.checked_next_multiple_of(8).filter(|&rounded| rounded <= have).ok_or(truncated(length))?;
        if rounded < FIXED as u64 {
            let rule = "shorter than its fixed part";
            return Err(
                Error::Invalid { what: "length of a directory entry", at: at as u64, value: length, rule }.into()
            );
        }
        let (raw, _) = RawDentry::ref_from_prefix(rest).map_err(|_| truncated(FIXED as u64))?;
        let end = at + rounded as usize;
        if !seen.claim(at..end) {
            return Err(ListFault::Twice);
        }
        let fault = raw.check_names(at as u64, rounded).err();
        let (end, stream_fault) = skip_streams(bytes, end, raw.stream_count.get(), seen)?;
        Ok(Some(Self { end, fault: fault.or(stream_fault) }))
    }
}
