//! Choosing items as they come: the longest match, unless the next byte has a longer one.

use super::{ChunkChains, ChunkWindow, Item, Items, MIN_MATCH};

/// Bytes at the end of a chunk that become literals.
const TAIL: usize = 8;

/// How hard to search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// The most positions to compare.
    pub(super) depth: u32,
    /// The most positions to compare for the byte after a match; 0 not to look there.
    pub(super) next_depth: u32,
    /// Length of a match that is good enough.
    pub(super) nice: usize,
}

/// Appends the items of a chunk of `len` bytes.
#[inline(never)]
pub(super) fn parse(window: &ChunkWindow, len: usize, chains: &mut ChunkChains, effort: Effort, items: &mut Items) {
    chains.reset();
    let end = len.saturating_sub(TAIL);
    let mut at = 0;
    while at < end {
        let found = chains.longest(window, at, len - at, (MIN_MATCH - 1, effort.nice), effort.depth);
        let Some(mut found) = found else {
            items.push(Item::literal(window.byte(at)));
            at += 1;
            continue;
        };
        let mut searched = at + 1;
        while effort.next_depth > 0 && found.length < effort.nice && at + 1 < end {
            searched = at + 2;
            let limits = (found.length, effort.nice);
            let next = chains.longest(window, at + 1, len - at - 1, limits, effort.next_depth);
            let Some(next) = next else { break };
            items.push(Item::literal(window.byte(at)));
            at += 1;
            found = next;
        }
        items.push(Item::new_match(found.length, found.offset));
        at += found.length;
        chains.skip(window, searched, at, end);
    }
    for at in at..len {
        items.push(Item::literal(window.byte(at)));
    }
}
