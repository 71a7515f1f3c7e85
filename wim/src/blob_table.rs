//! The blob table: which blobs an archive holds, and where.

use crate::{BlobHash, ResourceFlags, ResourceHeader, Result, Warning};

/// A blob that an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// The SHA-1 of its data.
    pub hash: BlobHash,
    /// Where it is, as stored. In a solid group (see [`Blob::is_solid`]) `offset` counts from the start of the group's
    /// uncompressed data, and `stored_size` is the blob's uncompressed size.
    pub place: ResourceHeader,
    /// The part of a split archive that holds it: the archive's own.
    pub part: u16,
    /// How often it is used, as stored. Writers count differently and some wrongly: do not rely on it.
    pub references: u32,
}

impl Blob {
    /// The size of its data in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        if self.is_solid() { self.place.stored_size } else { self.place.size }
    }

    /// Whether it is compressed together with other blobs.
    #[must_use]
    pub fn is_solid(&self) -> bool {
        self.place.flags.contains(ResourceFlags::SOLID)
    }
}

/// The blobs of an archive, in the order of the table, and found by their hash.
#[derive(Debug)]
pub struct BlobTable {
    blobs: Vec<Blob>,
    metadata: Vec<Blob>,
    warnings: Vec<Warning>,
}

impl BlobTable {
    /// Parses the table's data, keeping the entries of part `own_part`.
    ///
    /// # Errors
    /// None so far: entries that cannot be are left out with a warning.
    pub fn parse(bytes: &[u8], own_part: u16) -> Result<Self> {
        let _ = (bytes, own_part);
        todo!()
    }

    /// How many blobs there are, not counting the images' metadata.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blobs.len()
    }

    /// Whether the archive holds no blobs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// The blobs in the order of the table.
    pub fn iter(&self) -> std::slice::Iter<'_, Blob> {
        self.blobs.iter()
    }

    /// The blob at `index`, which [`BlobTable::find`] gave or which is below [`BlobTable::len`].
    ///
    /// # Panics
    /// When `index` is not below [`BlobTable::len`].
    #[must_use]
    pub fn get(&self, index: u32) -> &Blob {
        &self.blobs[index as usize]
    }

    /// The index of the blob with this hash.
    #[must_use]
    pub fn find(&self, hash: &BlobHash) -> Option<u32> {
        let _ = hash;
        todo!()
    }

    /// The images' metadata resources, in image order.
    #[must_use]
    pub fn metadata(&self) -> &[Blob] {
        &self.metadata
    }

    /// What was put up with while parsing.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}
