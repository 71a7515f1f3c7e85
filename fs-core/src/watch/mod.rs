//! When to look at a store again.

#[cfg(target_os = "linux")]
mod folders;
#[cfg(target_os = "linux")]
mod inotify;

use std::any::Any;
use std::fmt;
#[cfg(not(target_os = "linux"))]
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::source::FolderSource;
use crate::{Changed, Result};

/// How often a store is looked at that nobody tells of changes. A change shall be seen within two seconds.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many times as long as a look took there is none: looking shall not take more than a fifth of the time.
const REST: u32 = 4;

/// The longest rest of a store that is polled, however long looking takes.
const LONGEST_REST: Duration = Duration::from_secs(30);

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

    /// Watches folders of the local system: told by the kernel where it can, else by looking every second.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_folder(source: FolderSource) -> Result<Self> {
        folders::watch(source)
    }

    /// Watches folders of the local system by looking every second.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of_folder(_: FolderSource) -> Result<Self> {
        let (sender, stopped) = channel::<()>();
        Ok(Self::new(Box::new(Clock { stopped, told: None }), Box::new(sender)))
    }
}

/// Looks every second.
#[cfg(not(target_os = "linux"))]
struct Clock {
    stopped: Receiver<()>,
    told: Option<Instant>,
}

#[cfg(not(target_os = "linux"))]
impl Watcher for Clock {
    fn next(&mut self, _: Option<Duration>) -> Option<Changed> {
        let pause = if self.told.is_some() { rest(self.told, LONGEST_REST).max(INTERVAL) } else { Duration::ZERO };
        match self.stopped.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {
                self.told = Some(Instant::now());
                Some(Changed::Everything)
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

/// How long to rest, `longest` at most, when what was told at `told` has just been done.
fn rest(told: Option<Instant>, longest: Duration) -> Duration {
    told.map_or(Duration::ZERO, |told| told.elapsed().saturating_mul(REST).min(longest))
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
