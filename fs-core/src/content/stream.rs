//! Whole blobs in order, past the cache: for those who copy them out.

use wim::BlobHasher;

use super::Contents;
use super::attempt::{Attempt, Fault};
use super::cache::Chunk;
use crate::{BlobRef, Result};

/// When the bytes of a blob that is streamed are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Once they are verified: for sinks that cannot take anything back. A blob of up to half of the cache is held in memory
    /// until its hash has matched; a larger one is decoded twice, first to be hashed.
    Verified,
    /// As they are decoded; whether they were right is known at the end. For sinks that throw away what they took when the
    /// stream fails, such as a file that is then removed. Each blob is decoded once, and little memory is used.
    AtOnce,
}

/// Takes the bytes of a blob, piece by piece.
pub(super) type Sink<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

impl Contents {
    /// Hands all bytes of a blob to `sink` in order, decoded by several threads, and leaves the cache alone; only chunks of
    /// solid resources, which other blobs share, are kept in it.
    ///
    /// # Errors
    /// As [`Contents::read_at`], and what `sink` returns. With [`Release::Verified`] the bytes that `sink` was given until then
    /// are right, with [`Release::AtOnce`] they are worth nothing.
    pub fn stream(&self, blob: &BlobRef, release: Release, sink: &mut Sink<'_>) -> Result<()> {
        if blob.size() == 0 {
            return Ok(());
        }
        let mut progress = 0;
        if blob.blob().is_solid() {
            return self.attempt(blob, |attempt| attempt.stream_solid(release, &mut progress, sink));
        }
        self.attempt(blob, |attempt| match (self.verify.is_on(), release) {
            (false, _) => attempt.stream_unchecked(&mut progress, sink),
            (true, Release::AtOnce) => attempt.stream_then_check(&mut progress, sink),
            (true, Release::Verified) => attempt.stream_verified(&mut progress, sink),
        })
    }
}

/// The first unit of chunks that was not handed out yet, so that another attempt goes on from there.
pub(super) type Progress = u64;

impl Attempt<'_> {
    fn stream_unchecked(&self, progress: &mut Progress, sink: &mut Sink<'_>) -> Result<(), Fault> {
        let resource = self.resource()?;
        self.decode_in_order(&resource, *progress, |unit, chunks| hand_out(&chunks, unit, progress, sink))
    }

    fn stream_then_check(&self, progress: &mut Progress, sink: &mut Sink<'_>) -> Result<(), Fault> {
        self.not_known_bad()?;
        let resource = self.resource()?;
        let mut hasher = BlobHasher::default();
        let streamed = self.decode_in_order(&resource, 0, |unit, chunks| {
            chunks.iter().for_each(|bytes| hasher.update(bytes));
            hand_out(&chunks, unit, progress, sink)
        });
        match streamed.and_then(|()| self.matches(hasher.finish())) {
            // What was handed out cannot be taken back, so there is no other attempt.
            Err(Fault::Changed) if *progress > 0 => Err(Fault::Failed(self.changed_error())),
            other => other,
        }
    }

    fn stream_verified(&self, progress: &mut Progress, sink: &mut Sink<'_>) -> Result<(), Fault> {
        self.not_known_bad()?;
        let resource = self.resource()?;
        if !self.generation.sound_blobs.get(self.blob.index as usize) {
            if *progress == 0
                && let Some(_room) = self.contents.holding.reserve(resource.size())
            {
                let chunks = self.hash_chunks(&resource, true)?;
                return hand_out(&chunks, 0, progress, sink);
            }
            self.pass()?;
        }
        self.decode_in_order(&resource, *progress, |unit, chunks| {
            self.same_file()?;
            hand_out(&chunks, unit, progress, sink)
        })
    }
}

fn hand_out(chunks: &[Chunk], unit: u64, progress: &mut Progress, sink: &mut Sink<'_>) -> Result<(), Fault> {
    *progress = unit + 1;
    chunks.iter().try_for_each(|bytes| sink(bytes)).map_err(Fault::Failed)
}
