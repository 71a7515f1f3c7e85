//! Looking at a store every second, where nothing tells of changes.

#[cfg(not(target_os = "linux"))]
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

#[cfg(not(target_os = "linux"))]
use super::FolderSource;
#[cfg(not(target_os = "linux"))]
use crate::error::Result;
#[cfg(not(target_os = "linux"))]
use crate::source::{Changed, Watch, Watcher};

/// How often a store is listed where nothing notifies of changes: a change must be seen within two seconds.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// The rest after a listing, in multiples of the time that the listing took, so that listing takes at most a fifth of
/// the time.
pub(super) const REST: u32 = 4;

/// The longest rest of a store that is polled, however long looking takes.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(30);

/// How long to rest, `longest` at most, when what was told at `told` has just been done.
pub(super) fn rest(told: Option<Instant>, longest: Duration) -> Duration {
    told.map_or(Duration::ZERO, |told| told.elapsed().saturating_mul(REST).min(longest))
}

/// Watches folders of the local system by looking every second.
#[cfg(not(target_os = "linux"))]
pub(super) fn watch(_: FolderSource) -> Result<Watch> {
    let (sender, stopped) = channel::<()>();
    Ok(Watch::new(Box::new(Clock { stopped, told: None }), Box::new(sender)))
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
