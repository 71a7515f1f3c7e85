//! Following the store: a thread that looks again whenever something may have changed.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::warn;

use super::{Filesystem, Invalidation};
use crate::watch::Stop;

/// When to look again whether what is gone is still used.
const AGAIN: Duration = Duration::from_secs(5);

impl Filesystem {
    /// Watches the store in a thread of its own, until what is returned is dropped, and calls `tell` there as
    /// [`Filesystem::refresh`] does. Without the means to watch, which the log is told, the store is shown as it was.
    pub fn follow(self: Arc<Self>, mut tell: impl FnMut(&[Invalidation]) + Send + 'static) -> Option<Stop> {
        let watch = self.watch().inspect_err(|error| warn!(%error, "changes of the store will not be seen")).ok()?;
        let (mut watcher, stop) = watch.split();
        let run = move || {
            let mut limit = None;
            while let Some(changed) = watcher.next(limit) {
                let again = self.refresh(&changed, &mut tell);
                limit = again.then_some(AGAIN);
            }
        };
        let started = thread::Builder::new().name("watch".into()).spawn(run);
        started.inspect_err(|error| warn!(%error, "changes of the store will not be seen")).ok()?;
        Some(stop)
    }
}
