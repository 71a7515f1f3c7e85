//! Which volume of a disk is captured.

use std::path::{Path, PathBuf};

use crate::disk::{self, Contents, Disk, Error, Result};
use crate::partition::{Partition, partitions};

/// A device or image file, and the number of a partition in it: `disk.vhd#2` is partition 2, unless there
/// is a file with that name.
#[must_use]
pub fn split_source(source: &Path) -> (PathBuf, Option<u32>) {
    let whole = (source.to_owned(), None);
    let Some(text) = source.to_str().filter(|_| !source.exists()) else { return whole };
    let Some((path, number)) = text.rsplit_once('#') else { return whole };
    number.parse().map_or(whole, |number| (path.into(), Some(number)))
}

/// The volume to be captured: the whole disk if there is one on it, the partition of this number, or the
/// only NTFS volume.
pub(super) fn volume(path: &Path, number: Option<u32>) -> Result<Disk> {
    let disk = disk::open(path)?;
    let whole = Contents::of(&*disk)?;
    if number.is_none() && matches!(whole, Contents::Ntfs | Contents::BitLocker | Contents::Refs) {
        return accepted(disk, whole);
    }
    let found = partitions(&disk)?;
    match number {
        Some(number) => {
            let partition = found.iter().find(|partition| partition.number == number);
            let partition = partition.ok_or_else(|| refused(&format!("no partition {number}"), &disk, &found))?;
            if partition.is_dynamic {
                return Err(Error::Refused("a part of a dynamic disk, which cannot be captured from the disk".into()));
            }
            let volume = partition.volume(&disk);
            let contents = Contents::of(&*volume)?;
            accepted(volume, contents)
        }
        None if found.is_empty() => accepted(disk, whole),
        None => only_ntfs(&disk, &found),
    }
}

fn accepted(volume: Disk, contents: Contents) -> Result<Disk> {
    match contents.refusal() {
        None => Ok(volume),
        Some(refusal) => Err(Error::Refused(refusal)),
    }
}

fn only_ntfs(disk: &Disk, partitions: &[Partition]) -> Result<Disk> {
    let volumes = partitions.iter().map(|partition| partition.volume(disk));
    let is_ntfs = |volume: &Disk| matches!(Contents::of(&**volume), Ok(Contents::Ntfs));
    let mut volumes = volumes.filter(is_ntfs);
    match (volumes.next(), volumes.next()) {
        (Some(volume), None) => Ok(volume),
        (None, _) => Err(refused("no partition with an NTFS volume", disk, partitions)),
        (Some(_), Some(_)) => Err(refused("several NTFS volumes: name one as FILE#NUMBER", disk, partitions)),
    }
}

/// A refusal that lists the partitions.
fn refused(reason: &str, disk: &Disk, partitions: &[Partition]) -> Error {
    let line = |partition: &Partition| {
        let contents = match Contents::of(&*partition.volume(disk)) {
            Ok(Contents::Ntfs) => "NTFS",
            Ok(Contents::BitLocker) => "BitLocker",
            Ok(Contents::Refs) => "ReFS",
            Ok(Contents::Other(name)) => name,
            Err(_) => "not readable",
        };
        format!("#{} {contents}, {} MiB", partition.number, partition.size >> 20)
    };
    let lines: Vec<_> = partitions.iter().map(line).collect();
    Error::Refused(format!("{reason}; it has: {}", if lines.is_empty() { "none".into() } else { lines.join("; ") }))
}
