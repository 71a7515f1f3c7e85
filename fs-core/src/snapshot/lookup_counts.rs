//! Who still uses something of the store that has gone away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;

/// What a platform knows of an image or group: how many of the numbers that it was given it has not yet forgotten.
///
/// `known` and `gone` decide together whether an image is freed, and are set by different threads: all of them must see both
/// in one order, so these are sequentially consistent. The other flags are hints, each read for itself: relaxed.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    known: AtomicU64,
    /// Numbers were handed out since this was last asked.
    asked: AtomicBool,
    /// The platform was told that it is gone, so that nobody comes to know it any more.
    gone: AtomicBool,
    /// Data was found in an archive that the image shares with others.
    borrowed: AtomicBool,
    /// Data was not found.
    lacked: AtomicBool,
}

impl Uses {
    /// A number was handed out.
    pub(crate) fn learn(&self) {
        self.known.fetch_add(1, Ordering::SeqCst);
        set(&self.asked);
    }

    /// Whether numbers were handed out since [`Uses::take_asked`].
    pub(crate) fn has_been_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Likewise, and from now on.
    pub(crate) fn take_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }

    /// `count` numbers were forgotten.
    pub(crate) fn forget(&self, count: u64) {
        let less = |known: u64| Some(known.saturating_sub(count));
        let _ = self.known.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less); // it never refuses
    }

    /// The platform was told that it is gone.
    pub(crate) fn set_gone(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Whether nobody knows it, and nobody can come to.
    pub(crate) fn is_over(&self) -> bool {
        self.is_gone() && self.known.load(Ordering::SeqCst) == 0
    }

    /// Data was found in an archive that the image shares with others.
    pub(crate) fn set_borrowed(&self) {
        set(&self.borrowed);
    }

    pub(crate) fn has_borrowed(&self) -> bool {
        self.borrowed.load(Ordering::Relaxed)
    }

    /// Data was not found.
    pub(crate) fn set_lacked(&self) {
        set(&self.lacked);
    }

    pub(crate) fn has_lacked(&self) -> bool {
        self.lacked.load(Ordering::Relaxed)
    }
}

/// Sets a flag that is set a thousand times more often than it changes, without taking it from other processors' caches.
fn set(flag: &AtomicBool) {
    if !flag.load(Ordering::Relaxed) {
        flag.store(true, Ordering::Relaxed);
    }
}

/// Removed groups or images that the kernel may still reference, by number; a number is free again only when the last
/// reference is gone.
#[derive(Debug)]
pub(crate) struct Retired<T>(RwLock<HashMap<u32, T>>);

impl<T> Default for Retired<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T: Clone> Retired<T> {
    pub(crate) fn get(&self, number: u32) -> Option<T> {
        self.0.read().get(&number).cloned()
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        self.0.read().contains_key(&number)
    }

    pub(crate) fn insert(&self, number: u32, thing: T) {
        self.0.write().insert(number, thing);
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<T> {
        self.0.read().values().cloned().collect()
    }

    /// Takes out those of which `is_over` says so.
    pub(crate) fn drain(&self, is_over: impl Fn(&T) -> bool) -> Vec<T> {
        self.0.write().extract_if(|_, thing| is_over(thing)).map(|(_, thing)| thing).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_is_what_is_gone_and_forgotten() {
        let uses = Uses::default();
        assert!(!uses.is_over(), "it may be looked up");
        uses.learn();
        uses.learn();
        uses.forget(1);
        uses.set_gone();
        assert!(!uses.is_over(), "somebody knows it");
        uses.forget(1);
        assert!(uses.is_over());
    }
}
