//! Resources: stored, or in compressed chunks behind a chunk table.

use crate::bytes::Bytes;
use crate::{flag, lzms, lzx, xpress};
use std::ops::Range;

/// How resources are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Packing {
    /// As they are.
    Stored,
    /// XPRESS in chunks of so many bytes.
    Xpress(usize),
    /// LZX in chunks of so many bytes.
    Lzx(usize),
    /// LZMS in chunks of so many bytes.
    Lzms(usize),
}

impl Packing {
    /// The usual sizes of chunks: none, XPRESS and LZX of 32 KiB, LZMS of 128 KiB.
    pub const USUAL: [Self; 4] = [Self::Stored, Self::Xpress(32768), Self::Lzx(32768), Self::Lzms(131_072)];

    /// Every packing with every size of chunk that the format allows; of LZMS only those up to 2
    /// MiB.
    pub fn all() -> Vec<Self> {
        let xpress = (12..=16).map(|order| Self::Xpress(1 << order));
        let lzx = (15..=21).map(|order| Self::Lzx(1 << order));
        let lzms = (15..=21).map(|order| Self::Lzms(1 << order));
        [Self::Stored].into_iter().chain(xpress).chain(lzx).chain(lzms).collect()
    }

    /// Size of a chunk in bytes; 0 if stored.
    pub fn chunk_size(self) -> usize {
        match self {
            Self::Stored => 0,
            Self::Xpress(chunk) | Self::Lzx(chunk) | Self::Lzms(chunk) => chunk,
        }
    }

    /// The flags of a header that goes with it.
    pub fn header_flags(self) -> u32 {
        match self {
            Self::Stored => 0,
            Self::Xpress(_) => flag::COMPRESSION | flag::XPRESS,
            Self::Lzx(_) => flag::COMPRESSION | flag::LZX,
            Self::Lzms(_) => flag::COMPRESSION | flag::LZMS,
        }
    }

    /// One chunk, compressed; longer than the data where nothing is gained.
    pub fn encode(self, chunk: &[u8]) -> Vec<u8> {
        match self {
            Self::Stored => chunk.to_vec(),
            Self::Xpress(_) => xpress::encode(chunk),
            Self::Lzx(chunk_size) => lzx::encode(chunk, chunk_size),
            Self::Lzms(_) => lzms::encode(chunk),
        }
    }
}

/// A resource as it lies in an archive, and what its resource header says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    /// Chunk table and chunks, or the data itself.
    pub bytes: Vec<u8>,
    /// Uncompressed size.
    pub size: u64,
    /// Flags of the resource header.
    pub flags: u8,
    /// Length of the chunk table in `bytes`.
    pub table: usize,
    /// Where the chunks are in `bytes`.
    pub chunks: Vec<Range<usize>>,
}

/// Stores `data` as it is.
pub fn stored(data: &[u8]) -> Packed {
    Packed { bytes: data.to_vec(), size: data.len() as u64, flags: 0, table: 0, chunks: Vec::new() }
}

/// Packs `data` as a writer does: raw chunks where nothing is gained, and all of it stored if that
/// is no longer.
pub fn pack(data: &[u8], packing: Packing) -> Packed {
    if packing == Packing::Stored || data.is_empty() {
        return stored(data);
    }
    let chunks: Vec<Vec<u8>> = data
        .chunks(packing.chunk_size())
        .map(|chunk| {
            let encoded = packing.encode(chunk);
            if encoded.len() < chunk.len() { encoded } else { chunk.to_vec() }
        })
        .collect();
    let packed = chunked(data.len() as u64, &chunks);
    if packed.bytes.len() < data.len() { packed } else { stored(data) }
}

/// Joins chunks, whatever they hold, behind the chunk table that goes with a resource of `size`
/// bytes.
pub fn chunked(size: u64, chunks: &[Vec<u8>]) -> Packed {
    let width = if size > u64::from(u32::MAX) { 8 } else { 4 };
    let table = width * chunks.len().saturating_sub(1);
    let mut bytes = Vec::new();
    let mut offset = 0;
    for chunk in chunks.iter().take(chunks.len().saturating_sub(1)) {
        offset += chunk.len() as u64;
        if width == 8 {
            bytes.u64(offset);
        } else {
            bytes.u32(offset as u32);
        }
    }
    let mut places = Vec::new();
    for chunk in chunks {
        places.push(bytes.len()..bytes.len() + chunk.len());
        bytes.extend(chunk);
    }
    Packed { bytes, size, flags: flag::COMPRESSED, table, chunks: places }
}

/// A resource header.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResourceHeader {
    /// Size in the file; 56 bits are kept.
    pub stored_size: u64,
    /// See [`flag`].
    pub flags: u8,
    /// From the start of the archive.
    pub offset: u64,
    /// Uncompressed size.
    pub size: u64,
}

impl ResourceHeader {
    /// Its 24 bytes.
    pub fn bytes(self) -> [u8; 24] {
        let mut bytes = Vec::with_capacity(24);
        bytes.extend(&self.stored_size.to_le_bytes()[..7]);
        bytes.push(self.flags);
        bytes.u64(self.offset);
        bytes.u64(self.size);
        bytes.try_into().expect("7 + 1 + 8 + 8 bytes")
    }
}
