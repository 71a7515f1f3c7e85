//! The plainest match finder: the last place where the next three bytes were seen.

use std::collections::HashMap;

/// A literal, or a copy of earlier output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item {
    Literal(u8),
    Match { length: usize, offset: usize },
}

/// Greedy items for all of `data`, which is one block: matches start in it and end in it.
pub(crate) fn items(data: &[u8], min: usize, max: usize, max_offset: usize) -> Vec<Item> {
    let mut seen: HashMap<[u8; 3], usize> = HashMap::new();
    let mut items = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let item = longest(data, at, &seen, max, max_offset).filter(|(length, _)| *length >= min);
        let step = item.map_or(1, |(length, _)| length);
        items.push(match item {
            Some((length, offset)) => Item::Match { length, offset },
            None => Item::Literal(data[at]),
        });
        for place in at..at + step {
            if let Some(key) = key(data, place) {
                seen.insert(key, place);
            }
        }
        at += step;
    }
    items
}

fn key(data: &[u8], at: usize) -> Option<[u8; 3]> {
    data.get(at..at + 3)?.try_into().ok()
}

fn longest(
    data: &[u8],
    at: usize,
    seen: &HashMap<[u8; 3], usize>,
    max: usize,
    max_offset: usize,
) -> Option<(usize, usize)> {
    let from = *seen.get(&key(data, at)?)?;
    let length = data[at..].iter().zip(&data[from..]).take(max).take_while(|(a, b)| a == b).count();
    (at - from <= max_offset).then_some((length, at - from))
}
