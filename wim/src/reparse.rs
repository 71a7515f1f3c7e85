//! Reparse points: links, and the tags of other kinds.

use crate::Result;

/// The tag of symbolic links.
pub const SYMLINK: u32 = 0xA000_000C;
/// The tag of junctions and volume mount points.
pub const MOUNT_POINT: u32 = 0xA000_0003;

/// Where a symbolic link or junction leads, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReparseLink {
    /// The path that the system follows, UTF-16 units: `\??\C:\a\b`, or `..\a` for relative ones.
    pub substitute: Vec<u16>,
    /// The path that is shown to people, UTF-16 units; may be empty.
    pub print: Vec<u16>,
    /// Whether `substitute` counts from the link's own folder.
    pub relative: bool,
}

/// Parses the target of a link; `None` when `tag` is no link's.
///
/// `data` is the reparse data as stored in a WIM: without the tag, length and reserved fields.
///
/// # Errors
/// [`Error::Truncated`](crate::Error::Truncated) and [`Error::Invalid`](crate::Error::Invalid), counting from the start
/// of `data`.
pub fn parse_link(tag: u32, data: &[u8]) -> Result<Option<ReparseLink>> {
    let _ = (tag, data);
    todo!()
}
