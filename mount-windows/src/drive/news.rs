//! Collects changes of the store for notifications to Windows.
//!
//! WinFsp's driver caches attributes and pages by name, without a time limit. A notification for a
//! name makes it drop everything under that name; it also passes the notification on to programs
//! that watch the folder, such as Explorer. Changes are collected here until the driver takes them.
//! Until then it shows the store as it was. Inode numbers stay valid meanwhile, since each handle
//! counts as a use of its own, and opening always uses the current store.

use std::mem;

use fs_core::{Filesystem, Invalidation};
use parking_lot::Mutex;
use windows_files::shown_name;

use super::Drive;
use crate::name;

/// The kind of change of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It exists now; another object may have had the path before.
    Appeared,
    /// It no longer exists.
    Vanished,
    /// Its entries have changed, or it is a stream of an object that appeared or vanished.
    Changed,
}

/// A change that Windows must be notified of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The path as the drive writes it.
    pub(crate) path: Vec<u16>,
    pub(crate) what: What,
}

/// Changes that Windows was not yet notified of, in their order.
#[derive(Debug, Default)]
pub(crate) struct News(Mutex<Vec<Change>>);

impl News {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Takes all of them.
    pub(crate) fn take(&self) -> Vec<Change> {
        mem::take(&mut self.0.lock())
    }
}

impl Drive {
    /// Adds changes, and waits for opens that began with the previous state of the store.
    pub(crate) fn note(&self, stale: &[Invalidation]) {
        drop(self.opening.write());
        let changes: Vec<Change> = stale.iter().flat_map(|stale| changes(&self.fs, stale)).collect();
        self.news.0.lock().extend(changes);
    }
}

/// The changes of paths that Windows can have.
fn changes(fs: &Filesystem, stale: &Invalidation) -> Vec<Change> {
    let (path, streams, is_entry) = match stale {
        Invalidation::Directory(ino) => (fs.path(*ino), Vec::new(), false),
        Invalidation::Entry { parent, name } => {
            let mut path = fs.path(*parent);
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend(name);
            // By its directory's inode number, since no path may lead to the directory any more.
            let streams = fs.lookup(*parent, name).and_then(|attr| fs.streams(attr.ino)).unwrap_or_default();
            (path, streams, true)
        }
    };
    let Some(shown) = name::shown_path(&path) else { return Vec::new() };
    let streams = streams.iter().filter_map(|stream| shown_name(&stream.name));
    let stream = |name: Vec<u16>| Change { path: name::with_stream(shown.clone(), &name), what: What::Changed };
    let streams: Vec<Change> = streams.map(stream).collect();
    let what = match is_entry {
        false => What::Changed,
        true if fs.resolve(&path).is_ok() => What::Appeared,
        true => What::Vanished,
    };
    [Change { path: shown, what }].into_iter().chain(streams).collect()
}
