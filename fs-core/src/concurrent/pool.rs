//! Things that are dear to make and used by one thread at a time, kept for the next who needs one.

use std::fmt;

use parking_lot::Mutex;

/// Decoders' scratch memory: as many as threads ever needed one at the same time.
///
/// Unlike a thread's own memory it serves helpers that live for one read only.
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    /// Does something with one of them, which is nobody else's meanwhile.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut thing = self.take();
        let result = work(&mut thing);
        self.put(thing);
        result
    }

    /// Takes one out.
    pub(crate) fn take(&self) -> T {
        self.0.lock().pop().unwrap_or_default()
    }

    /// Gives one back, or a new one in.
    pub(crate) fn put(&self, thing: T) {
        self.0.lock().push(thing);
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.0.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_used_again() {
        let pool = Pool::<Vec<u8>>::default();
        pool.with(|outer| {
            outer.push(1);
            pool.with(|inner| assert!(inner.is_empty(), "one that is in use is nobody else's"));
        });
        pool.with(|again| assert_eq!(again.as_slice(), [1]));
    }
}
