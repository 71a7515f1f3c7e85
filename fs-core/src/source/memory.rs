//! A store in memory, for archives that are made while they are shown, and for tests.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use access::Security;
use parking_lot::Mutex;
use wim::{FileTime, ReadAt, Version};

use super::{
    ArchiveEntry, Attributes, Changed, GroupEntry, GroupListing, Shape, StoreListing, StoreSource, StoredFile,
    StoredId, Watch, Watcher, is_archive, is_resources,
};
use crate::error::{Error, Result};

/// A store whose files are in memory. Clones share it: what is put into one is shown by the views of all.
#[derive(Debug, Clone)]
pub struct MemorySource {
    name: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    groups: BTreeMap<OsString, BTreeMap<OsString, MemoryFile>>,
    /// What protects groups and files, by their paths.
    securities: BTreeMap<PathBuf, Arc<Security>>,
    /// How many files were put in, so that each has a version of its own.
    count: u64,
    watchers: Vec<Sender<Message>>,
}

/// A file that never changes: one that is put in its place is another.
#[derive(Debug, Clone)]
struct MemoryFile {
    bytes: Arc<[u8]>,
    version: Version,
}

/// What a watcher is sent.
#[derive(Debug)]
enum Message {
    /// Files of this group have changed.
    Changed(OsString),
    /// The watch is over.
    End,
}

impl MemorySource {
    /// An empty store, which messages call `name`. Sources that share an [`Engine`](crate::Engine) must have different names.
    pub fn new(name: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), state: Arc::default() }
    }

    /// Puts a file into a group, which it makes if there is none, in place of the file that has its name. Readers of that
    /// file go on reading it.
    pub fn put(&self, group: &str, name: &str, bytes: impl Into<Arc<[u8]>>, written: FileTime) {
        let bytes = bytes.into();
        let mut state = self.state.lock();
        state.count += 1;
        let version = Version::of_object(&state.count.to_le_bytes(), bytes.len() as u64, written.to_unix());
        state.groups.entry(group.into()).or_default().insert(name.into(), MemoryFile { bytes, version });
        state.notify(group);
    }

    /// Takes a file out of a group. Returns whether there was one.
    pub fn remove(&self, group: &str, name: &str) -> bool {
        let mut state = self.state.lock();
        let Some(files) = state.groups.get_mut(OsStr::new(group)) else { return false };
        let was_there = files.remove(OsStr::new(name)).is_some();
        state.notify(group);
        was_there
    }

    /// Takes out a group with all its files. Returns whether there was one.
    pub fn remove_group(&self, group: &str) -> bool {
        let mut state = self.state.lock();
        let was_there = state.groups.remove(OsStr::new(group)).is_some();
        state.notify(group);
        was_there
    }

    /// Says what protects a group, or a file in it, from now on. WDS's default protects all others.
    pub fn protect(&self, group: &str, file: Option<&str>, security: Security) {
        let mut state = self.state.lock();
        let path = self.name.join(group);
        state.securities.insert(file.map_or_else(|| path.clone(), |file| path.join(file)), Arc::new(security));
        state.notify(group);
    }

    fn security(&self, id: &StoredId) -> Arc<Security> {
        let path: &Path = id.as_ref();
        let found = self.state.lock().securities.get(path).cloned();
        found.unwrap_or_else(|| Arc::new(Security::default_of_wds()))
    }

    fn entry(&self, group: &OsStr, files: &BTreeMap<OsString, MemoryFile>) -> GroupEntry {
        let path = self.name.join(group);
        GroupEntry { id: StoredId::new(&path), name: group.to_owned(), path, modified: newest(files) }
    }
}

impl State {
    /// Sends that a group has changed to those that still watch.
    fn notify(&mut self, group: &str) {
        self.watchers.retain(|watcher| watcher.send(Message::Changed(group.into())).is_ok());
    }
}

/// When a file of a group was last written.
fn newest(files: &BTreeMap<OsString, MemoryFile>) -> FileTime {
    let times = files.values().map(|file| file.version.modified);
    times.max().map_or(FileTime(0), |(seconds, nanoseconds)| FileTime::from_unix(seconds, nanoseconds))
}

impl StoreSource for MemorySource {
    fn shape(&self) -> Shape {
        Shape::Store
    }

    fn path(&self) -> &Path {
        &self.name
    }

    fn groups(&self) -> Result<StoreListing> {
        let groups: Vec<_> = self.state.lock().groups.iter().map(|(name, files)| self.entry(name, files)).collect();
        let modified = groups.iter().map(|group| group.modified).max().unwrap_or(FileTime(0));
        Ok(StoreListing { modified, groups, problems: Vec::new() })
    }

    fn listing(&self, group: &GroupEntry) -> Result<GroupListing> {
        let state = self.state.lock();
        let gone = || Error::io(&group.path, io::ErrorKind::NotFound.into());
        let mut listing = GroupListing::default();
        for (name, file) in state.groups.get(&group.name).ok_or_else(gone)? {
            let path = group.path.join(name);
            let file = StoredFile { id: StoredId::new(&path), name: name.clone(), path, version: file.version };
            if is_resources(name) {
                listing.resources = Some(file);
            } else if is_archive(name) {
                listing.archives.push(ArchiveEntry { file, attributes: Attributes::default() });
            }
        }
        Ok(listing)
    }

    fn group_security(&self, group: &GroupEntry) -> Arc<Security> {
        self.security(&group.id)
    }

    fn file_security(&self, file: &StoredFile, _: &Security) -> Arc<Security> {
        self.security(&file.id)
    }

    fn open(&self, file: &StoredFile) -> Result<Arc<dyn ReadAt>> {
        let path: &Path = file.id.as_ref();
        let found = || {
            let (group, name) = (path.parent()?.file_name()?, path.file_name()?);
            self.state.lock().groups.get(group)?.get(name).cloned()
        };
        let file = found().ok_or_else(|| Error::io(&file.path, io::ErrorKind::NotFound.into()))?;
        Ok(Arc::new(file))
    }

    fn watch(&self) -> Result<Watch> {
        let (sender, messages) = channel();
        self.state.lock().watchers.push(sender.clone());
        let stop: Box<dyn Any + Send> = Box::new(Ends(sender));
        Ok(Watch::new(Box::new(MemoryWatcher { messages, is_first: true }), stop))
    }
}

impl ReadAt for MemoryFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.bytes.read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.version.size
    }

    fn version(&self) -> io::Result<Version> {
        Ok(self.version)
    }
}

/// Waits for messages of a store in memory.
struct MemoryWatcher {
    messages: Receiver<Message>,
    is_first: bool,
}

impl Watcher for MemoryWatcher {
    fn next(&mut self, limit: Option<Duration>) -> Option<Changed> {
        if std::mem::take(&mut self.is_first) {
            return Some(Changed::Everything);
        }
        let first = match limit {
            None => self.messages.recv().ok()?,
            Some(limit) => match self.messages.recv_timeout(limit) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => return Some(Changed::Nothing),
                Err(RecvTimeoutError::Disconnected) => return None,
            },
        };
        let mut groups = BTreeSet::new();
        for message in std::iter::once(first).chain(self.messages.try_iter()) {
            match message {
                Message::Changed(group) => groups.insert(group),
                Message::End => return None,
            };
        }
        Some(Changed::Groups(groups))
    }
}

/// Ends a watch when it is dropped.
struct Ends(Sender<Message>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.send(Message::End); // a watcher that is gone needs no end
    }
}
