//! The storage that an answer may have to wait for.

use std::sync::Arc;

use crate::archive::ArchiveFile;

/// The storage that answers about an image or a group wait for. Where one hangs, the answers that
/// wait for others go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Storage(Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// The volumes that hold an image's archive and those that supply its data, by device number,
    /// ascending.
    Devices(Arc<[u64]>),
    /// The folder of this group, and whatever the links in it lead to.
    Group(u32),
}

impl Storage {
    /// That of an image whose data lies in these archives.
    pub(crate) fn of(archives: &[Arc<ArchiveFile>]) -> Self {
        let mut devices: Vec<u64> = archives.iter().map(|archive| archive.opened.device()).collect();
        devices.sort_unstable();
        devices.dedup();
        Self(Kind::Devices(devices.into()))
    }

    /// That of the folder of a group, by its number.
    pub(crate) fn of_group(number: u32) -> Self {
        Self(Kind::Group(number))
    }
}
