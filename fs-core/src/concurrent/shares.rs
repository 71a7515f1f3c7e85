//! Shares of a number of threads: one storage that hangs keeps only some of them.

use std::collections::HashMap;
use std::hash::Hash;

/// How many threads work for each storage `K`. Each storage may have half of the threads that the
/// others leave, so that none of them ever has all, and one thread is always free.
#[derive(Debug)]
pub struct Shares<K> {
    threads: usize,
    /// Without storages that no thread works for.
    working: HashMap<K, usize>,
    total: usize,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// No thread works yet, of `threads`. One storage alone gets half of them.
    pub fn new(threads: usize) -> Self {
        Self { threads, working: HashMap::new(), total: 0 }
    }

    /// How many threads work for `storage`.
    pub fn working(&self, storage: &K) -> usize {
        self.working.get(storage).copied().unwrap_or(0)
    }

    /// Whether one more thread may work for `storage`.
    pub fn has_room(&self, storage: &K) -> bool {
        self.working(storage) < self.left(storage) / 2
    }

    /// How many threads work for any storage.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The threads that do not work for other storages.
    fn left(&self, storage: &K) -> usize {
        self.threads.saturating_sub(self.total - self.working(storage))
    }

    /// A thread begins to work for `storage`.
    pub fn begin(&mut self, storage: &K) {
        self.total += 1;
        match self.working.get_mut(storage) {
            Some(count) => *count += 1,
            None => drop(self.working.insert(storage.clone(), 1)),
        }
    }

    /// A thread that worked for `storage` is free.
    pub fn end(&mut self, storage: &K) {
        let Some(count) = self.working.get_mut(storage) else { return };
        *count -= 1;
        self.total -= 1;
        if *count == 0 {
            self.working.remove(storage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many threads each of these storages gets that asks for all it may have, one after the
    /// other.
    fn given(threads: usize, storages: usize) -> Vec<usize> {
        let mut shares = Shares::new(threads);
        for storage in 0..storages {
            while shares.has_room(&storage) {
                shares.begin(&storage);
            }
        }
        (0..storages).map(|storage| shares.working(&storage)).collect()
    }

    #[test]
    fn no_storage_gets_all() {
        let cases: &[(usize, usize, &[usize])] = &[
            (8, 4, &[4, 2, 1, 0]),
            (4, 3, &[2, 1, 0]),
            (2, 2, &[1, 0]),
            (1, 1, &[0]),
            (10, 1, &[5]),
            (64, 3, &[32, 16, 8]),
        ];
        for (threads, storages, want) in cases {
            assert_eq!(given(*threads, *storages), *want, "{threads} threads");
        }
    }

    #[test]
    fn one_thread_is_always_free() {
        for threads in 1..40 {
            let mut shares = Shares::new(threads);
            for storage in 0..10 {
                while shares.has_room(&storage) {
                    shares.begin(&storage);
                }
            }
            assert!(shares.total() < threads, "{threads}: {shares:?}");
        }
    }

    #[test]
    fn what_ends_is_free_for_others() {
        let mut shares = Shares::new(4);
        shares.begin(&'a');
        shares.begin(&'a');
        assert!(!shares.has_room(&'a') && shares.has_room(&'b'));
        shares.begin(&'b');
        assert!(!shares.has_room(&'c'));
        shares.end(&'a');
        shares.end(&'b');
        assert!(shares.has_room(&'a') && shares.has_room(&'c'));
        shares.end(&'a');
        assert!(shares.working.is_empty() && shares.total == 0);
    }
}
