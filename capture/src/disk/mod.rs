//! Block sources: files and devices as disks, whatever the format of the file, and partitions as volumes.

mod error;
pub(crate) mod fields;
mod file;
mod probe;
mod vhd;
mod window;

use std::io;
use std::path::Path;
use std::sync::Arc;

use wim::ReadAt;

pub use error::{Error, Result};
pub use probe::Contents;

/// The bytes of a disk or a volume.
pub type Disk = Arc<dyn ReadAt>;

/// The disk in a block device or an image file, whose format its contents say, not its name.
///
/// # Errors
/// It cannot be opened or is in use, or it is damaged or needs other files.
pub fn open(path: &Path) -> Result<Disk> {
    let file = file::FileDisk::open(path).map_err(|source| Error::Io { at: 0, len: 0, source })?;
    disk_in(&(Arc::new(file) as Disk))
}

/// The disk in the bytes of an image file.
fn disk_in(file: &Disk) -> Result<Disk> {
    for open in [vhd::open] {
        if let Some(disk) = open(file)? {
            return Ok(disk);
        }
    }
    Ok(Arc::clone(file))
}

/// A part of a disk as a disk.
pub(crate) fn window(disk: &Disk, start: u64, size: u64) -> Disk {
    Arc::new(window::Window::new(disk, start, size))
}

/// Fills `buf` from `offset` of a disk of blocks: `read` fills a piece from an offset in a block.
fn read_blocks(
    size: u64,
    block_size: u64,
    offset: u64,
    buf: &mut [u8],
    mut read: impl FnMut(u64, u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<usize> {
    let len = size.saturating_sub(offset).min(buf.len() as u64) as usize;
    let mut filled = 0;
    while filled < len {
        let at = offset + filled as u64;
        let in_block = at % block_size;
        let piece = (block_size - in_block).min((len - filled) as u64) as usize;
        read(at / block_size, in_block, &mut buf[filled..][..piece])?;
        filled += piece;
    }
    Ok(len)
}
