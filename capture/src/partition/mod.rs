//! Partition tables: MBR with its chain of logical partitions, and GPT.

mod gpt;
mod mbr;

use crate::disk::{self, Disk, Result};

/// A partition of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number, from 1, as Linux counts.
    pub number: u32,
    /// Its first byte on the disk.
    pub start: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Why it cannot be captured whatever it holds: it is a part of a dynamic disk.
    pub is_dynamic: bool,
}

impl Partition {
    /// The partition as a volume.
    #[must_use]
    pub fn volume(&self, disk: &Disk) -> Disk {
        disk::window(disk, self.start, self.size)
    }
}

/// The partitions of a disk in the order of their numbers; none where there is no table. Where both tables
/// are there, GPT counts.
///
/// # Errors
/// The disk cannot be read.
pub fn partitions(disk: &Disk) -> Result<Vec<Partition>> {
    match gpt::read(&**disk)? {
        Some(partitions) => Ok(partitions),
        None => mbr::read(&**disk),
    }
}
