//! Hashes of what an archive holds, computed by one thread.

use std::ops::Range;

use wim::{Archive, Blob, BlobHash, BlobHasher, ReadAt, Scratch, memory};

/// How many bytes are read at a time to be hashed: few enough to stay in the processor's cache.
const READ_SIZE: u64 = 256 << 10;

/// The hash of a range of an archive's raw bytes, read into `buffer` piece by piece.
///
/// # Errors
/// As [`wim::read_exact_at`].
pub(crate) fn hash_range(source: &dyn ReadAt, range: Range<u64>, buffer: &mut Vec<u8>) -> wim::Result<BlobHash> {
    let mut hasher = BlobHasher::default();
    let mut at = range.start;
    while at < range.end {
        let count = READ_SIZE.min(range.end - at);
        memory::resize(buffer, at, count as usize)?;
        wim::read_exact_at(source, "archive data", at, buffer)?;
        hasher.update(buffer);
        at += count;
    }
    Ok(hasher.finish())
}

/// The hash of a blob's data, decoded into `buffer` chunk by chunk.
///
/// # Errors
/// As [`Archive::resource`] and [`wim::Resource::read_chunk`].
pub(crate) fn hash_blob(
    archive: &Archive,
    blob: &Blob,
    scratch: &mut Scratch,
    buffer: &mut Vec<u8>,
) -> wim::Result<BlobHash> {
    let resource = archive.resource(blob)?;
    if resource.is_stored() {
        return hash_range(archive.source(), resource.place(), buffer);
    }
    let mut hasher = BlobHasher::default();
    for chunk in 0..resource.chunk_count() {
        memory::resize(buffer, resource.chunk_place(chunk).start, resource.chunk_len(chunk))?;
        resource.read_chunk(archive.source(), chunk, scratch, buffer)?;
        hasher.update(buffer);
    }
    Ok(hasher.finish())
}
