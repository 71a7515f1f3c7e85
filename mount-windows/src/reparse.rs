//! Reparse points as the drive shows them.

use fs_core::{Kind, ReparsePoint};
use windows_files::symlink_buffer;

/// The `REPARSE_DATA_BUFFER` of a reparse point. `None` if a target does not fit or has a name that
/// Windows cannot have.
pub(crate) fn buffer(point: ReparsePoint) -> Option<Vec<u8>> {
    match point {
        ReparsePoint::Stored(bytes) => Some(bytes),
        ReparsePoint::Link(target) => symlink_buffer(&target),
    }
}

/// The size that a file shows: 0 for links on Windows.
pub(crate) fn size(kind: Kind, size: u64) -> u64 {
    match kind {
        Kind::Symlink => 0,
        _ => size,
    }
}
