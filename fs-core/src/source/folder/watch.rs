//! Watching folders on Linux: told by the kernel where it can be, by looking every second where it cannot.
//!
//! inotify tells of what this machine does to a folder. It does not tell what others do to a network share; nor of what
//! happens to a file through a link that lies elsewhere; and there is a limit on how many folders may be watched. Where one of
//! these is so, everything is looked at every second. A store on a local disk is never looked at without cause.

use std::fs::File;
use std::io::PipeReader;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::FolderSource;
use super::inotify::{Armed, News};
use super::poll::{INTERVAL, LONGEST_REST, rest};
use crate::error::{Error, Result};
use crate::source::Changed;
use crate::source::{Watch, Watcher};

/// A burst of changes is over when there was none for this long.
const QUIET: Duration = Duration::from_millis(50);

/// How long a burst is waited for at most.
const BURST: Duration = Duration::from_millis(300);

/// The longest rest before a look at changes that the kernel reports: a machine that was slow once
/// shows the next change in time.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

// After a rest a burst is not waited for. The rest of the two seconds is for the look.
const _: () = assert!(LONGEST_PAUSE.as_millis() + BURST.as_millis() + QUIET.as_millis() < 1500);

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
        let told = self.told.take();
        let Some(armed) = &self.armed else { return Some(self.arm()) };
        let now = Instant::now();
        let rested = now + rest(told, if armed.polls { LONGEST_REST } else { LONGEST_PAUSE });
        // Set once: mounts elsewhere, and events that do not matter, must not put off what is due.
        let deadline = if armed.polls { Some(rested.max(now + INTERVAL)) } else { limit.map(|limit| now + limit) };
        let mut armed = armed;
        loop {
            match self.sleep(armed, deadline) {
                Woken::Stopped => return None,
                Woken::Time if armed.polls => return Some(self.arm()),
                Woken::Time => return Some(Changed::Nothing),
                Woken::Mounts if armed.has_moved() => return Some(self.arm()),
                Woken::Mounts => {}
                Woken::Folders => {
                    if !self.wait_until_quiet(armed, rested) {
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

    fn sleep(&self, armed: &Armed, deadline: Option<Instant>) -> Woken {
        let limit = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if limit == Some(Duration::ZERO) {
            return Woken::Time;
        }
        let mut waits = vec![PollFd::new(&self.stopped, PollFlags::IN)];
        waits.extend(self.mounts.as_ref().map(|mounts| PollFd::new(mounts, PollFlags::PRI)));
        let folders_at = waits.len();
        waits.extend(armed.descriptor().map(|inotify| PollFd::new(inotify, PollFlags::IN)));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        if poll(&mut waits, limit.as_ref()).is_err() {
            return Woken::Time; // interrupted: looking once too often does no harm
        }
        let woken = |at: usize| waits.get(at).is_some_and(|wait| !wait.revents().is_empty());
        if woken(0) {
            Woken::Stopped
        } else if folders_at == 2 && woken(1) {
            Woken::Mounts // before folders: it is reported once only, whereas their changes wait until they are read
        } else if woken(folders_at) {
            Woken::Folders
        } else {
            Woken::Time
        }
    }

    /// Waits for the end of a burst of changes, and until it has `rested`. Returns whether the
    /// watch goes on.
    fn wait_until_quiet(&self, armed: &Armed, rested: Instant) -> bool {
        let start = Instant::now();
        let (mut pause, mut events) = (rested.saturating_duration_since(start).max(QUIET), armed.waiting());
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_slow_look_puts_off_what_the_kernel_reports_for_a_moment_only() {
        let store = tempfile::tempdir().unwrap();
        let group = store.path().join("Images/Group");
        fs::create_dir_all(&group).unwrap();
        let (stopped, _stop) = std::io::pipe().unwrap();
        let source = FolderSource::find(store.path(), false).unwrap();
        let mut folders = Folders { source, stopped, mounts: None, armed: None, told: None };
        assert_eq!(folders.next(None), Some(Changed::Everything));
        let start = Instant::now();
        folders.told = start.checked_sub(Duration::from_secs(10));
        fs::write(group.join("new.wim"), "").unwrap();
        assert_eq!(folders.next(None), Some(Changed::Groups(["Group".into()].into())));
        // Four times as long as that look took, which was the rest once, is more than the longest
        // one of polling.
        assert!(start.elapsed() < LONGEST_REST, "{:?}", start.elapsed());
    }
}
