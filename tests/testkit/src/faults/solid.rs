//! Faults of solid resources, of their chunks, and of the entries of blobs in them.

use super::Outcome::{Opens, Warns};
use super::{Fault, Tree, changed, content, good, row, shows, unreadable, wim};
use crate::bytes::Bytes;
use crate::resource::Packing;
use crate::solid::Solid;
use crate::wim::{Blob, Built, Place, Wim};
use crate::{content as contents, flag, offset};

const READABLE: &[Tree] = &[shows(&["before", "text", "victim", "behind"])];
const TEXT_UNREADABLE: &[Tree] = &[unreadable(&["before", "victim", "behind"], &["text"])];
const VICTIM_UNREADABLE: &[Tree] = &[unreadable(&["before", "text", "behind"], &["victim"])];
const SOLID_UNREADABLE: &[Tree] = &[unreadable(&["before", "behind"], &["text", "victim"])];

pub(super) const ROWS: &[Fault] = &[
    row("solid_beyond_end", solid_beyond_end, "its blobs alone fail", Warns(SOLID_UNREADABLE)).wimlib(65),
    row("solid_without_header", solid_without_header, "its blobs alone fail", Warns(SOLID_UNREADABLE)).wimlib(2),
    row("solid_compression_unknown", solid_compression_unknown, "its blobs alone fail", Warns(SOLID_UNREADABLE))
        .wimlib(16),
    row("solid_uncompressed", solid_uncompressed, "readable: raw chunks", Opens(READABLE)).wimlib(16),
    row("solid_chunk_size_zero", solid_chunk_size_zero, "its blobs alone fail", Warns(SOLID_UNREADABLE)).wimlib(15),
    row("solid_chunk_size_no_power", solid_chunk_size_no_power, "its blobs alone fail", Warns(SOLID_UNREADABLE))
        .wimlib(15),
    row("solid_size_max", solid_size_max, "its blobs fail; nothing is allocated", Warns(SOLID_UNREADABLE)).wimlib(2),
    row("solid_chunk_1_gib", solid_chunk_1_gib, "its blobs fail; nothing is allocated", Opens(SOLID_UNREADABLE))
        .wimlib(2),
    row("solid_size_less", solid_size_less, "blobs behind its end fail", Warns(VICTIM_UNREADABLE)).wimlib(20),
    row("solid_chunk_empty", solid_chunk_empty, "its blobs alone fail", Opens(SOLID_UNREADABLE)).wimlib(2),
    row("solid_chunk_too_long", solid_chunk_too_long, "its blobs alone fail", Opens(SOLID_UNREADABLE)).wimlib(2),
    row("solid_chunks_beyond_resource", solid_chunks_beyond_resource, "its blobs alone fail", Opens(SOLID_UNREADABLE))
        .wimlib(0),
    row("solid_trailing_bytes", solid_trailing_bytes, "readable: they are ignored", Opens(READABLE)).wimlib(0),
    row("solid_chunk_garbage", solid_chunk_garbage, "the one blob in that chunk fails", Opens(TEXT_UNREADABLE))
        .wimlib(2),
    row("solid_blob_hash_wrong", solid_blob_hash_wrong, "that file alone fails", Opens(VICTIM_UNREADABLE)).wimlib(28),
    row("solid_blob_outside", solid_blob_outside, "that file alone fails", Warns(VICTIM_UNREADABLE)).wimlib(20),
    row("solid_blob_wraps", solid_blob_wraps, "that file alone fails", Warns(VICTIM_UNREADABLE)).wimlib(20),
    row("solid_blob_crosses", solid_blob_crosses, "that file alone fails", Warns(TEXT_UNREADABLE)).wimlib(20),
    row("solid_blobs_overlap", solid_blobs_overlap, "the one that begins later fails", Warns(VICTIM_UNREADABLE))
        .wimlib(20),
    row("solid_run_without_resource", solid_run_without_resource, "its blobs alone fail", Warns(SOLID_UNREADABLE))
        .wimlib(20),
    row("solid_in_version_1_13", solid_in_version_1_13, "the flag means nothing: missing", Warns(SOLID_UNREADABLE))
        .wimlib(20),
    row("solid_two_runs", solid_two_runs, "readable: as after an append", Opens(READABLE)).wimlib(0),
    row("solid_gap", solid_gap, "what is behind is readable: as after a raw copy", Opens(TEXT_UNREADABLE)).wimlib(55),
];

/// A text and a victim behind it in a solid resource of chunks of 4 KiB, between neighbours with
/// resources of their own.
fn solid_wim() -> Wim {
    let neighbours = ["before", "behind"].map(|name| Blob::new(&content(name), Packing::Stored));
    let solid = Some(Solid::new(Packing::Xpress(4096)));
    Wim { blobs: neighbours.into(), solid, ..wim([good("text"), good("victim")]) }
}

/// The same with raw chunks of 32 KiB.
fn uncompressed() -> Wim {
    Wim { solid: Some(Solid::new(Packing::Stored)), ..solid_wim() }
}

/// The archive with raw chunks of 32 KiB that say they are XPRESS, changed.
fn raw(change: impl FnOnce(&mut Built, &Place)) -> Built {
    changed(&uncompressed(), |built| {
        let place = built.places.solid[0].clone();
        built.bytes.poke_u32(place.range.start + offset::SOLID_FORMAT, 1);
        change(built, &place);
    })
}

/// The archive, with its solid resource changed.
fn resource(change: impl FnOnce(&mut Vec<u8>, &Place)) -> Built {
    changed(&solid_wim(), |built| {
        let place = built.places.solid[0].clone();
        change(&mut built.bytes, &place);
    })
}

/// The archive, with a u32 of its solid resource changed.
fn header(field: usize, value: u32) -> Built {
    resource(|bytes, place| bytes.poke_u32(place.range.start + field, value))
}

/// The archive, with the entry of a file changed.
fn entry(file: &str, change: impl FnOnce(&mut Vec<u8>, usize)) -> Built {
    changed(&solid_wim(), |built| {
        let at = built.resource(&content(file)).entry;
        change(&mut built.bytes, at);
    })
}

/// A solid resource behind the end of the file.
pub fn solid_beyond_end() -> Built {
    resource(|bytes, place| bytes.poke_u64(place.entry + offset::RESOURCE_OFFSET, 1 << 40))
}

/// A solid resource of 15 bytes, one less than its header has.
pub fn solid_without_header() -> Built {
    resource(|bytes, place| bytes.poke(place.entry, &[15, 0, 0, 0, 0, 0, 0]))
}

/// Compression 4.
pub fn solid_compression_unknown() -> Built {
    header(offset::SOLID_FORMAT, 4)
}

/// Chunks that are not compressed.
pub fn solid_uncompressed() -> Built {
    uncompressed().build()
}

/// Chunks of no bytes.
pub fn solid_chunk_size_zero() -> Built {
    header(offset::SOLID_CHUNK_SIZE, 0)
}

/// Chunks of 5000 bytes.
pub fn solid_chunk_size_no_power() -> Built {
    header(offset::SOLID_CHUNK_SIZE, 5000)
}

/// An uncompressed size of 2^64 − 1.
pub fn solid_size_max() -> Built {
    resource(|bytes, place| bytes.poke_u64(place.range.start + offset::SOLID_SIZE, u64::MAX))
}

/// One LZMS chunk that claims to become 1 GiB.
pub fn solid_chunk_1_gib() -> Built {
    changed(&Wim { solid: Some(Solid::new(Packing::Lzms(1 << 30))), ..solid_wim() }, |built| {
        let start = built.places.solid[0].range.start;
        built.bytes.poke_u64(start + offset::SOLID_SIZE, 1 << 30);
    })
}

/// An uncompressed size that ends in the victim.
pub fn solid_size_less() -> Built {
    raw(|built, place| {
        let last = place.chunks.len() - 1;
        built.bytes.poke_u64(place.range.start + offset::SOLID_SIZE, 100_005);
        built.bytes.poke_u32(place.range.start + offset::SOLID_CHUNKS + 4 * last, place.chunks[last].len() as u32 - 1);
    })
}

/// The second chunk has no bytes.
pub fn solid_chunk_empty() -> Built {
    header(offset::SOLID_CHUNKS + 4, 0)
}

/// The second chunk is longer than what it is to become.
pub fn solid_chunk_too_long() -> Built {
    header(offset::SOLID_CHUNKS + 4, 4097)
}

/// The chunks do not fit into the resource.
pub fn solid_chunks_beyond_resource() -> Built {
    resource(|bytes, place| {
        let size = (place.range.len() as u64 - 1).to_le_bytes();
        bytes.poke(place.entry, &size[..7]);
    })
}

/// Seven bytes behind the last chunk.
pub fn solid_trailing_bytes() -> Built {
    let wim = Wim { gap: 7, ..solid_wim() };
    changed(&wim, |built| {
        let place = built.places.solid[0].clone();
        let size = (place.range.len() as u64 + 7).to_le_bytes();
        built.bytes.poke(place.entry, &size[..7]);
    })
}

/// A chunk of random bytes.
pub fn solid_chunk_garbage() -> Built {
    resource(|bytes, place| {
        let chunk = place.chunks[5].clone();
        let garbage = contents::random(chunk.len());
        bytes.poke(chunk.start, &garbage);
    })
}

/// A blob with other bytes than its hash says.
pub fn solid_blob_hash_wrong() -> Built {
    raw(|built, place| built.flip(place.range.end - 1, 5))
}

/// A blob behind the last solid resource of its run.
pub fn solid_blob_outside() -> Built {
    entry("victim", |bytes, at| bytes.poke_u64(at + offset::RESOURCE_OFFSET, 100_006))
}

/// A blob whose end is past 2^64.
pub fn solid_blob_wraps() -> Built {
    entry("victim", |bytes, at| bytes.poke_u64(at + offset::RESOURCE_OFFSET, u64::MAX - 2))
}

/// A blob that begins in one resource and ends in the next.
pub fn solid_blob_crosses() -> Built {
    let two = Wim { solid: Some(Solid { packing: Packing::Xpress(4096), resources: 2 }), ..solid_wim() };
    changed(&two, |built| {
        let at = built.resource(&content("text")).entry;
        built.bytes.poke_u64(at + offset::RESOURCE_OFFSET, 1);
    })
}

/// A blob that begins inside another.
pub fn solid_blobs_overlap() -> Built {
    entry("victim", |bytes, at| bytes.poke_u64(at + offset::RESOURCE_OFFSET, 99_999))
}

/// Blobs without a solid resource: its entry is not solid.
pub fn solid_run_without_resource() -> Built {
    resource(|bytes, place| bytes[place.entry + offset::RESOURCE_FLAGS] &= !flag::SOLID)
}

/// The version that knows no solid resources.
pub fn solid_in_version_1_13() -> Built {
    changed(&solid_wim(), |built| built.bytes.poke_u32(offset::VERSION, 0x10D00))
}

/// Two runs: the entries of two solid resources with a plain one between them.
pub fn solid_two_runs() -> Built {
    let two = Wim { solid: Some(Solid { packing: Packing::Xpress(4096), resources: 2 }), ..solid_wim() };
    changed(&two, |built| {
        // Resource, resource, text, victim, before, behind become resource, text, before, resource,
        // victim, behind.
        let table = built.places.solid[0].entry;
        let entries: Vec<Vec<u8>> = built.bytes[table..][..6 * 50].chunks(50).map(<[u8]>::to_vec).collect();
        for (at, from) in [0, 2, 4, 1, 3, 5].into_iter().enumerate() {
            built.bytes.poke(table + 50 * at, &entries[from]);
        }
        built.bytes.poke_u64(table + 4 * 50 + offset::RESOURCE_OFFSET, 0);
    })
}

/// A solid resource with data that no blob uses.
pub fn solid_gap() -> Built {
    entry("text", |bytes, at| bytes.poke(at + offset::BLOB_HASH, &[0; 20]))
}
