//! Work done by several threads at once whose results are taken in order: decoding ahead of a hash or a sink.

use std::collections::{HashMap, VecDeque};
use std::thread;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// How many threads may help those that read, over all readers together.
///
/// Readers come with threads of their own; where many of them decode at once nobody needs help, so
/// one that finds no helper free works alone and never waits for one. Half of them are kept for
/// each volume however many others hold: helpers for one that hangs are not given back until it
/// answers.
#[derive(Debug)]
pub(crate) struct Helpers {
    count: usize,
    /// The helpers taken, by device number of the volume.
    taken: Mutex<HashMap<u64, usize>>,
}

/// Some helpers taken; dropping gives them back.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    all: &'a Helpers,
    device: u64,
    count: usize,
}

impl Helpers {
    /// `count` helpers, all free.
    pub(crate) fn new(count: usize) -> Self {
        Self { count, taken: Mutex::default() }
    }

    /// As many helpers for reading from a volume as are free or kept for it, at most `wanted`.
    pub(crate) fn take(&self, device: u64, wanted: usize) -> Taken<'_> {
        let mut taken = self.taken.lock();
        let all: usize = taken.values().sum();
        let own = taken.entry(device).or_default();
        let (free, kept) = (self.count.saturating_sub(all), self.count.div_ceil(2).saturating_sub(*own));
        let count = free.max(kept).min(wanted);
        *own += count;
        Taken { all: self, device, count }
    }
}

impl Taken<'_> {
    /// How many were free.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut taken = self.all.taken.lock();
        if let Some(own) = taken.get_mut(&self.device) {
            *own -= self.count;
        }
        taken.retain(|_, own| *own > 0);
    }
}

/// Makes the items `0..count` on this thread and on `helpers` more, and hands them to `take` in order, on this thread.
///
/// At most `window` items are made and not yet taken, the ones being made included. The caller makes items too whenever the
/// next one is not ready, so it works without helpers as well. Returns when no thread is left.
///
/// # Errors
/// The first error in the order of items, of `make` or of `take`; all items before it were taken and none behind it.
///
/// # Panics
/// When `make` or `take` panics.
pub(crate) fn in_order<T: Send, E: Send, F: From<E>>(
    count: u64,
    helpers: usize,
    window: usize,
    make: impl Fn(u64) -> Result<T, E> + Sync,
    mut take: impl FnMut(u64, T) -> Result<(), F>,
) -> Result<(), F> {
    let line = Line::new(count, window);
    let (line, make) = (&line, &make);
    thread::scope(|scope| {
        let _closes = Closes(line); // however this thread leaves, the helpers go home
        for _ in 0..(helpers as u64).min(count.saturating_sub(1)) {
            // A system that gives no more threads leaves us with fewer helpers.
            if thread::Builder::new().spawn_scoped(scope, || line.help(make)).is_err() {
                break;
            }
        }
        line.take_all(make, &mut take)
    })
}

/// The items between being claimed by a thread and being taken.
struct Line<T, E> {
    count: u64,
    window: u64,
    state: Mutex<State<T, E>>,
    /// The item to be taken next is there, or the line was closed.
    ready: Condvar,
    /// There is room in the window, or the line was closed.
    room: Condvar,
}

struct State<T, E> {
    /// The first item that no thread has claimed.
    next: u64,
    /// The first item that was not taken.
    taken: u64,
    /// Results of the items `taken..next`, where they are there.
    made: VecDeque<Option<Result<T, E>>>,
    closed: bool,
}

impl<T, E> Line<T, E> {
    fn new(count: u64, window: usize) -> Self {
        let state = State { next: 0, taken: 0, made: VecDeque::with_capacity(window), closed: false };
        Self {
            count,
            window: window.max(1) as u64,
            state: Mutex::new(state),
            ready: Condvar::new(),
            room: Condvar::new(),
        }
    }

    /// The caller's part: takes what is ready in order, and makes items while it waits.
    fn take_all<F: From<E>>(
        &self,
        make: &impl Fn(u64) -> Result<T, E>,
        take: &mut impl FnMut(u64, T) -> Result<(), F>,
    ) -> Result<(), F> {
        let mut state = self.state.lock();
        while state.taken < self.count && !state.closed {
            if let Some((item, result)) = state.pop() {
                self.room.notify_one();
                MutexGuard::unlocked(&mut state, || take(item, result?))?;
            } else if let Some(item) = self.claim(&mut state) {
                let result = MutexGuard::unlocked(&mut state, || make(item));
                state.put(item, result);
            } else {
                self.ready.wait(&mut state);
            }
        }
        Ok(())
    }

    /// A helper's part: makes items until none is left.
    fn help(&self, make: &impl Fn(u64) -> Result<T, E>) {
        let closes = Closes(self); // a panic must not leave the caller waiting for this item
        let mut state = self.state.lock();
        while state.next < self.count && !state.closed {
            if let Some(item) = self.claim(&mut state) {
                let result = MutexGuard::unlocked(&mut state, || make(item));
                state.put(item, result);
                if item == state.taken {
                    self.ready.notify_one();
                }
            } else {
                self.room.wait(&mut state);
            }
        }
        std::mem::forget(closes);
    }

    fn claim(&self, state: &mut State<T, E>) -> Option<u64> {
        if state.next >= self.count || state.next - state.taken >= self.window {
            return None;
        }
        let item = state.next;
        state.next += 1;
        state.made.push_back(None);
        if state.next == self.count {
            self.room.notify_all(); // helpers that wait for room have nothing to wait for
        }
        Some(item)
    }
}

impl<T, E> State<T, E> {
    fn put(&mut self, item: u64, result: Result<T, E>) {
        let place = (item - self.taken) as usize;
        self.made[place] = Some(result);
    }

    /// Takes the next item out, if it is there.
    fn pop(&mut self) -> Option<(u64, Result<T, E>)> {
        let result = self.made.front_mut()?.take()?;
        self.made.pop_front();
        let item = self.taken;
        self.taken += 1;
        Some((item, result))
    }
}

/// Closes the line when dropped: everyone stops after the item at hand.
struct Closes<'a, T, E>(&'a Line<T, E>);

impl<T, E> Drop for Closes<'_, T, E> {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.room.notify_all();
        self.0.ready.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    /// Work that takes longer for some items than for others, so that they are finished out of order.
    fn uneven(item: u64) {
        thread::sleep(Duration::from_micros((item * 7919) % 300));
    }

    #[test]
    fn items_come_in_order_whatever_the_threads() {
        for (count, helpers, window) in [(0, 3, 4), (1, 3, 4), (200, 0, 4), (200, 1, 2), (200, 3, 1), (200, 7, 16)] {
            let (mut taken, made) = (Vec::new(), AtomicU64::new(0));
            let result: Result<(), ()> = in_order(
                count,
                helpers,
                window,
                |item| {
                    uneven(item);
                    made.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, ()>(item * 10)
                },
                |item, value| {
                    assert_eq!(value, item * 10);
                    taken.push(item);
                    Ok(())
                },
            );
            assert_eq!(result, Ok(()));
            assert_eq!(taken, (0..count).collect::<Vec<_>>(), "{helpers} helpers, window {window}");
            assert_eq!(made.into_inner(), count);
        }
    }

    #[test]
    fn no_more_than_the_window_is_made_ahead() {
        let (made, taken) = (AtomicU64::new(0), AtomicU64::new(0));
        let result: Result<(), ()> = in_order(
            100,
            4,
            5,
            |item| {
                // The item's number is below taken + window at the latest now, since `taken` only grows.
                assert!(item <= taken.load(Ordering::SeqCst) + 5, "item {item} ran ahead");
                made.fetch_add(1, Ordering::SeqCst);
                Ok::<_, ()>(())
            },
            |_, ()| {
                thread::sleep(Duration::from_micros(100));
                taken.fetch_add(1, Ordering::SeqCst);
                Ok(())
            },
        );
        assert_eq!(result, Ok(()));
        assert_eq!(made.into_inner(), 100);
    }

    #[test]
    fn the_first_error_in_order_wins() {
        for helpers in [0, 3] {
            let mut taken = 0;
            let result = in_order(
                100,
                helpers,
                8,
                |item| {
                    uneven(item);
                    if item % 10 == 9 { Err(format!("make {item}")) } else { Ok(()) }
                },
                |_, ()| {
                    taken += 1;
                    Ok::<_, String>(())
                },
            );
            assert_eq!((result, taken), (Err("make 9".to_owned()), 9));
            let take = |item, _| if item == 4 { Err("take 4") } else { Ok(()) };
            let result = in_order(100, helpers, 8, Ok::<_, &str>, take);
            assert_eq!(result, Err("take 4"));
        }
    }

    #[test]
    fn a_panic_ends_everything() {
        for helpers in [0, 3] {
            let in_make = catch_unwind(|| {
                in_order(
                    50,
                    helpers,
                    4,
                    |item| {
                        uneven(item);
                        assert_ne!(item, 20, "a bug");
                        Ok::<_, ()>(())
                    },
                    |_, ()| Ok::<_, ()>(()),
                )
            });
            assert!(in_make.is_err());
            let in_take = catch_unwind(AssertUnwindSafe(|| {
                in_order(50, helpers, 4, Ok::<_, ()>, |item, _| {
                    assert_ne!(item, 20, "a bug");
                    Ok::<_, ()>(())
                })
            }));
            assert!(in_take.is_err());
        }
    }

    #[test]
    fn helpers_are_shared_and_given_back() {
        let helpers = Helpers::new(3);
        let [first, second, third] = [2, 2, 2].map(|wanted| helpers.take(1, wanted));
        assert_eq!((first.count(), second.count(), third.count()), (2, 1, 0));
        drop(first);
        assert_eq!(helpers.take(1, 8).count(), 2);
        drop((second, third));
        assert_eq!(helpers.take(1, 8).count(), 3);
        assert!(helpers.taken.lock().is_empty());
    }

    #[test]
    fn half_of_the_helpers_are_kept_for_each_volume() {
        let helpers = Helpers::new(3);
        let hangs = helpers.take(1, 8);
        let [first, second] = [8, 8].map(|wanted| helpers.take(2, wanted));
        assert_eq!((hangs.count(), first.count(), second.count()), (3, 2, 0));
        drop(first);
        assert_eq!(helpers.take(2, 1).count(), 1);
    }
}
