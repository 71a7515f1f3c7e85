//! The partition table of UEFI.

use wim::ReadAt;

use super::Partition;
use crate::disk::Result;
use crate::disk::fields::{Fields, guid, read_bytes};

const MAGIC: &[u8] = b"EFI PART";
/// The most entries that are read; the usual number is 128.
const MAX_ENTRIES: u32 = 4096;
const MAX_ENTRY: u32 = 4096;
/// The types of partitions that make up dynamic disks.
const DYNAMIC: [[u8; 16]; 2] =
    [guid("5808C8AA-7E8F-42E0-85D2-E1E90434CFB3"), guid("AF9B60A0-1431-4F62-BC68-3311714A69AD")];

/// A header whose numbers make sense.
struct Header {
    sector: u64,
    entries_at: u64,
    count: u32,
    entry_size: u32,
    entries_crc: u32,
}

/// The partitions of a GPT; `None` if the disk has none. The copy at the end of the disk serves where the
/// first one is damaged.
pub(super) fn read(disk: &dyn ReadAt) -> Result<Option<Vec<Partition>>> {
    let sectors = [512, 4096];
    let places = sectors.map(|sector| (sector, 1)).into_iter();
    let places = places.chain(sectors.map(|sector| (sector, (disk.size() / sector).saturating_sub(1))));
    let mut doubtful = None;
    for (sector, at) in places {
        let Some((header, is_sound)) = header(disk, sector, at)? else { continue };
        let Some((partitions, crc)) = entries(disk, &header)? else { continue };
        if is_sound && crc == header.entries_crc {
            return Ok(Some(partitions));
        }
        doubtful = doubtful.or(Some(partitions));
    }
    if doubtful.is_some() {
        tracing::warn!("no copy of the partition table has the right checksum");
    }
    Ok(doubtful)
}

/// The header in sector `at`, and whether its checksum is right.
fn header(disk: &dyn ReadAt, sector: u64, at: u64) -> Result<Option<(Header, bool)>> {
    let at = at * sector;
    if at == 0 || at.saturating_add(512) > disk.size() {
        return Ok(None);
    }
    let bytes = read_at(disk, at, 512)?;
    let fields = Fields::new("header of the GPT", at, &bytes);
    let len = fields.u32(12)? as usize;
    if !bytes.starts_with(MAGIC) || !(92..=512).contains(&len) {
        return Ok(None);
    }
    let mut covered = bytes[..len].to_vec();
    covered[16..20].fill(0);
    let is_sound = crc32(&covered) == fields.u32(16)?;
    let header = Header {
        sector,
        entries_at: fields.u64(72)?,
        count: fields.u32(80)?,
        entry_size: fields.u32(84)?,
        entries_crc: fields.u32(88)?,
    };
    let makes_sense = header.count <= MAX_ENTRIES && (128..=MAX_ENTRY).contains(&header.entry_size);
    Ok(makes_sense.then_some((header, is_sound)))
}

/// The used entries and the checksum of all; `None` if they lie outside of the disk.
fn entries(disk: &dyn ReadAt, header: &Header) -> Result<Option<(Vec<Partition>, u32)>> {
    let len = u64::from(header.count) * u64::from(header.entry_size);
    let Some(at) = header.entries_at.checked_mul(header.sector) else { return Ok(None) };
    if at.checked_add(len).is_none_or(|end| end > disk.size()) {
        return Ok(None);
    }
    let bytes = read_at(disk, at, len as usize)?;
    let mut found = Vec::new();
    for (number, entry) in (1..).zip(bytes.chunks_exact(header.entry_size as usize)) {
        let entry = Fields::new("partition", at, entry);
        let kind = entry.guid(0)?;
        let (first, last) = (entry.u64(32)?, entry.u64(40)?);
        let sectors = last.checked_sub(first).and_then(|sectors| sectors.checked_add(1));
        let bytes_of = |sectors: u64| sectors.checked_mul(header.sector);
        let (Some(start), Some(size)) = (bytes_of(first), sectors.and_then(bytes_of)) else { continue };
        if kind != [0; 16] && start < disk.size() {
            found.push(Partition { number, start, size, is_dynamic: DYNAMIC.contains(&kind) });
        }
    }
    Ok(Some((found, crc32(&bytes))))
}

fn read_at(disk: &dyn ReadAt, at: u64, len: usize) -> Result<Vec<u8>> {
    read_bytes(disk, "GPT", at, len)
}

/// The checksum of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASIC: [u8; 16] = guid("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7");

    /// A disk of 256 sectors with both copies of a table.
    fn disk(sector: usize, partitions: &[([u8; 16], u64, u64)]) -> Vec<u8> {
        let mut disk = vec![0; 256 * sector];
        let mut entries = vec![0; 128 * 128];
        for ((kind, first, last), entry) in partitions.iter().zip(entries.chunks_mut(128)) {
            entry[..16].copy_from_slice(kind);
            entry[32..40].copy_from_slice(&first.to_le_bytes());
            entry[40..48].copy_from_slice(&last.to_le_bytes());
        }
        for (at, entries_at) in [(1, 2), (255, 200)] {
            let mut header = vec![0; 92];
            header[..8].copy_from_slice(MAGIC);
            header[12..16].copy_from_slice(&92_u32.to_le_bytes());
            header[72..80].copy_from_slice(&(entries_at as u64).to_le_bytes());
            header[80..84].copy_from_slice(&128_u32.to_le_bytes());
            header[84..88].copy_from_slice(&128_u32.to_le_bytes());
            header[88..92].copy_from_slice(&crc32(&entries).to_le_bytes());
            let crc = crc32(&header);
            header[16..20].copy_from_slice(&crc.to_le_bytes());
            disk[at * sector..][..92].copy_from_slice(&header);
            disk[entries_at * sector..][..entries.len()].copy_from_slice(&entries);
        }
        disk
    }

    #[test]
    fn both_sector_sizes_and_either_copy_are_read() {
        for sector in [512, 4096] {
            let good = disk(sector, &[(BASIC, 40, 99), ([0; 16], 0, 0), (DYNAMIC[0], 100, 100)]);
            let number = |number, first: u64, count: u64, is_dynamic| Partition {
                number,
                start: first * sector as u64,
                size: count * sector as u64,
                is_dynamic,
            };
            let want = Some(vec![number(1, 40, 60, false), number(3, 100, 1, true)]);
            assert_eq!(read(&good).unwrap(), want);
            let mut first_is_bad = good.clone();
            first_is_bad[2 * sector + 33] ^= 1; // the start of partition 1
            assert_eq!(read(&first_is_bad).unwrap(), want, "the copy serves");
            first_is_bad[200 * sector + 127] ^= 1;
            assert!(read(&first_is_bad).unwrap().is_some(), "tables with wrong checksums are better than none");
        }
        assert_eq!(read(&vec![0; 100_000]).unwrap(), None);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
