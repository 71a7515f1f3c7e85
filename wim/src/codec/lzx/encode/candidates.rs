//! Where parsers get matches from: a search as they go, or a list of all.

use super::super::super::matches::{Chains, Match, MatchList, Position, Search, Trees, Window};
use super::super::MAX_MATCH;
use super::item::Item;

/// A source of the longest match at a position.
pub(super) trait Candidates<const WINDOW: usize> {
    /// The longest match at `at` of at most `max` bytes and more than `known`. After a match was
    /// found at the position before, the search is shorter (`is_second`).
    fn longest(&mut self, window: &Window<WINDOW>, at: usize, limits: (usize, usize), is_second: bool)
    -> Option<Match>;

    /// Passes over the positions `from` to `to`.
    fn skip(&mut self, window: &Window<WINDOW>, from: usize, to: usize);

    /// Length of a match that is good enough.
    fn nice(&self) -> usize;
}

/// Matches found in chains as the parser goes.
pub(super) struct Searched<P, const CHUNK: usize, const WINDOW: usize> {
    chains: Chains<P, CHUNK, WINDOW>,
    depth: u32,
    nice: usize,
    /// Bytes of the chunk.
    len: usize,
}

impl<P: Position, const CHUNK: usize, const WINDOW: usize> Searched<P, CHUNK, WINDOW> {
    pub(super) fn new(depth: u32, nice: usize) -> Self {
        Self { chains: Chains::default(), depth, nice, len: 0 }
    }

    /// Begins a chunk of `len` bytes.
    pub(super) fn reset(&mut self, len: usize) {
        self.chains.reset();
        self.len = len;
    }
}

impl<P: Position, const CHUNK: usize, const WINDOW: usize> Candidates<WINDOW> for Searched<P, CHUNK, WINDOW> {
    #[inline(always)]
    fn longest(
        &mut self,
        window: &Window<WINDOW>,
        at: usize,
        (known, max): (usize, usize),
        is_second: bool,
    ) -> Option<Match> {
        let depth = if is_second { self.depth / 2 } else { self.depth };
        self.chains.longest(window, at, max, (known, self.nice), depth)
    }

    #[inline(always)]
    fn skip(&mut self, window: &Window<WINDOW>, from: usize, to: usize) {
        self.chains.skip(window, from, to, self.len);
    }

    fn nice(&self) -> usize {
        self.nice
    }
}

/// All matches of a stretch, found in trees.
pub(super) struct Listed<P, const CHUNK: usize, const WINDOW: usize> {
    trees: Trees<P, CHUNK, WINDOW>,
    search: Search,
    matches: MatchList,
    /// Where the stretch begins.
    start: usize,
    /// Bytes of the chunk.
    len: usize,
}

impl<P: Position, const CHUNK: usize, const WINDOW: usize> Listed<P, CHUNK, WINDOW> {
    pub(super) fn new(search: Search) -> Self {
        Self { trees: Trees::default(), search, matches: MatchList::default(), start: 0, len: 0 }
    }

    /// Begins a chunk of `len` bytes.
    pub(super) fn reset(&mut self, len: usize) {
        self.len = len;
        self.trees.reset();
    }

    /// Lists the matches of the stretch from `start` to `end`, which do not pass its end.
    ///
    /// Behind a long match, which is certain to be used, nothing is searched.
    #[inline(never)]
    pub(super) fn list(&mut self, window: &Window<WINDOW>, (start, end): (usize, usize)) {
        self.start = start;
        let Self { trees, search, matches, .. } = self;
        matches.clear();
        let mut at = start;
        while at < end {
            // The trees rely on it that only the chunk's end shortens matches.
            let room = end - at;
            let mut listed = 1;
            let push = |found: Match| {
                let length = found.length.min(room);
                if length > listed {
                    listed = length;
                    matches.push(Item::new_match(found.offset, length).0);
                }
            };
            let longest = trees.find(window, at, (self.len - at).min(MAX_MATCH), *search, push).min(room);
            matches.next_position();
            at += 1;
            if longest >= search.nice {
                let after = at + longest - 1;
                for at in at..after {
                    trees.insert(window, at, (self.len - at).min(MAX_MATCH), *search);
                    matches.next_position();
                }
                at = after;
            }
        }
    }

    /// The list, whose first position is the start of the stretch.
    pub(super) fn matches(&self) -> &MatchList {
        &self.matches
    }
}

impl<P: Position, const CHUNK: usize, const WINDOW: usize> Candidates<WINDOW> for Listed<P, CHUNK, WINDOW> {
    #[inline(always)]
    fn longest(&mut self, _: &Window<WINDOW>, at: usize, (known, _): (usize, usize), _: bool) -> Option<Match> {
        let item = Item(*self.matches.at(at - self.start).last()?);
        let found = Match { length: item.length(), offset: item.code() as usize - 2 };
        (found.length > known).then_some(found)
    }

    #[inline(always)]
    fn skip(&mut self, _: &Window<WINDOW>, _: usize, _: usize) {}

    fn nice(&self) -> usize {
        self.search.nice
    }
}
