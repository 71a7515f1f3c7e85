//! NTFS, read from the disk without a driver: `$MFT` once from start to end, contents on demand.

mod boot;
mod content;
mod file;
mod health;
mod inode;
mod lznt1;
mod record;
mod runs;
mod security;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use wim::ReadAt;

use crate::disk::fields::read_bytes;
use crate::disk::{Disk, Error, Result};
use boot::Boot;
use content::Clustered;
pub(crate) use content::Content;
use file::FileRecords;
pub(crate) use inode::{FileName, Inode, Security};
use record::{Body, Record, kind};
use runs::Runs;
pub(crate) use security::Descriptors;

/// The number of the root directory.
pub(crate) const ROOT: u64 = 5;
/// Records below this one are NTFS's own, but for the root.
const FIRST_OF_USERS: u64 = 24;
const LOG_FILE: u64 = 2;
const VOLUME: u64 = 3;
const SECURE: u64 = 9;
/// The bytes of `$MFT` that are read at once.
const PIECE: u64 = 4 << 20;

/// Whether a record is one of NTFS's own files.
pub(crate) fn is_own(number: u64) -> bool {
    number < FIRST_OF_USERS && number != ROOT
}

/// An NTFS volume.
pub(crate) struct Volume {
    disk: Disk,
    boot: Boot,
    mft: Clustered,
}

impl Volume {
    /// Finds `$MFT`.
    ///
    /// # Errors
    /// The volume cannot be read, or what leads to its files is damaged.
    pub(crate) fn open(disk: &Disk) -> Result<Self> {
        let boot = Boot::read(&**disk)?;
        check_mirror(&**disk, &boot)?;
        let at = boot.mft * boot.cluster_size;
        let stored = read_bytes(&**disk, "record of $MFT", at, boot.record_size)?;
        let record = Record::parse(0, at, &stored)?;
        let unused = Error::Invalid { what: "record of $MFT", at, value: 0, rule: "not in use" };
        let record = record.ok_or(unused)?;
        let disk = Arc::clone(disk);
        let (volume, cluster_size) = (Arc::clone(&disk), boot.cluster_size);
        let mut mft = Clustered { volume, cluster_size, runs: Runs::default(), size: 0, valid: 0, unit: None };
        for attribute in record.attributes()? {
            if let Body::Clusters(part) = attribute.body
                && attribute.kind == kind::DATA
                && attribute.name.is_empty()
            {
                mft.runs.add(&part, boot.clusters)?;
                (mft.size, mft.valid) = (part.size, part.valid);
            }
        }
        let known = mft.runs.len() * cluster_size;
        let size = mft.size;
        (mft.size, mft.valid) = (size.min(known), mft.valid.min(known));
        let mut volume = Self { disk, boot, mft };
        // The records of the list are found through the runs of the first.
        let file = FileRecords::gather(&volume, record)?;
        if let Some(Content::Clusters(whole)) = file.content(&volume, kind::DATA, &[])? {
            volume.mft = whole;
        }
        Ok(volume)
    }

    /// The number of records of `$MFT`.
    fn record_count(&self) -> u64 {
        self.mft.valid / self.boot.record_size as u64
    }

    /// A record; `None` if it is not in use.
    fn record(&self, number: u64) -> Result<Option<Record>> {
        if number >= self.record_count() {
            return Ok(None);
        }
        let mut stored = vec![0; self.boot.record_size];
        let at = number * self.boot.record_size as u64;
        self.read_mft(at, &mut stored)?;
        Record::parse(number, at, &stored)
    }

    fn read_mft(&self, at: u64, buf: &mut [u8]) -> Result<()> {
        let read = self.mft.runs.read_at(&*self.disk, self.boot.cluster_size, at, buf);
        read.map_err(|source| Error::Io { at, len: buf.len() as u64, source })
    }

    /// A file by the number of its record.
    fn file(&self, number: u64) -> Result<FileRecords> {
        let unused = Error::Invalid { what: "number of a record", at: 0, value: number, rule: "not in use" };
        FileRecords::gather(self, self.record(number)?.ok_or(unused)?)
    }

    /// Gives the root and every file of users to `each`, in the order of `$MFT`.
    ///
    /// # Errors
    /// `$MFT` cannot be read or has a damaged record, and what `each` returns.
    pub(crate) fn scan(&self, each: &mut dyn FnMut(Inode) -> Result<()>) -> Result<()> {
        let record_size = self.boot.record_size as u64;
        let end = self.record_count() * record_size;
        let mut piece = vec![0; PIECE.min(end) as usize];
        let mut at = 0;
        while at < end {
            let len = PIECE.min(end - at) as usize;
            self.read_mft(at, &mut piece[..len])?;
            let numbers = at / record_size..;
            for (number, stored) in numbers.zip(piece[..len].chunks_exact(self.boot.record_size)) {
                if is_own(number) {
                    continue;
                }
                match Record::parse(number, number * record_size, stored)? {
                    Some(record) if record.base.number == 0 => {
                        each(Inode::read(self, FileRecords::gather(self, record)?)?)?;
                    }
                    _ => {}
                }
            }
            at += len as u64;
        }
        Ok(())
    }

    /// The data of a file: a stream by its name in UTF-16 as stored, empty for the main one.
    ///
    /// # Errors
    /// It is damaged, or not the file that was scanned.
    pub(crate) fn data(&self, number: u64, sequence: u16, name: &[u8]) -> Result<Content> {
        let file = self.file(number)?;
        let changed = Error::Refused("the file has changed since the volume was scanned".into());
        if file.base().reference.sequence != sequence {
            return Err(changed);
        }
        file.content(self, kind::DATA, name)?.ok_or(changed)
    }
}

/// Compares the first four records with their copy: where they differ, it is not known which are right.
fn check_mirror(disk: &dyn ReadAt, boot: &Boot) -> Result<()> {
    let len = 4 * boot.record_size;
    let copies = [boot.mft, boot.mirror].map(|cluster| read_bytes(disk, "$MFTMirr", cluster * boot.cluster_size, len));
    let [first, mirror] = copies;
    if first? == mirror? {
        return Ok(());
    }
    Err(Error::Refused("$MFTMirr is not a copy of the start of $MFT: run `chkdsk /f` on it in Windows".into()))
}
