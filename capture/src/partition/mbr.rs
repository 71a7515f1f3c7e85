//! The partition table of the PC's BIOS.

use std::collections::HashSet;

use wim::ReadAt;

use super::Partition;
use crate::disk::Result;
use crate::disk::fields::{Fields, read_bytes};

const SECTOR: u64 = 512;
const ENTRIES: usize = 446;
/// The most logical partitions that are looked for.
const MAX_LOGICAL: u32 = 128;
const DYNAMIC: u8 = 0x42;

/// An entry of a table; sectors count from the start of the disk or from that of the table.
struct Entry {
    kind: u8,
    first: u64,
    sectors: u64,
}

impl Entry {
    fn is_extended(&self) -> bool {
        matches!(self.kind, 0x05 | 0x0F | 0x85)
    }

    fn partition(&self, number: u32, base: u64) -> Partition {
        let (start, size) = ((base + self.first) * SECTOR, self.sectors * SECTOR);
        Partition { number, start, size, is_dynamic: self.kind == DYNAMIC }
    }
}

/// The four entries of the table in a sector; empty where there is no table.
fn entries(disk: &dyn ReadAt, sector: u64) -> Result<Vec<Entry>> {
    let at = sector * SECTOR;
    if at.saturating_add(SECTOR) > disk.size() {
        return Ok(Vec::new());
    }
    let bytes = read_bytes(disk, "partition table", at, SECTOR as usize)?;
    let table = Fields::new("partition table", at, &bytes);
    let is_plausible = |entry: usize| matches!(bytes[ENTRIES + 16 * entry], 0 | 0x80);
    if table.u16(510)? != 0xAA55 || !(0..4).all(is_plausible) {
        return Ok(Vec::new());
    }
    let entry = |number: usize| {
        let entry = table.part("partition", ENTRIES + 16 * number, 16)?;
        Ok(Entry { kind: entry.u8(4)?, first: entry.u32(8)?.into(), sectors: entry.u32(12)?.into() })
    };
    (0..4).map(entry).collect()
}

/// The partitions of an MBR: primary ones have numbers 1 to 4, logical ones go on from 5.
pub(super) fn read(disk: &dyn ReadAt) -> Result<Vec<Partition>> {
    let (mut found, mut extended) = (Vec::new(), None);
    for (number, entry) in (1..).zip(entries(disk, 0)?) {
        if entry.is_extended() {
            extended = extended.or(Some(entry.first));
        } else if entry.kind != 0 && entry.sectors > 0 {
            found.push(entry.partition(number, 0));
        }
    }
    if let Some(base) = extended {
        logical(disk, base, &mut found)?;
    }
    let size = disk.size();
    found.retain(|partition| partition.start < size);
    Ok(found)
}

/// Adds the logical partitions of the extended one at sector `base`.
fn logical(disk: &dyn ReadAt, base: u64, found: &mut Vec<Partition>) -> Result<()> {
    let (mut table, mut seen) = (base, HashSet::new());
    let mut number = 5;
    while number < 5 + MAX_LOGICAL && seen.insert(table) {
        let mut next = None;
        for entry in entries(disk, table)? {
            if entry.is_extended() {
                next = Some(base + entry.first); // counts from the extended partition
            } else if entry.kind != 0 && entry.sectors > 0 {
                found.push(entry.partition(number, table)); // counts from its own table
                number += 1;
            }
        }
        match next {
            Some(next) => table = next,
            None => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Kind, first sector and length.
    type RawEntry = (u8, u32, u32);

    /// A disk of 4,096 sectors with tables in sectors.
    fn disk(tables: &[(usize, &[RawEntry])]) -> Vec<u8> {
        let mut disk = vec![0; 4096 * 512];
        for (sector, entries) in tables {
            let table = &mut disk[sector * 512..][..512];
            for (number, (kind, first, sectors)) in entries.iter().enumerate() {
                let entry = &mut table[ENTRIES + 16 * number..][..16];
                entry[4] = *kind;
                entry[8..12].copy_from_slice(&first.to_le_bytes());
                entry[12..].copy_from_slice(&sectors.to_le_bytes());
            }
            table[510..].copy_from_slice(b"\x55\xAA");
        }
        disk
    }

    fn numbers(disk: &[u8]) -> Vec<(u32, u64, u64)> {
        read(&disk.to_vec()).unwrap().iter().map(|p| (p.number, p.start / 512, p.size / 512)).collect()
    }

    #[test]
    fn logical_partitions_have_numbers_from_5() {
        let disk = disk(&[
            (0, &[(7, 64, 100), (0, 0, 0), (0x0F, 1000, 3000)]),
            (1000, &[(7, 10, 90), (5, 500, 600)]),
            (1500, &[(0x83, 10, 20)]),
        ]);
        assert_eq!(numbers(&disk), [(1, 64, 100), (5, 1010, 90), (6, 1510, 20)]);
    }

    #[test]
    fn chains_that_lead_back_end() {
        let disk = disk(&[(0, &[(5, 1000, 3000)]), (1000, &[(7, 10, 90), (5, 0, 600)])]);
        assert_eq!(numbers(&disk), [(5, 1010, 90)]);
        assert_eq!(numbers(&[0; 100]), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_none(mut bytes in prop::collection::vec(any::<u8>(), 512..4096)) {
            bytes[510..512].copy_from_slice(b"\x55\xAA");
            for entry in 0..4 {
                bytes[ENTRIES + 16 * entry] &= 0x80;
            }
            let size = bytes.len() as u64;
            prop_assert!(read(&bytes).unwrap().iter().all(|partition| partition.start < size));
        }
    }
}
