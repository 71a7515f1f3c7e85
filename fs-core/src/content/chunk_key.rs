//! The names of decoded chunks, and the cache that has them.

use std::sync::Arc;

use crate::archive::{BlobRef, TablesId};
use crate::concurrent::Cache;

/// A decoded chunk, shared with whoever copies from it. Unlike an `Arc<[u8]>`, it is allocated so that
/// too little memory is an error.
pub(super) type Chunk = Arc<Vec<u8>>;

/// Decoded chunks.
pub(super) type ChunkCache<E> = Cache<ChunkKey, Chunk, E>;

/// Names a chunk of a resource: what the cache of decoded chunks is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ChunkKey {
    /// The archive, and the tables that number its resources.
    pub(super) tables: TablesId,
    /// The resource.
    pub(super) resource: ResourceKey,
    /// The generation of the file that a solid chunk was decoded from, which is all that vouches for it: its blobs' own hashes
    /// are yet to be looked at. 0 for other chunks, which are verified before they come in.
    pub(super) generation: u32,
    /// Index of the chunk in the resource.
    pub(super) chunk: u64,
}

/// Names a resource of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ResourceKey {
    /// That of a blob of its own, by index in the blob table.
    Blob(u32),
    /// A solid one, by its number.
    Solid(u32),
}

impl ResourceKey {
    /// The resource that holds a blob.
    pub(super) fn of(blob: &BlobRef) -> Self {
        blob.blob().solid_resource().map_or(Self::Blob(blob.index), Self::Solid)
    }
}

impl ChunkKey {
    /// A chunk of a blob that has a resource of its own.
    pub(super) fn own(blob: &BlobRef, chunk: u64) -> Self {
        Self { tables: blob.archive.id, resource: ResourceKey::Blob(blob.index), generation: 0, chunk }
    }
}
