//! Changes of resources: their chunk tables, and bytes of their data.

use super::specimen::Specimen;
use super::value::{self, Field, field, pick, with};
use crate::content::Random;
use crate::{flag, offset};

/// A chunk table of entries of four bytes, or what a solid resource begins with.
const ENTRIES: [Field; 6] = [
    field("chunk table entry 0", 0, 4),
    field("chunk table entry 1", 4, 4),
    field("chunk table entry 2", 8, 4),
    field("chunk table entry 3", 12, 4),
    field("chunk table entry 5", 20, 4),
    field("chunk table entry 17", 68, 4),
];

const SOLID: [Field; 4] = [
    field("solid size", offset::SOLID_SIZE, 8),
    with("solid chunk size", offset::SOLID_CHUNK_SIZE, 4, &[1, 4096, 32768, 65536, 1 << 20, 1 << 26, 1 << 28]),
    with("solid format", offset::SOLID_FORMAT, 4, &[0, 1, 2, 3, 4]),
    field("solid chunk's stored size", offset::SOLID_CHUNKS, 4),
];

/// Changes a chunk table; data, where nothing is compressed.
pub(super) fn change_table(draft: &mut Specimen, random: &mut Random) -> String {
    let flags = |row: usize| draft.rows[row].get(offset::RESOURCE_FLAGS).copied().unwrap_or(0);
    let has_table = |&row: &usize| flags(row) & (flag::COMPRESSED | flag::SOLID) != 0 && !draft.range(row).is_empty();
    let rows: Vec<usize> = (0..draft.rows.len()).filter(has_table).collect();
    if rows.is_empty() {
        return change_data(draft, random);
    }
    let row = *pick(random, &rows);
    let fields: &[Field] = if flags(row) & flag::SOLID == 0 { &ENTRIES } else { &SOLID };
    let range = draft.range(row);
    let size = range.len() as u64;
    let what = value::change(&mut draft.body, range.start, fields, &[size, size - 1, size / 2, 4096, 65536], random);
    format!("resource of entry {row}: {what}")
}

/// Inverts bits, clears bytes, or copies bytes from elsewhere, in a resource.
pub(super) fn change_data(draft: &mut Specimen, random: &mut Random) -> String {
    let rows: Vec<usize> = (0..draft.rows.len()).filter(|&row| !draft.range(row).is_empty()).collect();
    if rows.is_empty() {
        return "no resources".to_owned();
    }
    let row = *pick(random, &rows);
    let range = draft.range(row);
    let at = range.start + random.below(range.len() as u64) as usize;
    let end = (at + 1 + random.below(64) as usize).min(range.end);
    let what = match random.below(6) {
        0 => {
            draft.body[at..end].fill(0);
            "cleared"
        }
        1 => {
            let from = random.below((draft.body.len() - (end - at) + 1) as u64) as usize;
            draft.body.copy_within(from..from + (end - at), at);
            "copied from elsewhere"
        }
        _ => {
            for _ in 0..1 + random.below(3) {
                let place = at + random.below((end - at) as u64) as usize;
                draft.body[place] ^= 1 << random.below(8);
            }
            "bits inverted"
        }
    };
    format!("resource of entry {row}, in {:#x}..{:#x}: {what}", at + offset::END, end + offset::END)
}
