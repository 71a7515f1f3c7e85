//! Whole blobs in order, past the cache: for those who copy them out.

use wim::{BlobHasher, Resource};

use super::Contents;
use super::attempt::{Attempt, Fault};
use super::chunk_key::Chunk;
use super::plan::Plan;
use super::solid::SolidBlob;
use crate::archive::BlobRef;
use crate::error::Error;

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

/// Why a stream ended before all bytes of a blob were handed out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StreamError<S> {
    /// The store cannot give the bytes.
    #[error(transparent)]
    Content(#[from] Error),
    /// The sink refused them.
    #[error(transparent)]
    Sink(S),
}

impl<S: From<Error>> StreamError<S> {
    /// The error as one of the sink's type, for callers that report both alike.
    pub fn merge(self) -> S {
        match self {
            Self::Content(error) => error.into(),
            Self::Sink(error) => error,
        }
    }
}

/// Takes the bytes of a blob, piece by piece, and may refuse them.
pub(super) type Sink<'a, S> = dyn FnMut(&[u8]) -> Result<(), S> + 'a;

/// The first unit of chunks that was not handed out yet, so that another attempt goes on from there.
pub(super) type Progress = u64;

/// Why an attempt at a stream ended early.
#[derive(Debug)]
pub(super) enum Stop<S> {
    /// The attempt failed.
    Fault(Fault),
    /// The sink refused bytes: there is no other attempt.
    Sink(S),
}

impl<S> From<Fault> for Stop<S> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Contents {
    /// Hands all bytes of a blob to `sink` in order, decoded by several threads, and leaves the cache alone; only chunks of
    /// solid resources, which other blobs share, are kept in it.
    ///
    /// # Errors
    /// As [`Contents::read_at`], and what `sink` returns, which ends the stream. With [`Release::Verified`] the bytes that
    /// `sink` was given until then are right, with [`Release::AtOnce`] they are worth nothing.
    pub fn stream<S>(
        &self,
        blob: &BlobRef,
        release: Release,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), S>,
    ) -> Result<(), StreamError<S>> {
        if blob.size() == 0 {
            return Ok(());
        }
        let mut progress = 0;
        // To the attempts a refusal is an outcome: the bytes were read.
        let outcome = self.attempt(blob, |attempt| match attempt.stream(release, &mut progress, sink) {
            Ok(()) => Ok(Ok(())),
            Err(Stop::Sink(refusal)) => Ok(Err(refusal)),
            Err(Stop::Fault(fault)) => Err(fault),
        });
        outcome?.map_err(StreamError::Sink)
    }
}

impl Attempt<'_> {
    fn stream<S>(&self, release: Release, progress: &mut Progress, sink: &mut Sink<'_, S>) -> Result<(), Stop<S>> {
        if self.row.is_solid() {
            return SolidBlob::of(self)?.stream(release, progress, sink);
        }
        let resource = self.resource()?;
        match (self.plan, release) {
            (Plan::Unchecked, _) => self.stream_unchecked(&resource, progress, sink),
            (_, Release::AtOnce) => self.stream_then_check(&resource, progress, sink),
            (Plan::Matched, Release::Verified) => self.stream_matched(&resource, progress, sink),
            (_, Release::Verified) => self.stream_verified(&resource, progress, sink),
        }
    }

    fn stream_unchecked<S>(
        &self,
        resource: &Resource,
        progress: &mut Progress,
        sink: &mut Sink<'_, S>,
    ) -> Result<(), Stop<S>> {
        self.decode_in_order(resource, *progress, |unit, chunks| hand_out(&chunks, unit, progress, sink))
    }

    fn stream_then_check<S>(
        &self,
        resource: &Resource,
        progress: &mut Progress,
        sink: &mut Sink<'_, S>,
    ) -> Result<(), Stop<S>> {
        let mut hasher = BlobHasher::default();
        let streamed = self.decode_in_order(resource, 0, |unit, chunks| {
            chunks.iter().for_each(|bytes| hasher.update(bytes));
            hand_out(&chunks, unit, progress, sink)
        });
        self.end_at_once(streamed.and_then(|()| Ok(self.matches(hasher.finish())?)), *progress)
    }

    /// The end of a stream that is released at once. When bytes were handed out there is no other attempt, since they
    /// cannot be taken back.
    pub(super) fn end_at_once<S>(&self, ended: Result<(), Stop<S>>, progress: Progress) -> Result<(), Stop<S>> {
        match ended {
            Err(Stop::Fault(fault)) if progress > 0 => Err(Stop::Fault(self.last_fault(fault))),
            other => other,
        }
    }

    /// Of a blob that has not matched yet.
    fn stream_verified<S>(
        &self,
        resource: &Resource,
        progress: &mut Progress,
        sink: &mut Sink<'_, S>,
    ) -> Result<(), Stop<S>> {
        if *progress == 0
            && let Some(_held) = self.contents.holding.reserve(resource.size())
        {
            let chunks = self.hash_chunks(resource, true)?;
            return hand_out(&chunks, 0, progress, sink);
        }
        self.pass()?;
        self.stream_matched(resource, progress, sink)
    }

    /// Of a blob that has matched.
    fn stream_matched<S>(
        &self,
        resource: &Resource,
        progress: &mut Progress,
        sink: &mut Sink<'_, S>,
    ) -> Result<(), Stop<S>> {
        self.decode_in_order(resource, *progress, |unit, chunks| {
            self.same_file()?;
            hand_out(&chunks, unit, progress, sink)
        })
    }
}

fn hand_out<S>(chunks: &[Chunk], unit: u64, progress: &mut Progress, sink: &mut Sink<'_, S>) -> Result<(), Stop<S>> {
    *progress = unit + 1;
    chunks.iter().try_for_each(|bytes| sink(bytes)).map_err(Stop::Sink)
}
