//! Changes of the blob table: fields of an entry, and entries that are missing, twice, or in each
//! other's place.

use super::specimen::Specimen;
use super::value::{self, Field, pick, read, resource_fields, with};
use crate::content::Random;
use crate::offset;

const FIELDS: [Field; 7] = {
    let [stored_size, flags, offset, size] = resource_fields(0);
    let part = with("part", offset::BLOB_PART, 2, &[0, 1, 2]);
    let references = with("reference count", offset::BLOB_REFERENCES, 4, &[0, 1, 2]);
    [stored_size, flags, offset, size, part, references, value::field("hash", offset::BLOB_HASH, 20)]
};

pub(super) fn change(draft: &mut Specimen, random: &mut Random) -> String {
    let rows = draft.rows.len();
    if rows == 0 {
        return "no entries".to_owned();
    }
    let [one, other] = [0; 2].map(|_: usize| random.below(rows as u64) as usize);
    match random.below(12) {
        0 => {
            draft.rows.swap(one, other);
            format!("entries {one} and {other} swapped")
        }
        1 => {
            let hash = draft.rows[other][offset::BLOB_HASH..].to_vec();
            draft.rows[one][offset::BLOB_HASH..].copy_from_slice(&hash);
            format!("entry {one} has the hash of entry {other}")
        }
        2 => {
            let place = draft.rows[other][..offset::RESOURCE_END].to_vec();
            draft.rows[one][..offset::RESOURCE_END].copy_from_slice(&place);
            format!("entry {one} has the place of entry {other}")
        }
        3 => {
            draft.rows.remove(one);
            format!("entry {one} removed")
        }
        4 => {
            draft.rows.insert(other, draft.rows[one].clone());
            format!("entry {one} again before {other}")
        }
        5 => {
            draft.rows.insert(other, draft.rows[one].clone());
            format!("entry {one} again before {other}; its {}", change_field(draft, other, random))
        }
        6 => {
            let len = random.below(offset::BLOB_END as u64) as usize;
            draft.remainder = vec![0; len];
            format!("{len} zeros after the entries")
        }
        _ => format!("entry {one}: {}", change_field(draft, one, random)),
    }
}

/// Changes a field of an entry, perhaps to what it is in another or to the end of the archive.
fn change_field(draft: &mut Specimen, row: usize, random: &mut Random) -> String {
    let end = (offset::END + draft.body.len()) as u64;
    let other = pick(random, &draft.rows);
    let (stored_size, offset) = (read(&other[..7]), read(&other[8..16]));
    let hints = [stored_size, offset, read(&other[16..24]), offset.wrapping_add(stored_size), end, end - 1];
    value::change(&mut draft.rows[row], 0, &FIELDS, &hints, random)
}
