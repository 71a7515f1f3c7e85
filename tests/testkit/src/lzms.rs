//! An LZMS encoder too simple to be wrong: it follows the format step by step, with nothing made
//! fast.

mod code;
mod streams;
pub mod x86;

use crate::matches;
use code::AdaptiveCode;
use streams::{BitWriter, Context, RangeEncoder};

/// The shortest match of differences that [`encode`] finds worth it.
const MIN_DELTA: usize = 12;
/// The longest one.
const MAX_DELTA: usize = 5000;

/// Runs of offset slots: how many, and how many extra bits each has.
const OFFSET_SLOTS: [(u32, u32); 21] = [
    (8, 0),
    (9, 2),
    (7, 3),
    (10, 4),
    (15, 5),
    (15, 6),
    (20, 7),
    (20, 8),
    (30, 9),
    (33, 10),
    (40, 11),
    (42, 12),
    (45, 13),
    (60, 14),
    (73, 15),
    (80, 16),
    (85, 17),
    (95, 18),
    (105, 19),
    (6, 20),
    (1, 30),
];

/// The same of length slots.
const LENGTH_SLOTS: [(u32, u32); 13] =
    [(26, 0), (4, 1), (6, 2), (4, 3), (5, 4), (2, 5), (1, 6), (1, 7), (1, 8), (1, 9), (1, 10), (1, 16), (1, 30)];

/// An item of a chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item {
    /// A byte.
    Literal(u8),
    /// Bytes from earlier output.
    Match {
        /// Distance back in bytes.
        offset: u32,
        /// Bytes.
        length: u32,
    },
    /// The same with an offset that was used before.
    Repeat {
        /// 0, 1 or 2.
        index: usize,
        /// Bytes.
        length: u32,
    },
    /// Bytes that differ from those `1 << power` before them as earlier ones do.
    Delta {
        /// 0 to 7.
        power: u32,
        /// Distance back in units of `1 << power` bytes.
        raw: u32,
        /// Bytes.
        length: u32,
    },
    /// The same with a power and a distance that were used before.
    RepeatDelta {
        /// 0, 1 or 2.
        index: usize,
        /// Bytes.
        length: u32,
    },
}

/// Offsets used before, the newest first. An item does not see the one of the item just before it.
#[derive(Clone, Debug)]
struct Queue<T> {
    known: Vec<T>,
    /// Used by the item before.
    pending: Option<T>,
    /// Used by this item.
    used: Option<T>,
}

impl<T: Copy + PartialEq> Queue<T> {
    fn new(known: impl Into<Vec<T>>) -> Self {
        Self { known: known.into(), pending: None, used: None }
    }

    /// Takes an offset out to use it again.
    fn take(&mut self, index: usize) -> T {
        self.known.remove(index)
    }

    /// Tells which index names this offset.
    fn find(&self, wanted: T) -> Option<usize> {
        self.known[..3].iter().position(|known| *known == wanted)
    }

    fn end_of_item(&mut self) {
        if let Some(offset) = self.pending.take() {
            self.known.insert(0, offset);
        }
        self.known.truncate(4);
        self.pending = self.used.take();
    }
}

/// Both queues.
#[derive(Clone, Debug)]
struct Queues {
    lz: Queue<u32>,
    delta: Queue<(u32, u32)>,
}

impl Queues {
    fn new() -> Self {
        Self { lz: Queue::new([1, 2, 3, 4]), delta: Queue::new([(0, 1), (0, 2), (0, 3), (0, 4)]) }
    }

    /// Follows an item; gives it with what it repeats spelled out.
    fn resolve(&mut self, item: Item) -> Item {
        let plain = match item {
            Item::Repeat { index, length } => Item::Match { offset: self.lz.take(index), length },
            Item::RepeatDelta { index, length } => {
                let (power, raw) = self.delta.take(index);
                Item::Delta { power, raw, length }
            }
            plain => plain,
        };
        match plain {
            Item::Match { offset, .. } => self.lz.used = Some(offset),
            Item::Delta { power, raw, .. } => self.delta.used = Some((power, raw)),
            _ => {}
        }
        self.lz.end_of_item();
        self.delta.end_of_item();
        plain
    }

    /// A shorter way to say an item, if there is one.
    fn repeated(&self, item: Item) -> Item {
        let again = match item {
            Item::Match { offset, length } => self.lz.find(offset).map(|index| Item::Repeat { index, length }),
            Item::Delta { power, raw, length } => {
                self.delta.find((power, raw)).map(|index| Item::RepeatDelta { index, length })
            }
            _ => None,
        };
        again.unwrap_or(item)
    }
}

/// The data of items before the x86 filter is undone.
///
/// # Panics
/// When an item reaches back behind the start.
pub fn expand(items: &[Item]) -> Vec<u8> {
    let (mut queues, mut out) = (Queues::new(), Vec::<u8>::new());
    for &item in items {
        match queues.resolve(item) {
            Item::Match { offset, length } => (0..length).for_each(|_| out.push(out[out.len() - offset as usize])),
            Item::Delta { power, raw, length } => (0..length).for_each(|_| out.push(next_of_delta(&out, power, raw))),
            Item::Literal(byte) => out.push(byte),
            repeat => unreachable!("{repeat:?} was resolved"),
        }
    }
    out
}

/// The byte with which a match of differences goes on.
fn next_of_delta(out: &[u8], power: u32, raw: u32) -> u8 {
    let (span, offset) = (1 << power, (raw as usize) << power);
    let back = |distance: usize| out[out.len() - distance];
    back(offset).wrapping_add(back(span)).wrapping_sub(back(offset + span))
}

/// Writes items, whatever they say, for a chunk of `size` bytes. The x86 filter is not applied.
pub fn write(items: &[Item], size: usize) -> Vec<u8> {
    let mut writer = Writer::new(size);
    items.iter().for_each(|item| writer.item(*item));
    writer.finish()
}

/// Compresses one chunk. The result may be longer than the data; then a chunk is stored raw.
pub fn encode(data: &[u8]) -> Vec<u8> {
    let mut filtered = data.to_vec();
    x86::apply(&mut filtered);
    let mut queues = Queues::new();
    let items = items(&filtered).into_iter().map(|item| {
        let item = queues.repeated(item);
        queues.resolve(item);
        item
    });
    write(&items.collect::<Vec<_>>(), data.len())
}

/// Greedy items for all of `data`: matches, and differences where literals would stand.
fn items(data: &[u8]) -> Vec<Item> {
    let (mut items, mut at, mut end) = (Vec::new(), 0, 0);
    for item in matches::items(data, 3, usize::MAX, usize::MAX) {
        let length = match item {
            matches::Item::Literal(_) => 1,
            matches::Item::Match { length, .. } => length,
        };
        let start = at;
        at += length;
        if start < end {
            // A match of differences covers it or its head; the rest is the same match, only
            // shorter.
            match item {
                matches::Item::Match { offset, .. } if at > end => items.push(lz(offset, at - end)),
                _ => {}
            }
            end = end.max(at);
            continue;
        }
        end = at;
        items.push(match item {
            matches::Item::Match { length, offset } => lz(offset, length),
            matches::Item::Literal(byte) => match delta(data, start) {
                Some((delta, length)) => {
                    end = start + length;
                    delta
                }
                None => Item::Literal(byte),
            },
        });
    }
    items
}

fn lz(offset: usize, length: usize) -> Item {
    Item::Match { offset: offset as u32, length: length as u32 }
}

/// The longest match of differences at a place, among a few.
fn delta(data: &[u8], at: usize) -> Option<(Item, usize)> {
    let of = |power: u32, raw: u32| {
        let has = |place: &usize| next_of_delta(&data[..*place], power, raw) == data[*place];
        let reaches = ((raw as usize + 1) << power) <= at;
        let length = if reaches { (at..data.len()).take(MAX_DELTA).take_while(has).count() } else { 0 };
        (Item::Delta { power, raw, length: length as u32 }, length)
    };
    let all = [0, 1, 2, 3].into_iter().flat_map(|power| [1, 3].map(|raw| of(power, raw)));
    all.filter(|(_, length)| *length >= MIN_DELTA).max_by_key(|(_, length)| *length)
}

/// The decisions and codes of a chunk.
struct Writer {
    decisions: RangeEncoder,
    bits: BitWriter,
    is_match: Context,
    is_delta: Context,
    lz: [Context; 3],
    delta: [Context; 3],
    literal: AdaptiveCode,
    offset: AdaptiveCode,
    length: AdaptiveCode,
    delta_offset: AdaptiveCode,
    power: AdaptiveCode,
}

impl Writer {
    fn new(size: usize) -> Self {
        // As many slots as the chunk's largest offset needs.
        let slots = if size < 2 { 0 } else { slot(&OFFSET_SLOTS, size as u32 - 1).0 + 1 };
        Self {
            decisions: RangeEncoder::new(),
            bits: BitWriter::default(),
            is_match: Context::new(4),
            is_delta: Context::new(5),
            lz: [(); 3].map(|()| Context::new(6)),
            delta: [(); 3].map(|()| Context::new(6)),
            literal: AdaptiveCode::new(256, 1024),
            offset: AdaptiveCode::new(slots, 1024),
            length: AdaptiveCode::new(54, 512),
            delta_offset: AdaptiveCode::new(slots, 1024),
            power: AdaptiveCode::new(8, 512),
        }
    }

    fn item(&mut self, item: Item) {
        self.decisions.bit(&mut self.is_match, !matches!(item, Item::Literal(_)));
        if !matches!(item, Item::Literal(_)) {
            self.decisions.bit(&mut self.is_delta, matches!(item, Item::Delta { .. } | Item::RepeatDelta { .. }));
        }
        match item {
            Item::Literal(byte) => self.literal.symbol(&mut self.bits, byte.into()),
            Item::Match { offset, length } => {
                self.decisions.bit(&mut self.lz[0], false);
                slotted(&mut self.bits, &mut self.offset, &OFFSET_SLOTS, offset);
                self.length(length);
            }
            Item::Repeat { index, length } => {
                repeat(&mut self.decisions, &mut self.lz, index);
                self.length(length);
            }
            Item::Delta { power, raw, length } => {
                self.decisions.bit(&mut self.delta[0], false);
                self.power.symbol(&mut self.bits, power as usize);
                slotted(&mut self.bits, &mut self.delta_offset, &OFFSET_SLOTS, raw);
                self.length(length);
            }
            Item::RepeatDelta { index, length } => {
                repeat(&mut self.decisions, &mut self.delta, index);
                self.length(length);
            }
        }
    }

    fn length(&mut self, length: u32) {
        slotted(&mut self.bits, &mut self.length, &LENGTH_SLOTS, length);
    }

    /// The decisions from the front, the bits from the back.
    fn finish(self) -> Vec<u8> {
        let words = self.decisions.finish().into_iter().chain(self.bits.finish().into_iter().rev());
        words.flat_map(u16::to_le_bytes).collect()
    }
}

/// Says that an offset is repeated, and which.
fn repeat(decisions: &mut RangeEncoder, contexts: &mut [Context; 3], index: usize) {
    decisions.bit(&mut contexts[0], true);
    decisions.bit(&mut contexts[1], index > 0);
    if index > 0 {
        decisions.bit(&mut contexts[2], index > 1);
    }
}

/// Writes a value's slot, and what the value is in it.
fn slotted(bits: &mut BitWriter, code: &mut AdaptiveCode, runs: &[(u32, u32)], value: u32) {
    let (slot, base, count) = slot(runs, value);
    code.symbol(bits, slot);
    bits.put(value - base, count);
}

/// The slot of a value, the slot's first value, and its number of extra bits.
fn slot(runs: &[(u32, u32)], value: u32) -> (usize, u32, u32) {
    let (mut slot, mut base) = (0, 1);
    for &(count, bits) in runs {
        for _ in 0..count {
            if value - base < 1 << bits {
                return (slot, base, bits);
            }
            base += 1 << bits;
            slot += 1;
        }
    }
    panic!("{value} has no slot")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{content, hex};

    /// wimlib's bytes for these chunks: a repeated offset, an explicit one, and a match of
    /// differences.
    #[test]
    fn writes_what_another_encoder_writes() {
        let literals = |bytes: &[u8]| bytes.iter().map(|&byte| Item::Literal(byte)).collect::<Vec<_>>();
        let abc = [literals(b"abc"), vec![Item::Repeat { index: 2, length: 297 }]].concat();
        assert_eq!(hex(&write(&abc, 300)), "ee64d0ff000000c01f636261");
        assert_eq!(expand(&abc), b"abc".repeat(100));
        let zeros = [literals(&[0; 2]), vec![Item::Match { offset: 1, length: 998 }]].concat();
        assert_eq!(hex(&write(&zeros, 1000)), "ff6bd0ff000000b0d3500000");
    }

    #[test]
    fn says_all_of_the_data() {
        let counter: Vec<u8> = (0..5000_u32).flat_map(u32::to_le_bytes).collect();
        for (kind, data) in ["text", "exe", "random", "zeros"].map(|kind| (kind, content::of_kind(kind, 70_001))) {
            assert!(expand(&items(&data)) == data, "{kind}");
        }
        assert!(expand(&items(&counter)) == counter);
        assert!(encode(&counter).len() * 20 < counter.len(), "differences make a counter short");
    }

    #[test]
    fn the_filter_can_be_undone() {
        for len in [0, 17, 18, 40, 100_000] {
            let data = content::code(len);
            let mut filtered = data.clone();
            x86::apply(&mut filtered);
            assert!(len < 1000 || filtered != data);
            x86::undo(&mut filtered);
            assert!(filtered == data);
        }
    }
}
