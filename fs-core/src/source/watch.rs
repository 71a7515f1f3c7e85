//! When to look at a store again.

use std::any::Any;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::time::Duration;

/// What of a store may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// Nothing.
    Nothing,
    /// Anything.
    Everything,
    /// What these groups hold, and when their folders were written; by the names of the folders.
    Groups(BTreeSet<OsString>),
}

/// Tells when a store may have changed.
pub trait Watcher: Send {
    /// Waits until something may have changed since the last call, or for `limit`; the first call returns at once. `None` when
    /// the watch was ended.
    ///
    /// A watcher rests for a while in proportion to the time that its caller took for the last change.
    fn next(&mut self, limit: Option<Duration>) -> Option<Changed>;
}

/// A watch of a store, to be waited on by one thread, until the [`Stop`] made with it is dropped.
pub struct Watch {
    watcher: Box<dyn Watcher>,
    stop: Stop,
}

/// Ends a watch when it is dropped.
pub struct Stop(#[expect(dead_code, reason = "dropping it is its use")] Box<dyn Any + Send>);

impl Watch {
    /// A watch that ends when `stop` is dropped, whatever that is.
    pub fn new(watcher: Box<dyn Watcher>, stop: Box<dyn Any + Send>) -> Self {
        Self { watcher, stop: Stop(stop) }
    }

    /// What waits, and what ends the waiting.
    pub fn split(self) -> (Box<dyn Watcher>, Stop) {
        (self.watcher, self.stop)
    }
}

impl Changed {
    /// What either says.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::Groups(these), Self::Groups(those)) => Self::Groups(&these | &those),
            _ => Self::Everything,
        }
    }

    /// Whether it says so of the group whose folder has this name.
    pub(crate) fn concerns(&self, group: &OsStr) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Groups(names) => names.contains(group),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").finish_non_exhaustive()
    }
}
