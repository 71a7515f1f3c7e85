//! Resource headers: where a resource lies in its archive.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{Error, Result};

/// A resource header as stored.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct RawResourceHeader {
    stored_size: [u8; 7],
    flags: u8,
    offset: U64,
    size: U64,
}
const _: () = assert!(size_of::<RawResourceHeader>() == 24);

impl RawResourceHeader {
    /// The flag bits alone.
    pub(crate) fn flags(self) -> ResourceFlags {
        ResourceFlags(self.flags)
    }

    /// The values, unchecked.
    pub(crate) fn get(self) -> ResourceHeader {
        let mut stored_size = [0; 8];
        stored_size[..7].copy_from_slice(&self.stored_size);
        ResourceHeader {
            offset: self.offset.get(),
            stored_size: u64::from_le_bytes(stored_size),
            size: self.size.get(),
            flags: ResourceFlags(self.flags),
        }
    }
}

/// The stored form. Of the stored size, only the low 56 bits can be kept.
impl From<&ResourceHeader> for RawResourceHeader {
    fn from(header: &ResourceHeader) -> Self {
        let [stored_size @ .., _] = header.stored_size.to_le_bytes();
        Self { stored_size, flags: header.flags.0, offset: header.offset.into(), size: header.size.into() }
    }
}

/// Where a resource lies in its archive, as stored: any of the numbers may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ResourceHeader {
    /// The first byte, counted from the start of the archive. In a solid group: see
    /// [`Blob`](crate::Blob).
    pub offset: u64,
    /// Its size in the archive, in bytes.
    pub stored_size: u64,
    /// Its uncompressed size in bytes.
    pub size: u64,
    /// The flag bits.
    pub flags: ResourceFlags,
}

impl ResourceHeader {
    /// The place of data that is stored uncompressed: `size` bytes from `offset` on.
    #[must_use]
    pub fn plain(offset: u64, size: u64, flags: ResourceFlags) -> Self {
        Self { offset, stored_size: size, size, flags }
    }

    /// Whether there is no resource.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.stored_size == 0
    }

    /// Checks the place against the size of the archive, in bytes; `what` names the resource.
    ///
    /// # Errors
    /// [`Error::Truncated`] when it reaches past the archive's end.
    pub fn check_place(&self, what: &'static str, archive_size: u64) -> Result<()> {
        let fits = self.offset.checked_add(self.stored_size).is_some_and(|end| end <= archive_size);
        let (at, need) = (self.offset, self.stored_size);
        if fits { Ok(()) } else { Err(Error::Truncated { what, at, need, have: archive_size.saturating_sub(at) }) }
    }
}

/// The flag bits of a resource header. Unknown ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ResourceFlags(pub u8);

impl ResourceFlags {
    /// Unused space.
    pub const FREE: Self = Self(0x01);
    /// An image's metadata, or the blob table or XML data in the archive's header.
    pub const METADATA: Self = Self(0x02);
    /// Stored in compressed chunks.
    pub const COMPRESSED: Self = Self(0x04);
    /// Cut over several parts; no writer is known to do so.
    pub const SPANNED: Self = Self(0x08);
    /// Solid: many blobs compressed together.
    pub const SOLID: Self = Self(0x10);

    /// Whether all bits of `flags` are set.
    #[must_use]
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}
