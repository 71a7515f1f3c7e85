//! Virtual disks of Virtual PC and Hyper-V's first generation (VHD).

use std::io;

use wim::{ReadAt, Version};

use super::fields::{Fields, read_bytes};
use super::{Disk, Error, Result};

const MAGIC: &[u8] = b"conectix";
const FOOTER: usize = 512;
const SECTOR: u64 = 512;
const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
const DIFFERENCING: u32 = 4;
/// The entry of a block that is not there: its bytes are zeros.
const ABSENT: u32 = u32::MAX;

/// A VHD whose blocks are allocated when they are first written.
struct Dynamic {
    file: Disk,
    size: u64,
    block_size: u64,
    /// The bytes of the sector bitmap before a block's data.
    bitmap: u64,
    /// Where each block is, in sectors.
    blocks: Vec<u32>,
}

/// The disk in a file, if it is a VHD.
///
/// # Errors
/// It is one, but damaged or of a kind that needs other files.
pub(super) fn open(file: &Disk) -> Result<Option<Disk>> {
    let Some(at) = file.size().checked_sub(FOOTER as u64) else { return Ok(None) };
    let mut bytes = read_bytes(&**file, "footer of the VHD", at, FOOTER)?;
    if !is_footer(&bytes) {
        bytes = read_bytes(&**file, "copy of the VHD's footer", 0, FOOTER)?; // at the start of dynamic ones
        if !is_footer(&bytes) {
            return Ok(None);
        }
    }
    let footer = Fields::new("footer of the VHD", at, &bytes);
    let (data_offset, size, kind) = (footer.u64_be(16)?, footer.u64_be(48)?, footer.u32_be(60)?);
    match kind {
        FIXED if size <= at => Ok(Some(super::window(file, 0, size))),
        FIXED => Err(footer.invalid("size of the VHD", 48, size, "more than the file has")),
        DYNAMIC => Ok(Some(std::sync::Arc::new(Dynamic::open(file, data_offset, size)?))),
        DIFFERENCING => Err(differencing(file, data_offset)?),
        other => Err(footer.invalid("type of the VHD", 60, other.into(), "neither fixed, dynamic nor differencing")),
    }
}

fn is_footer(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) && checksum(bytes, 64) == u32::from_be_bytes([bytes[64], bytes[65], bytes[66], bytes[67]])
}

/// The complement of the sum of all bytes but those of the checksum itself, which is at `own`.
fn checksum(bytes: &[u8], own: usize) -> u32 {
    let counted = |(at, _): &(usize, &u8)| !(own..own + 4).contains(at);
    !bytes.iter().enumerate().filter(counted).fold(0_u32, |sum, (_, &byte)| sum.wrapping_add(byte.into()))
}

fn differencing(file: &Disk, at: u64) -> Result<Error> {
    let bytes = read_bytes(&**file, "header of the VHD", at, 1024)?;
    let name = Fields::new("header of the VHD", at, &bytes).slice(64, 512)?;
    let units = name.as_chunks().0.iter().map(|&unit| u16::from_be_bytes(unit)).take_while(|&unit| unit != 0);
    let parent: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Ok(Error::Refused(format!(
        "a differencing VHD, which holds only what differs from {parent:?}: merge it with its parent first"
    )))
}

impl Dynamic {
    fn open(file: &Disk, at: u64, size: u64) -> Result<Self> {
        let bytes = read_bytes(&**file, "header of the VHD", at, 1024)?;
        let header = Fields::new("header of the VHD", at, &bytes);
        if header.slice(0, 8)? != b"cxsparse" {
            return Err(header.invalid("magic of the VHD's header", 0, header.u64_be(0)?, "not `cxsparse`"));
        }
        let (table, entries, block_size) = (header.u64_be(16)?, header.u32_be(28)?, header.u32_be(32)?);
        if !block_size.is_power_of_two() || u64::from(block_size) < SECTOR {
            return Err(header.invalid("block size of the VHD", 32, block_size.into(), "no power of two from 512 on"));
        }
        let needed = size.div_ceil(block_size.into());
        let table_size = u64::from(entries) * 4;
        if needed > entries.into() || table_size > file.size() {
            return Err(header.invalid("entries of the VHD", 28, entries.into(), "which do not fit disk and file"));
        }
        let bytes = read_bytes(&**file, "block table of the VHD", table, needed as usize * 4)?;
        let blocks = bytes.as_chunks().0.iter().map(|&entry| u32::from_be_bytes(entry)).collect();
        let bitmap = (u64::from(block_size) / SECTOR).div_ceil(8).next_multiple_of(SECTOR);
        Ok(Self { file: std::sync::Arc::clone(file), size, block_size: block_size.into(), bitmap, blocks })
    }
}

impl ReadAt for Dynamic {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        super::read_blocks(self.size, self.block_size, offset, buf, |block, at, piece| {
            match self.blocks.get(block as usize) {
                Some(&sector) if sector != ABSENT => {
                    let place = u64::from(sector) * SECTOR + self.bitmap + at;
                    super::fields::read_exact(&*self.file, "block of the VHD", place, piece).map_err(Into::into)
                }
                _ => {
                    piece.fill(0);
                    Ok(())
                }
            }
        })
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn version(&self) -> io::Result<Version> {
        self.file.version()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    /// Bytes that differ from block to block, with a gap that a dynamic disk does not store.
    fn content() -> Vec<u8> {
        let mut bytes = vec![0; 9 << 20];
        for (at, byte) in bytes[5 << 20..].iter_mut().enumerate() {
            *byte = (at / 4096 % 251) as u8;
        }
        bytes[..4].copy_from_slice(b"head");
        bytes
    }

    /// A VHD that qemu-img makes of [`content`].
    fn made(subformat: &str) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let [raw, vhd] = ["raw", "vhd"].map(|name| folder.path().join(name));
        std::fs::write(&raw, content()).unwrap();
        let subformat = format!("subformat={subformat},force_size=on");
        let mut command = Command::new("qemu-img");
        command.args(["convert", "-f", "raw", "-O", "vpc", "-o", &subformat]).args([&raw, &vhd]);
        match command.status() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            status => {
                assert!(status.unwrap().success());
                Some(std::fs::read(vhd).unwrap())
            }
        }
    }

    #[test]
    fn disks_that_qemu_makes_are_read() {
        for subformat in ["fixed", "dynamic"] {
            let Some(vhd) = made(subformat) else {
                eprintln!("skipped: qemu-img is not installed (scripts/setup test)");
                return;
            };
            let disk = open(&(Arc::new(vhd) as Disk)).unwrap().expect("a VHD");
            let read = read_bytes(&*disk, "disk", 0, disk.size() as usize).unwrap();
            assert!(read == content(), "{subformat}");
        }
        assert!(open(&(Arc::new(content()) as Disk)).unwrap().is_none());
    }

    /// A dynamic disk of two blocks of 4 KiB, the second absent.
    fn small(kind: u32) -> Vec<u8> {
        let mut file = vec![0; 512 + 1024 + 512 + 512 + 4096];
        file[512..520].copy_from_slice(b"cxsparse");
        file[512 + 16..][..8].copy_from_slice(&1536_u64.to_be_bytes());
        file[512 + 28..][..4].copy_from_slice(&2_u32.to_be_bytes());
        file[512 + 32..][..4].copy_from_slice(&4096_u32.to_be_bytes());
        file[512 + 64..][..4].copy_from_slice(b"\0p\0q");
        file[1536..1544].copy_from_slice(b"\0\0\0\x04\xFF\xFF\xFF\xFF");
        file[2560..].fill(7);
        let mut footer = [0; 512];
        footer[..8].copy_from_slice(MAGIC);
        footer[16..24].copy_from_slice(&512_u64.to_be_bytes());
        footer[48..56].copy_from_slice(&6000_u64.to_be_bytes());
        footer[60..64].copy_from_slice(&kind.to_be_bytes());
        let sum = checksum(&footer, 64);
        footer[64..68].copy_from_slice(&sum.to_be_bytes());
        file.extend(footer);
        file
    }

    #[test]
    fn absent_blocks_are_zeros_and_parents_are_named() {
        let disk = open(&(Arc::new(small(DYNAMIC)) as Disk)).unwrap().expect("a VHD");
        let read = read_bytes(&*disk, "disk", 0, 6000).unwrap();
        assert!(read == [vec![7; 4096], vec![0; 1904]].concat());
        let error = open(&(Arc::new(small(DIFFERENCING)) as Disk)).err().expect("no disk").to_string();
        assert!(error.contains("\"pq\": merge it"), "{error}");
    }

    proptest! {
        #[test]
        fn damaged_headers_are_errors(changes in prop::collection::vec((512..1544_usize, any::<u8>()), 1..8)) {
            let mut file = small(DYNAMIC);
            for (at, byte) in changes {
                file[at] = byte;
            }
            if let Ok(Some(disk)) = open(&(Arc::new(file) as Disk)) {
                let mut buf = vec![0; 8192];
                drop(disk.read_at(0, &mut buf)); // an error or some bytes
            }
        }
    }
}
