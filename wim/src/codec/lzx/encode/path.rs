//! Choosing the items that take the fewest bits, for given costs: the shortest path over the bytes
//! of a stretch.
//!
//! A node is a byte position; its cost and the last item on the way to it share a `u64`, cost on
//! top, so that the better of two ways is the smaller number. The repeat offsets at a node are those
//! of the cheapest way to it, which makes the result near-optimal only. Nodes lie in a ring, since
//! no step is longer than that. In addition to single items there is a step of three: a match, a
//! literal, and a match with the same offset.

use super::super::super::bits::zeroed;
use super::super::super::matches::{MatchList, Window, steps};
use super::super::{ALIGNED_SYMBOLS, MAX_MATCH};
use super::STRETCH;
use super::blocks::Blocks;
use super::item::{Item, LENGTH_BITS, Queue, slot};
use super::prices::Prices;
use super::statistics::{FIRST_ALIGNED, Statistics};

/// Nodes that are kept, more than the bytes of the longest step.
const RING: usize = 512;
/// The longest second match in a step of three.
const MAX_SECOND: usize = 200;
/// Marks a step of three, whose first item is kept elsewhere.
const IS_THREE: u32 = 1 << 31;
/// Shorter lengths than the longest one of a match that are tried.
const LENGTHS: usize = 16;

/// A cost, and below it the last step on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Node(u64);

impl Node {
    const UNREACHED: Self = Self(u64::MAX);

    /// The step that leads here.
    #[inline(always)]
    fn step(self) -> u32 {
        self.0 as u32
    }

    /// The node that a step of this cost reaches from here.
    #[inline(always)]
    fn then(self, cost: u32, step: u32) -> Self {
        Self((self.0 & !u64::from(u32::MAX)) + (u64::from(cost) << 32 | u64::from(step)))
    }
}

/// The nodes of a search, the costs, and the steps to each byte.
pub(super) struct Path {
    ring: Ring,
    prices: Prices,
    statistics: Statistics,
    steps: Box<[u32; STRETCH + 1]>,
    /// First items of the steps of three.
    firsts: Box<[Item; STRETCH + 1]>,
    nice: usize,
}

struct Ring {
    nodes: [Node; RING],
    queues: [Queue; RING],
    firsts: [Item; RING],
}

impl Path {
    /// Matches of `nice` bytes and more are taken as they are.
    pub(super) fn new(slots: usize, nice: usize) -> Self {
        let ring =
            Ring { nodes: [Node::UNREACHED; RING], queues: [Queue::default(); RING], firsts: [Item::default(); RING] };
        let prices = Prices::new(slots);
        Self { ring, prices, statistics: Statistics::default(), steps: zeroed(), firsts: zeroed(), nice }
    }

    /// Replaces `items` by cheaper ones for the costs that they imply in each of `blocks`.
    pub(super) fn improve<const WINDOW: usize>(
        &mut self,
        window: &Window<WINDOW>,
        queue: Queue,
        matches: &MatchList,
        blocks: &Blocks,
        items: &mut Vec<Item>,
    ) {
        let (start, end) = blocks.span();
        self.ring.nodes.fill(Node::UNREACHED);
        self.ring.nodes[0] = Node::default();
        let mut at = start;
        for (from, to) in blocks.iter() {
            self.statistics.count(window, from.at, &items[from.item..to.item]);
            self.prices.set(&self.statistics);
            let stretch = Stretch { window, matches, queue, start, end };
            at = self.search(&stretch, at, to.at);
        }
        self.collect(end - start, items);
    }

    /// Visits the nodes from `at` to `until`, and returns the next one, which is after `until` where
    /// a long match passes over it.
    #[inline(never)]
    fn search<const WINDOW: usize>(&mut self, stretch: &Stretch<'_, WINDOW>, mut at: usize, until: usize) -> usize {
        while at < until {
            at += self.visit(stretch, at);
        }
        at
    }

    /// Visits the node `at` and returns the distance to the next one.
    #[inline(always)]
    fn visit<const WINDOW: usize>(&mut self, stretch: &Stretch<'_, WINDOW>, at: usize) -> usize {
        let &Stretch { window, matches, start, end, .. } = stretch;
        let index = at - start;
        let node = std::mem::replace(&mut self.ring.nodes[index % RING], Node::UNREACHED);
        self.steps[index] = node.step();
        let queue = self.queue(stretch.queue, index, node.step());
        self.ring.queues[index % RING] = queue;
        let literal = self.prices.literals[usize::from(window.byte(at))];
        self.reach(index + 1, node.then(literal, Item::LITERAL.0));
        let max = (end - at).min(MAX_MATCH);
        if max < 2 {
            return 1;
        }
        let mut step = Step { node, at, index, max, next_length: 2 };
        if let Some(length) = self.try_repeats(stretch, &mut step, queue) {
            return self.jump(index, length);
        }
        step.next_length = 2;
        for &found in matches.at(index) {
            if let Some(length) = self.try_match(stretch, &mut step, Item(found)) {
                return self.jump(index, length);
            }
        }
        1
    }

    /// The repeat offsets at a node that `step` reaches.
    #[inline(always)]
    fn queue(&mut self, first: Queue, index: usize, step: u32) -> Queue {
        if index == 0 {
            return first;
        }
        let before = self.ring.queues[(index - Item(step).length()) % RING];
        if step & IS_THREE == 0 {
            return before.after(Item(step));
        }
        let item = self.ring.firsts[index % RING];
        self.firsts[index] = item;
        before.after(item)
    }

    /// Tries matches with the repeat offsets. Returns the length of one that is long enough.
    #[inline(always)]
    fn try_repeats<const WINDOW: usize>(
        &mut self,
        stretch: &Stretch<'_, WINDOW>,
        step: &mut Step,
        queue: Queue,
    ) -> Option<usize> {
        let window = stretch.window;
        let next = window.pair(step.at);
        let hit = |index| {
            let offset = queue.get(index);
            u32::from(window.pair(step.at.wrapping_sub(offset)) == next) & u32::from(offset <= step.at)
        };
        let mut hits = hit(0) | hit(1) << 1 | hit(2) << 2;
        while hits != 0 {
            let index = hits.trailing_zeros() as usize;
            hits &= hits - 1;
            let offset = queue.get(index);
            let length = window.common(step.at - offset, step.at, 2, step.max);
            if length < step.next_length {
                continue;
            }
            let item = Item::repeat(index, length);
            self.try_lengths(step, item, index, 0);
            if length >= self.nice {
                return Some(length);
            }
            self.try_three(stretch, step, item, offset, u32::from(self.prices.row(index)[(length - 2) % 256]));
        }
        None
    }

    /// Tries a match with an offset of its own. Returns its length if it is long enough.
    #[inline(always)]
    fn try_match<const WINDOW: usize>(
        &mut self,
        stretch: &Stretch<'_, WINDOW>,
        step: &mut Step,
        item: Item,
    ) -> Option<usize> {
        let slot = slot(item.code());
        let low = if slot >= FIRST_ALIGNED { self.prices.aligned[item.code() as usize % ALIGNED_SYMBOLS] } else { 0 };
        self.try_lengths(step, item, slot, low);
        if item.length() >= self.nice {
            return Some(item.length());
        }
        let cost = low + u32::from(self.prices.row(slot)[(item.length() - 2) % 256]);
        self.try_three(stretch, step, item, item.code() as usize - 2, cost);
        None
    }

    /// Tries the lengths of a match that no match before had, as far as they are worth it; only the
    /// full one where it is long enough.
    #[inline(always)]
    fn try_lengths(&mut self, step: &mut Step, item: Item, slot: usize, low: u32) {
        let longest = item.length();
        let shortest = match longest >= self.nice {
            true => longest,
            false => step.next_length.max((longest + 1).saturating_sub(LENGTHS)),
        };
        step.next_length = longest + 1;
        let row = self.prices.row(slot);
        let base = step.node.then(low, item.code() << LENGTH_BITS);
        for length in shortest..=longest {
            steps::count();
            let reached = Node(base.0 + (u64::from(row[(length - 2) % 256]) << 32 | length as u64));
            let node = &mut self.ring.nodes[(step.index + length) % RING];
            *node = reached.min(*node);
        }
    }

    /// Tries a match of this cost, then a literal, then a match with the same offset.
    #[inline(always)]
    fn try_three<const WINDOW: usize>(
        &mut self,
        stretch: &Stretch<'_, WINDOW>,
        step: &Step,
        item: Item,
        offset: usize,
        cost: u32,
    ) {
        let &Stretch { window, end, .. } = stretch;
        let literal = step.at + item.length();
        let second = literal + 1;
        if second + 2 > end || window.pair(second) != window.pair(second - offset) {
            return;
        }
        let length = window.common(second - offset, second, 2, (end - second).min(MAX_SECOND));
        let total = item.length() + 1 + length;
        let literal = self.prices.literals[usize::from(window.byte(literal))];
        let cost = cost + literal + u32::from(self.prices.row(0)[(length - 2) % 256]);
        let reached = step.node.then(cost, IS_THREE | total as u32);
        let index = (step.index + total) % RING;
        if reached < self.ring.nodes[index] {
            self.ring.nodes[index] = reached;
            self.ring.firsts[index] = item;
        }
    }

    /// Makes `reached` the way to a node if it is the best one.
    #[inline(always)]
    fn reach(&mut self, index: usize, reached: Node) {
        let node = &mut self.ring.nodes[index % RING];
        *node = reached.min(*node);
    }

    /// Leaves out the nodes inside a long match.
    #[inline(always)]
    fn jump(&mut self, index: usize, length: usize) -> usize {
        for inside in index + 1..index + length {
            self.ring.nodes[inside % RING] = Node::UNREACHED;
        }
        length
    }

    /// Replaces `items` by those on the way to the last node, at `last`.
    fn collect(&mut self, last: usize, items: &mut Vec<Item>) {
        self.steps[last] = self.ring.nodes[last % RING].step();
        self.firsts[last] = self.ring.firsts[last % RING];
        items.clear();
        let mut at = last;
        while at > 0 {
            let step = Item(self.steps[at]);
            if step.0 & IS_THREE == 0 {
                items.push(step);
            } else {
                let first = self.firsts[at];
                items.extend([Item::repeat(0, step.length() - first.length() - 1), Item::LITERAL, first]);
            }
            at -= step.length();
        }
        items.reverse();
    }
}

/// What is searched.
struct Stretch<'a, const WINDOW: usize> {
    window: &'a Window<WINDOW>,
    /// The first position is `start`.
    matches: &'a MatchList,
    /// The repeat offsets at `start`.
    queue: Queue,
    start: usize,
    end: usize,
}

/// A node while steps from it are tried.
struct Step {
    node: Node,
    at: usize,
    /// `at` from the start of the stretch.
    index: usize,
    /// The longest possible match.
    max: usize,
    /// The shortest length that was not tried yet.
    next_length: usize,
}
