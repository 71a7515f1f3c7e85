//! Numbers that no other archive has.

use wim::Guid;

/// A random GUID of version 4.
pub(crate) fn new_guid() -> Guid {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random().to_le_bytes());
    bytes[8..].copy_from_slice(&random().to_le_bytes());
    bytes[7] = bytes[7] & 0x0F | 0x40; // the third field is stored in little-endian order
    bytes[8] = bytes[8] & 0x3F | 0x80;
    Guid(bytes)
}

/// A random number. Hashers of the standard library are seeded by the system.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
