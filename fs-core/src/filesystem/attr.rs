//! What a mount tells of a file without reading it.

use wim::FileTime;

use crate::snapshot::Ino;

/// What a directory entry is, to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory; its children can be listed.
    Directory,
    /// A file with bytes; also a reparse point that is neither link nor junction.
    File,
    /// A symbolic link or a junction.
    Symlink,
    /// A FIFO, from wimlib's Unix data.
    Fifo,
    /// A socket, from wimlib's Unix data.
    Socket,
    /// A character device, from wimlib's Unix data.
    CharDevice,
    /// A block device, from wimlib's Unix data.
    BlockDevice,
}

/// The attributes of a file, directory or stream. Those of a file in an image never change; the times and links of the root and
/// of groups do when the store changes, of which [`Filesystem::refresh`](crate::Filesystem::refresh) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attr {
    /// Its number.
    pub ino: Ino,
    /// What it is.
    pub kind: Kind,
    /// Size in bytes: of the unnamed stream, of the link's target, 0 for directories.
    pub size: u64,
    /// Space in units of 512 bytes, as `st_blocks` counts; computed from the uncompressed size.
    pub blocks: u64,
    /// How many names it has; for a directory 2 + its subdirectories.
    pub links: u32,
    /// Permission bits (`0o7777`).
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device number of a device node, as Linux packs it; else 0.
    pub rdev: u32,
    /// Time of the last access.
    pub accessed: FileTime,
    /// Time of the last write.
    pub modified: FileTime,
    /// Time of the last change of attributes; the format has none, so that of the last write.
    pub changed: FileTime,
    /// Time of creation.
    pub created: FileTime,
}

/// One name of a directory listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// Number of what the name stands for.
    pub ino: Ino,
    /// What it stands for.
    pub kind: Kind,
    /// The name in WTF-8 (UTF-8 where the name is valid UTF-16), with stand-ins for `/` and NUL.
    pub name: &'a [u8],
    /// Pass this as `after` to go on behind this entry.
    pub next: u64,
}

/// Sums over everything mounted, for `statfs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Bytes that the archive files take on disk.
    pub bytes: u64,
    /// Files and directories of all images, by the archives' own count.
    pub files: u64,
    /// Preferred size of a read, in bytes.
    pub block_size: u32,
    /// Longest name in bytes.
    pub name_max: u32,
}
