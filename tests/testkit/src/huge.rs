//! A file larger than 4 GiB that costs next to no memory: zeros, and something behind them.

use crate::resource::{Packing, chunked};
use crate::wim::Blob;

/// Uncompressed bytes of the file.
pub const SIZE: u64 = 65537 * 65536 + END.len() as u64;

/// The bytes after the zeros.
pub const END: &[u8] = b"the end";

/// Its SHA-1, which takes long to compute; our peer confirms it.
pub const HASH: [u8; 20] = *b"\x25\x73\xd1\xca\xcf\x0c\x3b\x89\x3c\x28\xd4\x25\x5b\xcd\x10\x81\x2e\xa8\x5d\x28";

/// The file in 65,537 chunks of zeros, then [`END`], raw; `packing` is one with chunks of 64 KiB.
///
/// Its chunk table has entries of 8 bytes.
pub fn blob(packing: Packing) -> Blob {
    assert_eq!(packing.chunk_size(), 65536, "chunks of 64 KiB");
    let mut chunks = vec![packing.encode(&[0; 65536]); 65537];
    chunks.push(END.to_vec());
    Blob { hash: HASH, packed: chunked(SIZE, &chunks) }
}
