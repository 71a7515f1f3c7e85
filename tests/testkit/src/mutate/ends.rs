//! Changes of a whole archive: its header, its integrity table, its length.

use super::value::{self, Field, field, pick, read, resource_fields, with};
use crate::content::Random;
use crate::{flag, offset, pipe};

const FIELDS: [Field; 28] = {
    let [blob_table, xml, boot, integrity] = [
        resource_fields(offset::BLOB_TABLE),
        resource_fields(offset::XML),
        resource_fields(offset::BOOT_METADATA),
        resource_fields(offset::INTEGRITY),
    ];
    let flags = with(
        "header flags",
        offset::FLAGS,
        4,
        &[
            0,
            (flag::COMPRESSION | flag::XPRESS) as u64,
            (flag::COMPRESSION | flag::LZX) as u64,
            (flag::COMPRESSION | flag::LZMS) as u64,
            (flag::COMPRESSION | flag::XPRESS_2) as u64,
            (flag::SPANNED | flag::COMPRESSION | flag::LZX) as u64,
            flag::METADATA_ONLY as u64,
            flag::RESOURCE_ONLY as u64,
        ],
    );
    let chunk_size = with(
        "header chunk size",
        offset::CHUNK_SIZE,
        4,
        &[0, 1, 2048, 4096, 8192, 32768, 65536, 1 << 17, 1 << 21, 1 << 26, 1 << 28, 1 << 30, 40_000],
    );
    [
        field("magic", offset::MAGIC, 8),
        with("header size", offset::HEADER_SIZE, 4, &[204, 208, 212]),
        with("version", offset::VERSION, 4, &[0x10D00, 0xE00, 0x10C00, 0x10B00, 0x10A00]),
        flags,
        chunk_size,
        flags,
        chunk_size,
        with("part number", offset::PART_NUMBER, 2, &[0, 1, 2]),
        with("part count", offset::PART_COUNT, 2, &[0, 1, 2]),
        with("image count", offset::IMAGE_COUNT, 4, &[0, 1, 2, 3, 65535]),
        with("boot index", offset::BOOT_INDEX, 4, &[0, 1, 2, 3]),
        field("unused", offset::UNUSED, 8),
        blob_table[0],
        blob_table[1],
        blob_table[2],
        blob_table[3],
        xml[0],
        xml[1],
        xml[2],
        xml[3],
        boot[0],
        boot[1],
        boot[2],
        boot[3],
        integrity[0],
        integrity[1],
        integrity[2],
        integrity[3],
    ]
};

/// Parts that the header gives places.
const PARTS: [usize; 3] = [offset::BLOB_TABLE, offset::XML, offset::INTEGRITY];

/// Where the header is whose places are used.
fn header_at(bytes: &[u8]) -> usize {
    if bytes.starts_with(&pipe::MAGIC) { bytes.len().saturating_sub(offset::END) } else { 0 }
}

/// Offset and stored size that the header gives a part; 0 and 0 if the header is cut off.
fn part(bytes: &[u8], at: usize) -> (u64, u64) {
    let header = &bytes[header_at(bytes)..];
    header.get(at..at + offset::RESOURCE_END).map_or((0, 0), |place| (read(&place[8..16]), read(&place[..7])))
}

pub(super) fn change_header(bytes: &mut [u8], random: &mut Random) -> String {
    let (start, len) = (header_at(bytes), bytes.len() as u64);
    let (at, size) = part(bytes, *pick(random, &PARTS));
    let hints = [size, at, at.wrapping_add(size), len, len.wrapping_sub(1), 208];
    value::change(bytes, start, &FIELDS, &hints, random)
}

/// Changes the integrity table; the length of an archive without one.
pub(super) fn change_integrity(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let (start, size) = part(bytes, offset::INTEGRITY);
    let fields = [
        field("integrity table's size", offset::INTEGRITY_SIZE, 4),
        field("number of check blocks", offset::INTEGRITY_COUNT, 4),
        with("size of check blocks", offset::INTEGRITY_CHUNK, 4, &[0, 1, 512, 4096, 65536]),
        field("hash of check block 0", offset::INTEGRITY_HASHES, 20),
        field("hash of check block 3", offset::INTEGRITY_HASHES + 60, 20),
    ];
    if size == 0 {
        return change_length(bytes, random);
    }
    value::change(bytes, start as usize, &fields, &[size], random)
}

/// Cuts the archive, anywhere or where a part of it begins, or makes it longer.
pub(super) fn change_length(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let (start, _) = part(bytes, *pick(random, &PARTS));
    let before = bytes.len();
    let len = match random.below(4) {
        0 => before + 1 + random.below(5000) as usize,
        1 => (start.min(before as u64) as usize + random.below(3) as usize).saturating_sub(1),
        2 => before.saturating_sub(1 + random.below(100) as usize),
        _ => random.below(before as u64 + 1) as usize,
    };
    bytes.resize(len, 0xEE);
    format!("{before:#x} bytes become {len:#x}")
}
