//! A partition of a disk as a disk.

use std::io;
use std::sync::Arc;

use wim::{ReadAt, Version};

use super::Disk;

/// A range of a disk.
pub(crate) struct Window {
    disk: Disk,
    start: u64,
    size: u64,
}

impl Window {
    /// `size` bytes of `disk` from `start` on; what lies outside of the disk is cut off.
    pub(crate) fn new(disk: &Disk, start: u64, size: u64) -> Self {
        let available = disk.size().saturating_sub(start);
        Self { disk: Arc::clone(disk), start, size: size.min(available) }
    }
}

impl ReadAt for Window {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.size.saturating_sub(offset).min(buf.len() as u64) as usize;
        if len == 0 {
            return Ok(0);
        }
        self.disk.read_at(self.start + offset, &mut buf[..len])
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn version(&self) -> io::Result<Version> {
        self.disk.version()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_where_the_disk_does() {
        let disk: Disk = Arc::new(b"0123456789".to_vec());
        for (start, size, offset, want) in
            [(2, 3, 0, "234"), (2, 3, 2, "4"), (2, 3, 3, ""), (8, 9, 0, "89"), (20, 1, 0, ""), (2, 3, u64::MAX, "")]
        {
            let mut buf = [0; 5];
            let read = Window::new(&disk, start, size).read_at(offset, &mut buf).unwrap();
            assert_eq!(&buf[..read], want.as_bytes(), "{size} bytes at {start}, from {offset}");
        }
    }
}
