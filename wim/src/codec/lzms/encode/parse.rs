//! Choosing the items: the cheapest way through a stretch of the chunk.

use super::super::find::{Find, Match, common};
use super::delta::{self, DeltaFinder, Deltas};
use super::item::{Delta, Item, Source};
use super::prices::{MAX_LENGTH, Prices};
use super::state::State;

/// Positions after which a stretch ends where all ways meet.
const STRETCH: usize = 1024;
/// Positions after which it ends anyway.
const MAX_STRETCH: usize = STRETCH + 1024;
/// Choices after which it ends anyway, but for those of one position.
const MAX_CHOICES: usize = 1 << 15;
/// More than the choices of one position.
const SPARE_CHOICES: usize = 600;

/// How a position is reached, cheapest first: the price, the choice, and the length in one number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Way(u64);

impl Way {
    const CHOICE_SHIFT: u32 = 10;
    const PRICE_SHIFT: u32 = 32;

    const UNKNOWN: Self = Self(u64::MAX);
    const START: Self = Self(0);

    #[inline(always)]
    fn new(price: u32, choice: usize, length: usize) -> Self {
        Self(u64::from(price) << Self::PRICE_SHIFT | (choice << Self::CHOICE_SHIFT | length) as u64)
    }

    #[inline(always)]
    fn price(self) -> u32 {
        (self.0 >> Self::PRICE_SHIFT) as u32
    }

    #[inline(always)]
    fn choice(self) -> usize {
        self.0 as u32 as usize >> Self::CHOICE_SHIFT
    }

    #[inline(always)]
    fn length(self) -> usize {
        self.0 as usize & ((1 << Self::CHOICE_SHIFT) - 1)
    }
}

/// What leads from one position to another: one item, or three.
#[derive(Clone, Copy)]
struct Choice {
    source: Source,
    /// If not 0, the length of the first item. A literal and a repeat of the same offset follow; if
    /// the first item is a literal, only the repeat.
    head: u32,
}

impl Choice {
    fn only(source: Source) -> Self {
        Self { source, head: 0 }
    }
}

/// Choices that are the same everywhere: their numbers.
const LITERAL: usize = 0;
const LITERAL_AND_REPEAT: usize = 1;
const REPEATS: usize = 2;
const DELTA_REPEATS: usize = 5;

/// Options of the search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    /// A match of this length is taken at once.
    pub(super) nice: usize,
    /// Matches of differences at new offsets are tried where those of bytes are shorter than this.
    pub(super) delta_below: usize,
    /// Logarithm of the size of the table that finds them.
    pub(super) delta_hash_bits: u32,
}

/// Finds the items of one stretch after the other.
pub(super) struct Parser {
    search: Search,
    ways: Vec<Way>,
    states: Vec<State>,
    choices: Vec<Choice>,
    matches: Vec<Match>,
    deltas: DeltaFinder,
    /// The furthest position that is reached.
    reached: usize,
    /// The items found, the first one last.
    items: Vec<Item>,
}

impl Parser {
    pub(super) fn new(search: Search) -> Self {
        let nodes = MAX_STRETCH + 2;
        Self {
            search,
            ways: vec![Way::UNKNOWN; nodes],
            states: vec![State::start(); nodes],
            choices: Vec::with_capacity(MAX_CHOICES + SPARE_CHOICES),
            matches: Vec::with_capacity(SPARE_CHOICES),
            deltas: DeltaFinder::new(search.delta_hash_bits),
            reached: 0,
            items: Vec::with_capacity(3 * nodes),
        }
    }

    /// Begins a chunk.
    pub(super) fn start(&mut self) {
        self.deltas.start();
    }

    /// Finds the items that come next, after `start` bytes of `data`, which ends at `end`. The first
    /// one is last.
    pub(super) fn parse(
        &mut self,
        data: &[u8],
        start: usize,
        end: usize,
        state: State,
        prices: &Prices,
        finder: &mut impl Find,
    ) -> &[Item] {
        self.choices.clear();
        self.choices.push(Choice::only(Source::LITERAL));
        self.choices.push(Choice { source: Source::LITERAL, head: 1 });
        self.choices.extend((0..3).map(|index| Choice::only(Source::repeat(index))));
        self.choices.extend((0..3).map(|index| Choice::only(Source::repeat_delta(index))));
        self.reached = 0;
        self.ways[0] = Way::START;
        self.states[0] = state;
        let last = MAX_STRETCH.min(end - start);
        let mut node = 0;
        let long = loop {
            if node > 0 {
                self.states[node] = self.state_at(node);
            }
            let is_end = node == last || node >= STRETCH && node == self.reached;
            if is_end || self.choices.len() >= MAX_CHOICES {
                break None;
            }
            let step = Step { data, at: start + node, left: end - start - node, node, room: last - node, prices };
            if let Some(long) = self.extend(&step, finder) {
                break Some(long);
            }
            node += 1;
        };
        self.items.clear();
        if let Some(long) = long {
            finder.skip(data, start + node + 1, long.length as usize - 1);
            self.items.push(long);
        }
        self.trace_back(node);
        &self.items
    }

    /// The state after the cheapest way to a node.
    #[inline(always)]
    fn state_at(&self, node: usize) -> State {
        let way = self.ways[node];
        let Choice { source, head } = self.choices[way.choice()];
        let length = way.length();
        let before = &self.states[node - length];
        if head == 0 {
            return before.then(Item { source, length: length as u32 });
        }
        items_of(source, head, length as u32).into_iter().flatten().fold(*before, |state, item| state.then(item))
    }

    /// Collects the items of the cheapest way to a node, the last one first.
    fn trace_back(&mut self, mut node: usize) {
        while node > 0 {
            let way = self.ways[node];
            let Choice { source, head } = self.choices[way.choice()];
            let length = way.length() as u32;
            if head == 0 {
                self.items.push(Item { source, length });
            } else {
                self.items.extend(items_of(source, head, length).into_iter().rev().flatten());
            }
            node -= way.length();
        }
    }

    /// Makes sure that the nodes up to `node` have a way.
    #[inline(always)]
    fn reach(&mut self, node: usize) {
        if node > self.reached {
            self.ways[self.reached + 1..=node].fill(Way::UNKNOWN);
            self.reached = node;
        }
    }

    /// Offers a way to all nodes that a match of some lengths leads to; `price` is that without the
    /// length.
    #[inline(always)]
    fn offer(&mut self, step: &Step<'_>, price: u32, choice: usize, lengths: std::ops::RangeInclusive<usize>) {
        let (shortest, longest) = (*lengths.start(), (*lengths.end()).min(step.room));
        if shortest > longest {
            return;
        }
        self.reach(step.node + longest);
        let ways = &mut self.ways[step.node + shortest..=step.node + longest];
        for ((length, way), length_price) in (shortest..).zip(ways).zip(&step.prices.length[shortest..=longest]) {
            *way = (*way).min(Way::new(price + length_price, choice, length));
        }
    }

    /// Offers a way of one length at its whole price.
    #[inline(always)]
    fn offer_one(&mut self, step: &Step<'_>, price: u32, choice: usize, length: usize) {
        if length <= step.room {
            self.reach(step.node + length);
            let way = &mut self.ways[step.node + length];
            *way = (*way).min(Way::new(price, choice, length));
        }
    }

    /// Adds a choice and returns its number.
    #[inline(always)]
    fn choose(&mut self, source: Source, head: usize) -> usize {
        self.choices.push(Choice { source, head: head as u32 });
        self.choices.len() - 1
    }

    /// Offers all that can follow a node. Returns a match that is long enough to be taken at once.
    #[inline(always)]
    fn extend(&mut self, step: &Step<'_>, finder: &mut impl Find) -> Option<Item> {
        let state = self.states[step.node];
        let price = self.ways[step.node].price();
        let mut matches = std::mem::take(&mut self.matches);
        matches.clear();
        finder.find(step.data, step.at, &mut matches);
        self.literal(step, &state, price);
        let mut longest_match = matches.last().map_or(0, |found| found.length as usize);
        let long = match self.repeats(step, &state, price) {
            Ok(longest) => {
                longest_match = longest_match.max(longest);
                self.matches(step, &state, price, &matches, longest)
            }
            long => long.err(),
        };
        self.matches = matches;
        if long.is_some() {
            return long;
        }
        let long = self.delta_repeats(step, &state, price);
        if long.is_some() || longest_match >= self.search.delta_below {
            return long;
        }
        self.deltas(step, &state, price)
    }

    /// A literal, and a repeat after it.
    #[inline(always)]
    fn literal(&mut self, step: &Step<'_>, state: &State, price: u32) {
        let Step { data, at, prices, .. } = *step;
        let byte = data[at];
        let price = price + prices.literal(state.outcomes, byte);
        self.offer_one(step, price, LITERAL, 1);
        let offset = state.lz[0] as usize;
        if offset > at || step.left < 3 || data[at - offset] == byte || data[at + 1] != data[at + 1 - offset] {
            return;
        }
        let length = common(data, at + 1 - offset, at + 1, 1, self.search.nice.min(step.left - 1));
        if length >= 2 {
            let after = state.outcomes.then_literal();
            let price = price + prices.lz(after) + prices.lz_repeat(after, 0) + prices.length[length];
            self.offer_one(step, price, LITERAL_AND_REPEAT, length + 1);
        }
    }

    /// Repeats of bytes. Returns the longest length, or a match to take at once.
    #[inline(always)]
    fn repeats(&mut self, step: &Step<'_>, state: &State, price: u32) -> Result<usize, Item> {
        let Step { data, at, prices, .. } = *step;
        let price = price + prices.lz(state.outcomes);
        let (mut longest, mut longest_index) = (0, 0);
        for index in 0..3 {
            let offset = state.lz_offset(index) as usize;
            if offset > at || data[at - offset] != data[at] {
                continue;
            }
            let length = common(data, at - offset, at, 1, self.search.nice.min(step.left));
            if length >= self.search.nice {
                let length = common(data, at - offset, at, length, step.left) as u32;
                return Err(Item { source: Source::repeat(index), length });
            }
            let price = price + prices.lz_repeat(state.outcomes, index);
            self.offer(step, price, REPEATS + index, 1..=length);
            if length > longest {
                (longest, longest_index) = (length, index);
            }
        }
        if longest >= 2 {
            let offset = state.lz_offset(longest_index) as usize;
            let price = price + prices.lz_repeat(state.outcomes, longest_index) + prices.length[longest];
            self.continue_lz(step, state, price, Source::repeat(longest_index), Some(longest_index), offset, longest);
        }
        Ok(longest)
    }

    /// Matches at new offsets, only those longer than `longest`, which a repeat reaches.
    #[inline(always)]
    fn matches(
        &mut self,
        step: &Step<'_>,
        state: &State,
        price: u32,
        matches: &[Match],
        longest: usize,
    ) -> Option<Item> {
        let Step { data, at, prices, .. } = *step;
        let Match { length, offset } = *matches.last()?;
        if length as usize >= self.search.nice {
            let length = common(data, at - offset as usize, at, length as usize, step.left) as u32;
            return Some(Item { source: Source::of_match(offset), length });
        }
        let price = price + prices.lz(state.outcomes) + prices.no_lz_repeat(state.outcomes);
        let mut shortest = longest.max(1) + 1;
        for &Match { length, offset } in matches {
            let length = length as usize;
            if length < shortest {
                continue;
            }
            let choice = self.choose(Source::of_match(offset), 0);
            self.offer(step, price + prices.offset(offset), choice, shortest..=length);
            shortest = length + 1;
        }
        let length = length as usize;
        if length > longest {
            let price = price + prices.offset(offset) + prices.length[length];
            self.continue_lz(step, state, price, Source::of_match(offset), None, offset as usize, length);
        }
        None
    }

    /// After a match: a literal, and the match goes on.
    #[expect(clippy::too_many_arguments, reason = "all of them describe the match")]
    #[inline(always)]
    fn continue_lz(
        &mut self,
        step: &Step<'_>,
        state: &State,
        price: u32,
        source: Source,
        repeat: Option<usize>,
        offset: usize,
        length: usize,
    ) {
        let Step { data, at, prices, .. } = *step;
        let next = at + length + 1;
        if step.left < length + 3 || length + 3 > step.room || data[next] != data[next - offset] {
            return;
        }
        let more = common(data, next - offset, next, 1, self.search.nice.min(step.left - length - 1));
        if more < 2 {
            return;
        }
        let after = state.outcomes.then_lz(repeat);
        let price = price + prices.literal(after, data[next - 1]);
        let after = after.then_literal();
        let price = price + prices.lz(after) + prices.lz_repeat(after, 0) + prices.length[more];
        let choice = self.choose(source, length);
        self.offer_one(step, price, choice, length + 1 + more);
    }

    /// Repeats of differences. Returns one to take at once.
    #[inline(always)]
    fn delta_repeats(&mut self, step: &Step<'_>, state: &State, price: u32) -> Option<Item> {
        let price = price + step.prices.delta(state.outcomes);
        for index in 0..3 {
            let delta = state.delta_repeat(index);
            let length = delta::length(step.data, step.at, delta, self.search.nice.min(step.left));
            if length == 0 {
                continue;
            }
            if length >= self.search.nice {
                let length = delta::length(step.data, step.at, delta, step.left) as u32;
                return Some(Item { source: Source::repeat_delta(index), length });
            }
            let price = price + step.prices.delta_repeat(state.outcomes, index);
            self.offer(step, price, DELTA_REPEATS + index, 1..=length);
            if length >= 2 {
                self.continue_delta(step, state, price, Source::repeat_delta(index), Some(index), delta, length);
            }
        }
        None
    }

    /// Matches of differences at new offsets. Returns one to take at once.
    #[inline(always)]
    fn deltas(&mut self, step: &Step<'_>, state: &State, price: u32) -> Option<Item> {
        let price = price + step.prices.delta(state.outcomes) + step.prices.no_delta_repeat(state.outcomes);
        let mut found = Deltas::default();
        let count = self.deltas.find(step.data, step.at, self.search.nice.min(step.left), &mut found);
        for &(delta, length) in &found[..count] {
            if length >= self.search.nice {
                let length = delta::length(step.data, step.at, delta, step.left) as u32;
                return Some(Item { source: Source::of_delta(delta), length });
            }
            let choice = self.choose(Source::of_delta(delta), 0);
            let price = price + step.prices.delta_source(delta);
            self.offer(step, price, choice, 1..=length);
            self.continue_delta(step, state, price, Source::of_delta(delta), None, delta, length);
        }
        None
    }

    /// After a match of differences: a literal, and the match goes on.
    #[expect(clippy::too_many_arguments, reason = "all of them describe the match")]
    #[inline(always)]
    fn continue_delta(
        &mut self,
        step: &Step<'_>,
        state: &State,
        price: u32,
        source: Source,
        repeat: Option<usize>,
        delta: Delta,
        length: usize,
    ) {
        let Step { data, at, prices, .. } = *step;
        if step.left < length + 3 || length + 3 > step.room {
            return;
        }
        let next = at + length + 1;
        let more = delta::length(data, next, delta, self.search.nice.min(step.left - length - 1));
        if more < 2 {
            return;
        }
        let after = state.outcomes.then_delta(repeat);
        let price = price + prices.length[length] + prices.literal(after, data[next - 1]);
        let after = after.then_literal();
        let price = price + prices.delta(after) + prices.delta_repeat(after, 0) + prices.length[more];
        let choice = self.choose(source, length);
        self.offer_one(step, price, choice, length + 1 + more);
    }
}

/// The items of a choice that is several, in order.
fn items_of(source: Source, head: u32, length: u32) -> [Option<Item>; 3] {
    let literal = Item { source: Source::LITERAL, length: 1 };
    if source == Source::LITERAL {
        return [None, Some(literal), Some(Item { source: Source::repeat(0), length: length - 1 })];
    }
    let again = if source.is_delta() { Source::repeat_delta(0) } else { Source::repeat(0) };
    [Some(Item { source, length: head }), Some(literal), Some(Item { source: again, length: length - head - 1 })]
}

/// A node, and what is needed to go on from there.
#[derive(Clone, Copy)]
struct Step<'a> {
    data: &'a [u8],
    at: usize,
    /// Bytes of the chunk from there on.
    left: usize,
    node: usize,
    /// Nodes after it.
    room: usize,
    prices: &'a Prices,
}

const _: () = assert!(2 * super::super::find::intervals::MAX_NICE + 1 < MAX_LENGTH);
