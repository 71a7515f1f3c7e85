//! Choosing items by rules of thumb: the match that promises to save most, unless there is a better
//! one at the next byte.

use super::super::super::matches::Window;
use super::super::MAX_MATCH;
use super::candidates::Candidates;
use super::item::{Item, Queue};

/// Matches of two and three bytes cost more than literals from these offsets on.
const FAR_TWO: usize = 64;
const FAR_THREE: usize = 4096;
/// By how much a match at the next byte must be better.
const PATIENCE: i32 = 6;

/// A match and what it promises to save, roughly in bits.
#[derive(Clone, Copy)]
struct Choice {
    item: Item,
    score: i32,
}

/// Appends the items of the bytes from `start` to `end`.
#[inline(never)]
pub(super) fn parse<const WINDOW: usize>(
    window: &Window<WINDOW>,
    (start, end): (usize, usize),
    mut queue: Queue,
    candidates: &mut impl Candidates<WINDOW>,
    items: &mut Vec<Item>,
) {
    let mut at = start;
    let mut choice = best(window, at, end, queue, candidates, false);
    while at < end {
        let Some(Choice { item, score }) = choice else {
            items.push(Item::LITERAL);
            at += 1;
            choice = best(window, at, end, queue, candidates, false);
            continue;
        };
        let mut searched = at + 1;
        if item.length() < candidates.nice() && at + 1 < end {
            let next = best(window, at + 1, end, queue, candidates, true);
            searched = at + 2;
            if next.is_some_and(|next| next.score > score + PATIENCE) {
                items.push(Item::LITERAL);
                at += 1;
                choice = next;
                continue;
            }
        }
        items.push(item);
        queue = queue.after(item);
        at += item.length();
        candidates.skip(window, searched, at);
        choice = best(window, at, end, queue, candidates, false);
    }
}

/// The best match at `at`, if there is a good one.
#[inline(always)]
fn best<const WINDOW: usize>(
    window: &Window<WINDOW>,
    at: usize,
    end: usize,
    queue: Queue,
    candidates: &mut impl Candidates<WINDOW>,
    is_second: bool,
) -> Option<Choice> {
    let max = (end - at).min(MAX_MATCH);
    if max < 2 {
        return None;
    }
    let mut best = None;
    let mut best_score = 0;
    if let Some(found) = candidates.longest(window, at, (1, max), is_second) {
        let (length, offset) = (found.length, found.offset);
        if !(length == 2 && offset > FAR_TWO || length == 3 && offset > FAR_THREE) {
            best_score = 8 * length as i32 - (offset as u32 + 2).ilog2() as i32;
            best = Some(Choice { item: Item::new_match(offset, length), score: best_score });
        }
    }
    for index in 0..3 {
        let offset = queue.get(index);
        if offset <= at && window.pair(at - offset) == window.pair(at) {
            let length = window.common(at - offset, at, 2, max);
            let score = 8 * length as i32 + 2;
            if score > best_score {
                best_score = score;
                best = Some(Choice { item: Item::repeat(index, length), score });
            }
        }
    }
    best
}
