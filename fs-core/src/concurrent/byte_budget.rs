//! A bound on the memory that work under way takes.

use std::collections::HashMap;

use parking_lot::{Condvar, Mutex};

/// Lets work begin as long as the bytes that all work under way takes fit the limit. One piece of
/// work of each volume may always begin, however much it takes: work waits for a volume that hangs,
/// but not for the work of another one.
#[derive(Debug)]
pub(crate) struct ByteBudget {
    limit: u64,
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many pieces of work are under way, by device number of the volume.
    inside: HashMap<u64, usize>,
    bytes: u64,
}

/// Leave to work; dropping it lets others begin.
#[derive(Debug)]
pub(crate) struct Inside<'a> {
    budget: &'a ByteBudget,
    device: u64,
    bytes: u64,
}

impl ByteBudget {
    /// Nothing is under way yet; the limit is `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, state: Mutex::default(), left: Condvar::new() }
    }

    /// Waits until work with a volume's data that takes `bytes` may begin. A caller must not hold
    /// what those inside need to end.
    pub(crate) fn enter(&self, device: u64, bytes: u64) -> Inside<'_> {
        let mut state = self.state.lock();
        while state.inside.contains_key(&device) && state.bytes.saturating_add(bytes) > self.limit {
            self.left.wait(&mut state);
        }
        *state.inside.entry(device).or_default() += 1;
        state.bytes = state.bytes.saturating_add(bytes);
        Inside { budget: self, device, bytes }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.state.lock();
        if let Some(inside) = state.inside.get_mut(&self.device) {
            *inside -= 1;
        }
        state.inside.retain(|_, inside| *inside > 0);
        state.bytes = state.bytes.saturating_sub(self.bytes);
        drop(state);
        self.budget.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    use testkit::eventually;

    use super::*;

    /// The most bytes that were inside at once, of eight threads that each bring `bytes` and stay
    /// until there have been `want`.
    fn most_inside(limit: u64, bytes: u64, want: u64) -> u64 {
        let (room, now, most) = (ByteBudget::new(limit), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _inside = room.enter(1, bytes);
                    most.fetch_max(now.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                    eventually(|| most.load(Ordering::SeqCst) >= want);
                    thread::sleep(Duration::from_millis(20)); // those that do not fit would come in now
                    now.fetch_sub(bytes, Ordering::SeqCst);
                });
            }
        });
        most.into_inner()
    }

    #[test]
    fn no_more_than_fits_is_inside() {
        assert_eq!(most_inside(100, 30, 90), 90);
        assert_eq!(most_inside(100, 100, 100), 100);
    }

    #[test]
    fn one_of_each_volume_may_always_enter() {
        let room = ByteBudget::new(100);
        let first = room.enter(1, 100);
        drop(room.enter(2, 100));
        drop(room.enter(2, 100));
        drop(first);
        assert!(room.state.lock().inside.is_empty());
    }

    #[test]
    fn one_may_always_enter() {
        assert_eq!(most_inside(100, 101, 101), 101);
        assert_eq!(most_inside(0, u64::MAX / 16, u64::MAX / 16), u64::MAX / 16);
    }
}
