//! Threads that work off a list, for nobody who waits.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use super::Shares;

/// Items that may wait. Beyond that the oldest are dropped: whoever wanted them has gone past them or elsewhere.
const MAX_WAITING: usize = 1024;

/// A few threads and the items they have yet to do. Items of a volume that hangs keep no more than
/// half of the threads. Dropping ends the threads after the items at hand.
pub(crate) struct Workers<T> {
    shared: Arc<Shared<T>>,
    count: usize,
    threads: OnceLock<Vec<JoinHandle<()>>>,
}

struct Shared<T> {
    list: Mutex<List<T>>,
    /// There is something to do, or the end has come.
    more: Condvar,
    volume: fn(&T) -> u64,
    work: Box<dyn Fn(T) + Send + Sync>,
}

struct List<T> {
    waiting: VecDeque<T>,
    shares: Shares<u64>,
    closed: bool,
}

impl<T: Send + 'static> Workers<T> {
    /// Threads, started with the first item, that will do `work` with each: at most `count` of them
    /// at once with items of one `volume`, which is a device number, and as many are left for
    /// others.
    pub(crate) fn new(count: usize, volume: fn(&T) -> u64, work: impl Fn(T) + Send + Sync + 'static) -> Self {
        let count = 2 * count;
        let list = Mutex::new(List { waiting: VecDeque::new(), shares: Shares::new(count), closed: false });
        let shared = Arc::new(Shared { list, more: Condvar::new(), volume, work: Box::new(work) });
        Self { shared, count, threads: OnceLock::new() }
    }

    /// Adds items to the end of the list, and returns at once.
    pub(crate) fn push(&self, items: Vec<T>) {
        if items.is_empty() {
            return;
        }
        self.threads.get_or_init(|| self.start());
        let mut list = self.shared.list.lock();
        for item in items {
            if list.waiting.len() == MAX_WAITING {
                list.waiting.pop_front();
            }
            list.waiting.push_back(item);
        }
        drop(list);
        self.shared.more.notify_all();
    }

    /// As many threads as the system gives; with none, items wait for nobody.
    fn start(&self) -> Vec<JoinHandle<()>> {
        let start = |_| {
            let shared = Arc::clone(&self.shared);
            thread::Builder::new().name("read-ahead".into()).spawn(move || shared.run()).ok()
        };
        (0..self.count).map_while(start).collect()
    }
}

impl<T> Shared<T> {
    fn run(&self) {
        let mut list = self.list.lock();
        while !list.closed {
            match list.begin(self.volume) {
                Some(item) => {
                    let volume = (self.volume)(&item);
                    parking_lot::MutexGuard::unlocked(&mut list, || (self.work)(item));
                    list.shares.end(&volume);
                    self.more.notify_one(); // there may be room for two items now, and this thread takes one
                }
                None => self.more.wait(&mut list),
            }
        }
    }
}

impl<T> List<T> {
    /// Takes the first item out whose volume may have one more thread.
    fn begin(&mut self, volume: fn(&T) -> u64) -> Option<T> {
        let place = self.waiting.iter().position(|item| self.shares.has_room(&volume(item)))?;
        let item = self.waiting.remove(place)?;
        self.shares.begin(&volume(&item));
        Some(item)
    }
}

impl<T> Drop for Workers<T> {
    fn drop(&mut self) {
        self.shared.list.lock().closed = true;
        self.shared.more.notify_all();
        for thread in self.threads.take().into_iter().flatten() {
            let _ = thread.join(); // one that panicked has nothing to tell us
        }
    }
}

impl<T> fmt::Debug for Workers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("waiting", &self.shared.list.lock().waiting.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn every_item_is_done_once_and_the_end_waits_for_those_at_hand() {
        let (sender, done) = channel();
        let workers = Workers::new(3, |_| 0, move |item: u32| sender.send(item).unwrap());
        workers.push((0..100).collect());
        workers.push((100..200).collect());
        let mut items: Vec<u32> = done.iter().take(200).collect();
        items.sort_unstable();
        assert_eq!(items, (0..200).collect::<Vec<_>>());
        drop(workers);
        assert_eq!(done.iter().count(), 0, "the threads are gone, and with them what sends");
    }

    #[test]
    fn the_oldest_give_way() {
        let (begun, has_begun) = channel();
        let (go, may_go) = channel::<()>();
        let (sum, may_go) = (Arc::new(AtomicUsize::new(0)), Mutex::new(may_go));
        let total = Arc::clone(&sum);
        let workers = Workers::new(
            1,
            |_| 0,
            move |item: usize| {
                begun.send(item).unwrap();
                let _ = may_go.lock().recv();
                total.fetch_add(item, Ordering::SeqCst);
            },
        );
        workers.push(vec![0]);
        assert_eq!(has_begun.recv().unwrap(), 0);
        workers.push((1..=MAX_WAITING + 5).collect());
        drop(go);
        assert_eq!(has_begun.iter().take(MAX_WAITING).collect::<Vec<_>>(), (6..=MAX_WAITING + 5).collect::<Vec<_>>());
        drop(workers);
        assert_eq!(sum.load(Ordering::SeqCst), (6..=MAX_WAITING + 5).sum::<usize>());
    }

    #[test]
    fn a_volume_that_hangs_leaves_threads_to_others() {
        let (go, may_go) = channel::<()>();
        let (sender, done) = channel();
        let may_go = Mutex::new(may_go);
        let volume = |item: &u64| item / 100;
        let workers = Workers::new(2, volume, move |item: u64| {
            if item < 100 {
                let _ = may_go.lock().recv();
            }
            sender.send(item).unwrap();
        });
        workers.push((0..100).collect());
        workers.push((100..200).collect());
        let mut others: Vec<u64> = done.iter().take(100).collect();
        others.sort_unstable();
        assert_eq!(others, (100..200).collect::<Vec<_>>());
        drop(go);
        assert_eq!(done.iter().take(100).count(), 100);
        drop(workers);
    }

    #[test]
    fn without_items_no_thread_is_started() {
        let workers = Workers::new(3, |()| 0, |(): ()| panic!("nothing to do"));
        workers.push(Vec::new());
        assert!(workers.threads.get().is_none());
    }
}
