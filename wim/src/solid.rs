//! Solid resources: many blobs joined end to end and compressed together, in large chunks.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{Compression, Error, ReadAt, ResourceHeader, Result, read_exact_at};

/// The start of a solid resource. The stored sizes of its chunks follow, four bytes each.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawSolidHeader {
    pub(crate) size: U64,        // 0x00
    pub(crate) chunk_size: U32,  // 0x08
    pub(crate) compression: U32, // 0x0c
}
const _: () = assert!(size_of::<RawSolidHeader>() == 16);

/// The size in bytes of the header of a solid resource.
pub(crate) const SOLID_HEADER_SIZE: u64 = size_of::<RawSolidHeader>() as u64;

/// A solid resource, as its own header describes it. Compression and chunk size are not those of
/// the archive's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SolidResource {
    /// Where it lies in the archive; `size` is the uncompressed size that its own header gives.
    pub place: ResourceHeader,
    /// How its chunks are compressed.
    pub compression: Compression,
    /// The uncompressed bytes of every chunk but the last.
    pub chunk_size: u32,
}

impl SolidResource {
    /// Reads the header of the solid resource that the blob table says is at `place`.
    ///
    /// # Errors
    /// [`Error::Truncated`] when the resource does not lie in the archive, [`Error::Invalid`] for a
    /// compression or chunk size that does not exist and for more chunks than there is room for,
    /// [`Error::Io`].
    pub(crate) fn read(source: &dyn ReadAt, place: &ResourceHeader) -> Result<Self> {
        place.check_place("solid resource", source.size())?;
        let at = place.offset;
        if place.stored_size < SOLID_HEADER_SIZE {
            let (need, have) = (SOLID_HEADER_SIZE, place.stored_size);
            return Err(Error::Truncated { what: "header of the solid resource", at, need, have });
        }
        let mut raw = RawSolidHeader { size: 0.into(), chunk_size: 0.into(), compression: 0.into() };
        read_exact_at(source, "header of the solid resource", at, raw.as_mut_bytes())?;
        let compression = match raw.compression.get() {
            0 => Compression::None,
            1 => Compression::Xpress,
            2 => Compression::Lzx,
            3 => Compression::Lzms,
            other => {
                let (what, rule) = ("compression of the solid resource", "not one of 0 to 3");
                return Err(Error::Invalid { what, at: at + 12, value: other.into(), rule });
            }
        };
        let chunk_size = raw.chunk_size.get();
        if let Err(rule) = compression.allows_chunks_of(chunk_size) {
            let what = "chunk size of the solid resource";
            return Err(Error::Invalid { what, at: at + 8, value: chunk_size.into(), rule });
        }
        let solid = Self { place: ResourceHeader { size: raw.size.get(), ..*place }, compression, chunk_size };
        // Every chunk stores at least one byte, besides the four that say so.
        if solid.chunk_count().checked_mul(5).is_none_or(|least| least > place.stored_size - SOLID_HEADER_SIZE) {
            let (what, rule) =
                ("uncompressed size of the solid resource", "more chunks than the stored bytes can hold");
            return Err(Error::Invalid { what, at, value: solid.place.size, rule });
        }
        Ok(solid)
    }

    /// How many chunks there are.
    #[must_use]
    pub fn chunk_count(&self) -> u64 {
        self.place.size.div_ceil(u64::from(self.chunk_size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResourceFlags;

    /// The header of 100 bytes at byte 4 of an archive.
    fn header(size: u64, chunk_size: u32, compression: u32) -> Vec<u8> {
        let raw = RawSolidHeader { size: size.into(), chunk_size: chunk_size.into(), compression: compression.into() };
        [&[0xEE; 4], raw.as_bytes(), &[0; 84]].concat()
    }

    fn place(stored_size: u64) -> ResourceHeader {
        ResourceHeader { offset: 4, stored_size, size: 1 << 32, flags: ResourceFlags::SOLID }
    }

    #[test]
    fn takes_every_field() {
        for (number, compression, chunk_size) in [
            (0, Compression::None, 1 << 26),
            (1, Compression::Xpress, 1 << 12),
            (2, Compression::Lzx, 1 << 21),
            (3, Compression::Lzms, 1 << 30),
        ] {
            let solid = SolidResource::read(&header(1000, chunk_size, number), &place(100)).unwrap();
            assert_eq!((solid.compression, solid.chunk_size), (compression, chunk_size));
            assert_eq!(solid.place, ResourceHeader { size: 1000, ..place(100) });
            assert_eq!(solid.chunk_count(), 1000_u64.div_ceil(chunk_size.into()));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let good = header(1000, 1 << 15, 2);
        let chunks = "chunk size of the solid resource at 0xc is";
        let lzms = "not a power of two from 32 KiB to 1 GiB, as LZMS needs";
        let cases: &[(&str, Vec<u8>, u64, &str)] = &[
            ("beyond", good.clone(), 101, "solid resource at 0x4 needs 101 bytes, but only 100 are there"),
            ("short", good, 15, "header of the solid resource at 0x4 needs 16 bytes, but only 15 are there"),
            (
                "compression",
                header(1000, 1 << 15, 4),
                100,
                "compression of the solid resource at 0x10 is 0x4, not one of 0 to 3",
            ),
            (
                "chunks",
                header((16 << 15) + 1, 1 << 15, 2),
                100,
                "uncompressed size of the solid resource at 0x4 is 0x80001, more chunks than the stored bytes can hold",
            ),
            (
                "most chunks",
                header(u64::MAX, 1 << 15, 2),
                100,
                "uncompressed size of the solid resource at 0x4 is 0xffffffffffffffff, more chunks than the stored bytes \
                 can hold",
            ),
            ("no chunk size", header(1000, 0, 3), 100, &format!("{chunks} 0x0, {lzms}")),
            ("odd chunks", header(1000, 0x8001, 3), 100, &format!("{chunks} 0x8001, {lzms}")),
            ("large chunks", header(1000, 1 << 31, 3), 100, &format!("{chunks} 0x80000000, {lzms}")),
            (
                "no chunks, raw",
                header(1000, 0, 0),
                100,
                &format!("{chunks} 0x0, not a power of two from 4 KiB to 1 GiB"),
            ),
        ];
        for (name, archive, stored_size, want) in cases {
            let error = SolidResource::read(archive, &place(*stored_size)).expect_err(name);
            assert_eq!(error.to_string(), *want, "{name}");
        }
    }
}
