//! Archives as wimlib writes them to a pipe: what would need going back to stands behind what it is
//! about.

use crate::bytes::Bytes;
use crate::flag;
use crate::resource::Packed;

/// The magic of a pipable archive.
pub const MAGIC: [u8; 8] = *b"WLPWM\0\0\0";

/// The header before each resource.
pub fn resource_prefix(size: u64, hash: [u8; 20], flags: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(40);
    bytes.u64(0x2B9B_9BA2_443D_B9D8);
    bytes.u64(size);
    bytes.extend(hash);
    bytes.u32(flags.into());
    bytes
}

/// The same chunks, each behind its size, and the chunk table behind them.
pub fn piped(packed: &Packed) -> Packed {
    if packed.flags & flag::COMPRESSED == 0 {
        return packed.clone();
    }
    let (mut bytes, mut chunks) = (Vec::new(), Vec::new());
    for chunk in &packed.chunks {
        bytes.u32(chunk.len() as u32);
        chunks.push(bytes.len()..bytes.len() + chunk.len());
        bytes.extend(&packed.bytes[chunk.clone()]);
    }
    bytes.extend(&packed.bytes[..packed.table]);
    Packed { bytes, chunks, table: 0, ..packed.clone() }
}
