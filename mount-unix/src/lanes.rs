//! Lanes: requests that may wait for a storage have a lane for each, so that one that hangs does
//! not keep all threads.
//!
//! A request begins in the thread that took it from the kernel as long as its storage has not had
//! its share of the threads. Otherwise it is parked, holds no thread, and is run by a thread that
//! comes out of a lane. There are as many parked requests as the kernel lets wait: one for each
//! thread that asks, and those that it sends ahead of readers.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fs_core::Shares;

/// Threads beyond those that storages share, for requests that hardly wait.
pub(crate) const SPARE_THREADS: usize = 2;

/// The requests `J` that run, counted by storage `K`, and those that are parked.
pub(crate) struct Lanes<K, J>(Mutex<State<K, J>>);

struct State<K, J> {
    /// All threads that take requests from the kernel.
    threads: usize,
    shares: Shares<K>,
    /// In the order in which they came; no queue is empty, and some thread works for each of these
    /// storages.
    parked: HashMap<K, VecDeque<J>>,
}

/// The outcome for a request that could not begin at once.
pub(crate) enum Turn<J> {
    /// It begins in this thread after all: another one has come out of its lane.
    Now(J),
    /// No thread works for its storage, and none that takes requests from the kernel may: it needs
    /// one of its own.
    Alone(J),
    /// Another thread will run it.
    Later,
}

impl<K: Clone + Eq + Hash, J> Lanes<K, J> {
    /// Lanes for `threads` that take requests from the kernel. One of them at least is never in a
    /// lane.
    pub(crate) fn new(threads: usize) -> Self {
        let shares = Shares::new(threads.saturating_sub(SPARE_THREADS));
        Self(Mutex::new(State { threads, shares, parked: HashMap::new() }))
    }

    /// Whether a request begins in this thread, which calls [`Lanes::leave`] at its end. One that
    /// `is_short`, which is asked only where it matters, also begins where those that wait have
    /// taken their share.
    pub(crate) fn begin(&self, storage: &K, is_short: impl FnOnce() -> bool) -> bool {
        let begun = self.lock().begin_if(storage, |state| state.shares.has_room(storage));
        begun || (is_short() && self.lock().begin_if(storage, |state| state.shares.total() + 1 < state.threads))
    }

    /// Parks a request that could not begin, unless that has changed meanwhile.
    pub(crate) fn park(&self, storage: &K, request: J) -> Turn<J> {
        let mut state = self.lock();
        if state.begin_if(storage, |state| state.shares.has_room(storage)) {
            return Turn::Now(request);
        }
        if state.begin_if(storage, |state| state.shares.working(storage) == 0) {
            return Turn::Alone(request);
        }
        state.parked.entry(storage.clone()).or_default().push_back(request);
        Turn::Later
    }

    /// A thread comes out of the lane of `storage`. Returns what it has to run before it goes on,
    /// and the lane of that.
    pub(crate) fn leave(&self, storage: &K) -> Option<(K, J)> {
        let mut state = self.lock();
        state.shares.end(storage);
        if state.parked.is_empty() {
            return None;
        }
        let is_last = state.shares.working(storage) == 0;
        let may_run = |parked: &&K| (is_last && *parked == storage) || state.shares.has_room(parked);
        let own = state.parked.contains_key(storage).then_some(storage).filter(may_run);
        let next = own.or_else(|| state.parked.keys().find(may_run))?.clone();
        let request = state.take(&next)?;
        state.shares.begin(&next);
        Some((next, request))
    }

    fn lock(&self) -> MutexGuard<'_, State<K, J>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, J> State<K, J> {
    fn begin_if(&mut self, storage: &K, may: impl FnOnce(&Self) -> bool) -> bool {
        let begins = may(self);
        if begins {
            self.shares.begin(storage);
        }
        begins
    }

    /// Takes the oldest request of a lane out.
    fn take(&mut self, storage: &K) -> Option<J> {
        let queue = self.parked.get_mut(storage)?;
        let request = queue.pop_front();
        if queue.is_empty() {
            self.parked.remove(storage);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREADS: usize = 4 + SPARE_THREADS;

    fn begins(lanes: &Lanes<char, u32>, storages: &str) -> String {
        storages.chars().filter(|storage| lanes.begin(storage, || false)).collect()
    }

    #[test]
    fn a_storage_that_hangs_leaves_threads_to_others() {
        let lanes = Lanes::new(THREADS);
        assert_eq!(begins(&lanes, "aaaabbbbcc"), "aab");
        assert!(matches!(lanes.park(&'a', 1), Turn::Later));
        assert!(matches!(lanes.park(&'c', 2), Turn::Alone(2)), "nobody works for it");
        assert!(matches!(lanes.park(&'c', 3), Turn::Later));
        assert_eq!(lanes.leave(&'c'), Some(('c', 3)));
        assert_eq!(lanes.leave(&'c'), None);
    }

    #[test]
    fn what_hardly_waits_begins_as_long_as_a_thread_is_left() {
        let lanes = Lanes::<_, u32>::new(THREADS);
        begins(&lanes, "aabb");
        let begun = (0..10).filter(|_| lanes.begin(&'a', || true)).count();
        assert_eq!(3 + begun, THREADS - 1);
    }

    #[test]
    fn those_parked_come_in_order_and_all_of_them() {
        let lanes = Lanes::new(THREADS);
        assert_eq!(begins(&lanes, "aab"), "aab");
        for request in 0..3 {
            assert!(matches!(lanes.park(&'a', request), Turn::Later));
        }
        assert_eq!(lanes.leave(&'a'), None, "the share of `a` is one, as long as `b` has another");
        assert_eq!(lanes.leave(&'b'), Some(('a', 0)), "who comes out of another lane helps");
        assert_eq!(lanes.leave(&'a'), Some(('a', 1)));
        assert_eq!(lanes.leave(&'a'), Some(('a', 2)));
        assert_eq!(lanes.leave(&'a'), None);
        assert_eq!(lanes.leave(&'a'), None);
        assert!(lanes.lock().parked.is_empty() && lanes.lock().shares.total() == 0);
    }
}
