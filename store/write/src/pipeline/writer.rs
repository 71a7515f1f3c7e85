//! Writes contents in order, each once.

use std::collections::HashSet;

use parking_lot::RwLock;
use wim::write::{chunk_table, chunk_table_len, compression_pays};
use wim::{BlobHash, BlobHasher, ResourceFlags, ResourceHeader, Scratch};

use super::Written;
use super::reader::{Reader, plain};
use super::unit::{Packed, Stored};
use crate::sink::Sink;
use crate::{Error, Job, Result};

/// Takes the parts of contents in the order of their jobs.
pub(super) struct Writer<'a> {
    jobs: &'a [Job],
    sink: &'a mut Sink,
    /// Reads a content a second time, to write it plain.
    reader: Reader<'a>,
    chunk_size: u32,
    /// The contents that the archive has, with those written here.
    known: &'a RwLock<HashSet<BlobHash>>,
    open: Option<Open>,
    written: Vec<Written>,
}

/// A content of which a part was written.
struct Open {
    job: usize,
    start: u64,
    hasher: BlobHasher,
    /// The sizes of its chunks; `None` if it is written plain.
    chunks: Option<Vec<u32>>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        jobs: &'a [Job],
        sink: &'a mut Sink,
        reader: Reader<'a>,
        chunk_size: u32,
        known: &'a RwLock<HashSet<BlobHash>>,
    ) -> Self {
        Self { jobs, sink, reader, chunk_size, known, open: None, written: Vec::new() }
    }

    /// What became of each job.
    pub(super) fn finish(self) -> Vec<Written> {
        self.written
    }

    /// Writes the next part.
    ///
    /// # Errors
    /// The disk's; the source has changed.
    pub(super) fn take(&mut self, packed: Packed) -> Result<()> {
        if let Stored::Known = packed.stored {
            let hash = packed.hash.unwrap_or_default();
            self.written.push(Written { hash, size: packed.size, place: None });
            return Ok(());
        }
        if packed.first && packed.last { self.whole(&packed) } else { self.part(packed) }
    }

    fn whole(&mut self, packed: &Packed) -> Result<()> {
        self.forget_open();
        let hash = packed.hash.unwrap_or_default();
        if self.known.read().contains(&hash) {
            self.written.push(Written { hash, size: packed.size, place: None });
            return Ok(());
        }
        let start = self.sink.end();
        let compressed = match &packed.stored {
            Stored::Chunks { sizes, bytes } => {
                self.sink.append(&chunk_table(packed.size, sizes))?;
                self.sink.append(bytes)?;
                true
            }
            _ => {
                self.sink.append(&packed.plain)?;
                false
            }
        };
        self.push(hash, packed.size, start, compressed);
        Ok(())
    }

    fn part(&mut self, packed: Packed) -> Result<()> {
        if packed.first {
            self.forget_open();
            self.begin(&packed)?;
        }
        let Some(mut open) = self.open.take() else { return Ok(()) };
        debug_assert_eq!(open.job, packed.job, "contents come one after the other");
        open.hasher.update(&packed.plain);
        match (&mut open.chunks, packed.stored) {
            (Some(chunks), Stored::Chunks { sizes, bytes }) => {
                chunks.extend(sizes);
                self.sink.append(&bytes)?;
            }
            _ => {
                self.sink.append(&packed.plain)?;
            }
        }
        if packed.last {
            return self.end(open, packed.size, packed.hash);
        }
        self.open = Some(open);
        Ok(())
    }

    /// Drops a content that has changed, and is read again from its start.
    fn forget_open(&mut self) {
        if let Some(open) = self.open.take() {
            self.sink.rewind(open.start);
        }
    }

    fn begin(&mut self, packed: &Packed) -> Result<()> {
        let start = self.sink.end();
        let chunks = match packed.stored {
            Stored::Chunks { .. } => {
                let count = packed.size.div_ceil(u64::from(self.chunk_size));
                self.sink.reserve(chunk_table_len(packed.size, count as usize))?;
                Some(Vec::new())
            }
            _ => None,
        };
        self.open = Some(Open { job: packed.job, start, hasher: BlobHasher::default(), chunks });
        Ok(())
    }

    fn end(&mut self, open: Open, size: u64, expected: Option<BlobHash>) -> Result<()> {
        let actual = open.hasher.finish();
        self.check(open.job, expected, actual)?;
        if self.known.read().contains(&actual) {
            self.sink.rewind(open.start);
            self.written.push(Written { hash: actual, size, place: None });
            return Ok(());
        }
        let compressed = match &open.chunks {
            Some(chunks) => {
                let stored = chunks.iter().map(|&chunk| u64::from(chunk)).sum();
                let pays = compression_pays(size, chunks.len(), stored);
                if pays {
                    self.sink.fill(open.start, &chunk_table(size, chunks))?;
                } else {
                    self.sink.rewind(open.start);
                    self.write_plain(open.job, actual)?;
                }
                pays
            }
            None => false,
        };
        self.push(actual, size, open.start, compressed);
        Ok(())
    }

    /// Reads a content again, and writes it as it is.
    fn write_plain(&mut self, number: usize, expected: BlobHash) -> Result<()> {
        let Self { jobs, sink, reader, .. } = self;
        let job = &jobs[number];
        let mut hasher = BlobHasher::default();
        let mut scratch = Scratch::default();
        let start = sink.end();
        reader.read(number, job, false, &mut |piece| {
            if piece.first {
                hasher = BlobHasher::default();
                sink.rewind(start);
            }
            let bytes = plain(piece.input, job, &mut scratch)?;
            hasher.update(&bytes);
            sink.append(&bytes).map(|_| ())
        })?;
        self.check(number, Some(expected), hasher.finish())
    }

    fn check(&self, number: usize, expected: Option<BlobHash>, actual: BlobHash) -> Result<()> {
        let job = &self.jobs[number];
        match expected {
            Some(expected) if expected != actual => Err(match job.source {
                crate::Source::File { .. } | crate::Source::Content(_) => {
                    Error::Changed { path: job.path().to_owned() }
                }
                _ => Error::source(job.path())(wim::Error::Hash { expected, actual }),
            }),
            _ => Ok(()),
        }
    }

    fn push(&mut self, hash: BlobHash, size: u64, start: u64, compressed: bool) {
        let flags = if compressed { ResourceFlags::COMPRESSED } else { ResourceFlags::default() };
        let place = ResourceHeader { offset: start, stored_size: self.sink.end() - start, size, flags };
        self.known.write().insert(hash);
        self.written.push(Written { hash, size, place: Some(place) });
    }
}
