//! Faults of the header: wim-format, "Header".

use super::Outcome::{Opens, Refused, Warns};
use super::{Fault, NEIGHBOURS, changed, row, wim};
use crate::bytes::Bytes;
use crate::resource::Packing;
use crate::wim::{Built, Wim};
use crate::{flag, offset};

pub(super) const ROWS: &[Fault] = &[
    row("header_short", header_short, "refused: truncated", Refused).wimlib(65),
    row("empty_file", empty_file, "refused: truncated", Refused).wimlib(65),
    row("magic_wrong", magic_wrong, "refused: not a WIM", Refused).wimlib(43),
    row("header_size_wrong", header_size_wrong, "refused", Refused).wimlib(17),
    row("version_old", version_old, "refused: unsupported version, named", Refused).wimlib(67),
    row("part_zero", part_zero, "refused", Refused).wimlib(25),
    row("part_count_zero", part_count_zero, "refused", Refused).wimlib(25),
    row("part_above_count", part_above_count, "refused", Refused).wimlib(25),
    row("image_count_huge", image_count_huge, "refused: at most 65535 images", Refused).wimlib(10),
    row("incomplete", incomplete, "refused: incomplete", Refused).wimlib(84),
    row("compression_without_type", compression_without_type, "refused", Refused).wimlib(16),
    row("two_compression_types", two_compression_types, "refused, naming the flags", Refused).wimlib(0),
    row("chunk_size_no_power", chunk_size_no_power, "refused", Refused).wimlib(15),
    row("chunk_size_huge", chunk_size_huge, "refused", Refused).wimlib(15),
    row("chunk_size_zero", chunk_size_zero, "chunks of 32 KiB are meant", Opens(&[NEIGHBOURS])).wimlib(15),
    row("chunk_size_when_stored", chunk_size_when_stored, "means nothing", Opens(&[NEIGHBOURS])).wimlib(15),
    row("xpress_2", xpress_2, "the same as XPRESS", Opens(&[NEIGHBOURS])).wimlib(0),
    row("type_without_compression", type_without_compression, "nothing is compressed", Opens(&[NEIGHBOURS])).wimlib(0),
    row("boot_index_beyond", boot_index_beyond, "there is no boot image", Warns(&[NEIGHBOURS])).wimlib(0),
    row("write_in_progress", write_in_progress, "readable all the same", Warns(&[NEIGHBOURS])).wimlib(0),
];

fn poked(change: impl FnOnce(&mut Vec<u8>)) -> Built {
    changed(&wim([]), |built| change(&mut built.bytes))
}

/// Cut in the header.
pub fn header_short() -> Built {
    poked(|bytes| bytes.truncate(207))
}

/// No bytes at all.
pub fn empty_file() -> Built {
    poked(Vec::clear)
}

/// Another format's first bytes.
pub fn magic_wrong() -> Built {
    poked(|bytes| bytes[offset::MAGIC] = b'X')
}

/// Header size 212.
pub fn header_size_wrong() -> Built {
    poked(|bytes| bytes.poke_u32(offset::HEADER_SIZE, 212))
}

/// Version 1.12.
pub fn version_old() -> Built {
    poked(|bytes| bytes.poke_u32(offset::VERSION, 0x10C00))
}

/// Part 0 of 1.
pub fn part_zero() -> Built {
    poked(|bytes| bytes.poke_u16(offset::PART_NUMBER, 0))
}

/// Part 1 of 0.
pub fn part_count_zero() -> Built {
    poked(|bytes| bytes.poke_u16(offset::PART_COUNT, 0))
}

/// Part 2 of 1.
pub fn part_above_count() -> Built {
    poked(|bytes| bytes.poke_u16(offset::PART_NUMBER, 2))
}

/// 65536 images.
pub fn image_count_huge() -> Built {
    poked(|bytes| bytes.poke_u32(offset::IMAGE_COUNT, 65536))
}

/// Neither a blob table nor XML data, as a writer leaves it that died.
pub fn incomplete() -> Built {
    poked(|bytes| bytes.poke(offset::BLOB_TABLE, &[0; 2 * offset::RESOURCE_END]))
}

/// COMPRESSION without a type.
pub fn compression_without_type() -> Built {
    poked(|bytes| bytes.poke_u32(offset::FLAGS, flag::COMPRESSION))
}

/// LZX and XPRESS together.
pub fn two_compression_types() -> Built {
    poked(|bytes| {
        bytes.poke_u32(offset::FLAGS, flag::COMPRESSION | flag::XPRESS | flag::LZX);
        bytes.poke_u32(offset::CHUNK_SIZE, 32768);
    })
}

fn compressed(packing: Packing, change: impl FnOnce(&mut Vec<u8>)) -> Built {
    changed(&Wim { packing: Some(packing), ..wim([]) }, |built| change(&mut built.bytes))
}

/// LZX with chunks of 40000 bytes.
pub fn chunk_size_no_power() -> Built {
    compressed(Packing::Lzx(32768), |bytes| bytes.poke_u32(offset::CHUNK_SIZE, 40000))
}

/// LZX with chunks of 1 GiB.
pub fn chunk_size_huge() -> Built {
    compressed(Packing::Lzx(32768), |bytes| bytes.poke_u32(offset::CHUNK_SIZE, 1 << 30))
}

/// LZX with a chunk size of 0.
pub fn chunk_size_zero() -> Built {
    compressed(Packing::Lzx(32768), |bytes| bytes.poke_u32(offset::CHUNK_SIZE, 0))
}

/// Chunk size 12345 in an archive that compresses nothing.
pub fn chunk_size_when_stored() -> Built {
    poked(|bytes| bytes.poke_u32(offset::CHUNK_SIZE, 12345))
}

/// XPRESS by its second flag.
pub fn xpress_2() -> Built {
    compressed(Packing::Xpress(4096), |bytes| bytes.poke_u32(offset::FLAGS, flag::COMPRESSION | flag::XPRESS_2))
}

/// The flag of LZX without the flag that resources may be compressed; none is.
pub fn type_without_compression() -> Built {
    poked(|bytes| bytes.poke_u32(offset::FLAGS, flag::LZX))
}

/// Boot image 7 of 1.
pub fn boot_index_beyond() -> Built {
    poked(|bytes| bytes.poke_u32(offset::BOOT_INDEX, 7))
}

/// The flag that a writer is at work.
pub fn write_in_progress() -> Built {
    poked(|bytes| bytes.poke_u32(offset::FLAGS, flag::WRITE_IN_PROGRESS))
}
