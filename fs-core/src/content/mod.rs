//! The bytes of blobs, verified: what every read of a file's data goes through.
//!
//! # A byte leaves only after a SHA-1 that covers it has matched
//! With [`Verify::Strict`] that is the blob's own SHA-1:
//! 1. **The blob matched before**, and the file has not changed since. This knowledge belongs to a
//!    generation of the file: its version (device, inode, size, time of last write) is taken again
//!    after every read from it, and where it has changed, the bytes just read are thrown away and
//!    everything is verified anew. So an archive that is damaged under a mount gives errors for what is
//!    damaged, goes on serving the rest, and is whole again once it is repaired. What matched is
//!    remembered with the file, a bit for each blob, also when the archive's tables were evicted.
//! 2. **A blob of one chunk** is hashed each time it is decoded.
//! 3. **A blob of several chunks**: at the first read the whole blob is decoded, in parallel, and its
//!    chunks stay in the cache. A blob larger than half of the cache is decoded once to be hashed and
//!    again where it is read. Readers that come while this goes on wait for it.
//!
//! With [`Verify::Blocks`] the archive's integrity table suffices for large blobs, where there is one:
//! the check blocks (usually 10 MiB) in which the blob's chunk table and the chunk lie are read and
//! hashed, once. Where hashing the blob itself is less work than the blocks, or a block is bad (perhaps
//! in other blobs' bytes), the blob's SHA-1 decides. Blocks cover the blob table but not the header, so
//! the first use of the blocks also needs the blob table's blocks to match, and a blob of several chunks
//! to decode to its own SHA-1, which proves compression and chunk size right. **The limit**: a table says
//! that the file is as it was when the table was written. A table that was written over damage covers the
//! damage, and bytes that do not match their blob's SHA-1 are served.
//!
//! Chunks in the cache were verified when they came in, and stay right whatever happens to the file.
//!
//! Blobs of **solid resources** share chunks, usually of 64 MiB. Such a chunk is decoded once and cached
//! as the file had it in that generation; each blob's slices of it are hashed before the first of its
//! bytes leaves. See `solid.rs`.
//!
//! # Memory
//! The cache holds chunks of up to `cache_bytes` in sum. Of chunks larger than that the newest one is kept beside it, so that
//! reading a file in small pieces never decodes its chunk once for each piece. Solid chunks are decoded by several threads at
//! once as far as they fit into half of the cache's size, one of each volume always. So the peak is one and a half times the cache, or the
//! cache and two chunks where these are larger, and what blobs are held (at most half of the cache) until their SHA-1 matched.
//! A chunk above `max_chunk_bytes` is refused: a few bytes of an archive can ask for a gigabyte.
//!
//! A blob that fails is remembered as failed for the generation of the file, unless it was the medium that failed: thousands
//! of reads of a bad blob cost one decoding. Its error names the archive, the blob and where it lies.
//!
//! While somebody writes to the file without end, as an append does, blobs are still read by their own SHA-1, each read hashing
//! the whole blob unless its chunks are cached; one too large to be held meanwhile (half of the cache) fails.
//!
//! How soon a change is noticed depends on the file system's time stamps: two writes within one tick of its clock look alike.

mod attempt;
mod blocks;
mod chunk_key;
pub(crate) mod hashing;
mod pass;
mod pieces;
mod plan;
mod solid;
mod stored;
mod stream;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use wim::{Blob, ResourceFlags, ResourceHeader, Scratch, memory};

pub use self::stream::{Release, StreamError};

use self::attempt::{Attempt, Chunks, Fault, TableCache, changed_error};
use self::chunk_key::{Chunk, ChunkCache, ChunkKey};
use self::pieces::{available, pieces};
use self::solid::SolidBlob;
use crate::archive::{BlobRef, FileId, TablesId};
use crate::concurrent::{ByteBudget, Helpers, Pool, SingleFlight};
use crate::error::{CHUNK, Error, Result};

/// Bytes of chunk tables that are kept. A table has eight bytes for each chunk: this is enough for 128 GiB in chunks of 32 KiB.
const TABLE_BYTES: u64 = 32 << 20;

/// How often a read begins anew because the file changed meanwhile.
const ATTEMPTS: usize = 5;

/// The largest chunk that is decoded unless more is allowed, in bytes: four times the usual one of solid resources.
pub(crate) const MAX_CHUNK: u64 = 256 << 20;

/// Whether bytes are checked before they are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// The SHA-1 of the blob that a byte belongs to has matched.
    #[default]
    Strict,
    /// Matching check blocks of the archive's integrity table suffice where it has one. They show that
    /// the file is as it was when the table was written, so damage from before that is not noticed.
    Blocks,
    /// Bytes are handed out as they decode. Damage that still decodes is not noticed.
    Off,
}

impl Verify {
    /// All of them, the strictest first, with the names that users give them.
    pub const NAMED: [(&'static str, Self); 3] =
        [("strict", Self::Strict), ("blocks", Self::Blocks), ("off", Self::Off)];
}

/// How blobs are read.
#[derive(Debug, Clone)]
pub struct ContentOptions {
    /// What the decoded chunks that are kept may take, in bytes.
    pub cache_bytes: u64,
    /// The largest chunk that is decoded, in bytes.
    pub max_chunk_bytes: u64,
    /// Whether bytes are checked.
    pub verify: Verify,
    /// How many threads decode for one reader, its own included; 0 means one per processor.
    pub threads: usize,
}

impl Default for ContentOptions {
    fn default() -> Self {
        Self { cache_bytes: 256 << 20, max_chunk_bytes: MAX_CHUNK, verify: Verify::Strict, threads: 0 }
    }
}

impl ContentOptions {
    /// The number of threads meant.
    pub(crate) fn thread_count(&self) -> usize {
        match self.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// Reads blobs of any number of archives, keeping decoded chunks.
///
/// `&self` everywhere, for any number of threads; a read of what is cached takes one short lock per chunk, allocates nothing
/// and copies once.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use fs_core::{BlobRef, ContentOptions, Contents, OpenArchive};
///
/// # let tree = testkit::root([testkit::file("a.txt", "content")]);
/// # let bytes = testkit::Wim::new(testkit::Packing::Stored, tree).build().bytes;
/// let archive = Arc::new(OpenArchive::from_source("install.wim", Arc::new(bytes))?);
/// let contents = Contents::new(&ContentOptions::default());
/// let blob = BlobRef { archive, index: 0 };
/// assert_eq!(contents.read_whole(&blob, 1 << 20)?, b"content");
/// # Ok::<(), fs_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Contents {
    verify: Verify,
    max_chunk_bytes: u64,
    chunks: ChunkCache<Fault>,
    tables: TableCache,
    scratches: Pool<Scratch>,
    buffers: Pool<Vec<u8>>,
    helpers: Helpers,
    /// Whole blobs being hashed, by archive, blob and generation.
    passes: SingleFlight<(TablesId, u32, u32), Option<Chunks>, Fault>,
    /// Check blocks being hashed, by archive, block and generation.
    blocks: SingleFlight<(TablesId, usize, u32), bool, Fault>,
    holding: Holding,
    /// Solid chunks being decoded.
    decoding: ByteBudget,
}

impl Contents {
    /// An empty cache, and no threads: helpers are started for a read that is worth it, and end with it.
    pub fn new(options: &ContentOptions) -> Self {
        Self {
            verify: options.verify,
            max_chunk_bytes: options.max_chunk_bytes,
            chunks: ChunkCache::new(options.cache_bytes),
            tables: TableCache::new(TABLE_BYTES),
            scratches: Pool::default(),
            buffers: Pool::default(),
            helpers: Helpers::new(options.thread_count() - 1),
            passes: SingleFlight::default(),
            blocks: SingleFlight::default(),
            holding: Holding { bytes: AtomicU64::new(0), limit: options.cache_bytes / 2 },
            decoding: ByteBudget::new(options.cache_bytes / 2),
        }
    }

    /// Fills `buf` with the blob's bytes from `offset` on and returns how many it filled: fewer than `buf.len()` only where
    /// the blob ends, 0 behind its end.
    ///
    /// # Errors
    /// [`Error::Blob`] when the bytes cannot be read, do not decode or do not match their SHA-1; `buf` then holds unspecified
    /// bytes, which must not be shown.
    pub fn read_at(&self, blob: &BlobRef, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let row = blob.blob();
        let len = available(row.size(), offset, buf.len());
        let buf = &mut buf[..len];
        if buf.is_empty() {
            return Ok(0);
        }
        if row.is_solid() {
            self.attempt(blob, |attempt| SolidBlob::of(attempt)?.read_at(offset, buf))?;
            return Ok(buf.len());
        }
        let chunk_size = blob.archive.wim.header().chunk_size;
        if !row.place.flags.contains(ResourceFlags::COMPRESSED) || chunk_size == 0 {
            self.attempt(blob, |attempt| attempt.read_stored(offset, buf))?;
            return Ok(buf.len());
        }
        let mut filled = 0;
        for piece in pieces(row.size(), chunk_size, offset, buf.len()) {
            let chunk = self.chunk(blob, piece.chunk)?;
            let bytes = &chunk[piece.range];
            buf[filled..][..bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        }
        Ok(filled)
    }

    /// A chunk of a compressed blob, from the cache or decoded and verified.
    fn chunk(&self, blob: &BlobRef, chunk: u64) -> Result<Chunk> {
        let key = ChunkKey::own(blob, chunk);
        match self.chunks.get(key) {
            Some(chunk) => Ok(chunk),
            None => self.attempt(blob, |attempt| attempt.chunk(key)),
        }
    }

    /// Brings the first `len` bytes of a blob into the cache, for a reader who is expected; stored blobs are verified only, since
    /// they are read from the file. Solid ones are left alone where a chunk of theirs would have to push others out. What goes
    /// wrong is for that reader to find.
    pub(crate) fn warm(&self, blob: &BlobRef, len: u64) {
        let row = blob.blob();
        if row.is_solid() {
            let _ = self.attempt(blob, |attempt| SolidBlob::of(attempt)?.warm());
            return;
        }
        let chunk_size = blob.archive.wim.header().chunk_size;
        if !row.place.flags.contains(ResourceFlags::COMPRESSED) || chunk_size == 0 {
            let _ = self.attempt(blob, |attempt| attempt.read_stored(0, &mut []));
            return;
        }
        let chunks = row.size().min(len).div_ceil(u64::from(chunk_size));
        let _ = (0..chunks).try_for_each(|chunk| self.chunk(blob, chunk).map(drop));
    }

    /// All bytes of a blob of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above the limit; else as [`Contents::read_at`].
    pub fn read_whole(&self, blob: &BlobRef, limit: u64) -> Result<Vec<u8>> {
        let len = blob.size();
        if len > limit {
            return Err(Error::TooLarge { len, limit });
        }
        let size = usize::try_from(len).map_err(|_| Error::TooLarge { len, limit })?;
        let mut bytes = memory::zeros(blob.blob().place.offset, size)
            .map_err(|error| blob.archive.blob_error(blob.blob(), error))?;
        self.read_at(blob, 0, &mut bytes)?;
        Ok(bytes)
    }

    /// The bytes that cached chunks take now.
    pub(crate) fn cached_bytes(&self) -> usize {
        self.chunks.budget().used()
    }

    /// Forgets what was decoded of files that are no longer used.
    pub(crate) fn forget(&self, files: &HashSet<FileId>) {
        if !files.is_empty() {
            self.chunks.remove_all(|key| files.contains(&key.tables.file));
            self.tables.remove_all(|(tables, ..)| files.contains(&tables.file));
        }
    }

    /// Tries until the file does not change meanwhile.
    fn attempt<T>(&self, blob: &BlobRef, mut read: impl FnMut(&Attempt<'_>) -> Result<T, Fault>) -> Result<T> {
        for round in 0..ATTEMPTS {
            match Attempt::begin(self, blob, round > 0).and_then(|attempt| read(&attempt)) {
                Ok(value) => return Ok(value),
                Err(Fault::Failed(error)) => return Err(error),
                Err(Fault::Changed) => {}
            }
        }
        Err(changed_error(blob))
    }
}

/// Refuses a resource whose largest chunk has more than `limit` bytes.
pub(crate) fn allow_chunks(place: &ResourceHeader, chunk_size: u32, limit: u64) -> wim::Result<()> {
    let (at, size) = (place.offset, place.size.min(chunk_size.into()));
    if size <= limit { Ok(()) } else { Err(wim::Error::TooLarge { what: CHUNK, at, size, limit }) }
}

/// Refuses a blob with a resource of its own whose largest chunk has more than `limit` bytes.
pub(crate) fn allow_own_chunks(archive: &wim::Archive, blob: &Blob, limit: u64) -> wim::Result<()> {
    let is_own = !blob.is_solid() && blob.place.flags.contains(ResourceFlags::COMPRESSED);
    if is_own { allow_chunks(&blob.place, archive.header().chunk_size, limit) } else { Ok(()) }
}

/// How many bytes of decoded blobs are held outside the cache until their SHA-1 has matched, over all readers.
#[derive(Debug)]
struct Holding {
    bytes: AtomicU64,
    limit: u64,
}

/// Bytes that may be held; dropping gives them back.
#[derive(Debug)]
struct Held<'a> {
    all: &'a Holding,
    bytes: u64,
}

impl Holding {
    /// Room for a blob, unless there is none now.
    fn reserve(&self, bytes: u64) -> Option<Held<'_>> {
        self.bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                held.checked_add(bytes).filter(|&sum| sum <= self.limit)
            })
            .ok()?;
        Some(Held { all: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.all.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
