//! The archive files that are open, each once however many views of a store show it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wim::ReadAt;

use super::{ArchiveFile, Memory};
use crate::error::{Error, Result};
use crate::source::StoredId;

/// Opens archives, and finds those that are open already.
#[derive(Debug)]
pub(crate) struct Archives {
    memory: Arc<Memory>,
    open: Mutex<OpenFiles>,
}

/// Files by what their source opens them by.
#[derive(Debug, Default)]
struct OpenFiles {
    by_id: HashMap<StoredId, Weak<ArchiveFile>>,
    /// How many entries there may be before those of closed files are removed.
    most: usize,
}

impl Archives {
    /// None is open. Tables and trees take at most `metadata_bytes`; what is in use at one moment may exceed it.
    pub(crate) fn new(metadata_bytes: u64) -> Self {
        Self { memory: Arc::new(Memory::new(metadata_bytes)), open: Mutex::default() }
    }

    /// The archive that `source` holds, which was opened as `id`: the one that is open already if it is of the same version
    /// and still readable. `path` is what messages call it.
    ///
    /// # Errors
    /// As [`ArchiveFile::open`].
    pub(crate) fn open_shared(&self, id: &StoredId, path: &Path, source: Arc<dyn ReadAt>) -> Result<Arc<ArchiveFile>> {
        let version = source.version().map_err(|error| Error::io(path, error))?;
        let is_same =
            |file: &Arc<ArchiveFile>| file.opened == version && file.version().is_ok_and(|now| now == version);
        let found = self.open.lock().find(id); // the lock must not be held while storage is asked
        if let Some(file) = found.filter(is_same) {
            return Ok(file);
        }
        let file = self.open_alone(id, path, source)?;
        self.open.lock().insert(id, &file);
        Ok(file)
    }

    /// The archive that `source` holds, for one view only.
    ///
    /// # Errors
    /// As [`ArchiveFile::open`].
    pub(crate) fn open_alone(&self, id: &StoredId, path: &Path, source: Arc<dyn ReadAt>) -> Result<Arc<ArchiveFile>> {
        ArchiveFile::open(id.clone(), path, source, &self.memory).map(Arc::new)
    }

    /// How many archives that views may share are open.
    pub(crate) fn open_count(&self) -> usize {
        self.open.lock().by_id.values().filter(|file| file.strong_count() > 0).count()
    }

    /// The bytes that tables and trees take in memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory.used() as u64
    }
}

impl OpenFiles {
    fn find(&self, id: &StoredId) -> Option<Arc<ArchiveFile>> {
        self.by_id.get(id)?.upgrade()
    }

    fn insert(&mut self, id: &StoredId, file: &Arc<ArchiveFile>) {
        self.by_id.insert(id.clone(), Arc::downgrade(file));
        if self.by_id.len() > self.most {
            self.by_id.retain(|_, file| file.strong_count() > 0);
            self.most = 2 * self.by_id.len();
        }
    }
}
