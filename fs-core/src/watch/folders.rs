//! Watching folders on Linux: told by the kernel where it can be, by looking every second where it cannot.
//!
//! inotify tells of what this machine does to a folder. It does not tell what others do to a network share; nor of what
//! happens to a file through a link that lies elsewhere; and there is a limit on how many folders may be watched. Where one of
//! these is so, everything is looked at every second. A store on a local disk is never looked at without cause.

use std::fs::File;
use std::io::PipeReader;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::inotify::{Armed, News};
use super::{INTERVAL, Watch, Watcher, rest};
use crate::source::FolderSource;
use crate::{Changed, Error, Result};

/// A burst of changes is over when there was none for this long.
const QUIET: Duration = Duration::from_millis(50);

/// How long a burst is waited for at most.
const BURST: Duration = Duration::from_millis(300);

/// The list of mounts of our process, which the kernel tells of changes.
const MOUNTS: &str = "/proc/self/mountinfo";

/// A watch of a store in folders.
pub(super) fn watch(source: FolderSource) -> Result<Watch> {
    let (stopped, stop) = std::io::pipe().map_err(|error| Error::io(source.folder(), error))?;
    let watcher = Folders { source, stopped, mounts: File::open(MOUNTS).ok(), armed: None, told: None };
    Ok(Watch::new(Box::new(watcher), Box::new(stop)))
}

struct Folders {
    source: FolderSource,
    /// Its other end is closed to end the watch.
    stopped: PipeReader,
    mounts: Option<File>,
    armed: Option<Armed>,
    /// When the last change was told of.
    told: Option<Instant>,
}

/// Why waiting has ended.
enum Woken {
    Stopped,
    Mounts,
    Folders,
    Time,
}

impl Watcher for Folders {
    fn next(&mut self, limit: Option<Duration>) -> Option<Changed> {
        let changed = self.wait(limit);
        self.told = Some(Instant::now());
        changed
    }
}

impl Folders {
    fn wait(&mut self, limit: Option<Duration>) -> Option<Changed> {
        let rest = rest(self.told.take());
        let Some(armed) = &self.armed else { return Some(self.arm()) };
        let mut armed = armed;
        let limit = if armed.polls { Some(rest.max(INTERVAL)) } else { limit };
        let start = Instant::now();
        loop {
            // Mounts elsewhere may wake this again and again; the time that is left goes on from where it was.
            match self.sleep(armed, limit.map(|limit| limit.saturating_sub(start.elapsed()))) {
                Woken::Stopped => return None,
                Woken::Time if armed.polls => return Some(self.arm()),
                Woken::Time => return Some(Changed::Nothing),
                Woken::Mounts if armed.has_moved() => return Some(self.arm()),
                Woken::Mounts => {}
                Woken::Folders => {
                    if !self.settle(armed, rest) {
                        return None;
                    }
                    match armed.read() {
                        News::Nothing => {}
                        News::Groups(groups) => return Some(Changed::Groups(groups)),
                        News::Structure => return Some(self.arm()),
                    }
                }
            }
            let Some(again) = &self.armed else { return Some(self.arm()) };
            armed = again;
        }
    }

    /// Begins to watch anew. What changes from now on is told; what changed before is seen by who looks at everything.
    fn arm(&mut self) -> Changed {
        let armed = Armed::new(&self.source);
        let before = self.armed.as_ref().map(|armed| armed.polls);
        if armed.polls && before != Some(true) {
            tracing::info!(folder = %self.source.folder().display(), "changes are looked for every second");
        }
        self.armed = Some(armed);
        Changed::Everything
    }

    fn sleep(&self, armed: &Armed, limit: Option<Duration>) -> Woken {
        let mut waits = vec![PollFd::new(&self.stopped, PollFlags::IN)];
        waits.extend(self.mounts.as_ref().map(|mounts| PollFd::new(mounts, PollFlags::PRI)));
        let folders_at = waits.len();
        waits.extend(armed.descriptor().map(|inotify| PollFd::new(inotify, PollFlags::IN)));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        if poll(&mut waits, limit.as_ref()).is_err() {
            return Woken::Time; // interrupted: looking once too often does no harm
        }
        let woken = |at: usize| waits.get(at).is_some_and(|wait| !wait.revents().is_empty());
        match () {
            () if woken(0) => Woken::Stopped,
            () if woken(folders_at) => Woken::Folders,
            () if folders_at == 2 && woken(1) => Woken::Mounts,
            () => Woken::Time,
        }
    }

    /// Waits for the end of a burst of changes, and for the `rest`. Returns whether the watch goes on.
    fn settle(&self, armed: &Armed, rest: Duration) -> bool {
        let start = Instant::now();
        let (mut pause, mut events) = (rest.max(QUIET), armed.waiting());
        loop {
            let mut wait = [PollFd::new(&self.stopped, PollFlags::IN)];
            let stopped = poll(&mut wait, Timespec::try_from(pause).ok().as_ref());
            if stopped.is_ok_and(|count| count > 0) {
                return false;
            }
            let more = armed.waiting();
            if more == events || start.elapsed() > BURST {
                return true;
            }
            (pause, events) = (QUIET, more);
        }
    }
}
