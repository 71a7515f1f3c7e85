//! Following the store: a thread that looks again whenever something may have changed.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::warn;

use super::{Filesystem, Invalidation, Left};
use crate::source::{Changed, Stop, Watcher};

/// When to look again whether what is gone is still used.
const IN_USE: Duration = Duration::from_secs(5);

/// When to look again at what could not be listed: it may be back, and nobody tells.
const UNLISTED: Duration = Duration::from_secs(1);

impl Filesystem {
    /// Watches the store in a thread of its own, until what is returned is dropped, and calls `tell` there as
    /// [`Filesystem::refresh`] does. Without the means to watch, which the log is told, the store is shown as it was.
    pub fn spawn_watcher(self: Arc<Self>, mut tell: impl FnMut(&[Invalidation]) + Send + 'static) -> Option<Stop> {
        let watch = self.watch().inspect_err(|error| warn!(%error, "changes of the store will not be seen")).ok()?;
        let (mut watcher, stop) = watch.split();
        let run = move || self.run_watcher(&mut *watcher, &mut tell);
        let started = thread::Builder::new().name("watch".into()).spawn(run);
        started.inspect_err(|error| warn!(%error, "changes of the store will not be seen")).ok()?;
        Some(stop)
    }

    /// Looks whenever `watcher` says, and where it is told of nothing, at what is left to do.
    fn run_watcher(&self, watcher: &mut dyn Watcher, tell: &mut dyn FnMut(&[Invalidation])) {
        let mut left = Left { unlisted: Changed::Nothing, in_use: false };
        while let Some(changed) = watcher.next(left.limit()) {
            left = self.refresh(&changed.or(left.unlisted), tell);
        }
    }
}

impl Left {
    /// How long to wait at most until the store is looked at again.
    fn limit(&self) -> Option<Duration> {
        match self {
            Self { unlisted: Changed::Nothing, in_use: false } => None,
            Self { unlisted: Changed::Nothing, in_use: true } => Some(IN_USE),
            _ => Some(UNLISTED),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use testkit::{Image, Packing, Wim, file, root};

    use super::*;
    use crate::options::Options;
    use crate::snapshot::Ino;

    /// Tells of a store that goes away, and never that it is back.
    struct Deaf {
        store: PathBuf,
        limits: Vec<Option<Duration>>,
    }

    impl Deaf {
        fn archive(image: &str) -> Vec<u8> {
            Wim::of(Packing::Stored, [Image::new(image, root([file("file", "content")]))]).build().bytes
        }
    }

    impl Watcher for Deaf {
        fn next(&mut self, limit: Option<Duration>) -> Option<Changed> {
            self.limits.push(limit);
            let (images, away) = (self.store.join("Images"), self.store.join("away"));
            match self.limits.len() {
                1 => fs::rename(images, away).unwrap(),
                2 => {
                    fs::write(away.join("Group/new.wim"), Self::archive("new")).unwrap();
                    fs::rename(away, images).unwrap();
                    return Some(Changed::Nothing);
                }
                _ => return None,
            }
            Some(Changed::Everything)
        }
    }

    #[test]
    fn what_could_not_be_listed_is_looked_at_again() {
        let store = tempfile::tempdir().unwrap();
        let group = store.path().join("Images/Group");
        fs::create_dir_all(&group).unwrap();
        fs::write(group.join("old.wim"), Deaf::archive("old")).unwrap();
        let opened = Filesystem::open(store.path(), Options::default()).unwrap();
        let shows = |name: &str| {
            let group = opened.lookup(Ino::ROOT, b"Group").unwrap().ino;
            opened.lookup(group, name.as_bytes()).is_ok()
        };
        assert_eq!((shows("old"), shows("new")), (true, false));
        let mut watcher = Deaf { store: store.path().to_owned(), limits: Vec::new() };
        opened.run_watcher(&mut watcher, &mut |_| {});
        assert_eq!(watcher.limits, [None, Some(UNLISTED), None]);
        assert_eq!((shows("old"), shows("new")), (true, true));
    }
}
