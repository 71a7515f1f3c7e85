//! The header as it is written.

use crate::header::{COMPRESSED, LZMS, LZX, RawHeader, VERSION, VERSION_SOLID, XPRESS};
use crate::{Compression, Error, Guid, HEADER_SIZE, HeaderFlags, Part, ResourceHeader, Result};

/// The number of bytes of a header.
const SIZE: usize = HEADER_SIZE as usize;

/// The 208 bytes of a header, with a setter for each field. Fields that are not set keep their bytes,
/// and so do unknown flags and the unused bytes at the end.
///
/// ```
/// use wim::write::HeaderBytes;
/// use wim::{Compression, Guid, Header, ResourceFlags, ResourceHeader};
///
/// # fn main() -> wim::Result<()> {
/// let mut header = HeaderBytes::new(Compression::Lzx, 32768, Guid([7; 16]))?;
/// header.set_blob_table(&ResourceHeader::plain(208, 50, ResourceFlags::METADATA));
/// header.set_xml(&ResourceHeader::plain(258, 90, ResourceFlags::METADATA));
/// assert_eq!(Header::parse(header.as_bytes())?.chunk_size, 32768);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderBytes(RawHeader);

impl HeaderBytes {
    /// The header of an archive without images, of one part, whose tables are not set yet.
    ///
    /// `chunk_size` is in bytes, and 0 where nothing is compressed. The version is 1.13; for LZMS, which
    /// older programs do not read, it is 0.14.
    ///
    /// # Errors
    /// [`Error::Invalid`] for chunk sizes that the compression does not allow.
    pub fn new(compression: Compression, chunk_size: u32, guid: Guid) -> Result<Self> {
        let (version, flags) = match compression {
            Compression::None => (VERSION, 0),
            Compression::Xpress => (VERSION, COMPRESSED | XPRESS),
            Compression::Lzx => (VERSION, COMPRESSED | LZX),
            Compression::Lzms => (VERSION_SOLID, COMPRESSED | LZMS),
        };
        let checked = match compression {
            Compression::None if chunk_size == 0 => Ok(()),
            Compression::None => Err("not 0, although nothing is compressed"),
            _ => compression.allows_chunks_of(chunk_size),
        };
        checked.map_err(|rule| Error::Invalid { what: "chunk size", at: 0x14, value: chunk_size.into(), rule })?;
        let mut header = Self::from_bytes([0; SIZE]);
        let raw = &mut header.0;
        raw.magic = *b"MSWIM\0\0\0";
        raw.header_size = (SIZE as u32).into();
        raw.version = version.into();
        raw.flags = flags.into();
        raw.chunk_size = chunk_size.into();
        raw.guid = guid.0;
        header.set_part(Part { number: 1, total: 1 });
        Ok(header)
    }

    /// The header of an archive that exists, to be changed. Nothing is checked:
    /// [`Header::parse`](crate::Header::parse) does that.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SIZE]) -> Self {
        Self(zerocopy::transmute!(bytes))
    }

    /// The bytes to be written at the start of the archive.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; SIZE] {
        zerocopy::transmute_ref!(&self.0)
    }

    /// Sets the version to 0.14, which archives with solid resources need.
    pub fn set_solid(&mut self) {
        self.0.version = VERSION_SOLID.into();
    }

    /// Sets the GUID.
    pub fn set_guid(&mut self, guid: Guid) {
        self.0.guid = guid.0;
    }

    /// Sets flag bits, and clears none.
    pub fn add_flags(&mut self, flags: HeaderFlags) {
        self.0.flags = (self.0.flags.get() | flags.0).into();
    }

    /// Clears flag bits.
    pub fn remove_flags(&mut self, flags: HeaderFlags) {
        self.0.flags = (self.0.flags.get() & !flags.0).into();
    }

    /// Sets which part of a split archive it is.
    pub fn set_part(&mut self, part: Part) {
        self.0.part_number = part.number.into();
        self.0.part_total = part.total.into();
    }

    /// Sets the number of images; all parts of a split archive have the same.
    pub fn set_image_count(&mut self, count: u32) {
        self.0.image_count = count.into();
    }

    /// Sets where the blob table is.
    pub fn set_blob_table(&mut self, place: &ResourceHeader) {
        self.0.blob_table = place.into();
    }

    /// Sets where the XML data is.
    pub fn set_xml(&mut self, place: &ResourceHeader) {
        self.0.xml = place.into();
    }

    /// Sets the image to boot: its number from 1, and where its metadata is. 0, with an absent
    /// resource, is none.
    pub fn set_boot(&mut self, number: u32, metadata: &ResourceHeader) {
        self.0.boot_metadata = metadata.into();
        self.0.boot_index = number.into();
    }

    /// Sets where the integrity table is; an absent resource is none.
    pub fn set_integrity(&mut self, place: &ResourceHeader) {
        self.0.integrity = place.into();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Header, ResourceFlags};

    fn place() -> impl Strategy<Value = ResourceHeader> {
        let place = (any::<u64>(), 0..1_u64 << 56, any::<u64>(), any::<u8>());
        place.prop_map(|(offset, stored_size, size, flags)| {
            let flags = ResourceFlags(flags);
            ResourceHeader { offset, stored_size, size, flags }
        })
    }

    fn format() -> impl Strategy<Value = (Compression, u32)> {
        prop_oneof![
            Just((Compression::None, 0)),
            (12..17_u32).prop_map(|order| (Compression::Xpress, 1 << order)),
            (15..22_u32).prop_map(|order| (Compression::Lzx, 1 << order)),
            (15..31_u32).prop_map(|order| (Compression::Lzms, 1 << order)),
        ]
    }

    fn part() -> impl Strategy<Value = Part> {
        (1..=u16::MAX).prop_flat_map(|total| (1..=total).prop_map(move |number| Part { number, total }))
    }

    /// The bytes of a header with these values.
    fn bytes_of(header: &Header) -> HeaderBytes {
        let mut bytes = HeaderBytes::new(header.compression, header.chunk_size, header.guid).unwrap();
        if header.version == VERSION_SOLID {
            bytes.set_solid();
        }
        bytes.add_flags(header.flags);
        bytes.set_part(header.part);
        bytes.set_image_count(header.image_count);
        bytes.set_blob_table(&header.blob_table);
        bytes.set_xml(&header.xml);
        bytes.set_boot(header.boot_index, &header.boot_metadata);
        bytes.set_integrity(&header.integrity);
        bytes
    }

    proptest! {
        #[test]
        fn headers_are_read_as_they_were_written(
            (compression, chunk_size) in format(),
            guid in any::<[u8; 16]>(),
            part in part(),
            image_count in 0..=0xFFFF_u32,
            mut places in [place(), place(), place(), place()],
            boot_index in any::<u32>(),
            own_flags in any::<u8>(),
        ) {
            places[0].size = places[0].size.max(1);
            let [blob_table, xml, boot_metadata, integrity] = places;
            let new = HeaderBytes::new(compression, chunk_size, Guid(guid)).unwrap();
            let flags = HeaderFlags(new.0.flags.get() | u32::from(own_flags & !0x3));
            let version = new.0.version.get();
            let want = Header {
                version, flags, pipable: false, compression, chunk_size, guid: Guid(guid), part, image_count,
                blob_table, xml, boot_metadata, integrity, boot_index,
            };
            prop_assert_eq!(Header::parse(bytes_of(&want).as_bytes()).unwrap(), want);
        }

        #[test]
        fn fields_that_are_not_set_keep_their_bytes(before in proptest::collection::vec(any::<u8>(), SIZE), place in place()) {
            let before: [u8; SIZE] = before.try_into().unwrap();
            let mut header = HeaderBytes::from_bytes(before);
            prop_assert_eq!(header.as_bytes(), &before);
            header.set_xml(&place);
            prop_assert_eq!(&header.as_bytes()[..0x48], &before[..0x48]);
            prop_assert_eq!(&header.as_bytes()[0x60..], &before[0x60..]);
            header.add_flags(HeaderFlags::SPANNED);
            header.remove_flags(HeaderFlags::SPANNED);
            let spanned = HeaderFlags(u32::from_le_bytes(before[0x10..0x14].try_into().unwrap()) & !HeaderFlags::SPANNED.0);
            prop_assert_eq!(&header.as_bytes()[0x10..0x14], &spanned.0.to_le_bytes());
        }
    }

    #[test]
    fn headers_of_other_writers_are_rebuilt_from_their_values() {
        use testkit::{Image, Packing, Wim, file, root};
        for packing in Packing::all() {
            let image = || Image::new("n", root([file("a", "some data")]));
            let wim = Wim { integrity: Some(4096), boot_index: 1, ..Wim::of(packing, [image(), image()]) };
            let bytes = wim.build().bytes;
            let header = Header::parse(&bytes).unwrap();
            assert_eq!(bytes_of(&header).as_bytes()[..], bytes[..SIZE], "{packing:?}");
        }
    }

    #[test]
    fn chunk_sizes_are_checked() {
        let cases = [
            (Compression::None, 32768, "chunk size at 0x14 is 0x8000, not 0, although nothing is compressed"),
            (Compression::Lzx, 0, "chunk size at 0x14 is 0x0, not a power of two from 32 KiB to 2 MiB, as LZX needs"),
        ];
        for (compression, chunk_size, want) in cases {
            let error = HeaderBytes::new(compression, chunk_size, Guid::default()).expect_err(want);
            assert_eq!(error.to_string(), want);
        }
    }
}
