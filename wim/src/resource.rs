//! Resources: a blob's bytes, chunk by chunk.

use std::ops::Range;

use crate::{Compression, ReadAt, ResourceHeader, Result};

/// Where a blob's chunks lie, with its chunk table in memory.
#[derive(Debug)]
pub struct Resource {
    place: ResourceHeader,
    compression: Compression,
    chunk_size: u32,
}

/// What reading chunks needs from call to call: the decoders' tables and the buffer for compressed bytes. One per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    input: Vec<u8>,
}

impl Resource {
    /// The uncompressed size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.place.size
    }

    /// The uncompressed bytes of every chunk but the last.
    #[must_use]
    pub fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// How many chunks there are; none for an empty resource.
    #[must_use]
    pub fn chunk_count(&self) -> u64 {
        self.size().div_ceil(u64::from(self.chunk_size))
    }

    /// The uncompressed bytes of chunk `chunk`.
    #[must_use]
    pub fn chunk_len(&self, chunk: u64) -> usize {
        let _ = chunk;
        todo!()
    }

    /// The bytes of the archive that chunk `chunk` takes.
    #[must_use]
    pub fn chunk_place(&self, chunk: u64) -> Range<u64> {
        let _ = chunk;
        todo!()
    }

    /// Whether the resource is stored as it is, so that any range can be read with [`Resource::read_stored_at`].
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.compression == Compression::None
    }

    /// The bytes of the archive that the resource takes, with its chunk table.
    #[must_use]
    pub fn place(&self) -> Range<u64> {
        self.place.offset..self.place.offset + self.place.stored_size
    }

    /// Reads and decodes chunk `chunk` into `dst`, whose length must be [`Resource::chunk_len`].
    ///
    /// Raw chunks are read straight into `dst`. `source` is the archive that the resource was found in.
    ///
    /// # Errors
    /// [`Error::Chunk`](crate::Error::Chunk), [`Error::Truncated`](crate::Error::Truncated) when the archive has become
    /// shorter, [`Error::Io`](crate::Error::Io). `dst` then holds unspecified bytes.
    pub fn read_chunk(&self, source: &dyn ReadAt, chunk: u64, scratch: &mut Scratch, dst: &mut [u8]) -> Result<()> {
        let _ = (source, chunk, &mut scratch.input, dst);
        todo!()
    }

    /// Fills `buf` with the bytes from `offset` of a stored resource; the range must lie inside [`Resource::size`].
    ///
    /// # Errors
    /// [`Error::Truncated`](crate::Error::Truncated) when the archive has become shorter,
    /// [`Error::Io`](crate::Error::Io). `buf` then holds unspecified bytes.
    ///
    /// # Panics
    /// When the resource is not stored, or the range is outside of it.
    pub fn read_stored_at(&self, source: &dyn ReadAt, offset: u64, buf: &mut [u8]) -> Result<()> {
        let _ = (source, offset, buf);
        todo!()
    }
}
