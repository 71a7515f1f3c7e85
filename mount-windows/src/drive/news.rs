//! What has changed in the store, for Windows to hear of.
//!
//! WinFsp's driver remembers what it was told, and pages of what was read, by name and for ever. It forgets all that it has
//! under a name when it is told that something happened to it, and passes the news on to who watches the folder, as
//! Explorer does. News are gathered here until the driver takes them, which need not be at once: until then it shows the
//! store as it was. Nothing can go wrong with numbers meanwhile, since each handle counts as a use of its own, and opening
//! always asks for the store as it is.

use std::mem;

use fs_core::{Filesystem, Invalidation};
use parking_lot::Mutex;

use super::Drive;
use crate::name;

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It is there now; there may have been something else before.
    Appeared,
    /// It is not there any more.
    Vanished,
    /// It is another directory inside, or a stream of something that appeared or vanished.
    Changed,
}

/// Something that Windows is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// As the drive writes it.
    pub(crate) path: Vec<u16>,
    pub(crate) what: What,
}

/// Changes that Windows has not been told yet, in their order.
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
    /// Notes what must be forgotten, and waits for opens that began with the store as it was.
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
            // By the number of its directory, which may be gone from every path.
            let streams = fs.lookup(*parent, name).and_then(|attr| fs.streams(attr.ino)).unwrap_or_default();
            (path, streams, true)
        }
    };
    let Some(shown) = name::shown_path(&path) else { return Vec::new() };
    let streams = streams.iter().filter_map(|stream| name::shown(&stream.name));
    let stream = |name: Vec<u16>| Change { path: name::with_stream(shown.clone(), &name), what: What::Changed };
    let streams: Vec<Change> = streams.map(stream).collect();
    let what = match is_entry {
        false => What::Changed,
        true if fs.resolve(&path).is_ok() => What::Appeared,
        true => What::Vanished,
    };
    [Change { path: shown, what }].into_iter().chain(streams).collect()
}
