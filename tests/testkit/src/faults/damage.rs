//! Sound archives that lost a bit or their end.

use super::Outcome::{Opens, Refused, Warns};
use super::{Fault, Tree, between, content, good, row, shows, unreadable};
use crate::image::Image;
use crate::resource::Packing;
use crate::root;
use crate::wim::{Built, Wim};

const INTACT: &[Tree] = &[shows(&["before", "text", "behind"]), shows(&["two"])];
const TEXT_LOST: &[Tree] = &[unreadable(&["before", "behind"], &["text"]), shows(&["two"])];
const BEFORE_LOST: &[Tree] = &[unreadable(&["text", "behind"], &["before"]), shows(&["two"])];
const IMAGE_LOST: &[Tree] = &[Tree::Fails, shows(&["two"])];
const NEVER: &str = "never wrong bytes; the neighbours stay readable";

pub(super) const ROWS: &[Fault] = &[
    row("undamaged", undamaged, "all is well", Opens(INTACT)).wimlib(0),
    row("undamaged_checked", undamaged_checked, "all is well", Opens(INTACT)).wimlib(0),
    row("flip_in_chunk", flip_in_chunk, NEVER, Opens(TEXT_LOST)).wimlib(28),
    row("flip_in_chunk_checked", flip_in_chunk_checked, NEVER, Opens(TEXT_LOST)).wimlib(13),
    row("flip_in_chunk_table", flip_in_chunk_table, NEVER, Opens(TEXT_LOST)).wimlib(2),
    row("flip_in_stored", flip_in_stored, NEVER, Opens(BEFORE_LOST)).wimlib(28),
    row("flip_in_stored_checked", flip_in_stored_checked, NEVER, Opens(BEFORE_LOST)).wimlib(13),
    row("flip_in_metadata", flip_in_metadata, "that image alone fails", Opens(IMAGE_LOST)).wimlib(21),
    row("flip_in_metadata_checked", flip_in_metadata_checked, "that image alone fails", Opens(IMAGE_LOST)).wimlib(13),
    row("flip_in_blob_hash", flip_in_blob_hash, "the file's data is missing", Opens(TEXT_LOST)).wimlib(55),
    row("flip_in_blob_hash_checked", flip_in_blob_hash_checked, "the file's data is missing", Opens(TEXT_LOST))
        .wimlib(13),
    row("flip_in_blob_offset", flip_in_blob_offset, NEVER, Opens(TEXT_LOST)).wimlib(2),
    row("flip_in_integrity_hash", flip_in_integrity_hash, "blobs' own hashes prove the data", Opens(INTACT)).wimlib(13),
    row("cut_in_data", cut_in_data, "refused: truncated", Refused).wimlib(65),
    row("cut_in_blob_table", cut_in_blob_table, "refused: truncated", Refused).wimlib(65),
    row("cut_in_xml", cut_in_xml, "images without names", Warns(INTACT)).wimlib(65),
    row("cut_in_integrity", cut_in_integrity, "blobs' own hashes are used", Warns(INTACT)).wimlib(65),
];

fn sound() -> Wim {
    let images = [Image::new("one", between([good("text")])), Image::new("two", root([good("two")]))];
    Wim::of(Packing::Lzx(32768), images)
}

/// The archive that the others here were, without integrity table.
pub fn undamaged() -> Built {
    sound().build()
}

/// The archive that the others here were, with an integrity table.
pub fn undamaged_checked() -> Built {
    sound().integrity(10 << 20).build()
}

fn flipped(mut built: Built, place: impl FnOnce(&Built) -> usize) -> Built {
    let at = place(&built);
    built.flip(at, 3);
    built
}

fn in_chunk(built: &Built) -> usize {
    let chunk = &built.resource(&content("text")).chunks[2];
    chunk.start + chunk.len() / 2
}

fn in_stored(built: &Built) -> usize {
    built.resource(&content("before")).range.start + 2
}

fn in_metadata(built: &Built) -> usize {
    let range = &built.places.metadata[0].range;
    range.start + range.len() / 2
}

fn in_blob_hash(built: &Built) -> usize {
    built.resource(&content("text")).entry + crate::offset::BLOB_HASH + 7
}

/// One bit of the third chunk of a compressed file.
pub fn flip_in_chunk() -> Built {
    flipped(undamaged(), in_chunk)
}

/// The same under an integrity table.
pub fn flip_in_chunk_checked() -> Built {
    flipped(undamaged_checked(), in_chunk)
}

/// One bit of a chunk table.
pub fn flip_in_chunk_table() -> Built {
    flipped(undamaged(), |built| built.resource(&content("text")).table.start + 4)
}

/// One bit of a stored file.
pub fn flip_in_stored() -> Built {
    flipped(undamaged(), in_stored)
}

/// The same under an integrity table.
pub fn flip_in_stored_checked() -> Built {
    flipped(undamaged_checked(), in_stored)
}

/// One bit of the first image's metadata.
pub fn flip_in_metadata() -> Built {
    flipped(undamaged(), in_metadata)
}

/// The same under an integrity table.
pub fn flip_in_metadata_checked() -> Built {
    flipped(undamaged_checked(), in_metadata)
}

/// One bit of a hash in the blob table.
pub fn flip_in_blob_hash() -> Built {
    flipped(undamaged(), in_blob_hash)
}

/// The same under an integrity table.
pub fn flip_in_blob_hash_checked() -> Built {
    flipped(undamaged_checked(), in_blob_hash)
}

/// One bit of an offset in the blob table.
pub fn flip_in_blob_offset() -> Built {
    flipped(undamaged(), |built| built.resource(&content("text")).entry + crate::offset::RESOURCE_OFFSET)
}

/// One bit of the integrity table: what it covers is sound.
pub fn flip_in_integrity_hash() -> Built {
    flipped(undamaged_checked(), |built| built.places.integrity.start + crate::offset::INTEGRITY_HASHES)
}

fn cut(mut built: Built, place: impl FnOnce(&Built) -> usize) -> Built {
    let at = place(&built);
    built.bytes.truncate(at);
    built
}

/// Cut in a file's data.
pub fn cut_in_data() -> Built {
    cut(undamaged(), in_chunk)
}

/// Cut in the blob table.
pub fn cut_in_blob_table() -> Built {
    cut(undamaged(), |built| built.places.blob_table.end - 1)
}

/// Cut in the XML data.
pub fn cut_in_xml() -> Built {
    cut(undamaged(), |built| built.places.xml.end - 1)
}

/// Cut in the integrity table.
pub fn cut_in_integrity() -> Built {
    cut(undamaged_checked(), |built| built.places.integrity.end - 1)
}
