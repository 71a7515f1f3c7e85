//! Long matches from anywhere before, in addition to those from nearby.

use super::tree::TreeFinder;
use super::{Find, Match, common, load};

/// The shortest match from far away that is found.
const MIN_LENGTH: usize = 16;
const HASH_BITS: u32 = 22;
/// One of so many positions is kept, chosen by its hash, so that copies are chosen alike.
const SAMPLES: u64 = 4;

/// A tree for the last bytes, and a table for all before them.
pub(in super::super) struct FarFinder {
    near: TreeFinder,
    /// The newest position of each hash of [`MIN_LENGTH`] bytes, plus one.
    newest: Vec<u32>,
    nice: usize,
    len: usize,
}

impl FarFinder {
    /// In addition to what `near` finds, matches of at most `nice` bytes.
    pub(in super::super) fn new(near: TreeFinder, nice: usize) -> Self {
        Self { near, newest: vec![0; 1 << HASH_BITS], nice, len: 0 }
    }

    /// Keeps `at`, if it is one of those that are kept, and returns the last place with its hash.
    #[inline(always)]
    fn insert(&mut self, data: &[u8], at: usize) -> Option<usize> {
        if self.len - at < MIN_LENGTH {
            return None;
        }
        let first = load(data, at).wrapping_mul(0x9E37_79B1_85EB_CA87);
        let hash = (first ^ load(data, at + 8)).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        if !(hash >> 16).is_multiple_of(SAMPLES) {
            return None;
        }
        let newest = &mut self.newest[(hash >> (64 - HASH_BITS)) as usize];
        (std::mem::replace(newest, at as u32 + 1) as usize).checked_sub(1)
    }
}

impl Find for FarFinder {
    fn start(&mut self, data: &[u8]) {
        self.near.start(data);
        self.newest.fill(0);
        self.len = data.len();
    }

    #[inline(always)]
    fn find(&mut self, data: &[u8], at: usize, matches: &mut Vec<Match>) {
        self.near.find(data, at, matches);
        let Some(other) = self.insert(data, at) else { return };
        let longest = matches.last().map_or(0, |longest| longest.length as usize).max(MIN_LENGTH - 1);
        let length = common(data, other, at, 0, self.nice.min(self.len - at));
        if length > longest {
            matches.push(Match { length: length as u32, offset: (at - other) as u32 });
        }
    }

    fn skip(&mut self, data: &[u8], at: usize, count: usize) {
        self.near.skip(data, at, count);
        for at in at..at + count {
            self.insert(data, at);
        }
    }
}
