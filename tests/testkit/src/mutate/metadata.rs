//! Changes of an image's metadata, byte by byte: fields of a dentry, of an extra stream entry, of
//! the security data.

use super::specimen::Specimen;
use super::value::{self, Field, field, pick, read, with};
use crate::bytes::Bytes;
use crate::content::Random;
use crate::{flag, offset};

const DENTRY: [Field; 20] = {
    use offset::*;
    let attributes = with(
        "attributes",
        DENTRY_ATTRIBUTES,
        4,
        &[0, 0x10, 0x20, 0x400, 0x410, 0x420, 0x200, 0x800, 0x1000, 0x4000, 0x4010, 0x6, 0xFFFF_FFFF, 0x8_0000],
    );
    let union = with(
        "link id or reparse tag",
        DENTRY_UNION,
        8,
        &[0, 1, 2, 0xA000_000C, 0xA000_0003, 0x8000_0017, 0x8000_0013, 0x9000_001A, 0x8000_0014],
    );
    let streams = with("stream count", DENTRY_STREAM_COUNT, 2, &[0, 1, 2, 3, 65535]);
    let subdir = field("subdir offset", DENTRY_SUBDIR, 8);
    [
        field("dentry length", DENTRY_LENGTH, 8),
        attributes,
        attributes,
        with("security id", DENTRY_SECURITY, 4, &[0, 1, 2, 0xFFFF_FFFF]),
        subdir,
        subdir,
        field("creation time", DENTRY_CREATED, 8),
        field("access time", DENTRY_ACCESSED, 8),
        field("write time", DENTRY_WRITTEN, 8),
        field("hash", DENTRY_HASH, 20),
        field("unknown", DENTRY_UNKNOWN, 4),
        union,
        union,
        streams,
        streams,
        field("short name's length", DENTRY_SHORT_LENGTH, 2),
        field("name's length", DENTRY_NAME_LENGTH, 2),
        with("name's unit 0", DENTRY_NAME, 2, &[0, 0x2E, 0x2F, 0x3A, 0x5C, 0xD800, 0xDC00, 0x41]),
        with("name's unit 1", DENTRY_NAME + 2, 2, &[0, 0x2E, 0x2F, 0x3A, 0x5C, 0xD800, 0xDC00]),
        field("name's unit 2", DENTRY_NAME + 4, 2),
    ]
};

const STREAM: [Field; 5] = {
    use offset::*;
    [
        field("stream entry's length", STREAM_LENGTH, 8),
        field("stream entry's reserved field", STREAM_LENGTH + 8, 8),
        field("stream's hash", STREAM_HASH, 20),
        field("stream name's length", STREAM_NAME_LENGTH, 2),
        with("stream name's unit 0", STREAM_NAME, 2, &[0, 0x2E, 0x2F, 0x3A, 0x24]),
    ]
};

const SECURITY: [Field; 4] = [
    field("security data's length", 0, 4),
    with("number of descriptors", 4, 4, &[0, 1, 2, 3]),
    field("descriptor's length", 8, 8),
    field("second descriptor's length", 16, 8),
];

/// A dentry found by going through the metadata.
struct Place {
    at: usize,
    /// Its extra stream entries.
    streams: Vec<usize>,
}

pub(super) fn change(draft: &mut Specimen, random: &mut Random) -> String {
    if draft.trees.is_empty() {
        return super::body::change_data(draft, random);
    }
    let number = random.below(draft.trees.len() as u64) as usize;
    let mut bytes = draft.trees[number].bytes.clone();
    let places = places(&bytes);
    let what = match random.below(12) {
        0 => value::change(&mut bytes, 0, &SECURITY, &[], random),
        1 | 2 => match places.iter().flat_map(|place| &place.streams).copied().collect::<Vec<_>>() {
            streams if streams.is_empty() => change_dentry(&mut bytes, &places, random),
            streams => value::change(&mut bytes, *pick(random, &streams), &STREAM, &[40, 48, 0], random),
        },
        3 => change_hash(draft, &mut bytes, &places, random),
        4 => {
            let len = random.below(bytes.len() as u64) as usize;
            bytes.truncate(len);
            format!("cut to {len:#x} bytes")
        }
        5 => change_tagged(&mut bytes, &places, random),
        _ => change_dentry(&mut bytes, &places, random),
    };
    draft.trees[number].put(bytes);
    format!("metadata {number}: {what}")
}

/// A field of a dentry, perhaps to what it is in another.
fn change_dentry(bytes: &mut [u8], places: &[Place], random: &mut Random) -> String {
    if places.is_empty() {
        return value::change(bytes, 0, &SECURITY, &[], random);
    }
    let (one, other) = (pick(random, places), pick(random, places));
    let subdir = bytes.get(other.at + offset::DENTRY_SUBDIR..).map_or(0, |rest| read(&rest[..8]));
    let hints = [subdir, other.at as u64, bytes.len() as u64, subdir.wrapping_add(8)];
    let what = value::change(bytes, one.at, &DENTRY, &hints, random);
    format!("dentry at {:#x}: {what}", one.at)
}

/// Gives a dentry the content of another blob of the archive: a right one, but for the names that
/// share an inode.
fn change_hash(draft: &Specimen, bytes: &mut Vec<u8>, places: &[Place], random: &mut Random) -> String {
    if places.is_empty() || draft.rows.is_empty() {
        return "no dentries".to_owned();
    }
    let place = pick(random, places);
    let hash = &pick(random, &draft.rows)[offset::BLOB_HASH..];
    bytes.poke(place.at + offset::DENTRY_HASH, hash);
    format!("dentry at {:#x}: the content of another blob", place.at)
}

/// Changes what is between a dentry's names and its end, where tagged items are.
fn change_tagged(bytes: &mut [u8], places: &[Place], random: &mut Random) -> String {
    let fields = [field("tag", 0, 4), field("tagged item's length", 4, 4), field("tagged item's data", 8, 4)];
    let items: Vec<usize> = places.iter().filter_map(|place| items_at(bytes, place.at)).collect();
    if items.is_empty() {
        return change_dentry(bytes, places, random);
    }
    value::change(bytes, *pick(random, &items), &fields, &[1, 2, 16, 0x337D_D873], random)
}

/// Where the tagged items of the dentry at `at` begin, if it has any.
fn items_at(bytes: &[u8], at: usize) -> Option<usize> {
    let names = [offset::DENTRY_SHORT_LENGTH, offset::DENTRY_NAME_LENGTH];
    let units = names.map(|field| read(&bytes[at + field..at + field + 2]) as usize);
    let names: usize = units.iter().map(|&len| if len == 0 { 0 } else { len + 2 }).sum();
    let start = at + (offset::DENTRY_NAME + names).next_multiple_of(8);
    let end = at + read(&bytes[at..at + 8]) as usize;
    (start + 8 <= end && end <= bytes.len()).then_some(start)
}

/// The metadata with this link id in all dentries that have one.
#[cfg(unix)]
pub(super) fn with_link_ids(mut bytes: Vec<u8>, id: u64) -> Vec<u8> {
    for Place { at, .. } in places(&bytes) {
        let is_reparse_point = read(&bytes[at + offset::DENTRY_ATTRIBUTES..][..4]) as u32 & flag::REPARSE_POINT != 0;
        let union = at + offset::DENTRY_UNION;
        if !is_reparse_point && bytes[union..union + 8] != [0; 8] {
            bytes.poke_u64(union, id);
        }
    }
    bytes
}

/// Every dentry that can be reached from the root, as far as the metadata is sound.
fn places(bytes: &[u8]) -> Vec<Place> {
    let Some(security) = bytes.get(..4).map(read) else { return Vec::new() };
    let mut places = Vec::new();
    let mut lists = vec![(security as usize).next_multiple_of(8)];
    while let Some(mut at) = lists.pop() {
        // More than there can be: the metadata has a cycle.
        while places.len() < bytes.len() / offset::DENTRY_NAME {
            let Some((place, subdir, next)) = place(bytes, at) else { break };
            places.push(place);
            lists.extend(subdir);
            at = next;
            if places.len() == 1 {
                break; // the root has no siblings
            }
        }
    }
    places
}

/// The dentry at `at`, the list of its children, and where the next dentry is. None at the end of a
/// list.
fn place(bytes: &[u8], at: usize) -> Option<(Place, Option<usize>, usize)> {
    let rest = bytes.get(at..)?;
    let length = read(rest.get(..8)?) as usize;
    if length < offset::DENTRY_NAME || length > rest.len() {
        return None;
    }
    let (attributes, subdir) = (read(&rest[8..12]) as u32, read(&rest[0x10..0x18]) as usize);
    let mut next = at + length.next_multiple_of(8);
    let mut streams = Vec::new();
    for _ in 0..read(&rest[offset::DENTRY_STREAM_COUNT..][..2]) {
        let Some(length) = bytes.get(next..).and_then(|rest| rest.get(..8)).map(read) else { break };
        if !(38..=bytes.len() as u64).contains(&length) {
            break;
        }
        streams.push(next);
        next += (length as usize).next_multiple_of(8);
    }
    let is_directory = attributes & flag::DIRECTORY != 0 && subdir != 0;
    Some((Place { at, streams }, is_directory.then_some(subdir), next))
}
