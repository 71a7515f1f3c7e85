//! Power cuts: which states of a disk a list of changes may leave when only some reached it.

use super::image::{Change, Image};

/// What a disk writes in one step.
const SECTOR: u64 = 512;
/// How many random choices are made.
const RANDOM: u64 = 64;

/// A change, or a part of one, that reaches the disk whole or not at all.
struct Piece {
    change: Change,
    /// Synced: it has reached the disk.
    durable: bool,
}

/// All states that are tried.
pub(super) fn states(start: &Image, log: &[Change]) -> Vec<Image> {
    let pieces = pieces(start, log);
    let open: Vec<usize> = (0..pieces.len()).filter(|&at| !pieces[at].durable).collect();
    let state = |survives: &dyn Fn(usize) -> bool| {
        let mut image = start.clone();
        let reached = pieces.iter().enumerate().filter(|(at, piece)| piece.durable || survives(*at));
        reached.for_each(|(_, piece)| image.apply(&piece.change));
        image
    };
    let mut states = vec![state(&|_| true)];
    if open.is_empty() {
        return states;
    }
    states.push(state(&|_| false));
    for &one in &open {
        states.push(state(&|at| at == one));
        states.push(state(&|at| at != one));
    }
    states.extend((0..RANDOM).map(|seed| state(&|at| mixed(seed << 32 | at as u64) & 1 == 1)));
    states
}

/// The changes in pieces, in order.
fn pieces(start: &Image, log: &[Change]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut image = start.clone();
    for (at, change) in log.iter().enumerate() {
        let durable = is_durable(change, &log[at + 1..]);
        match change {
            Change::Write { file, offset, data } if !durable => {
                let end = offset + data.len() as u64;
                if end > image.len(*file) {
                    pieces.push(Piece { change: Change::Grow { file: *file, len: end }, durable });
                }
                let sectors = torn(*offset, data);
                let writes = sectors.map(|(offset, data)| Change::Write { file: *file, offset, data });
                pieces.extend(writes.map(|change| Piece { change, durable }));
            }
            change => pieces.push(Piece { change: change.clone(), durable }),
        }
        image.apply(change);
    }
    pieces
}

/// Whether one of the changes behind it made it durable.
fn is_durable(change: &Change, behind: &[Change]) -> bool {
    let folder_synced = |path: &std::path::Path| {
        let parent = path.parent();
        behind.iter().any(|later| matches!(later, Change::SyncFolder { path } if Some(path.as_path()) == parent))
    };
    match change {
        Change::Write { file, .. } | Change::SetLen { file, .. } | Change::Grow { file, .. } => {
            behind.iter().any(|later| matches!(later, Change::SyncData { file: synced } if synced == file))
        }
        Change::Create { path, .. } | Change::Remove { path } | Change::MakeFolder { path } => folder_synced(path),
        Change::Rename { from, to, .. } => folder_synced(from) && folder_synced(to),
        Change::SyncData { .. } | Change::SyncFolder { .. } => true,
    }
}

/// A write in the sectors of the disk.
fn torn(offset: u64, data: &[u8]) -> impl Iterator<Item = (u64, Vec<u8>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = offset + at as u64;
        let len = (SECTOR - start % SECTOR).min((data.len() - at) as u64) as usize;
        let piece = data[at..at + len].to_vec();
        at += len;
        (len > 0).then_some((start, piece))
    })
}

/// The bytes of about half of the sectors that a write touches: what a write that fails leaves.
pub(super) fn first_sectors(offset: u64, data: &[u8]) -> &[u8] {
    let middle = (offset + data.len() as u64 / 2) / SECTOR * SECTOR;
    &data[..middle.saturating_sub(offset) as usize]
}

/// Spreads a number over all bits (SplitMix64).
fn mixed(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}
