//! A limit for the bytes that are between reader and writer.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Hands out bytes, and waits for some to come back when there are none left.
pub(super) struct Budget {
    state: Mutex<State>,
    changed: Condvar,
    bytes: usize,
}

#[derive(Default)]
struct State {
    used: usize,
    closed: bool,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Condvar::new(), bytes })
    }

    /// Takes `bytes`, or whatever there is once everything is back. `None` after [`Budget::close`].
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Option<Permit> {
        let mut state = self.state.lock();
        while !state.closed && state.used > 0 && state.used.saturating_add(bytes) > self.bytes {
            self.changed.wait(&mut state);
        }
        if state.closed {
            return None;
        }
        state.used += bytes;
        Some(Permit { budget: Arc::clone(self), bytes })
    }

    /// Ends all waiting.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }
}

/// Bytes that were taken; dropping it gives them back.
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.state.lock().used -= self.bytes;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_no_more_than_there_is() {
        let budget = Budget::new(10);
        let (small, large) = (budget.take(4).unwrap(), budget.take(6).unwrap());
        let waiting = std::thread::spawn({
            let budget = Arc::clone(&budget);
            move || budget.take(100).map(|permit| permit.bytes)
        });
        drop(small);
        assert!(!waiting.is_finished(), "more than the limit has to be alone");
        drop(large);
        assert_eq!(waiting.join().unwrap(), Some(100));
        let all = budget.take(10).unwrap();
        let waiting = std::thread::spawn({
            let budget = Arc::clone(&budget);
            move || budget.take(1).is_none()
        });
        budget.close();
        assert!(waiting.join().unwrap());
        drop(all);
    }
}
