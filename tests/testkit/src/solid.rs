//! Solid resources: many blobs joined end to end and compressed together.

use crate::bytes::Bytes;
use crate::flag;
use crate::resource::{Packed, Packing};

/// How an archive's data is put into solid resources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solid {
    /// Compression and chunk size; stored chunks have 32 KiB.
    pub packing: Packing,
    /// Over how many resources of one run the blobs are dealt out.
    pub resources: usize,
}

/// The uncompressed size of a solid resource in the blob table.
pub const SOLID_RESOURCE_SIZE: u64 = 1 << 32;

impl Solid {
    /// One resource of these chunks.
    pub fn new(packing: Packing) -> Self {
        Self { packing, resources: 1 }
    }

    /// The compression in the header of a resource.
    fn format(self) -> u32 {
        match self.packing {
            Packing::Stored => 0,
            Packing::Xpress(_) => 1,
            Packing::Lzx(_) => 2,
            Packing::Lzms(_) => 3,
        }
    }

    /// A solid resource of these joined blobs.
    pub fn pack(self, data: &[u8]) -> Packed {
        let chunk_size = if self.packing == Packing::Stored { 32768 } else { self.packing.chunk_size() };
        let chunks = data.chunks(chunk_size).map(|chunk| {
            let encoded = self.packing.encode(chunk);
            if encoded.len() < chunk.len() { encoded } else { chunk.to_vec() }
        });
        solid(data.len() as u64, chunk_size as u32, self.format(), &chunks.collect::<Vec<_>>())
    }
}

/// Joins chunks, whatever they hold, behind a header that says so and the table of their sizes.
pub fn solid(size: u64, chunk_size: u32, format: u32, chunks: &[Vec<u8>]) -> Packed {
    let mut bytes = Vec::new();
    bytes.u64(size);
    bytes.u32(chunk_size);
    bytes.u32(format);
    chunks.iter().for_each(|chunk| bytes.u32(chunk.len() as u32));
    let table = bytes.len();
    let mut places = Vec::new();
    for chunk in chunks {
        places.push(bytes.len()..bytes.len() + chunk.len());
        bytes.extend(chunk);
    }
    Packed { bytes, size: SOLID_RESOURCE_SIZE, flags: flag::SOLID, table, chunks: places }
}
