//! A cache bounded in bytes, in which each value is loaded once however many ask for it at the same time.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;

use super::SingleFlight;
use super::cache_budget::{CacheBudget, Evict};

/// What an entry costs beyond its value's own bytes: key, list links, table slot, reference counts.
const ENTRY_OVERHEAD: usize = 128;

/// How many locks the entries are spread over, so that readers rarely meet at one. Which entry is dropped is decided over all.
const SHARDS: usize = 16;

/// Says what a cached value costs.
pub(crate) trait Weigh {
    /// The bytes it holds.
    fn weight(&self) -> usize;
}

impl Weigh for Arc<Vec<u8>> {
    fn weight(&self) -> usize {
        self.len()
    }
}

/// Values by key, the least recently used dropped first, with single flight.
///
/// `&self` everywhere; a hit takes one short lock. The bound is on the bytes of all shards together, and of all caches within
/// one budget, so one value may be as large as the whole budget. Of larger ones the newest is kept, in addition to all others
/// and whatever it costs: a value that is wanted piece by piece would otherwise be loaded for each piece.
pub(crate) struct Cache<K, V, E> {
    shards: Box<[Arc<Shard<K, V>>]>,
    budget: Arc<CacheBudget>,
    /// The newest value that is larger than the budget.
    giant: Mutex<Option<(K, V)>>,
    spread: RandomState,
    loads: SingleFlight<K, V, E>,
}

/// Values with the time of their last use.
type Shard<K, V> = Mutex<LruCache<K, (V, u64)>>;

impl<K, V, E> Cache<K, V, E>
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Clone + Weigh + Send + 'static,
    E: Clone,
{
    /// An empty cache that keeps values of at most `capacity` bytes in sum, a small overhead for each included.
    pub(crate) fn new(capacity: u64) -> Self {
        Self::within(Arc::new(CacheBudget::new(capacity)))
    }

    /// An empty cache whose values share a budget with those of other caches.
    pub(crate) fn within(budget: Arc<CacheBudget>) -> Self {
        let shard = |_| Arc::new(Mutex::new(LruCache::unbounded()));
        let shards: Box<[Arc<Shard<K, V>>]> = (0..SHARDS).map(shard).collect();
        for shard in &shards {
            budget.join(Arc::<Shard<K, V>>::clone(shard));
        }
        Self { shards, budget, giant: Mutex::new(None), spread: RandomState::new(), loads: SingleFlight::default() }
    }

    /// The value, if it is here; it then counts as just used.
    pub(crate) fn get(&self, key: K) -> Option<V> {
        let value = self.shards[self.shard_of(key)].lock().get_mut(&key).map(|(value, used)| {
            *used = self.budget.now(cost(value), SHARDS);
            value.clone()
        });
        value.or_else(|| self.giant.lock().as_ref().filter(|(giant, _)| *giant == key).map(|(_, value)| value.clone()))
    }

    /// Whether the value is here; it does not count as used.
    pub(crate) fn has(&self, key: K) -> bool {
        let kept = self.shards[self.shard_of(key)].lock().contains(&key);
        kept || self.giant.lock().as_ref().is_some_and(|(giant, _)| *giant == key)
    }

    /// The value, loaded by `load` unless it is here or another thread is loading it now.
    ///
    /// No lock is held while `load` runs or is waited for. If it panics, one of those who wait loads in its stead.
    ///
    /// # Errors
    /// What `load` returned, to all who waited for it; nothing is left behind, the next caller loads anew.
    pub(crate) fn get_or_load(&self, key: K, load: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        self.loads.run(key, || {
            // Another may have loaded it between our look and our turn.
            if let Some(value) = self.get(key) {
                return Ok(value);
            }
            let value = load()?;
            self.insert(key, value.clone());
            Ok(value)
        })
    }

    /// Keeps a value, in place of what had the key before, and drops the least recently used ones that no longer fit.
    pub(crate) fn insert(&self, key: K, value: V) {
        let cost_of_new = cost(&value);
        if cost_of_new > self.budget.capacity() {
            let old = self.giant.lock().replace((key, value));
            return drop(old); // freed when no lock is held
        }
        let now = self.budget.now(usize::MAX, SHARDS);
        self.budget.add(cost_of_new);
        let old = self.shards[self.shard_of(key)].lock().put(key, (value, now));
        if let Some((old, _)) = &old {
            self.budget.subtract(cost(old));
        }
        self.budget.shrink();
    }

    /// Drops the value, if it is here.
    pub(crate) fn remove(&self, key: K) {
        let value = self.shards[self.shard_of(key)].lock().pop(&key);
        if let Some((value, _)) = &value {
            self.budget.subtract(cost(value));
        }
        let giant = self.giant.lock().take_if(|(giant, _)| *giant == key);
        drop((value, giant)); // when no lock is held
    }

    /// Drops the values whose keys `is_dead` names.
    pub(crate) fn remove_all(&self, is_dead: impl Fn(&K) -> bool) {
        for shard in &self.shards {
            let dead: Vec<K> = shard.lock().iter().map(|(key, _)| *key).filter(&is_dead).collect();
            dead.into_iter().for_each(|key| self.remove(key));
        }
        let giant = self.giant.lock().take_if(|(key, _)| is_dead(key));
        drop(giant);
    }

    /// What the cache's values may take, and what they take now together with those of other caches within the budget.
    pub(crate) fn budget(&self) -> &CacheBudget {
        &self.budget
    }

    fn shard_of(&self, key: K) -> usize {
        (self.spread.hash_one(key) >> 32) as usize % SHARDS
    }
}

impl<K: Copy + Eq + Hash + Send, V: Weigh + Send> Evict for Shard<K, V> {
    fn oldest(&self) -> u64 {
        self.lock().peek_lru().map_or(u64::MAX, |(_, (_, used))| *used)
    }

    fn evict(&self) -> Option<usize> {
        let (_, (value, _)) = self.lock().pop_lru()?;
        Some(cost(&value))
    }
}

impl<K, V, E> fmt::Debug for Cache<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("budget", &self.budget).finish_non_exhaustive()
    }
}

fn cost(value: &impl Weigh) -> usize {
    value.weight().saturating_add(ENTRY_OVERHEAD)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    type Chunk = Arc<Vec<u8>>;
    type TestCache = Cache<u64, Chunk, String>;

    fn bytes(len: usize, fill: u8) -> Chunk {
        vec![fill; len].into()
    }

    /// How many of `keys` are here, without making them recent in an order that matters.
    fn present(cache: &TestCache, keys: impl Iterator<Item = u64>) -> usize {
        keys.filter(|&key| cache.get(key).is_some()).count()
    }

    #[test]
    fn stays_within_its_bytes() {
        let cache = TestCache::new(100 * (1000 + ENTRY_OVERHEAD as u64));
        for key in 0..1000 {
            cache.insert(key, bytes(1000, 1));
            assert!(cache.budget.used() <= cache.budget.capacity(), "after {key}: {}", cache.budget.used());
        }
        assert_eq!(present(&cache, 0..1000), 100, "it fills what it may use");
    }

    #[test]
    fn weights_count_not_numbers() {
        let cache = TestCache::new(10_000);
        for key in 0..20 {
            cache.insert(key, bytes(10, 1));
        }
        assert_eq!(present(&cache, 0..20), 20);
        cache.insert(100, bytes(9_000, 2));
        assert!(cache.get(100).is_some(), "a value much larger than a shard's share stays");
        assert!(present(&cache, 0..20) <= 6, "and others made room for it");
        assert!(cache.budget.used() <= 10_000);
    }

    #[test]
    fn of_values_larger_than_the_cache_the_newest_is_kept() {
        let cache = TestCache::new(1000);
        cache.insert(1, bytes(100, 1));
        for key in [2, 3] {
            assert_eq!(cache.get_or_load(key, || Ok(bytes(5000, key as u8))).unwrap().len(), 5000);
            let again = cache.get_or_load(key, || Err("not called".to_owned())).unwrap();
            assert!(again.iter().all(|&byte| byte == key as u8));
        }
        assert!(cache.get(2).is_none(), "only the newest");
        assert!(cache.get(1).is_some(), "nothing was dropped for it");
    }

    #[test]
    fn what_was_used_last_is_dropped_last() {
        // One value in each of many rounds is touched: it outlives all that are not, whatever shards they fall into.
        let cache = TestCache::new(1000 * (1000 + ENTRY_OVERHEAD as u64));
        cache.insert(0, bytes(1000, 7));
        for key in 1..10_000 {
            cache.insert(key, bytes(1000, 1));
            assert!(cache.get(0).is_some(), "dropped at {key} though just used");
        }
    }

    #[test]
    fn of_few_large_values_the_oldest_goes_first() {
        for round in 0..50_u64 {
            let cache = TestCache::new(3000 + 3 * ENTRY_OVERHEAD as u64);
            let key = |number: u64| round * 1000 + number;
            (0..3).for_each(|number| cache.insert(key(number), bytes(1000, 1)));
            for number in 3..20 {
                cache.insert(key(number), bytes(1000, 1));
                assert_eq!(present(&cache, (number - 2..=number).map(key)), 3, "round {round}, value {number}");
            }
        }
    }

    #[test]
    fn a_load_makes_room_before_it_begins() {
        let cache = TestCache::new(10 * (1000 + ENTRY_OVERHEAD as u64));
        (0..10).for_each(|key| cache.insert(key, bytes(1000, 1)));
        let room = cache.budget.reserve(2000);
        assert_eq!(present(&cache, 0..10), 8);
        assert!(cache.budget.used() <= cache.budget.capacity());
        drop(room);
        cache.insert(10, bytes(1000, 1));
        assert_eq!(present(&cache, 0..11), 9, "the room is given back");
        drop(cache.budget.reserve(u64::MAX));
        assert_eq!((present(&cache, 0..11), cache.budget.used()), (0, 0));
    }

    #[test]
    fn a_key_put_again_counts_once() {
        let cache = TestCache::new(10_000);
        for round in 0..100 {
            cache.insert(1, bytes(1000, round));
        }
        assert_eq!(cache.budget.used(), 1000 + ENTRY_OVERHEAD);
        assert_eq!(cache.get(1).unwrap()[0], 99);
    }

    #[test]
    fn a_failed_load_leaves_no_trace() {
        let cache = TestCache::new(10_000);
        assert_eq!(cache.get_or_load(1, || Err("bad".to_owned())), Err("bad".to_owned()));
        assert_eq!(cache.budget.used(), 0);
        assert_eq!(cache.get_or_load(1, || Ok(bytes(3, 3))), Ok(bytes(3, 3)));
        assert_eq!(cache.get_or_load(1, || Err("not called".to_owned())), Ok(bytes(3, 3)));
    }

    #[test]
    fn a_panicking_load_leaves_no_trace() {
        let cache = TestCache::new(10_000);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cache.get_or_load(1, || panic!("a bug in a decoder"))
        }));
        assert!(panicked.is_err());
        assert_eq!(cache.get_or_load(1, || Ok(bytes(3, 3))), Ok(bytes(3, 3)));
    }

    #[test]
    fn threads_share_loads_and_never_see_another_keys_bytes() {
        const KEYS: u64 = 300;
        let cache = TestCache::new(100 * (512 + ENTRY_OVERHEAD as u64));
        let under_way: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
        thread::scope(|scope| {
            for seed in 1..=8_u64 {
                let (cache, under_way) = (&cache, &under_way);
                scope.spawn(move || {
                    let mut state = seed;
                    for _ in 0..5_000 {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                        let key = (state >> 33) % KEYS;
                        let fails = key.is_multiple_of(7) && state >> 62 == 0;
                        let got = cache.get_or_load(key, || {
                            assert_eq!(under_way[key as usize].fetch_add(1, Ordering::SeqCst), 0, "two loads of {key}");
                            if state >> 58 == 1 {
                                thread::sleep(Duration::from_micros(200));
                            }
                            under_way[key as usize].fetch_sub(1, Ordering::SeqCst);
                            if fails { Err(key.to_string()) } else { Ok(bytes(512, key as u8)) }
                        });
                        match got {
                            Ok(value) => assert!(value.iter().all(|&byte| byte == key as u8), "{key}"),
                            Err(error) => assert_eq!(error, key.to_string()),
                        }
                    }
                });
            }
        });
        let kept: usize =
            cache.shards.iter().map(|shard| shard.lock().iter().map(|(_, (v, _))| cost(v)).sum::<usize>()).sum();
        assert_eq!(cache.budget.used(), kept, "the sum is that of what is kept");
        assert!(kept <= cache.budget.capacity());
    }
}
