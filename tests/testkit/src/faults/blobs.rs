//! Faults of single entries of the blob table.

use super::Outcome::{Opens, Refused, Warns};
use super::{Fault, NEIGHBOURS, Tree, between, changed, content, good, row, shows, unreadable, wim};
use crate::bytes::{Bytes, sha1};
use crate::image::Image;
use crate::resource::{Packing, stored};
use crate::wim::{Blob, Built, Wim};
use crate::{flag, offset, root};

const VICTIM_READABLE: &[Tree] = &[shows(&["before", "victim", "behind"])];
const VICTIM_UNREADABLE: &[Tree] = &[unreadable(&["before", "behind"], &["victim"])];
const FIRST_FAILS: &[Tree] = &[Tree::Fails, shows(&["two"])];

pub(super) const ROWS: &[Fault] = &[
    row("blob_missing", blob_missing, "listed; reading says that its data is missing", Opens(VICTIM_UNREADABLE))
        .wimlib(55),
    row("blob_hash_wrong", blob_hash_wrong, "listed; reading fails", Opens(VICTIM_UNREADABLE)).wimlib(28),
    row("blob_beyond_end", blob_beyond_end, "that file alone fails", Warns(VICTIM_UNREADABLE)).wimlib(65),
    row("blob_wraps", blob_wraps, "that file alone fails", Warns(VICTIM_UNREADABLE)).wimlib(50),
    row("blob_sizes_differ", blob_sizes_differ, "that file alone fails", Warns(VICTIM_UNREADABLE)).wimlib(20),
    row("blob_in_header", blob_in_header, "its bytes have another hash: reading fails", Opens(VICTIM_UNREADABLE))
        .wimlib(28),
    row("blob_of_other_part", blob_of_other_part, "ignored: its data is missing", Warns(VICTIM_UNREADABLE)).wimlib(55),
    row("blob_hash_zero", blob_hash_zero, "ignored", Opens(&[NEIGHBOURS])).wimlib(0),
    row("blob_size_zero", blob_size_zero, "ignored", Warns(&[NEIGHBOURS])).wimlib(0),
    row("blob_twice", blob_twice, "the first entry wins; the second is past the end", Warns(VICTIM_READABLE)).wimlib(0),
    row("blobs_overlap", blobs_overlap, "both can be read", Opens(&[shows(&["overlapping", "lapp"])])).wimlib(0),
    row("blob_reference_count_zero", blob_reference_count_zero, "counts mean nothing", Opens(VICTIM_READABLE))
        .wimlib(0),
    row("metadata_unreferenced", metadata_unreferenced, "no image", Warns(&[shows(&["two"])])).wimlib(0),
    row("metadata_referenced_twice", metadata_referenced_twice, "an image", Warns(&[NEIGHBOURS])).wimlib(20),
    row("metadata_of_other_part", metadata_of_other_part, "no image", Warns(&[shows(&["two"])])).wimlib(0),
    row("metadata_sizes_differ", metadata_sizes_differ, "that image alone fails", Warns(FIRST_FAILS)).wimlib(20),
    row("metadata_beyond_end", metadata_beyond_end, "that image alone fails", Warns(FIRST_FAILS)).wimlib(65),
    row("metadata_hash_wrong", metadata_hash_wrong, "that image alone fails", Opens(FIRST_FAILS)).wimlib(21),
    row("metadata_solid", metadata_solid, "that image alone fails", Warns(FIRST_FAILS)).wimlib(20),
    row("metadata_bomb", metadata_bomb, "that image fails; nothing is allocated for it", Opens(FIRST_FAILS)).wimlib(39),
    row("metadata_bomb_of_16_eib", metadata_bomb_of_16_eib, "the same, and no sum overflows", Opens(FIRST_FAILS))
        .wimlib(39),
    row("blob_table_remainder", blob_table_remainder, "seven bytes too many are ignored", Warns(&[NEIGHBOURS]))
        .wimlib(0),
    row("blob_table_bomb", blob_table_bomb, "refused: its chunks cannot hold so much", Refused).wimlib(39),
    row("boot_metadata_wrong", boot_metadata_wrong, "the boot image is what the index says", Warns(&[NEIGHBOURS]))
        .wimlib(0),
];

/// An archive with a `victim`, whose entry is changed.
fn entry(change: impl FnOnce(&mut Vec<u8>, usize)) -> Built {
    changed(&wim([good("victim")]), |built| {
        let at = built.resource(&content("victim")).entry;
        change(&mut built.bytes, at);
    })
}

/// An archive of two images, whose first metadata entry is changed.
fn metadata_entry(packing: Packing, change: impl FnOnce(&mut Vec<u8>, usize)) -> Built {
    let images = [Image::new("one", between([])), Image::new("two", root([good("two")]))];
    changed(&Wim::of(packing, images), |built| {
        let at = built.places.metadata[0].entry;
        change(&mut built.bytes, at);
    })
}

/// A file whose blob no entry names.
pub fn blob_missing() -> Built {
    Wim { without: vec![sha1(&content("victim"))], ..wim([good("victim")]) }.build()
}

/// A blob with other bytes than its hash says.
pub fn blob_hash_wrong() -> Built {
    let blob = Blob { hash: sha1(&content("victim")), packed: stored(b"VICTIM") };
    Wim { blobs: vec![blob], ..wim([good("victim")]) }.build()
}

/// A blob behind the end of the file.
pub fn blob_beyond_end() -> Built {
    entry(|bytes, at| bytes.poke_u64(at + offset::RESOURCE_OFFSET, 1 << 40))
}

/// A blob whose end is past 2^64.
pub fn blob_wraps() -> Built {
    entry(|bytes, at| bytes.poke_u64(at + offset::RESOURCE_OFFSET, u64::MAX - 2))
}

/// A stored blob whose uncompressed size is another than its stored size.
pub fn blob_sizes_differ() -> Built {
    entry(|bytes, at| bytes.poke_u64(at + offset::RESOURCE_SIZE, 7))
}

/// A blob that lies at the header.
pub fn blob_in_header() -> Built {
    entry(|bytes, at| bytes.poke_u64(at + offset::RESOURCE_OFFSET, 0))
}

/// A blob of part 2 in part 1 of 1.
pub fn blob_of_other_part() -> Built {
    entry(|bytes, at| bytes.poke_u16(at + offset::BLOB_PART, 2))
}

/// An entry without hash.
pub fn blob_hash_zero() -> Built {
    Wim { blobs: vec![Blob { hash: [0; 20], packed: stored(b"unused") }], ..wim([]) }.build()
}

/// An entry without size.
pub fn blob_size_zero() -> Built {
    Wim { blobs: vec![Blob { hash: sha1(b"unused"), packed: stored(b"") }], ..wim([]) }.build()
}

/// Two entries of one hash, the second past the end of the file.
pub fn blob_twice() -> Built {
    let blob = Blob::new(&content("victim"), Packing::Stored);
    changed(&Wim { blobs: vec![blob.clone(), blob], ..wim([good("victim")]) }, |built| {
        let at = built.places.resources[1].entry;
        built.bytes.poke_u64(at + offset::RESOURCE_OFFSET, 1 << 40);
    })
}

/// A blob that lies inside another.
pub fn blobs_overlap() -> Built {
    let (outer, inner) = (content("overlapping"), content("lapp"));
    let tree = root([good("overlapping"), good("lapp")]);
    changed(&Wim::new(Packing::Stored, tree), |built| {
        let inside = built.resource(&outer).range.start as u64 + 4;
        let at = built.resource(&inner).entry;
        built.bytes.poke_u64(at + offset::RESOURCE_OFFSET, inside);
    })
}

/// A used blob that claims to be unused.
pub fn blob_reference_count_zero() -> Built {
    entry(|bytes, at| bytes.poke_u32(at + offset::BLOB_REFERENCES, 0))
}

/// Metadata that nothing refers to, as WAIK wrote.
pub fn metadata_unreferenced() -> Built {
    metadata_entry(Packing::Stored, |bytes, at| bytes.poke_u32(at + offset::BLOB_REFERENCES, 0))
}

/// Metadata with two references.
pub fn metadata_referenced_twice() -> Built {
    changed(&wim([]), |built| {
        let at = built.places.metadata[0].entry;
        built.bytes.poke_u32(at + offset::BLOB_REFERENCES, 2);
    })
}

/// Metadata of part 2 in part 1 of 1.
pub fn metadata_of_other_part() -> Built {
    metadata_entry(Packing::Stored, |bytes, at| bytes.poke_u16(at + offset::BLOB_PART, 2))
}

/// Stored metadata whose uncompressed size is another than its stored size.
pub fn metadata_sizes_differ() -> Built {
    metadata_entry(Packing::Stored, |bytes, at| bytes.poke_u64(at + offset::RESOURCE_SIZE, 100))
}

/// Metadata behind the end of the file.
pub fn metadata_beyond_end() -> Built {
    metadata_entry(Packing::Stored, |bytes, at| bytes.poke_u64(at + offset::RESOURCE_OFFSET, 1 << 40))
}

/// Metadata with another hash.
pub fn metadata_hash_wrong() -> Built {
    metadata_entry(Packing::Stored, |bytes, at| bytes[at + offset::BLOB_HASH] ^= 1)
}

/// Metadata with the flag of solid resources.
pub fn metadata_solid() -> Built {
    let mut built = metadata_entry(Packing::Stored, |bytes, at| bytes[at + offset::RESOURCE_FLAGS] |= flag::SOLID);
    built.bytes.poke_u32(offset::VERSION, 0xE00);
    built
}

/// Compressed metadata that claims to become 1 TiB.
pub fn metadata_bomb() -> Built {
    metadata_entry(Packing::Lzx(32768), |bytes, at| {
        bytes[at + offset::RESOURCE_FLAGS] |= flag::COMPRESSED;
        bytes.poke_u64(at + offset::RESOURCE_SIZE, 1 << 40);
    })
}

/// Compressed metadata that claims to become as much as the field can say.
pub fn metadata_bomb_of_16_eib() -> Built {
    metadata_entry(Packing::Lzx(32768), |bytes, at| {
        bytes[at + offset::RESOURCE_FLAGS] |= flag::COMPRESSED;
        bytes.poke_u64(at + offset::RESOURCE_SIZE, u64::MAX - 1);
    })
}

/// A blob table of seven bytes more than entries have.
pub fn blob_table_remainder() -> Built {
    changed(&wim([]), |built| {
        let size = built.places.blob_table.len() as u64 + 7;
        built.bytes.poke(offset::BLOB_TABLE, &size.to_le_bytes()[..7]);
        built.bytes.poke_u64(offset::BLOB_TABLE + offset::RESOURCE_SIZE, size);
    })
}

/// A compressed blob table that claims to become 1 TiB.
pub fn blob_table_bomb() -> Built {
    changed(&Wim { packing: Some(Packing::Lzx(32768)), ..wim([]) }, |built| {
        built.bytes[offset::BLOB_TABLE + offset::RESOURCE_FLAGS] |= flag::COMPRESSED;
        built.bytes.poke_u64(offset::BLOB_TABLE + offset::RESOURCE_SIZE, 1 << 40);
    })
}

/// The boot image's place in the header is no image's.
pub fn boot_metadata_wrong() -> Built {
    changed(&Wim { boot_index: 1, ..wim([]) }, |built| {
        built.bytes.poke_u64(offset::BOOT_METADATA + offset::RESOURCE_OFFSET, 208);
    })
}
