//! An archive, opened.

use std::sync::Arc;

use crate::blob_table::{self, Home};
use crate::metadata::MAX_METADATA;
use crate::warning::Warnings;
use crate::{
    Blob, BlobHash, BlobTable, Error, HEADER_SIZE, Header, HeaderFlags, IntegrityTable, Metadata, ReadAt, Resource,
    ResourceHeader, Result, SolidResource, SolidRun, Warning, XmlData, header, memory, read_exact_at, resource,
};

/// How much larger than the whole archive its uncompressed metadata or blob table may be.
const MAX_RATIO: u64 = 512;
/// The largest blob table in bytes, where it is compressed: ten million blobs.
const MAX_COMPRESSED_TABLE: u64 = 512 << 20;

/// What a list of an archive's images needs of it. It is read without keeping the blob table, which may be large.
#[derive(Debug)]
pub struct Outline {
    /// The header.
    pub header: Header,
    /// The XML data; empty where there is none.
    pub xml: XmlData,
    /// The images' metadata resources, in image order.
    pub images: Vec<Blob>,
}

impl Outline {
    /// Reads header, XML data and, of the blob table, the images.
    ///
    /// # Errors
    /// Those of [`Archive::open`].
    pub fn read(source: &dyn ReadAt) -> Result<Self> {
        let (header, xml) = read_header_and_xml(source)?;
        let mut images = Vec::new();
        if let Some(table) = open_table(source, &header, "blob table", header.blob_table)? {
            let (part, solid) = (header.part.number, header.is_solid());
            let add = |piece: &[u8]| blob_table::add_images(piece, part, solid, &mut images);
            table.read_pieces(source, blob_table::Parser::PIECE, add)?;
        }
        Ok(Self { header, xml, images })
    }
}

/// One archive file, with its tables in memory. It does not change after opening and serves any number of threads.
pub struct Archive {
    source: Arc<dyn ReadAt>,
    header: Header,
    blobs: BlobTable,
    /// Of all runs in order, with the place that the blob table gives.
    solid: Vec<(ResourceHeader, Result<SolidResource>)>,
    xml: XmlData,
    integrity: Result<Option<IntegrityTable>>,
    /// What neither the blob table nor the XML data warns about by itself.
    warnings: Vec<Warning>,
}

impl Archive {
    /// Reads header, blob table, headers of solid resources, XML data and integrity table.
    ///
    /// XML data and an integrity table that are bad, or behind the end of a file that was cut, do not keep an archive from
    /// being opened, nor does a blob or an image that cannot be read.
    ///
    /// # Errors
    /// What is wrong with the header or the blob table; [`Error::Unsupported`] for archives of other kinds and encrypted
    /// ones; [`Error::Io`].
    ///
    /// # Examples
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use wim::{Archive, LocalFile, NodeId};
    ///
    /// let archive = Archive::open(Arc::new(LocalFile::open("install.wim")?))?;
    /// for index in 0..archive.image_count() {
    ///     let tree = archive.metadata(index)?;
    ///     println!("image {} has {} entries at its root", index + 1, tree.children(NodeId::ROOT).len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(source: Arc<dyn ReadAt>) -> Result<Self> {
        let (header, xml) = read_header_and_xml(&*source)?;
        let mut blobs = read_blob_table(&*source, &header)?;
        let solid = read_solid_headers(&*source, blobs.solid_runs())?;
        let sizes = solid.iter().map(|(_, read)| read.as_ref().ok().map(|solid| solid.place.size));
        blobs.place_solid_blobs(&memory::collect(header.blob_table.offset, sizes)?)?;
        let integrity = read_integrity_table(&*source, &header);
        let warnings = contradictions(&header, &blobs, &xml);
        let mut archive = Self { source, header, blobs, solid, xml, integrity, warnings };
        let unusable = archive.unusable_blobs()?;
        archive.warnings.extend(unusable);
        Ok(archive)
    }

    /// What the archive was opened on.
    #[must_use]
    pub fn source(&self) -> &dyn ReadAt {
        &*self.source
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The blobs that this archive holds.
    #[must_use]
    pub fn blobs(&self) -> &BlobTable {
        &self.blobs
    }

    /// The solid resources, in the order of the blob table.
    ///
    /// # Errors
    /// In place of a resource, what is wrong with its header: none of its blobs can be read.
    #[must_use]
    pub fn solid_resources(&self) -> impl ExactSizeIterator<Item = Result<&SolidResource, &Error>> {
        self.solid.iter().map(|(_, read)| read.as_ref())
    }

    /// How many images there are: as many as metadata resources, whatever header and XML data say.
    #[must_use]
    pub fn image_count(&self) -> usize {
        self.blobs.metadata().len()
    }

    /// The XML data; empty where there is none.
    #[must_use]
    pub fn xml(&self) -> &XmlData {
        &self.xml
    }

    /// The integrity table, `None` where there is none.
    ///
    /// # Errors
    /// What is wrong with the table, so that `verify` can tell.
    pub fn integrity(&self) -> Result<Option<&IntegrityTable>, &Error> {
        self.integrity.as_ref().map(Option::as_ref)
    }

    /// Anomalies tolerated while opening: of the header, the blob table and the XML data.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.iter().chain(self.blobs.warnings()).chain(self.xml.warnings())
    }

    /// Holds a blob's place against the archive, reading nothing unless something is wrong.
    ///
    /// # Errors
    /// As [`Archive::resource`], as far as it can be known without the chunk table.
    pub fn check_blob(&self, blob: &Blob) -> Result<()> {
        match blob.home() {
            Home::Own => resource::check(&self.header, "blob", &blob.place, self.source.size()),
            Home::Solid(_) | Home::Nowhere(_) => self.solid_resource(blob).map(|_| ()),
        }
    }

    /// Finds the chunks of the resource that holds a blob: reads its chunk table, if it has one. In a solid resource the
    /// blob's data begins at [`Blob::offset`], and is [`Blob::size`] bytes long.
    ///
    /// # Errors
    /// [`Error::Truncated`] when the blob reaches past the end of the archive, [`Error::Invalid`] when its sizes or its
    /// chunk table break a rule, [`Error::Io`].
    pub fn resource(&self, blob: &Blob) -> Result<Resource> {
        match blob.home() {
            Home::Own => Resource::read(self.source(), &self.header, "blob", blob.place),
            Home::Solid(_) | Home::Nowhere(_) => Resource::read_solid(self.source(), &self.solid_resource(blob)?),
        }
    }

    /// The archive's byte where the resource that holds a blob begins; 0 if a solid blob is in none.
    #[must_use]
    pub fn resource_offset(&self, blob: &Blob) -> u64 {
        match blob.home() {
            Home::Own => blob.place.offset,
            Home::Solid(number) => self.solid[number as usize].0.offset,
            Home::Nowhere(_) => 0,
        }
    }

    /// The solid resource that holds a blob.
    ///
    /// # Errors
    /// What is wrong with the resource's header, which is read again to tell, or with the blob's place;
    /// [`Error::Invalid`] if the blob has a resource of its own.
    pub fn solid_resource(&self, blob: &Blob) -> Result<SolidResource> {
        let invalid = |rule| {
            let (what, at) = ("offset of the solid blob in its run", self.header.blob_table.offset);
            Error::Invalid { what, at, value: blob.place.offset, rule }
        };
        match blob.home() {
            Home::Own => Err(invalid("not in a solid resource")),
            Home::Nowhere(rule) => Err(invalid(rule)),
            Home::Solid(number) => match &self.solid[number as usize] {
                (_, Ok(solid)) => Ok(*solid),
                (place, Err(_)) => {
                    SolidResource::read(self.source(), place)?;
                    Err(invalid("in a resource that could not be read on opening"))
                }
            },
        }
    }

    /// The metadata of the image at `index`, from 0: decoded, and matched with its SHA-1.
    ///
    /// # Errors
    /// [`Error::NoImage`], [`Error::TooLarge`] above 1 GiB, [`Error::Hash`], and as [`Archive::resource`] and
    /// [`Resource::read_chunk`].
    pub fn metadata_resource(&self, index: usize) -> Result<Vec<u8>> {
        let images = self.blobs.metadata();
        let (number, count) = (index as u64 + 1, images.len() as u64);
        let blob = images.get(index).ok_or(Error::NoImage { number, count })?;
        let (what, at, size) = ("metadata resource", blob.place.offset, blob.size());
        let limit = MAX_METADATA.min(self.source.size().saturating_mul(MAX_RATIO));
        if size > limit {
            return Err(Error::TooLarge { what, at, size, limit });
        }
        let data = Resource::read(self.source(), &self.header, what, blob.place)?.read_whole(self.source())?;
        let actual = BlobHash::of(&data);
        if actual == blob.hash { Ok(data) } else { Err(Error::Hash { expected: blob.hash, actual }) }
    }

    /// The tree of the image at `index`, from 0.
    ///
    /// # Errors
    /// As [`Archive::metadata_resource`] and [`Metadata::parse`].
    pub fn metadata(&self, index: usize) -> Result<Metadata> {
        Metadata::parse(self.metadata_resource(index)?)
    }
}

fn read_header(source: &dyn ReadAt) -> Result<Header> {
    let mut bytes = vec![0; HEADER_SIZE.min(source.size()) as usize];
    read_exact_at(source, "header", 0, &mut bytes)?;
    if !header::is_pipable(&bytes)? {
        return Header::parse(&bytes);
    }
    // Of a pipable archive the first header names no tables; one that was cut has no other.
    read_exact_at(source, "header", source.size() - bytes.len() as u64, &mut bytes)?;
    if header::is_pipable(&bytes).is_ok_and(|pipable| pipable) { Header::parse(&bytes) } else { Err(Error::Incomplete) }
}

/// What every use of an archive needs first.
fn read_header_and_xml(source: &dyn ReadAt) -> Result<(Header, XmlData)> {
    let header = read_header(source)?;
    let xml = XmlData::read(source, &header);
    if xml.is_encrypted() {
        let reason = "encrypted ESD, whose data nobody can read without its key";
        return Err(Error::unsupported("kind of archive", reason));
    }
    Ok((header, xml))
}

fn read_blob_table(source: &dyn ReadAt, header: &Header) -> Result<BlobTable> {
    let Some(table) = open_table(source, header, "blob table", header.blob_table)? else {
        return BlobTable::parse(&[], header.part.number, header.is_solid());
    };
    let mut parser = blob_table::Parser::new(table.size(), header.part.number, header.is_solid())?;
    table.read_pieces(source, blob_table::Parser::PIECE, |piece| parser.add(piece))?;
    Ok(parser.finish())
}

/// Finds one of the tables that the header points to. Writers store them plainly, but compressed ones are sound too.
fn open_table(
    source: &dyn ReadAt,
    header: &Header,
    what: &'static str,
    place: ResourceHeader,
) -> Result<Option<Resource>> {
    if place.is_absent() && place.size == 0 {
        return Ok(None);
    }
    let compressed = MAX_COMPRESSED_TABLE.min(source.size().saturating_mul(MAX_RATIO));
    let limit = compressed.max(source.size());
    if place.size > limit {
        return Err(Error::TooLarge { what, at: place.offset, size: place.size, limit });
    }
    Resource::read(source, header, what, place).map(Some)
}

fn read_integrity_table(source: &dyn ReadAt, header: &Header) -> Result<Option<IntegrityTable>> {
    let place = header.integrity;
    if place.is_absent() {
        return Ok(None);
    }
    let table = open_table(source, header, "integrity table", place)?;
    let bytes = table.map_or(Ok(Vec::new()), |table| table.read_whole(source))?;
    let end = header.blob_table.offset + header.blob_table.stored_size;
    IntegrityTable::parse(&bytes, place.offset, HEADER_SIZE..end.max(HEADER_SIZE)).map(Some)
}

/// Where header, blob table and XML data do not agree.
fn contradictions(header: &Header, blobs: &BlobTable, xml: &XmlData) -> Vec<Warning> {
    let metadata = blobs.metadata();
    let count = metadata.len() as u32;
    let mut warnings = Vec::new();
    if header.flags.contains(HeaderFlags::WRITE_IN_PROGRESS) {
        warnings.push(Warning::WriteInProgress);
    }
    // Every part has the whole count and the whole XML data, but only the first one has metadata.
    let is_first = header.part.number == 1 && !header.flags.contains(HeaderFlags::RESOURCE_ONLY);
    if is_first && header.image_count != count {
        warnings.push(Warning::ImageCount { header: header.image_count, metadata: count });
    }
    if is_first && xml.images().len() as u32 != count {
        warnings.push(Warning::XmlImageCount { xml: xml.images().len() as u32, metadata: count });
    } else if let Some(image) = xml.images().last().filter(|image| is_first && image.number > count) {
        warnings.push(Warning::XmlImage { number: image.number });
    }
    if is_first && header.boot_index > count {
        warnings.push(Warning::BootIndex { index: header.boot_index, count });
    } else if is_first && !boot_metadata_agrees(header, metadata) {
        warnings.push(Warning::BootMetadata { index: header.boot_index });
    }
    warnings
}

/// The headers of all solid resources; one that is bad costs only the blobs in it.
fn read_solid_headers(source: &dyn ReadAt, runs: &[SolidRun]) -> Result<Vec<(ResourceHeader, Result<SolidResource>)>> {
    let mut headers = memory::list(0, runs.iter().map(|run| run.resources.len()).sum())?;
    let places = runs.iter().flat_map(|run| &run.resources);
    headers.extend(places.map(|place| (*place, SolidResource::read(source, place))));
    Ok(headers)
}

/// Whether the header's copy of the boot image's resource header is that image's.
fn boot_metadata_agrees(header: &Header, metadata: &[Blob]) -> bool {
    match (header.boot_index as usize).checked_sub(1) {
        None => header.boot_metadata.is_absent(),
        Some(index) => metadata[index].place == header.boot_metadata,
    }
}

impl Archive {
    /// The blobs, solid resources and metadata resources that cannot be where the table says, and how many are of a kind that
    /// is not read.
    fn unusable_blobs(&self) -> Result<Vec<Warning>> {
        let (mut warnings, mut unsupported) = (Warnings::default(), 0);
        let mut unreadable = memory::collect(0, std::iter::repeat_n(0_u64, self.solid.len()))?;
        let mut check = |blob: &Blob, checked| match (checked, blob.home()) {
            (Ok(()), _) => {}
            (Err(_), Home::Solid(number)) => unreadable[number as usize] += 1,
            (Err(Error::Unsupported { .. }), _) => unsupported += 1,
            (Err(problem), _) => warnings.push(Warning::Blob { hash: blob.hash, problem }),
        };
        self.blobs.iter().for_each(|blob| check(blob, self.check_blob(blob)));
        for blob in self.blobs.metadata() {
            check(blob, resource::check(&self.header, "blob", &blob.place, self.source.size()));
        }
        for ((place, _), blobs) in self.solid.iter().zip(unreadable).filter(|(_, blobs)| *blobs > 0) {
            if let Err(problem) = SolidResource::read(self.source(), place) {
                warnings.push(Warning::Solid { at: place.offset, blobs, problem });
            }
        }
        if unsupported > 0 {
            warnings.push(Warning::UnsupportedBlobs { count: unsupported });
        }
        Ok(warnings.into_vec())
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("header", &self.header).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{Image, Packing, Wim, file, offset, root};

    fn wim() -> Wim {
        let image = |name: &str| Image::new(name, root([file("file", format!("in {name}"))]));
        Wim::of(Packing::Xpress(32768), [image("one"), image("two")])
    }

    fn open(bytes: Vec<u8>) -> Archive {
        Archive::open(Arc::new(bytes)).unwrap()
    }

    fn warnings(archive: &Archive) -> Vec<String> {
        archive.warnings().map(ToString::to_string).collect()
    }

    #[test]
    fn opens_what_was_built() {
        let built = wim().integrity(100).build();
        let archive = open(built.bytes);
        assert_eq!((archive.image_count(), archive.blobs().len()), (2, 2));
        assert_eq!(archive.xml().image(2).unwrap().name.as_deref(), Some("two"));
        assert_eq!(archive.metadata_resource(1).unwrap(), built.places.trees[1].bytes);
        assert_eq!(archive.metadata(0).unwrap().node_count(), 2);
        assert_eq!(warnings(&archive), [""; 0]);
        let integrity = archive.integrity().unwrap().unwrap();
        assert_eq!(integrity.covered(), 208..built.places.blob_table.end as u64);
        for index in 0..integrity.len() {
            let range = integrity.block_range(index);
            let mut block = vec![0; (range.end - range.start) as usize];
            read_exact_at(archive.source(), "block", range.start, &mut block).unwrap();
            assert_eq!(BlobHash::of(&block), integrity.hash(index), "block {index}");
        }
    }

    #[test]
    fn there_is_no_image_behind_the_last() {
        let error = open(wim().build().bytes).metadata(2).unwrap_err();
        assert_eq!(error.to_string(), "there is no image 3: the archive has 2");
    }

    #[test]
    fn metadata_is_held_against_its_hash() {
        let mut built = wim().build();
        let at = built.places.metadata[0].entry + offset::BLOB_HASH;
        built.flip(at, 0);
        let archive = open(built.bytes);
        let error = archive.metadata(0).unwrap_err().to_string();
        assert!(error.contains("has changed"), "{error}");
        assert!(archive.metadata(1).is_ok());
    }

    #[test]
    fn an_outline_is_that_of_the_archive() {
        let (metadata, resources) = wim().pair();
        let sound = wim().split(2).into_iter().chain([wim().build(), metadata, resources]);
        for built in sound.chain(testkit::faults::all().map(|fault| (fault.build)())) {
            let bytes: Arc<dyn ReadAt> = Arc::new(built.bytes);
            match (Outline::read(&bytes), Archive::open(Arc::clone(&bytes))) {
                (Ok(outline), Ok(archive)) => {
                    assert_eq!((&outline.header, &*outline.images), (archive.header(), archive.blobs().metadata()));
                    assert_eq!(outline.xml.text(), archive.xml().text());
                }
                (outline, archive) => {
                    assert_eq!(outline.unwrap_err().to_string(), archive.unwrap_err().to_string());
                }
            }
        }
    }

    #[test]
    fn boot_image_is_known() {
        let booted = |tamper: fn(&mut Vec<u8>)| {
            let mut bytes = Wim { boot_index: 2, ..wim() }.build().bytes;
            tamper(&mut bytes);
            open(bytes)
        };
        let sound = booted(|_| {});
        assert_eq!(sound.header().boot_image(sound.image_count()), Some(2));
        assert_eq!(warnings(&sound), [""; 0]);
        let wrong = warnings(&booted(|bytes| bytes[offset::BOOT_INDEX] = 1));
        assert_eq!(wrong, ["boot metadata in the header is not the metadata of image 1"]);
        let beyond = booted(|bytes| bytes[offset::BOOT_INDEX] = 3);
        assert_eq!(beyond.header().boot_image(beyond.image_count()), None);
        assert_eq!(warnings(&beyond), ["boot index is 3, but the archive has 2 images"]);
    }

    #[test]
    fn parts_lack_nothing() {
        for part in wim().split(3) {
            let archive = open(part.bytes);
            assert_eq!(warnings(&archive), [""; 0], "part {}", archive.header().part.number);
        }
        let (metadata, resources) = wim().pair();
        for archive in [open(metadata.bytes), open(resources.bytes)] {
            assert_eq!(warnings(&archive), [""; 0], "{:?}", archive.header().flags);
        }
    }

    #[test]
    fn tables_may_be_compressed() {
        let mut built = wim().build();
        let table = built.places.blob_table.clone();
        let entries = built.bytes[table].repeat(40);
        let packed = testkit::pack(&entries, Packing::Xpress(32768));
        let place = testkit::ResourceHeader {
            stored_size: packed.bytes.len() as u64,
            flags: packed.flags,
            offset: built.bytes.len() as u64,
            size: entries.len() as u64,
        };
        built.bytes[offset::BLOB_TABLE..][..24].copy_from_slice(&place.bytes());
        built.bytes.extend(packed.bytes);
        assert_eq!(open(built.bytes).blobs().len(), 2);
    }

    #[test]
    fn pipable_archives_are_read_by_their_last_header() {
        let image = Image::new("one", root([file("file", "data"), file("text", testkit::content::text(100_000))]));
        for packing in [Packing::Stored, Packing::Xpress(32768), Packing::Lzx(32768)] {
            let built = Wim { pipable: true, ..Wim::of(packing, [image.clone()]) }.integrity(1000).build();
            let archive = open(built.bytes.clone());
            assert!(archive.header().pipable);
            assert_eq!(warnings(&archive), [""; 0], "{packing:?}");
            assert_eq!(archive.metadata_resource(0).unwrap(), built.places.trees[0].bytes);
            for blob in archive.blobs().iter() {
                let data = archive.resource(blob).unwrap().read_whole(archive.source()).unwrap();
                assert_eq!(BlobHash::of(&data), blob.hash, "{packing:?}");
            }
            for cut in [0, 1, 207, 208, 1000] {
                let error = Archive::open(Arc::new(built.bytes[..built.bytes.len() - 1 - cut].to_vec())).unwrap_err();
                assert!(matches!(error, Error::Incomplete), "{error}");
            }
        }
    }

    #[test]
    fn encrypted_archives_are_refused() {
        let mut wim = wim();
        wim.xml = testkit::Xml::Text("<WIM><ESD><ENCRYPTED/></ESD></WIM>".into());
        let error = Archive::open(Arc::new(wim.build().bytes)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unsupported kind of archive: encrypted ESD, whose data nobody can read without its key"
        );
    }
}
