//! What is known of an archive's bytes, for as long as its file stays as it is.

use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use wim::{Archive, BlobTable, Version, memory};

use super::{FileId, TablesId};
use crate::error::Error;

/// How many failures of one kind are remembered for a generation of a file; what else fails is tried again each time.
const MAX_FAILURES: usize = 1 << 16;

/// What was verified of an archive file, whether its tables are in memory or not.
#[derive(Debug)]
pub(crate) struct FileTrust {
    file: FileId,
    /// Of the tables that were read last.
    last: Mutex<Option<Arc<Trust>>>,
}

/// What was verified of an archive by its tables: one [`Generation`] of its file after the other.
#[derive(Debug)]
pub(crate) struct Trust {
    /// Identifies the tables, by whose indices blobs and check blocks are known.
    pub(crate) id: TablesId,
    of: TableFacts,
    current: RwLock<Arc<Generation>>,
    /// Whether the tables read at opening are what the integrity table vouches for; see [`Trust::tables`].
    tables: OnceLock<bool>,
}

/// What distinguishes the tables of a file from others that it may have at another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TableFacts {
    /// The file's version before they were read.
    version: Version,
    blobs: usize,
    /// How many blocks the integrity table has; 0 where there is none that can be read.
    blocks: usize,
    /// See [`digest`].
    digest: u64,
}

/// What is known of a file's bytes as long as its version stays the same. Facts are added and never taken back.
#[derive(Debug)]
pub(crate) struct Generation {
    /// How many there were before this one.
    pub(crate) number: u32,
    /// The blobs whose bytes matched their SHA-1.
    sound_blobs: Bits,
    /// The blocks of the integrity table that matched theirs.
    pub(crate) sound_blocks: Bits,
    /// Those that did not.
    pub(crate) bad_blocks: Bits,
    version: Version,
    /// The blobs that cannot be read, and why, so that nobody tries in vain again.
    failures: Mutex<HashMap<u32, Error>>,
    /// Likewise the chunks of solid resources that do not decode, by number of the resource and index: any number of blobs may
    /// lie in one.
    chunk_failures: Mutex<HashMap<(u32, u64), Arc<wim::Error>>>,
}

impl FileTrust {
    /// Nothing is known yet of a file.
    pub(crate) fn new(file: FileId) -> Self {
        Self { file, last: Mutex::default() }
    }

    /// What is known of an archive by its tables, whose file had this version before they were read: what was known
    /// before, where they are what was read the last time.
    pub(crate) fn of_tables(&self, version: Version, archive: &Archive) -> Arc<Trust> {
        let of = TableFacts::new(version, archive);
        let mut last = self.last.lock();
        if let Some(trust) = last.as_ref().filter(|trust| trust.of == of) {
            return Arc::clone(trust);
        }
        let version = last.as_ref().map_or(0, |trust| trust.id.version.wrapping_add(1));
        let id = TablesId { file: self.file, version };
        Arc::clone(last.insert(Arc::new(Trust::new(id, of))))
    }
}

impl TableFacts {
    fn new(version: Version, archive: &Archive) -> Self {
        let blocks = archive.integrity().ok().flatten().map_or(0, |table| table.len());
        Self { version, blobs: archive.blobs().len(), blocks, digest: digest(archive.blobs()) }
    }
}

/// A number that differs where blobs have other hashes or places: two tables written within one tick of a file system's
/// clock may have one version. Says nothing of a table that is made to collide.
fn digest(blobs: &BlobTable) -> u64 {
    blobs.iter().fold(0, |digest: u64, blob| {
        let [a, b, c, d, e, f, g, h, ..] = blob.hash.0;
        let hash = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        (digest.rotate_left(5) ^ hash ^ blob.place.offset).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
}

impl Trust {
    fn new(id: TablesId, of: TableFacts) -> Self {
        let first = Arc::new(Generation::new(0, of.version, &of));
        Self { id, of, current: RwLock::new(first), tables: OnceLock::new() }
    }

    /// The generation as it was last seen. The file is not looked at.
    pub(crate) fn current(&self) -> Arc<Generation> {
        Arc::clone(&self.current.read())
    }

    /// Looks at the file: whether it is still of this generation. If not, a new one begins of which nothing is known.
    ///
    /// Asked *after* bytes were read, it tells that they are the ones that facts of the generation are about.
    ///
    /// # Errors
    /// The file does not say.
    pub(crate) fn is_still(&self, archive: &Archive, generation: &Generation) -> io::Result<bool> {
        let version = archive.source().version()?;
        if version == generation.version {
            return Ok(true);
        }
        let mut current = self.current.write();
        if current.version != version {
            let number = current.number.wrapping_add(1);
            tracing::debug!(generation = number, "an archive's file has changed; it is verified anew");
            *current = Arc::new(Generation::new(number, version, &self.of));
        }
        Ok(false)
    }

    /// Whether the tables in memory are right, found out once by `examine`; others wait for it meanwhile.
    pub(crate) fn tables(&self, examine: impl FnOnce() -> bool) -> bool {
        *self.tables.get_or_init(examine)
    }

    /// Whether it is known already that the tables in memory are right.
    pub(crate) fn tables_known(&self) -> bool {
        self.tables.get() == Some(&true)
    }
}

impl Generation {
    fn new(number: u32, version: Version, tables: &TableFacts) -> Self {
        Self {
            number,
            sound_blobs: Bits::new(tables.blobs),
            sound_blocks: Bits::new(tables.blocks),
            bad_blocks: Bits::new(tables.blocks),
            version,
            failures: Mutex::default(),
            chunk_failures: Mutex::default(),
        }
    }

    /// Whether a blob has matched its SHA-1.
    pub(crate) fn is_sound(&self, blob: u32) -> bool {
        self.sound_blobs.get(blob as usize)
    }

    /// Remembers that a blob has matched its SHA-1.
    pub(crate) fn set_sound(&self, blob: u32) {
        self.sound_blobs.set(blob as usize);
    }

    /// Why a blob cannot be read, if that is known.
    pub(crate) fn failure(&self, blob: u32) -> Option<Error> {
        self.failures.lock().get(&blob).cloned()
    }

    /// Remembers why a blob cannot be read.
    pub(crate) fn set_failure(&self, blob: u32, error: Error) {
        insert_some(&mut self.failures.lock(), blob, error);
    }

    /// Why a chunk of a solid resource does not decode, if that is known.
    pub(crate) fn chunk_failure(&self, solid: u32, chunk: u64) -> Option<Arc<wim::Error>> {
        self.chunk_failures.lock().get(&(solid, chunk)).cloned()
    }

    /// Remembers why a chunk of a solid resource does not decode.
    pub(crate) fn set_chunk_failure(&self, solid: u32, chunk: u64, error: Arc<wim::Error>) {
        insert_some(&mut self.chunk_failures.lock(), (solid, chunk), error);
    }
}

/// Remembers a failure, unless there are [`MAX_FAILURES`] already: what is known of a file stays in memory as long as
/// the file is open.
fn insert_some<K: Eq + Hash, V>(failures: &mut HashMap<K, V>, key: K, failure: V) {
    if failures.len() < MAX_FAILURES {
        failures.insert(key, failure);
    }
}

/// A bit for each of a number of things, set by any thread and never cleared. Takes memory from the first one that is set on.
#[derive(Debug)]
pub(crate) struct Bits {
    count: usize,
    words: OnceLock<Box<[AtomicU64]>>,
}

impl Bits {
    fn new(count: usize) -> Self {
        Self { count, words: OnceLock::new() }
    }

    /// Whether the bit is set.
    pub(crate) fn get(&self, index: usize) -> bool {
        self.words.get().is_some_and(|words| words[index / 64].load(Ordering::Acquire) >> (index % 64) & 1 == 1)
    }

    /// Sets the bit; not where memory is lacking, since whatever it says can be found out again.
    pub(crate) fn set(&self, index: usize) {
        if self.words.get().is_none() {
            let zeros = (0..self.count.div_ceil(64)).map(|_| AtomicU64::new(0));
            let Ok(words) = memory::collect(0, zeros) else { return };
            let _ = self.words.set(words.into()); // another thread may have been faster
        }
        if let Some(words) = self.words.get() {
            words[index / 64].fetch_or(1 << (index % 64), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_one_by_one() {
        let bits = Bits::new(130);
        for index in [0, 63, 64, 129] {
            assert!(!bits.get(index));
            bits.set(index);
            assert!(bits.get(index));
        }
        assert_eq!((0..130).filter(|&index| bits.get(index)).count(), 4);
    }

    #[test]
    fn tables_that_say_something_else_are_others() {
        let archive = |text: &str| {
            let files = [testkit::file("a", text), testkit::file("b", "the same")];
            let built = testkit::Wim::new(testkit::Packing::Stored, testkit::root(files)).build();
            Archive::open(Arc::new(built.bytes)).unwrap()
        };
        let [one, other] = ["one", "two"].map(archive);
        let (before, after) = (Version::default(), Version { size: 1, ..Version::default() });
        let file = FileTrust::new(FileId::next());
        let first = file.of_tables(before, &one);
        assert!(Arc::ptr_eq(&first, &file.of_tables(before, &one)), "the same are the same");
        for (version, archive) in [(after, &one), (after, &other), (before, &other), (before, &one)] {
            let last = file.of_tables(version, archive);
            assert_ne!(last.id, first.id);
            assert_eq!(last.id.file, first.id.file);
        }
    }
}
