//! Faults of chunk tables and of compressed data.

use super::Outcome::{Opens, Warns};
use super::{Fault, Tree, changed, content, good, row, shows, unreadable, wim};
use crate::bytes::{Bytes, sha1};
use crate::resource::{Packed, Packing, chunked};
use crate::wim::{Blob, Built, Wim};
use crate::{content as contents, offset};

const READABLE: &[Tree] = &[shows(&["before", "text", "behind"])];
const UNREADABLE: &[Tree] = &[unreadable(&["before", "behind"], &["text"])];
const ALONE: &str = "that file alone fails";

pub(super) const ROWS: &[Fault] = &[
    row("chunk_table_backwards", chunk_table_backwards, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("chunk_empty", chunk_empty, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("chunk_too_long", chunk_too_long, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("chunk_beyond_resource", chunk_beyond_resource, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("chunk_table_beyond_resource", chunk_table_beyond_resource, "fails; nothing is allocated", Opens(UNREADABLE))
        .wimlib(65),
    row("size_max", size_max, "fails; nothing overflows", Opens(UNREADABLE)).wimlib(39),
    row("stored_size_max", stored_size_max, "fails; nothing is allocated", Warns(UNREADABLE)).wimlib(2),
    row("size_one_chunk_more", size_one_chunk_more, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("size_one_byte_less", size_one_byte_less, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("chunk_garbage", chunk_garbage, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("chunk_cut", chunk_cut, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("chunk_1_gib", chunk_1_gib, "that file alone fails; nothing is allocated", Opens(UNREADABLE)).wimlib(2),
    row("chunks_raw", chunks_raw, "readable: raw chunks, though nothing is gained", Opens(READABLE)).wimlib(0),
    row("lzx_trailing_word", lzx_trailing_word, "readable: old wimlib wrote it", Opens(READABLE)).wimlib(0),
    row("lzms_garbage", lzms_garbage, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("lzms_cut", lzms_cut, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("lzms_odd", lzms_odd, ALONE, Opens(UNREADABLE)).wimlib(2),
    row("lzms_trailing_word", lzms_trailing_word, "that file alone fails: both ends matter", Opens(UNREADABLE))
        .wimlib(2),
    row("xpress_trailing_word", xpress_trailing_word, "readable", Opens(READABLE)).wimlib(0),
];

fn compressed(packing: Packing) -> Wim {
    Wim { packing: Some(packing), ..wim([good("text")]) }
}

/// The text in four LZX chunks, and where its chunk table and its entry of the blob table are.
fn text(change: impl FnOnce(&mut Vec<u8>, usize, usize)) -> Built {
    changed(&compressed(Packing::Lzx(32768)), |built| {
        let place = built.resource(&content("text")).clone();
        assert_eq!(place.chunks.len(), 4);
        change(&mut built.bytes, place.table.start, place.entry);
    })
}

fn table_entry(bytes: &[u8], table: usize, index: usize) -> u32 {
    u32::from_le_bytes(bytes[table + 4 * index..][..4].try_into().expect("four bytes"))
}

/// The third chunk starts before the second.
pub fn chunk_table_backwards() -> Built {
    text(|bytes, table, _| {
        let (second, third) = (table_entry(bytes, table, 0), table_entry(bytes, table, 1));
        bytes.poke_u32(table, third);
        bytes.poke_u32(table + 4, second);
    })
}

/// The second chunk has no bytes.
pub fn chunk_empty() -> Built {
    text(|bytes, table, _| {
        let second = table_entry(bytes, table, 0);
        bytes.poke_u32(table + 4, second);
    })
}

/// The third chunk is longer than what it is to become.
pub fn chunk_too_long() -> Built {
    text(|bytes, table, _| {
        let fourth = table_entry(bytes, table, 2);
        bytes.poke_u32(table, 1);
        bytes.poke_u32(table + 4, fourth - 33000);
    })
}

/// The last chunk starts far behind the resource.
pub fn chunk_beyond_resource() -> Built {
    text(|bytes, table, _| bytes.poke_u32(table + 8, u32::MAX))
}

/// The chunk table would be larger than the resource.
pub fn chunk_table_beyond_resource() -> Built {
    text(|bytes, _, entry| bytes.poke_u64(entry + offset::RESOURCE_SIZE, 1 << 40))
}

/// An uncompressed size of 2^64 − 1.
pub fn size_max() -> Built {
    text(|bytes, _, entry| bytes.poke_u64(entry + offset::RESOURCE_SIZE, u64::MAX))
}

/// A stored size of 2^56 − 1.
pub fn stored_size_max() -> Built {
    text(|bytes, _, entry| bytes.poke(entry, &[0xFF; 7]))
}

/// One chunk more than there is.
pub fn size_one_chunk_more() -> Built {
    text(|bytes, _, entry| bytes.poke_u64(entry + offset::RESOURCE_SIZE, 132_768))
}

/// The uncompressed size is one byte short, the number of chunks is right.
pub fn size_one_byte_less() -> Built {
    text(|bytes, _, entry| bytes.poke_u64(entry + offset::RESOURCE_SIZE, 99_999))
}

/// An archive whose text is stored in these chunks.
fn with_chunks(packing: Packing, encode: impl Fn(&[u8]) -> Vec<u8>) -> Built {
    let data = content("text");
    let chunks: Vec<Vec<u8>> = data.chunks(packing.chunk_size()).map(encode).collect();
    let packed: Packed = chunked(data.len() as u64, &chunks);
    Wim { blobs: vec![Blob { hash: sha1(&data), packed }], ..compressed(packing) }.build()
}

/// Chunks of random bytes.
pub fn chunk_garbage() -> Built {
    with_chunks(Packing::Lzx(32768), |chunk| contents::random(chunk.len() / 2))
}

/// Every chunk lacks its second half.
pub fn chunk_cut() -> Built {
    with_cut_chunks(Packing::Lzx(32768))
}

fn with_cut_chunks(packing: Packing) -> Built {
    with_chunks(packing, |chunk| {
        let encoded = packing.encode(chunk);
        encoded[..(encoded.len() / 2).next_multiple_of(2)].to_vec()
    })
}

/// LZMS chunks of random bytes.
pub fn lzms_garbage() -> Built {
    with_chunks(Packing::Lzms(32768), |chunk| contents::random(chunk.len() / 2))
}

/// Every LZMS chunk lacks its second half.
pub fn lzms_cut() -> Built {
    with_cut_chunks(Packing::Lzms(32768))
}

/// Every LZMS chunk lacks its first byte.
pub fn lzms_odd() -> Built {
    let packing = Packing::Lzms(32768);
    with_chunks(packing, |chunk| packing.encode(chunk)[1..].to_vec())
}

/// One LZMS chunk that claims to become 1 GiB.
pub fn chunk_1_gib() -> Built {
    changed(&compressed(Packing::Lzms(1 << 30)), |built| {
        let entry = built.resource(&content("text")).entry;
        built.bytes.poke_u64(entry + offset::RESOURCE_SIZE, 1 << 30);
    })
}

/// A zero word behind each LZMS chunk.
pub fn lzms_trailing_word() -> Built {
    with_trailing_word(Packing::Lzms(32768))
}

/// Every chunk is raw.
pub fn chunks_raw() -> Built {
    with_chunks(Packing::Lzx(32768), <[u8]>::to_vec)
}

fn with_trailing_word(packing: Packing) -> Built {
    with_chunks(packing, |chunk| {
        let encoded = [packing.encode(chunk), vec![0; 2]].concat();
        if encoded.len() < chunk.len() { encoded } else { chunk.to_vec() }
    })
}

/// A zero word behind each LZX chunk.
pub fn lzx_trailing_word() -> Built {
    with_trailing_word(Packing::Lzx(32768))
}

/// A zero word behind each XPRESS chunk.
pub fn xpress_trailing_word() -> Built {
    with_trailing_word(Packing::Xpress(32768))
}
