//! Resources: a blob's bytes, chunk by chunk.

use std::fmt;
use std::ops::Range;

use crate::chunk_table::{self, ChunkTable};
use crate::codec::{lzms, lzx, xpress};
use crate::solid::SolidResource;
use crate::{Compression, Error, Header, ReadAt, ResourceFlags, ResourceHeader, Result, memory, read_exact_at};

/// The chunk size in which stored resources are read.
const STORED_CHUNK: u32 = 0x8000;

/// Where the chunks of a resource lie, with its chunk table in memory. Most resources are one blob, a solid one has many.
#[derive(Debug)]
pub struct Resource {
    place: ResourceHeader,
    chunk_size: u32,
    layout: Layout,
}

/// How a resource's bytes are kept.
#[derive(Debug)]
enum Layout {
    /// As they are.
    Stored,
    /// In chunks, each of them compressed or raw; all raw where there is no codec.
    Chunked { codec: Option<Codec>, table: ChunkTable },
}

/// The compressions that can be decoded.
#[derive(Debug, Clone, Copy)]
enum Codec {
    Xpress,
    Lzx,
    Lzms,
}

impl Codec {
    /// The decoder of a compression, if it needs one.
    fn of(compression: Compression) -> Option<Self> {
        match compression {
            Compression::None => None,
            Compression::Xpress => Some(Self::Xpress),
            Compression::Lzx => Some(Self::Lzx),
            Compression::Lzms => Some(Self::Lzms),
        }
    }
}

/// What reading chunks needs from call to call: the decoders' tables and the buffer for compressed bytes. One per thread.
#[derive(Default)]
pub struct Scratch {
    input: Vec<u8>,
    xpress: Option<Box<xpress::Decoder>>,
    lzx: Option<Box<lzx::Decoder>>,
    lzms: Option<Box<lzms::Decoder>>,
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("input", &self.input.capacity()).finish_non_exhaustive()
    }
}

impl Resource {
    /// Finds the chunks of the resource at `place` of the archive `source`, whose header is `header`; `what` names it.
    pub(crate) fn read(
        source: &dyn ReadAt,
        header: &Header,
        what: &'static str,
        place: ResourceHeader,
    ) -> Result<Self> {
        let codec = check_place(header, what, &place, source.size())?;
        let Some(codec) = codec else {
            return Ok(Self { place, chunk_size: STORED_CHUNK, layout: Layout::Stored });
        };
        let table = ChunkTable::read(source, &place, header.chunk_size, header.pipable)?;
        Ok(Self { place, chunk_size: header.chunk_size, layout: Layout::Chunked { codec: Some(codec), table } })
    }

    /// Finds the chunks of a solid resource of the archive `source`.
    pub(crate) fn read_solid(source: &dyn ReadAt, solid: &SolidResource) -> Result<Self> {
        let codec = Codec::of(solid.compression);
        let table = ChunkTable::read_solid(source, solid)?;
        Ok(Self { place: solid.place, chunk_size: solid.chunk_size, layout: Layout::Chunked { codec, table } })
    }

    /// The uncompressed size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.place.size
    }

    /// The uncompressed bytes of every chunk but the last; stored resources are cut into chunks of 32 KiB.
    #[must_use]
    pub fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// How many chunks there are; none for an empty resource.
    #[must_use]
    pub fn chunk_count(&self) -> u64 {
        self.size().div_ceil(u64::from(self.chunk_size))
    }

    /// The uncompressed bytes of chunk `chunk`; 0 behind the last one.
    #[must_use]
    pub fn chunk_len(&self, chunk: u64) -> usize {
        let start = chunk.saturating_mul(u64::from(self.chunk_size));
        self.size().saturating_sub(start).min(u64::from(self.chunk_size)) as usize
    }

    /// The bytes of the archive that chunk `chunk` takes.
    ///
    /// # Panics
    /// When `chunk` is not below [`Resource::chunk_count`].
    #[must_use]
    pub fn chunk_place(&self, chunk: u64) -> Range<u64> {
        assert!(chunk < self.chunk_count(), "chunk {chunk} of {}", self.chunk_count());
        match &self.layout {
            Layout::Stored => {
                let start = self.place.offset + chunk * u64::from(self.chunk_size);
                start..start + self.chunk_len(chunk) as u64
            }
            Layout::Chunked { table, .. } => table.place(chunk),
        }
    }

    /// Whether the resource is stored as it is, so that any range can be read with [`Resource::read_stored_at`].
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self.layout, Layout::Stored)
    }

    /// The bytes of the archive that tell where the chunks are: the chunk table, in a solid resource with its header; none where
    /// there is no table.
    #[must_use]
    pub fn table_place(&self) -> Range<u64> {
        match &self.layout {
            Layout::Stored => self.place.offset..self.place.offset,
            Layout::Chunked { table, .. } => table.table(),
        }
    }

    /// The bytes of the archive that the resource takes, with its chunk table.
    #[must_use]
    pub fn place(&self) -> Range<u64> {
        self.place.offset..self.place.offset + self.place.stored_size
    }

    /// Reads and decodes chunk `chunk` into `dst`, whose length must be [`Resource::chunk_len`].
    ///
    /// Raw chunks are read straight into `dst`. `source` is the archive that the resource was found in.
    ///
    /// # Errors
    /// [`Error::Chunk`], [`Error::Truncated`] when the archive has become shorter, [`Error::Io`]. `dst` then holds
    /// unspecified bytes.
    ///
    /// # Panics
    /// When `chunk` is not below [`Resource::chunk_count`] or `dst` has another length.
    pub fn read_chunk(&self, source: &dyn ReadAt, chunk: u64, scratch: &mut Scratch, dst: &mut [u8]) -> Result<()> {
        assert_eq!(dst.len(), self.chunk_len(chunk), "length of chunk {chunk}");
        let place = self.chunk_place(chunk);
        let stored = (place.end - place.start) as usize;
        let codec = match &self.layout {
            // The format's only sign of a raw chunk is that it is as long as its data.
            Layout::Chunked { codec: Some(codec), .. } if stored != dst.len() => codec,
            _ => return read_exact_at(source, "chunk", place.start, dst),
        };
        if scratch.input.len() < stored {
            memory::resize(&mut scratch.input, place.start, stored)?;
        }
        let input = &mut scratch.input[..stored];
        read_exact_at(source, "chunk", place.start, input)?;
        match codec {
            Codec::Xpress => scratch.xpress.get_or_insert_default().decode(input, dst),
            Codec::Lzx => scratch.lzx.get_or_insert_default().decode(input, dst, self.chunk_size),
            Codec::Lzms => scratch.lzms.get_or_insert_default().decode(input, dst),
        }
        .map_err(|source| Error::Chunk { chunk, at: self.place.offset, source })
    }

    /// Fills `buf` with the bytes from `offset` of a stored resource; the range must lie inside [`Resource::size`].
    ///
    /// # Errors
    /// [`Error::Truncated`] when the archive has become shorter, [`Error::Io`]. `buf` then holds unspecified bytes.
    ///
    /// # Panics
    /// When the resource is not stored, or the range is outside of it.
    pub fn read_stored_at(&self, source: &dyn ReadAt, offset: u64, buf: &mut [u8]) -> Result<()> {
        assert!(self.is_stored(), "a compressed resource has no bytes to read at an offset");
        let end = offset.checked_add(buf.len() as u64);
        assert!(end.is_some_and(|end| end <= self.size()), "{} bytes at {offset} of {}", buf.len(), self.size());
        read_exact_at(source, "stored resource", self.place.offset + offset, buf)
    }

    /// The whole uncompressed data; the caller has held [`Resource::size`] against a limit.
    pub(crate) fn read_whole(&self, source: &dyn ReadAt) -> Result<Vec<u8>> {
        let mut data = memory::zeros(self.place.offset, self.size() as usize)?;
        if self.is_stored() {
            self.read_stored_at(source, 0, &mut data)?;
            return Ok(data);
        }
        let mut scratch = Scratch::default();
        for (chunk, dst) in (0..).zip(data.chunks_mut(self.chunk_size as usize)) {
            self.read_chunk(source, chunk, &mut scratch, dst)?;
        }
        Ok(data)
    }

    /// Gives all the data to `each`, in order: of a stored resource in pieces of `len` bytes, all but the last one, so that it
    /// takes no more memory than that.
    pub(crate) fn read_pieces(
        &self,
        source: &dyn ReadAt,
        len: usize,
        mut each: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if !self.is_stored() {
            return each(&self.read_whole(source)?);
        }
        let mut piece = memory::zeros(self.place.offset, len.min(self.size() as usize))?;
        for offset in (0..self.size()).step_by(len) {
            let rest = (self.size() - offset).min(len as u64) as usize;
            self.read_stored_at(source, offset, &mut piece[..rest])?;
            each(&piece[..rest])?;
        }
        Ok(())
    }
}

/// Holds a resource's place and kind against the archive, without reading.
pub(crate) fn check(header: &Header, what: &'static str, place: &ResourceHeader, archive_size: u64) -> Result<()> {
    if check_place(header, what, place, archive_size)?.is_some() {
        chunk_table::size_of_table(place, header.chunk_size, header.pipable)?;
    }
    Ok(())
}

/// How to decode the resource at `place`, `None` if it is stored as it is.
fn check_place(
    header: &Header,
    what: &'static str,
    place: &ResourceHeader,
    archive_size: u64,
) -> Result<Option<Codec>> {
    if place.flags.contains(ResourceFlags::SOLID) {
        let (at, value, rule) = (place.offset, u64::from(place.flags.0), "solid, where only blobs can be");
        return Err(Error::Invalid { what: "flags of the resource", at, value, rule });
    }
    if place.flags.contains(ResourceFlags::SPANNED) {
        return Err(Error::unsupported("kind of resource", "cut over several parts"));
    }
    place.check_place(what, archive_size)?;
    if !place.flags.contains(ResourceFlags::COMPRESSED) {
        let (at, value) = (place.offset, place.stored_size);
        let rule = "not the uncompressed size, although it is not compressed";
        let fits = place.stored_size == place.size;
        return if fits { Ok(None) } else { Err(Error::Invalid { what: "stored size", at, value, rule }) };
    }
    if place.size == 0 {
        return Ok(None);
    }
    Codec::of(header.compression).map(Some).ok_or(Error::Invalid {
        what: "flags of the resource",
        at: place.offset,
        value: u64::from(place.flags.0),
        rule: "compressed, in an archive that names no compression",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{Packing, content, pack};

    type Codec = (Compression, fn(usize) -> Packing, &'static [usize]);
    const CODECS: [Codec; 4] = [
        (Compression::None, |_| Packing::Stored, &[0x8000]),
        (Compression::Xpress, Packing::Xpress, &[0x1000, 0x8000, 0x1_0000]),
        (Compression::Lzx, Packing::Lzx, &[0x8000, 0x4_0000]),
        (Compression::Lzms, Packing::Lzms, &[0x8000, 0x2_0000]),
    ];

    fn header(compression: Compression, chunk_size: usize) -> Header {
        let header = Header::parse(&testkit::header()).unwrap();
        Header { compression, chunk_size: chunk_size as u32, ..header }
    }

    /// An archive of ten bytes and the resource of `data`, and that resource.
    fn archive(data: &[u8], packing: Packing) -> (Vec<u8>, ResourceHeader) {
        let packed = pack(data, packing);
        let (stored_size, flags) = (packed.bytes.len() as u64, ResourceFlags(packed.flags));
        let place = ResourceHeader { offset: 10, stored_size, size: packed.size, flags };
        ([vec![0xEE; 10], packed.bytes].concat(), place)
    }

    fn read(source: &dyn ReadAt, resource: &Resource) -> Vec<u8> {
        let mut scratch = Scratch::default();
        let chunk = |chunk| {
            let mut dst = vec![0xAA; resource.chunk_len(chunk)];
            resource.read_chunk(source, chunk, &mut scratch, &mut dst).unwrap();
            dst
        };
        (0..resource.chunk_count()).flat_map(chunk).collect()
    }

    #[test]
    fn reads_what_was_packed() {
        for (compression, packing, chunk_sizes) in CODECS {
            for &chunk_size in chunk_sizes {
                let header = header(compression, chunk_size);
                let around = [0, 1, chunk_size - 1, chunk_size, chunk_size + 1, 2 * chunk_size + 5];
                for (len, kind) in around.into_iter().flat_map(|len| ["text", "random"].map(|kind| (len, kind))) {
                    let data = content::of_kind(kind, len);
                    let (archive, place) = archive(&data, packing(chunk_size));
                    let resource = Resource::read(&archive, &header, "blob", place).unwrap();
                    let name = format!("{len} bytes of {kind}, {compression}, {chunk_size}");
                    assert!(read(&archive, &resource) == data, "{name}");
                    assert!(resource.read_whole(&archive).unwrap() == data, "{name}");
                    assert_eq!(resource.place(), 10..archive.len() as u64, "{name}");
                    if kind == "text" && len > chunk_size && compression != Compression::None {
                        assert!(!resource.is_stored(), "{name}");
                    }
                }
            }
        }
    }

    /// Chunks that gain nothing are raw, and stand between compressed ones.
    #[test]
    fn reads_raw_chunks() {
        let data = [content::text(0x8000), content::random(0x8000), content::text(0x8000), content::random(7)].concat();
        let (archive, place) = archive(&data, Packing::Lzx(0x8000));
        let resource = Resource::read(&archive, &header(Compression::Lzx, 0x8000), "blob", place).unwrap();
        let stored = |chunk| resource.chunk_place(chunk).end - resource.chunk_place(chunk).start;
        assert!(stored(0) < 0x8000 && stored(1) == 0x8000 && stored(3) == 7);
        assert!(read(&archive, &resource) == data);
    }

    #[test]
    fn stored_resources_have_bytes_at_offsets() {
        let data = content::text(100_000);
        let (archive, place) = archive(&data, Packing::Stored);
        let resource = Resource::read(&archive, &header(Compression::Lzx, 0x8000), "blob", place).unwrap();
        assert!(resource.is_stored());
        for (offset, len) in [(0, 100_000), (99_999, 1), (100_000, 0), (0x7FFF, 2)] {
            let mut buf = vec![0; len];
            resource.read_stored_at(&archive, offset as u64, &mut buf).unwrap();
            assert!(buf == data[offset..offset + len], "{len} bytes at {offset}");
        }
        assert_eq!((resource.chunk_count(), resource.chunk_len(3)), (4, 100_000 - 3 * 0x8000));
        assert_eq!(resource.chunk_len(4), 0);
        assert_eq!(resource.chunk_place(3), 10 + 3 * 0x8000..100_010);
    }

    #[test]
    fn an_archive_that_was_cut_is_an_error() {
        for (compression, packing, chunk_sizes) in CODECS {
            let data = content::text(chunk_sizes[0] + 9);
            let (mut archive, place) = archive(&data, packing(chunk_sizes[0]));
            let resource = Resource::read(&archive, &header(compression, chunk_sizes[0]), "blob", place).unwrap();
            archive.truncate(archive.len() - 1);
            let mut dst = vec![0; 9];
            let error = resource.read_chunk(&archive, 1, &mut Scratch::default(), &mut dst).unwrap_err();
            assert!(matches!(error, Error::Truncated { what: "chunk", .. }), "{compression}: {error}");
        }
    }

    #[test]
    fn damage_names_the_chunk() {
        let (mut archive, place) = archive(&content::text(100_000), Packing::Xpress(0x8000));
        let resource = Resource::read(&archive, &header(Compression::Xpress, 0x8000), "blob", place).unwrap();
        let chunk = resource.chunk_place(2);
        archive[chunk.start as usize..chunk.end as usize].fill(0xFF);
        let mut dst = vec![0; resource.chunk_len(2)];
        let error = resource.read_chunk(&archive, 2, &mut Scratch::default(), &mut dst).unwrap_err();
        assert_eq!(error.to_string(), "chunk 2 of the resource at 0xa does not decode");
    }

    #[test]
    fn says_what_cannot_be() {
        let place =
            |flags, stored_size, size| ResourceHeader { offset: 10, stored_size, size, flags: ResourceFlags(flags) };
        let cases: &[(&str, Compression, ResourceHeader, &str)] = &[
            ("beyond", Compression::Lzx, place(0, 91, 91), "blob at 0xa needs 91 bytes, but only 90 are there"),
            (
                "unequal",
                Compression::Lzx,
                place(0, 90, 89),
                "stored size at 0xa is 0x5a, not the uncompressed size, although it is not compressed",
            ),
            (
                "compressed",
                Compression::None,
                place(4, 90, 99),
                "flags of the resource at 0xa is 0x4, compressed, in an archive that names no compression",
            ),
            (
                "solid",
                Compression::Lzx,
                place(0x10, 90, 0),
                "flags of the resource at 0xa is 0x10, solid, where only blobs can be",
            ),
            ("spanned", Compression::Lzx, place(8, 90, 90), "unsupported kind of resource: cut over several parts"),
        ];
        for (name, compression, place, want) in cases {
            let header = header(*compression, 0x8000);
            let error = Resource::read(&vec![0; 100], &header, "blob", *place).expect_err(name);
            assert_eq!(error.to_string(), *want, "{name}");
            assert_eq!(check(&header, "blob", place, 100).expect_err(name).to_string(), *want, "{name}");
        }
    }
}
