//! Whole archives: what goes in, and where it landed.

use crate::bytes::{Bytes, sha1};
use crate::dentry::Data;
use crate::flag;
use crate::header::{GUID, Header};
use crate::image::{Image, Metadata};
use crate::offset;
use crate::pipe;
use crate::resource::{Packed, Packing, ResourceHeader, pack};
use crate::solid::Solid;
use crate::xml::Xml;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

/// A blob that is written as given instead of being packed from a tree's data.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    /// Its SHA-1 in the blob table.
    pub hash: [u8; 20],
    /// The stored bytes.
    pub packed: Packed,
}

impl Blob {
    /// A blob of its own packing, with its true SHA-1.
    pub fn new(data: &[u8], packing: Packing) -> Self {
        Self { hash: sha1(data), packed: pack(data, packing) }
    }
}

/// An archive to be written. What [`Wim::new`] does not set is set field by field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wim {
    /// How resources are stored; `None` is [`Packing::Stored`].
    pub packing: Option<Packing>,
    /// The images.
    pub images: Vec<Image>,
    /// Blobs given explicitly; they win over the images' data of the same hash.
    pub blobs: Vec<Blob>,
    /// Blobs that are not written although an image's data has them.
    pub without: Vec<[u8; 20]>,
    /// The images' data in solid resources; blobs given explicitly keep resources of their own,
    /// behind these.
    pub solid: Option<Solid>,
    /// Dead bytes before each resource, as appends leave them.
    pub gap: usize,
    /// XML data.
    pub xml: Xml,
    /// Chunk size of the integrity table in bytes; without it there is none.
    pub integrity: Option<usize>,
    /// Written as wimlib writes to a pipe.
    pub pipable: bool,
    /// Flags of the header beside those that go with the packing.
    pub flags: u32,
    /// Boot image, from 1; 0 none.
    pub boot_index: u32,
    /// GUID, if it is to be another than [`GUID`].
    pub guid: Option<[u8; 16]>,
}

/// Where a resource landed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// SHA-1 of what it holds.
    pub hash: [u8; 20],
    /// All of it in the archive.
    pub range: Range<usize>,
    /// Its chunk table; empty if it has none.
    pub table: Range<usize>,
    /// Its chunks; none if it is stored.
    pub chunks: Vec<Range<usize>>,
    /// Its entry in the blob table; while the archive is written, the entry's index.
    pub entry: usize,
}

/// Where everything landed in an archive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    /// File resources, in the order of the blob table. A blob in a solid resource has the place of
    /// that resource.
    pub resources: Vec<Place>,
    /// Solid resources. What a table has before the sizes of the chunks counts as part of it.
    pub solid: Vec<Place>,
    /// Metadata resources, one for each image.
    pub metadata: Vec<Place>,
    /// The metadata resources, uncompressed.
    pub trees: Vec<Metadata>,
    /// The blob table.
    pub blob_table: Range<usize>,
    /// XML data; empty if there is none.
    pub xml: Range<usize>,
    /// Integrity table; empty if there is none.
    pub integrity: Range<usize>,
}

/// A written archive. Its bytes may be changed freely; the places tell what was where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Built {
    /// All of the file.
    pub bytes: Vec<u8>,
    /// The places of all parts.
    pub places: Places,
}

impl Built {
    /// Inverts one bit, counted from the lowest of its byte.
    pub fn flip(&mut self, offset: usize, bit: u32) {
        self.bytes[offset] ^= 1 << bit;
    }

    /// Makes the integrity table match the bytes as they are now: as a tool does that appends to a
    /// damaged archive.
    pub fn renew_integrity(&mut self) {
        let table = self.places.integrity.clone();
        let chunk_size = self.bytes[table.start + 8..][..4].try_into().expect("four bytes");
        let covered = &self.bytes[offset::END..self.places.blob_table.end];
        let renewed = integrity_table(covered, u32::from_le_bytes(chunk_size) as usize);
        self.bytes[table].copy_from_slice(&renewed);
    }

    /// The file resource that holds `data`.
    pub fn resource(&self, data: &[u8]) -> &Place {
        let hash = sha1(data);
        let found = self.places.resources.iter().find(|place| place.hash == hash);
        found.expect("the archive was built with this data")
    }

    /// Writes the archive to a file.
    pub fn save(&self, path: &Path) {
        std::fs::write(path, &self.bytes).unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
    }
}

/// The content of one file of a set.
struct Part<'a> {
    number: u16,
    count: u16,
    flags: u32,
    images: &'a [Image],
    /// Image count and XML, which all parts of a split set have.
    named_images: &'a [Image],
    blobs: Vec<&'a Blob>,
}

impl Wim {
    /// An archive of one image, `testkit`, with this tree.
    pub fn new(packing: Packing, root: crate::Dentry) -> Self {
        Self::of(packing, [Image::new("testkit", root)])
    }

    /// An archive of these images.
    pub fn of(packing: Packing, images: impl Into<Vec<Image>>) -> Self {
        Self { packing: Some(packing), images: images.into(), ..Self::default() }
    }

    /// Adds an integrity table.
    pub fn integrity(mut self, chunk_size: usize) -> Self {
        self.integrity = Some(chunk_size);
        self
    }

    /// One whole archive.
    pub fn build(&self) -> Built {
        let blobs = self.all_blobs();
        self.write(&Part { blobs: blobs.iter().collect(), ..self.whole() })
    }

    /// Puts the images' data into one solid resource, `packing` its chunks.
    pub fn solid(self, packing: Packing) -> Self {
        Self { solid: Some(Solid::new(packing)), ..self }
    }

    /// The parts of a split set: all images in the first, file resources dealt out in turn.
    pub fn split(&self, count: u16) -> Vec<Built> {
        let blobs = self.all_blobs();
        let part = |number: u16| Part {
            number,
            count,
            flags: flag::SPANNED,
            images: if number == 1 { &self.images } else { &[] },
            named_images: &self.images,
            blobs: blobs.iter().skip(usize::from(number) - 1).step_by(count.into()).collect(),
        };
        (1..=count).map(|number| self.write(&part(number))).collect()
    }

    /// A metadata-only and a resource-only archive that belong together.
    pub fn pair(&self) -> (Built, Built) {
        let blobs = self.all_blobs();
        let metadata = Part { flags: flag::METADATA_ONLY, ..self.whole() };
        let resources = Part {
            flags: flag::RESOURCE_ONLY,
            images: &[],
            named_images: &[],
            blobs: blobs.iter().collect(),
            ..self.whole()
        };
        (self.write(&metadata), self.write(&resources))
    }

    fn whole(&self) -> Part<'_> {
        Part { number: 1, count: 1, flags: 0, images: &self.images, named_images: &self.images, blobs: Vec::new() }
    }

    fn packing(&self) -> Packing {
        self.packing.unwrap_or(Packing::Stored)
    }

    /// The images' data, each content once, without the explicit blobs.
    fn contents(&self) -> Vec<&[u8]> {
        let mut known: HashSet<[u8; 20]> = self.blobs.iter().map(|blob| blob.hash).collect();
        known.extend(&self.without);
        known.insert([0; 20]);
        let data = self.images.iter().flat_map(|image| image.dentries()).flat_map(|dentry| dentry.contents());
        data.filter(|data| known.insert(data.hash()))
            .filter_map(|data| if let Data::Bytes(bytes) = data { Some(bytes.as_slice()) } else { None })
            .collect()
    }

    /// The blobs with resources of their own: the explicit ones, then the images' data.
    fn all_blobs(&self) -> Vec<Blob> {
        let mut blobs = self.blobs.clone();
        if self.solid.is_none() {
            blobs.extend(self.contents().into_iter().map(|bytes| Blob::new(bytes, self.packing())));
        }
        blobs
    }

    /// How often each blob is used in all images.
    fn references(&self) -> HashMap<[u8; 20], u32> {
        let mut counts = HashMap::new();
        for data in self.images.iter().flat_map(|image| image.dentries()).flat_map(|dentry| dentry.contents()) {
            *counts.entry(data.hash()).or_insert(0) += 1;
        }
        counts
    }

    fn write(&self, part: &Part<'_>) -> Built {
        let mut file = File {
            built: Built::default(),
            entries: Vec::new(),
            part: part.number,
            gap: self.gap,
            pipable: self.pipable,
        };
        file.built.bytes.resize(offset::END, 0);
        let references = self.references();
        if let Some(solid) = &self.solid {
            file.solid(solid, &self.contents(), &references);
        }
        for blob in &part.blobs {
            let place = file.resource(&blob.packed, blob.hash, 0, *references.get(&blob.hash).unwrap_or(&1));
            file.built.places.resources.push(place);
        }
        for image in part.images {
            let tree = image.metadata();
            let place = file.resource(&pack(&tree.bytes, self.packing()), sha1(&tree.bytes), flag::METADATA, 1);
            file.built.places.metadata.push(place);
            file.built.places.trees.push(tree);
        }
        self.tables(&mut file, part);
        file.built
    }

    /// Blob table, XML data, integrity table and header.
    fn tables(&self, file: &mut File, part: &Part<'_>) {
        let entries: Vec<u8> = file.entries.iter().flat_map(Entry::bytes).collect();
        let built = &mut file.built;
        let mut header = Header { part: part.number, parts: part.count, ..Header::default() }.packing(self.packing());
        header.flags |= self.flags | part.flags;
        if self.solid.is_some() {
            header.version = 0xE00;
        }
        header.guid = self.guid.unwrap_or(GUID);
        header.images = part.named_images.len() as u32;
        let (range, place) = append(&mut built.bytes, &entries, flag::METADATA);
        let Places { solid, resources, metadata, .. } = &mut built.places;
        for resource in solid.iter_mut().chain(resources).chain(metadata) {
            resource.entry = range.start + resource.entry * offset::BLOB_END;
        }
        (built.places.blob_table, header.blob_table) = (range, place);
        let xml = self.xml.bytes(part.named_images, built.bytes.len() as u64);
        (built.places.xml, header.xml) = append(&mut built.bytes, &xml, flag::METADATA);
        if let Some(chunk) = self.integrity {
            let table = integrity_table(&built.bytes[offset::END..built.places.blob_table.end], chunk);
            (built.places.integrity, header.integrity) = append(&mut built.bytes, &table, 0);
        }
        if part.number == 1 && self.boot_index > 0 {
            header.boot_index = self.boot_index;
            let boot = file.entries.iter().filter(|entry| entry.place.flags & flag::METADATA != 0);
            header.boot_metadata = boot.map(|entry| entry.place).nth(self.boot_index as usize - 1).unwrap_or_default();
        }
        if self.pipable {
            header.magic = pipe::MAGIC;
            built.bytes.extend(header.bytes());
            let none = ResourceHeader::default();
            (header.blob_table, header.xml, header.integrity) = (none, none, none);
        }
        built.bytes.poke(0, &header.bytes());
    }
}

/// An archive being written.
struct File {
    built: Built,
    entries: Vec<Entry>,
    part: u16,
    gap: usize,
    pipable: bool,
}

impl File {
    fn resource(&mut self, packed: &Packed, hash: [u8; 20], flags: u8, references: u32) -> Place {
        self.built.bytes.extend(std::iter::repeat_n(0xDD, self.gap));
        let piped;
        let packed = if self.pipable {
            self.built.bytes.extend(pipe::resource_prefix(packed.size, hash, packed.flags | flags));
            piped = pipe::piped(packed);
            &piped
        } else {
            packed
        };
        let (range, place) = append(&mut self.built.bytes, &packed.bytes, packed.flags | flags);
        let place = ResourceHeader { size: packed.size, ..place };
        self.entries.push(Entry { place, part: self.part, references, hash });
        let moved = |inner: &Range<usize>| range.start + inner.start..range.start + inner.end;
        let (table, chunks) = (moved(&(0..packed.table)), packed.chunks.iter().map(moved).collect());
        Place { hash, range, table, chunks, entry: self.entries.len() - 1 }
    }

    /// A run of solid resources, with `contents` dealt out in order, and their entries.
    fn solid(&mut self, solid: &Solid, contents: &[&[u8]], references: &HashMap<[u8; 20], u32>) {
        let shares: Vec<_> = contents.chunks(contents.len().div_ceil(solid.resources.max(1)).max(1)).collect();
        for share in &shares {
            let place = self.resource(&solid.pack(&share.concat()), [0; 20], 0, 1);
            self.built.places.solid.push(place);
        }
        let mut offset = 0;
        for (share, place) in shares.iter().zip(self.built.places.solid.clone()) {
            for data in *share {
                let (hash, size) = (sha1(data), data.len() as u64);
                let references = *references.get(&hash).unwrap_or(&1);
                let header = ResourceHeader { stored_size: size, flags: flag::SOLID, offset, size: 0 };
                self.entries.push(Entry { place: header, part: self.part, references, hash });
                let entry = self.entries.len() - 1;
                self.built.places.resources.push(Place { hash, entry, ..place.clone() });
                offset += size;
            }
        }
    }
}

/// Appends plain bytes; the resource header of nothing is zero.
fn append(file: &mut Vec<u8>, bytes: &[u8], flags: u8) -> (Range<usize>, ResourceHeader) {
    let range = file.len()..file.len() + bytes.len();
    let (size, offset) = (bytes.len() as u64, file.len() as u64);
    file.extend(bytes);
    let place = ResourceHeader { stored_size: size, flags, offset, size };
    (range, if bytes.is_empty() { ResourceHeader::default() } else { place })
}

/// An entry of the blob table.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Entry {
    /// Where it is.
    pub place: ResourceHeader,
    /// From 1.
    pub part: u16,
    /// Number of uses.
    pub references: u32,
    /// SHA-1.
    pub hash: [u8; 20],
}

impl Entry {
    /// Its 50 bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.place.bytes().to_vec();
        bytes.u16(self.part);
        bytes.u32(self.references);
        bytes.extend(self.hash);
        bytes
    }
}

/// The integrity table of the bytes from the end of the header to the end of the blob table.
pub fn integrity_table(covered: &[u8], chunk_size: usize) -> Vec<u8> {
    let hashes: Vec<[u8; 20]> = covered.chunks(chunk_size).map(sha1).collect();
    let mut bytes = Vec::new();
    bytes.u32(12 + 20 * hashes.len() as u32);
    bytes.u32(hashes.len() as u32);
    bytes.u32(chunk_size as u32);
    bytes.extend(hashes.iter().flatten());
    bytes
}
