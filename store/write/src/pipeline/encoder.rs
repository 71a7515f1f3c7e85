//! Decodes, hashes and encodes pieces: the work that several threads share.

use parking_lot::RwLock;
use std::collections::HashSet;

use wim::codec::{lzms, lzx, xpress};
use wim::write::compression_pays;
use wim::{BlobHash, Compression, Scratch};

use super::reader::{decode, plain};
use super::unit::{Input, Packed, Piece, Stored};
use super::{ChunkEncoder, Target};
use crate::{Error, Job, Result};

/// Encodes one chunk after the other.
pub(super) struct Encoder<'a> {
    target: Target,
    jobs: &'a [Job],
    /// The contents that the archive has.
    known: &'a RwLock<HashSet<BlobHash>>,
    encode: Option<ChunkEncoder>,
    check: Check,
    scratch: Scratch,
    /// The chunk before, and how it was stored: runs of equal chunks, as of zeros, are encoded once.
    previous: (Vec<u8>, Vec<u8>),
    buffer: Vec<u8>,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(
        target: Target,
        jobs: &'a [Job],
        known: &'a RwLock<HashSet<BlobHash>>,
        encode: Option<ChunkEncoder>,
    ) -> Self {
        let check = Check::new(target);
        let (scratch, previous, buffer) = Default::default();
        Self { target, jobs, known, encode, check, scratch, previous, buffer }
    }

    /// How a piece is stored. All of a content is checked here against its hash; of one in several
    /// pieces the writer does that.
    ///
    /// # Errors
    /// The source's chunks do not decode, or its data has changed.
    pub(super) fn pack(&mut self, piece: Piece) -> Result<Packed> {
        let Piece { job, size, first, last, hash, keep, .. } = piece;
        let whole = piece.is_whole();
        let packed = |hash, plain, stored| Packed { job, size, first, last, hash, plain, stored };
        let (plain, kept) = match piece.input {
            Input::Known => return Ok(packed(hash, Vec::new(), Stored::Known)),
            Input::Chunks { resource, window, chunks } if keep => {
                let plain = decode(&resource, &window, chunks.clone(), &mut self.scratch);
                let sizes = chunks.map(|chunk| {
                    let place = resource.chunk_place(chunk);
                    (place.end - place.start) as u32
                });
                let kept = Stored::Chunks { sizes: sizes.collect(), bytes: window.bytes };
                (plain.map_err(Error::source(self.jobs[job].path()))?, Some(kept))
            }
            input => (plain(input, &self.jobs[job], &mut self.scratch)?, None),
        };
        let hash = if whole { Some(self.hash_of(&plain, job, hash)?) } else { hash };
        if whole && hash.is_some_and(|hash| self.known.read().contains(&hash)) {
            return Ok(packed(hash, Vec::new(), Stored::Known));
        }
        let stored = match kept {
            Some(kept) => kept,
            None if keep => Stored::Plain,
            None => self.encode(&plain),
        };
        Ok(match stored {
            Stored::Chunks { sizes, bytes } if whole && compression_pays(size, sizes.len(), bytes.len() as u64) => {
                packed(hash, Vec::new(), Stored::Chunks { sizes, bytes })
            }
            Stored::Chunks { .. } if whole => packed(hash, plain, Stored::Plain),
            stored => packed(hash, plain, stored),
        })
    }

    fn hash_of(&self, plain: &[u8], job: usize, expected: Option<BlobHash>) -> Result<BlobHash> {
        let actual = BlobHash::of(plain);
        match expected {
            Some(expected) if expected != actual => {
                Err(Error::source(self.jobs[job].path())(wim::Error::Hash { expected, actual }))
            }
            _ => Ok(actual),
        }
    }

    fn encode(&mut self, plain: &[u8]) -> Stored {
        if self.encode.is_none() || plain.is_empty() {
            return Stored::Plain;
        }
        let (mut sizes, mut bytes) = (Vec::new(), Vec::with_capacity(plain.len() / 2));
        for chunk in plain.chunks(self.target.chunk_size as usize) {
            if self.previous.0 != chunk {
                self.encode_chunk(chunk);
            }
            sizes.push(self.previous.1.len() as u32);
            bytes.extend_from_slice(&self.previous.1);
        }
        Stored::Chunks { sizes, bytes }
    }

    /// Makes `previous` this chunk. What does not decode to the chunk again is not written.
    fn encode_chunk(&mut self, chunk: &[u8]) {
        let Some(encode) = &mut self.encode else { return };
        let (plain, stored) = &mut self.previous;
        plain.clear();
        plain.extend_from_slice(chunk);
        stored.clear();
        self.buffer.resize(chunk.len() - 1, 0);
        let encoded = encode(chunk, &mut self.buffer).map(|len| &self.buffer[..len]);
        match encoded {
            Some(encoded) if self.check.decodes_to(encoded, chunk) => stored.extend_from_slice(encoded),
            Some(_) => {
                tracing::error!(size = chunk.len(), "the encoder failed its check; the chunk is stored raw");
                stored.extend_from_slice(chunk);
            }
            None => stored.extend_from_slice(chunk),
        }
    }
}

/// Decodes what was encoded, and compares.
struct Check {
    decoder: Decoder,
    chunk_size: u32,
    buffer: Vec<u8>,
}

enum Decoder {
    None,
    Xpress(Box<xpress::Decoder>),
    Lzx(Box<lzx::Decoder>),
    Lzms(Box<lzms::Decoder>),
}

impl Check {
    fn new(target: Target) -> Self {
        let decoder = match target.compression {
            Compression::None => Decoder::None,
            Compression::Xpress => Decoder::Xpress(Box::default()),
            Compression::Lzx => Decoder::Lzx(Box::default()),
            Compression::Lzms => Decoder::Lzms(Box::default()),
        };
        Self { decoder, chunk_size: target.chunk_size, buffer: Vec::new() }
    }

    fn decodes_to(&mut self, encoded: &[u8], chunk: &[u8]) -> bool {
        self.buffer.resize(chunk.len(), 0);
        let decoded = match &mut self.decoder {
            Decoder::None => return false,
            Decoder::Xpress(decoder) => decoder.decode(encoded, &mut self.buffer),
            Decoder::Lzx(decoder) => decoder.decode(encoded, &mut self.buffer, self.chunk_size),
            Decoder::Lzms(decoder) => decoder.decode(encoded, &mut self.buffer),
        };
        decoded.is_ok() && self.buffer == chunk
    }
}
