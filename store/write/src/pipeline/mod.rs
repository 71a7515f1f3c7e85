//! Reads, hashes, encodes and writes contents: one thread reads, several encode, the caller's
//! writes. The result does not depend on their number.

mod budget;
mod encoder;
mod reader;
mod unit;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::RwLock;
use wim::{BlobHash, Compression, ResourceHeader};

use crate::disk::Disk;
use crate::sink::Sink;
use crate::{Control, Error, Job, Result, SourceArchive};
use budget::Budget;
use encoder::Encoder;
use reader::{Reader, WHOLE};
use unit::{Done, Input, Packed, Piece, Unit};
use writer::Writer;

/// The most contents of a unit, and the most bytes of several contents.
const UNIT_PIECES: usize = 64;
const UNIT_BYTES: u64 = 256 << 10;

/// Encodes a chunk into a shorter buffer, and returns how many bytes of it are used; `None` if it
/// does not fit, so that the chunk is stored raw.
pub type ChunkEncoder = Box<dyn FnMut(&[u8], &mut [u8]) -> Option<usize>>;

/// How contents are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) compression: Compression,
    /// 0 if nothing is compressed.
    pub(crate) chunk_size: u32,
    /// Whether contents that a source stores in the same way are encoded anew.
    pub(crate) recompress: bool,
}

impl Target {
    /// Whether an archive stores contents in the same way, so that they are copied as they are.
    pub(crate) fn keeps(&self, archive: &SourceArchive) -> bool {
        let header = archive.wim.header();
        !self.recompress
            && !header.pipable
            && header.compression == self.compression
            && header.chunk_size == self.chunk_size
    }
}

/// What the pipeline works with.
pub(crate) struct Pipeline<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) target: Target,
    /// Makes an encoder for a thread; `None` if nothing is compressed.
    pub(crate) new_encoder: &'a (dyn Fn() -> Option<ChunkEncoder> + Sync),
    pub(crate) threads: usize,
    /// The bytes between reader and writer.
    pub(crate) memory: usize,
    pub(crate) control: &'a Control<'a>,
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) hash: BlobHash,
    pub(crate) size: u64,
    /// Where it is; `None` if the archive had it.
    pub(crate) place: Option<ResourceHeader>,
}

impl Pipeline<'_> {
    /// Writes what `sink` lacks of the jobs, in their order. `known` are the contents that the
    /// archive has, with their sizes.
    ///
    /// # Errors
    /// That of the first job which has one.
    pub(crate) fn run(&self, jobs: &[Job], known: &HashMap<BlobHash, u64>, sink: &mut Sink) -> Result<Vec<Written>> {
        let hashes = RwLock::new(known.keys().copied().collect());
        let budget = Budget::new(self.memory);
        let (to_encoders, units) = bounded::<Unit<Piece>>(2 * self.threads);
        let (to_writer, results) = unbounded::<Done>();
        thread::scope(|scope| {
            let (budget, hashes) = (&budget, &hashes);
            let to_reader = to_writer.clone();
            scope.spawn(move || self.read(jobs, known, hashes, budget, &to_encoders, &to_reader));
            for _ in 0..self.threads.max(1) {
                let (units, to_writer) = (units.clone(), to_writer.clone());
                scope.spawn(move || self.encode(jobs, hashes, &units, &to_writer));
            }
            drop((units, to_writer));
            let written = self.write(jobs, hashes, &results, sink);
            budget.close();
            drop(results);
            written
        })
    }

    /// The reader's thread.
    fn read(
        &self,
        jobs: &[Job],
        known: &HashMap<BlobHash, u64>,
        hashes: &RwLock<HashSet<BlobHash>>,
        budget: &Arc<Budget>,
        to: &Sender<Unit<Piece>>,
        errors: &Sender<Done>,
    ) {
        let mut sizes: HashMap<u64, usize> = HashMap::new();
        for size in known.values().copied().chain(jobs.iter().map(Job::size)) {
            *sizes.entry(size).or_default() += 1;
        }
        let mut reader = Reader::new(self.disk, self.target);
        let mut units = Units { budget, to, ticket: 0, pieces: Vec::new(), bytes: 0 };
        let mut large = HashSet::new();
        let result = jobs.iter().enumerate().try_for_each(|(number, job)| {
            let shared = job.hash.is_none() && sizes.get(&job.size()).is_some_and(|&count| count > 1);
            if !shared || job.size() <= WHOLE {
                return reader.read(number, job, shared, &mut |piece| units.add(piece));
            }
            let hash = reader.hash(number, job)?;
            if hashes.read().contains(&hash) || !large.insert(hash) {
                return units.add(known_piece(number, job, hash));
            }
            reader.read(number, job, false, &mut |piece| units.add(Piece { hash: Some(hash), ..piece }))
        });
        let result = result.and_then(|()| units.send());
        if let Err(error) = result
            && !matches!(error, Error::Stopped)
        {
            let _ = units.send(); // what was read before it
            let _ = errors.send((units.ticket, Err(error)));
        }
    }

    /// An encoder's thread.
    fn encode(
        &self,
        jobs: &[Job],
        hashes: &RwLock<HashSet<BlobHash>>,
        units: &Receiver<Unit<Piece>>,
        to: &Sender<Done>,
    ) {
        let mut encoder = Encoder::new(self.target, jobs, hashes, (self.new_encoder)());
        for Unit { ticket, pieces, permit } in units {
            let packed: Result<Vec<Packed>> = pieces.into_iter().map(|piece| encoder.pack(piece)).collect();
            let done = packed.map(|pieces| Unit { ticket, pieces, permit });
            if to.send((ticket, done)).is_err() {
                return;
            }
        }
    }

    /// Takes the units in the order of their tickets.
    fn write(
        &self,
        jobs: &[Job],
        hashes: &RwLock<HashSet<BlobHash>>,
        results: &Receiver<Done>,
        sink: &mut Sink,
    ) -> Result<Vec<Written>> {
        let reader = Reader::new(self.disk, self.target);
        let mut writer = Writer::new(jobs, sink, reader, self.target.chunk_size, hashes);
        let mut early = BTreeMap::new();
        let mut next = 0;
        for (ticket, done) in results {
            early.insert(ticket, done);
            while let Some(done) = early.remove(&next) {
                for packed in done?.pieces {
                    self.control.advance(if packed.last { packed.size } else { 0 })?;
                    writer.take(packed)?;
                }
                next += 1;
            }
        }
        Ok(writer.finish())
    }
}

/// A content of which only the hash goes on.
fn known_piece(number: usize, job: &Job, hash: BlobHash) -> Piece {
    let (size, hash) = (job.size(), Some(hash));
    Piece { job: number, size, first: true, last: true, hash, keep: false, input: Input::Known }
}

/// Joins pieces to units: small contents together, each piece of a large one alone.
struct Units<'a> {
    budget: &'a Arc<Budget>,
    to: &'a Sender<Unit<Piece>>,
    ticket: u64,
    pieces: Vec<Piece>,
    bytes: u64,
}

impl Units<'_> {
    fn add(&mut self, piece: Piece) -> Result<()> {
        let bytes = piece.input.len();
        if self.pieces.len() == UNIT_PIECES || !self.pieces.is_empty() && self.bytes + bytes > UNIT_BYTES {
            self.send()?;
        }
        self.pieces.push(piece);
        self.bytes += bytes;
        Ok(())
    }

    /// # Errors
    /// [`Error::Stopped`] if nobody writes any more.
    fn send(&mut self) -> Result<()> {
        if self.pieces.is_empty() {
            return Ok(());
        }
        let permit = self.budget.take(self.bytes as usize).ok_or(Error::Stopped)?;
        let unit = Unit { ticket: self.ticket, pieces: std::mem::take(&mut self.pieces), permit };
        self.to.send(unit).map_err(|_| Error::Stopped)?;
        (self.ticket, self.bytes) = (self.ticket + 1, 0);
        Ok(())
    }
}
