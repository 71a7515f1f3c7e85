//! Single flight: of those who want the same thing at once, one does the work and the others wait for what comes of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// The work under way, by what it is for.
///
/// Nothing is remembered once a piece of work has ended: whoever comes later starts anew, so the work itself begins by
/// looking whether its result is there by now.
#[derive(Debug)]
pub(crate) struct SingleFlight<K, V, E> {
    flights: Mutex<HashMap<K, Arc<Flight<V, E>>>>,
}

/// One piece of work and how it ended.
#[derive(Debug)]
struct Flight<V, E> {
    state: Mutex<State<V, E>>,
    ended: Condvar,
}

#[derive(Debug)]
enum State<V, E> {
    UnderWay,
    Ended(Result<V, E>),
    /// The worker panicked: those who wait try themselves.
    Abandoned,
}

/// What a caller is to a piece of work.
enum Role<'a, K: Copy + Eq + Hash, V, E> {
    Worker(Worker<'a, K, V, E>),
    Waiter(Arc<Flight<V, E>>),
}

/// The right, and the duty, to end a flight: dropped without a result (a panic) it lets the waiters try themselves.
struct Worker<'a, K: Copy + Eq + Hash, V, E> {
    all: &'a SingleFlight<K, V, E>,
    key: K,
    flight: Arc<Flight<V, E>>,
}

impl<K, V, E> Default for SingleFlight<K, V, E> {
    fn default() -> Self {
        Self { flights: Mutex::new(HashMap::new()) }
    }
}

impl<K: Copy + Eq + Hash, V: Clone, E: Clone> SingleFlight<K, V, E> {
    /// Does `work`, or waits for the one who is doing it for this key now and returns what it came to, value or error.
    ///
    /// No lock is held while working or waiting for other keys. `work` must not run another flight of the same key.
    pub(crate) fn run(&self, key: K, work: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        loop {
            match self.join(key) {
                Role::Worker(worker) => {
                    let result = work();
                    worker.end(result.clone());
                    return result;
                }
                Role::Waiter(flight) => {
                    if let Some(result) = flight.wait() {
                        return result;
                    }
                }
            }
        }
    }

    fn join(&self, key: K) -> Role<'_, K, V, E> {
        let mut flights = self.flights.lock();
        if let Some(flight) = flights.get(&key) {
            return Role::Waiter(Arc::clone(flight));
        }
        let flight = Arc::new(Flight { state: Mutex::new(State::UnderWay), ended: Condvar::new() });
        flights.insert(key, Arc::clone(&flight));
        Role::Worker(Worker { all: self, key, flight })
    }
}

impl<V: Clone, E: Clone> Flight<V, E> {
    /// Waits for the end; `None` if the worker panicked.
    fn wait(&self) -> Option<Result<V, E>> {
        let mut state = self.state.lock();
        loop {
            match &*state {
                State::UnderWay => self.ended.wait(&mut state),
                State::Ended(result) => return Some(result.clone()),
                State::Abandoned => return None,
            }
        }
    }
}

impl<K: Copy + Eq + Hash, V, E> Worker<'_, K, V, E> {
    fn end(self, result: Result<V, E>) {
        *self.flight.state.lock() = State::Ended(result);
        // Dropping takes the flight off the list and wakes the waiters.
    }
}

impl<K: Copy + Eq + Hash, V, E> Drop for Worker<'_, K, V, E> {
    fn drop(&mut self) {
        self.all.flights.lock().remove(&self.key);
        let mut state = self.flight.state.lock();
        if matches!(*state, State::UnderWay) {
            *state = State::Abandoned;
        }
        drop(state);
        self.flight.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Waits until `count` threads besides the worker hold the flight of `key`.
    fn until_waiting(flights: &SingleFlight<u32, u32, String>, key: u32, count: usize) {
        let waiting = || flights.flights.lock().get(&key).map_or(0, |flight| Arc::strong_count(flight) - 2);
        while waiting() < count {
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn one_works_and_the_others_get_its_result() {
        for result in [Ok(7), Err("broken".to_owned())] {
            let (flights, runs, start) = (SingleFlight::default(), AtomicUsize::new(0), Barrier::new(5));
            thread::scope(|scope| {
                for _ in 0..5 {
                    scope.spawn(|| {
                        start.wait();
                        let got = flights.run(1, || {
                            runs.fetch_add(1, Ordering::SeqCst);
                            until_waiting(&flights, 1, 4);
                            result.clone()
                        });
                        assert_eq!(got, result);
                    });
                }
            });
            assert_eq!(runs.into_inner(), 1, "{result:?}");
            assert!(flights.flights.lock().is_empty());
        }
    }

    #[test]
    fn after_a_panic_a_waiter_does_the_work() {
        let flights = SingleFlight::<u32, u32, String>::default();
        thread::scope(|scope| {
            let panics = scope.spawn(|| {
                catch_unwind(AssertUnwindSafe(|| {
                    flights.run(1, || {
                        until_waiting(&flights, 1, 1);
                        panic!("the worker fails")
                    })
                }))
            });
            let waits = scope.spawn(|| {
                while flights.flights.lock().is_empty() {
                    thread::yield_now();
                }
                flights.run(1, || Ok(8))
            });
            assert!(panics.join().unwrap().is_err());
            assert_eq!(waits.join().unwrap(), Ok(8));
        });
        assert!(flights.flights.lock().is_empty());
    }

    #[test]
    fn keys_do_not_wait_for_each_other() {
        let flights = SingleFlight::<u32, u32, String>::default();
        let outer = flights.run(1, || flights.run(2, || Ok(20)).map(|inner| inner + 1));
        assert_eq!(outer, Ok(21));
    }
}
