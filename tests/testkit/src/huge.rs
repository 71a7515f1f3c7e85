//! Files larger than 4 GiB that cost no memory: zeros with something behind them.

use crate::resource::{Packing, chunked};
use crate::wim::Blob;
use sha1::{Digest, Sha1};

/// A blob of `chunks` whole chunks of zeros and then `tail`, which is shorter than a chunk and stored raw.
///
/// More than 4 GiB in all make a chunk table of 8-byte entries: 65,537 chunks of 64 KiB, for instance.
pub fn zeros(packing: Packing, chunks: usize, tail: &[u8]) -> Blob {
    let zeros = vec![0; packing.chunk_size()];
    let encoded = packing.encode(&zeros);
    let mut hasher = Sha1::new();
    for _ in 0..chunks {
        hasher.update(&zeros);
    }
    hasher.update(tail);
    let mut all = vec![encoded; chunks];
    all.push(tail.to_vec());
    let size = (chunks * zeros.len() + tail.len()) as u64;
    Blob { hash: hasher.finalize().into(), packed: chunked(size, &all) }
}
