//! Invalidation: makes the kernel forget what has changed in the store.
//!
//! The kernel caches names, attributes, listings and pages for ever, and opens files and
//! directories without asking. So each name with a new meaning is invalidated, and then the listing
//! and the attributes of each directory that has changed. The order matters. Invalidating a name
//! takes the lock of its directory, so it waits for answers that are on their way and were made
//! from the old snapshot; after that no old entry can reach the listing any more.
//!
//! Files need no invalidation: different bytes have a different inode number, so cached pages stay
//! right.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use fs_core::{Filesystem, Invalidation, Stop, log};
use fuser::{INodeNo, Notifier};
use tracing::{debug, warn};

/// Watches the store until what is returned is dropped.
pub(crate) fn follow(filesystem: Arc<Filesystem>, notifier: Notifier) -> Option<Stop> {
    filesystem.spawn_watcher(move |stale| invalidate(&notifier, stale))
}

/// Tells the kernel, in the order given: names first.
fn invalidate(notifier: &Notifier, stale: &[Invalidation]) {
    for invalidation in stale {
        let told = match invalidation {
            Invalidation::Entry { parent, name } => notifier.inval_entry(INodeNo(parent.0), OsStr::from_bytes(name)),
            Invalidation::Directory(ino) => notifier.inval_inode(INodeNo(ino.0), 0, 0), // 0 bytes from 0 on: all of them
        };
        debug!(?invalidation, ok = told.is_ok(), "the kernel was told to forget");
        if let Err(error) = told.or_else(harmless) {
            log::LISTING.once(&format!("{error}: {invalidation:?}"), || {
                warn!(%error, ?invalidation, "the kernel may show the store as it was");
            });
        }
    }
}

/// The kernel has nothing to forget when the mount has just gone.
fn harmless(error: io::Error) -> io::Result<()> {
    match rustix::io::Errno::from_io_error(&error) {
        Some(rustix::io::Errno::NODEV | rustix::io::Errno::NOENT | rustix::io::Errno::NOTCONN) => Ok(()),
        _ => Err(error),
    }
}
