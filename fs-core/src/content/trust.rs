//! What is known of an archive's bytes, for as long as its file stays as it is.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use wim::{Archive, Fingerprint, memory};

use crate::Error;

/// What was verified of an archive: one [`Generation`] of its file after the other.
#[derive(Debug)]
pub(crate) struct Trust {
    current: RwLock<Arc<Generation>>,
    /// Whether the tables read at opening are what the integrity table vouches for; see [`Trust::tables`].
    tables: OnceLock<bool>,
    blobs: usize,
    blocks: usize,
}

/// What is known of a file's bytes as long as its fingerprint stays the same. Facts are added and never taken back.
#[derive(Debug)]
pub(crate) struct Generation {
    /// How many there were before this one.
    pub(super) number: u32,
    /// The blobs whose bytes matched their SHA-1.
    sound_blobs: Bits,
    /// The blocks of the integrity table that matched theirs.
    pub(super) sound_blocks: Bits,
    /// Those that did not.
    pub(super) bad_blocks: Bits,
    fingerprint: Fingerprint,
    /// The blobs that cannot be read, and why, so that nobody tries in vain again.
    failures: Mutex<HashMap<u32, Error>>,
    /// Likewise the chunks of solid resources that do not decode, by number of the resource and index: any number of blobs may
    /// lie in one.
    chunk_failures: Mutex<HashMap<(u32, u64), Arc<wim::Error>>>,
}

impl Trust {
    /// Nothing is known yet of an archive whose file had this fingerprint before it was opened.
    ///
    /// # Errors
    /// As [`memory::zeros`].
    pub(crate) fn new(fingerprint: Fingerprint, archive: &Archive) -> wim::Result<Self> {
        let blobs = archive.blobs().len();
        let blocks = archive.integrity().ok().flatten().map_or(0, |table| table.len());
        let first = Arc::new(Generation::new(0, fingerprint, blobs, blocks)?);
        Ok(Self { current: RwLock::new(first), tables: OnceLock::new(), blobs, blocks })
    }

    /// The generation as it was last seen. The file is not looked at.
    pub(super) fn current(&self) -> Arc<Generation> {
        Arc::clone(&self.current.read())
    }

    /// Looks at the file: whether it is still of this generation. If not, a new one begins of which nothing is known.
    ///
    /// Asked *after* bytes were read, it tells that they are the ones that facts of the generation are about.
    ///
    /// # Errors
    /// The file does not say; there is too little memory for a new generation.
    pub(super) fn is_still(&self, archive: &Archive, generation: &Generation) -> io::Result<bool> {
        let fingerprint = archive.source().fingerprint()?;
        if fingerprint == generation.fingerprint {
            return Ok(true);
        }
        let mut current = self.current.write();
        if current.fingerprint != fingerprint {
            let number = current.number.wrapping_add(1);
            tracing::debug!(generation = number, "an archive's file has changed; it is verified anew");
            let next = Generation::new(number, fingerprint, self.blobs, self.blocks);
            *current = Arc::new(next.map_err(io::Error::other)?);
        }
        Ok(false)
    }

    /// Whether the tables in memory are right, found out once by `examine`; others wait for it meanwhile.
    pub(super) fn tables(&self, examine: impl FnOnce() -> bool) -> bool {
        *self.tables.get_or_init(examine)
    }

    /// Whether it is known already that the tables in memory are right.
    pub(super) fn tables_known(&self) -> bool {
        self.tables.get() == Some(&true)
    }
}

impl Generation {
    fn new(number: u32, fingerprint: Fingerprint, blobs: usize, blocks: usize) -> wim::Result<Self> {
        Ok(Self {
            number,
            sound_blobs: Bits::new(blobs)?,
            sound_blocks: Bits::new(blocks)?,
            bad_blocks: Bits::new(blocks)?,
            fingerprint,
            failures: Mutex::default(),
            chunk_failures: Mutex::default(),
        })
    }

    /// Whether a blob has matched its SHA-1.
    pub(super) fn is_sound(&self, blob: u32) -> bool {
        self.sound_blobs.get(blob as usize)
    }

    /// Remembers that a blob has matched its SHA-1.
    pub(super) fn set_sound(&self, blob: u32) {
        self.sound_blobs.set(blob as usize);
    }

    /// Why a blob cannot be read, if that is known.
    pub(super) fn failure(&self, blob: u32) -> Option<Error> {
        self.failures.lock().get(&blob).cloned()
    }

    /// Remembers why a blob cannot be read.
    pub(super) fn set_failure(&self, blob: u32, error: Error) {
        self.failures.lock().insert(blob, error);
    }

    /// Why a chunk of a solid resource does not decode, if that is known.
    pub(super) fn chunk_failure(&self, solid: u32, chunk: u64) -> Option<Arc<wim::Error>> {
        self.chunk_failures.lock().get(&(solid, chunk)).cloned()
    }

    /// Remembers why a chunk of a solid resource does not decode.
    pub(super) fn set_chunk_failure(&self, solid: u32, chunk: u64, error: Arc<wim::Error>) {
        self.chunk_failures.lock().insert((solid, chunk), error);
    }
}

/// A bit for each of a number of things, set by any thread and never cleared.
#[derive(Debug)]
pub(super) struct Bits(Box<[AtomicU64]>);

impl Bits {
    fn new(count: usize) -> wim::Result<Self> {
        Ok(Self(memory::collect(0, (0..count.div_ceil(64)).map(|_| AtomicU64::new(0)))?.into()))
    }

    /// Whether the bit is set.
    pub(super) fn get(&self, index: usize) -> bool {
        self.0[index / 64].load(Ordering::Acquire) >> (index % 64) & 1 == 1
    }

    /// Sets the bit.
    pub(super) fn set(&self, index: usize) {
        self.0[index / 64].fetch_or(1 << (index % 64), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_one_by_one() {
        let bits = Bits::new(130).unwrap();
        for index in [0, 63, 64, 129] {
            assert!(!bits.get(index));
            bits.set(index);
            assert!(bits.get(index));
        }
        assert_eq!((0..130).filter(|&index| bits.get(index)).count(), 4);
    }
}
