//! Volumes of mkntfs and ntfs-3g with damage: errors are fine, panics and large allocations are not.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use wim::{ReadAt, Version};

use super::{Descriptors, Volume};
use crate::disk::{Disk, Result};

/// A volume with some bytes replaced.
struct Damaged {
    volume: Arc<Vec<u8>>,
    bytes: HashMap<u64, u8>,
}

impl ReadAt for Damaged {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.volume.read_at(offset, buf)?;
        for (&at, &byte) in &self.bytes {
            if let Some(in_buf) = at.checked_sub(offset).filter(|at| *at < read as u64) {
                buf[in_buf as usize] = byte;
            }
        }
        Ok(read)
    }

    fn size(&self) -> u64 {
        self.volume.size()
    }

    fn version(&self) -> io::Result<Version> {
        self.volume.version()
    }
}

fn fixture() -> Arc<Vec<u8>> {
    static BYTES: OnceLock<Arc<Vec<u8>>> = OnceLock::new();
    let made = || {
        let folder = tempfile::tempdir().unwrap();
        Arc::new(std::fs::read(testkit::ntfs::fixture(folder.path()).path).unwrap())
    };
    Arc::clone(BYTES.get_or_init(made))
}

/// Reads everything of a volume, and returns how many files it has.
fn read_all(disk: &Disk) -> Result<usize> {
    let volume = Volume::open(disk)?;
    volume.unclean()?;
    Descriptors::read(&volume)?;
    let mut files = 0;
    volume.scan(&mut |inode| {
        files += 1;
        for stream in &inode.streams {
            let content = volume.data(inode.number, inode.sequence, &stream.name)?;
            let mut buf = vec![0; content.size().min(1 << 20) as usize];
            let _ = content.read_at(0, &mut buf);
            let _ = content.read_at(content.size() / 2, &mut buf[..1.min(stream.size as usize)]);
        }
        Ok(())
    })?;
    Ok(files)
}

#[test]
fn the_fixture_is_read() {
    let disk: Disk = fixture();
    assert!(read_all(&disk).unwrap() > 320);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_volumes_are_read_or_refused(
        in_mft in prop::collection::vec((0..400 * 1024_u64, any::<u8>()), 0..6),
        in_boot in prop::collection::vec((0..512_u64, any::<u8>()), 0..2),
    ) {
        let volume = fixture();
        let number = |at: usize| u64::from_le_bytes(volume[at..][..8].try_into().unwrap());
        let [mft, mirror] = [0x30, 0x38].map(|field| number(field) * 4096);
        let mut bytes: HashMap<u64, u8> = in_boot.into_iter().collect();
        for (at, byte) in in_mft {
            bytes.insert(mft + at, byte);
            if at < 4096 {
                bytes.insert(mirror + at, byte); // or the copy alone would refuse it
            }
        }
        let disk: Disk = Arc::new(Damaged { volume, bytes });
        let _ = read_all(&disk);
    }
}
