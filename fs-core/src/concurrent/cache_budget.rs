//! The memory that caches share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::RwLock;

/// A bound on the bytes that cached values take together, whichever of the caches within it they are in: the value used
/// least recently goes first.
pub(crate) struct CacheBudget {
    capacity: usize,
    used: AtomicUsize,
    /// The time of uses, by which shards compare which of them has the oldest value: see [`CacheBudget::now`].
    clock: AtomicU64,
    shards: RwLock<Vec<Arc<dyn Evict>>>,
}

/// A part of a cache that can make room for other values.
pub(super) trait Evict: Send + Sync {
    /// When the value used least recently was used; `u64::MAX` if there is no value.
    fn oldest(&self) -> u64;

    /// Drops that value while no lock is held, and returns what it cost.
    fn evict(&self) -> Option<usize>;
}

/// A part of a budget that is set aside for a load, as long as this lives.
pub(crate) struct Reserved<'a> {
    budget: &'a CacheBudget,
    bytes: usize,
}

impl CacheBudget {
    /// A budget of `capacity` bytes.
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            capacity: usize::try_from(capacity).unwrap_or(usize::MAX),
            used: AtomicUsize::new(0),
            clock: AtomicU64::new(0),
            shards: RwLock::default(),
        }
    }

    /// Takes in a part of a cache, whose values count from now on.
    pub(super) fn join(&self, shard: Arc<dyn Evict>) {
        self.shards.write().push(shard);
    }

    /// The most bytes that values may take.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The bytes that values cost now, and those reserved.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether `bytes` more would evict nothing.
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        self.used() as u64 + bytes <= self.capacity as u64
    }

    /// Makes room for a load, which takes memory before its value comes in: `bytes`, or the whole budget if they are more,
    /// count as used until what is returned is dropped.
    pub(crate) fn reserve(&self, bytes: u64) -> Reserved<'_> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.capacity);
        self.add(bytes);
        self.shrink();
        Reserved { budget: self, bytes }
    }

    /// Counts a value that comes in. It does not evict others yet.
    pub(super) fn add(&self, cost: usize) {
        self.used.fetch_add(cost, Ordering::Relaxed);
    }

    /// Counts a value that has gone.
    pub(super) fn subtract(&self, cost: usize) {
        self.used.fetch_sub(cost, Ordering::Relaxed);
    }

    /// Evicts the values used least recently until the rest fits.
    pub(super) fn shrink(&self) {
        while self.used() > self.capacity {
            let shards = self.shards.read();
            let Some(oldest) = shards.iter().min_by_key(|shard| shard.oldest()) else { return };
            let Some(cost) = oldest.evict() else { return };
            self.subtract(cost);
        }
    }

    /// The time of a use of a value that costs this much. It goes on when a value comes in, and with each use of one that
    /// takes more than one part in `parts` of the budget: of those few it matters which is the oldest, and to use them costs
    /// more than a counter that all threads share.
    pub(super) fn now(&self, cost: usize, parts: usize) -> u64 {
        if cost > self.capacity / parts {
            self.clock.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            self.clock.load(Ordering::Relaxed)
        }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.budget.subtract(self.bytes);
    }
}

impl fmt::Debug for CacheBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBudget")
            .field("used", &self.used)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
