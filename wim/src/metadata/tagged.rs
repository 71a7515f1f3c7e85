//! Tagged items: what newer writers add to a directory entry.

/// An item behind a directory entry's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaggedItem<'a> {
    /// Its kind.
    pub tag: u32,
    /// Its content, without padding.
    pub data: &'a [u8],
}

impl TaggedItem<'_> {
    /// An NTFS object id.
    pub const OBJECT_ID: u32 = 1;
    /// Extended attributes.
    pub const EXTENDED_ATTRIBUTES: u32 = 2;
    /// wimlib's Unix data.
    pub const UNIX_DATA: u32 = 0x337D_D873;
    /// wimlib's older form of Linux extended attributes.
    pub const LINUX_XATTRS: u32 = 0x337D_D874;
}

/// What Unix knows about a file and Windows does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnixData {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// File type and permissions, as `st_mode`.
    pub mode: u32,
    /// The device's number, as Linux packs it, for device nodes.
    pub rdev: u32,
}

/// An extended attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedAttribute<'a> {
    /// Its name: ASCII, compared without case on Windows.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// 0x80: who does not understand it must not use the file.
    pub flags: u8,
}
