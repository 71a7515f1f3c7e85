//! An archive taken apart, so that its parts can be changed and laid out again.

use super::value::read;
use crate::bytes::{Bytes, sha1};
use crate::content;
use crate::dentry::{Dentry, dir, file, root};
use crate::image::Image;
use crate::resource::{Packing, ResourceHeader, pack, stored};
use crate::wim::{Built, Wim, integrity_table};
use crate::{flag, ntfs, offset, pipe, reparse};

/// An archive that mutants are made from.
#[derive(Clone, Debug)]
pub struct Specimen {
    /// How it was made.
    pub name: String,
    /// All fields of its header; places of the blob table and of what is after it are set when it
    /// is laid out.
    pub(super) header: Vec<u8>,
    /// All resources: what is between the header and the blob table.
    pub(super) body: Vec<u8>,
    /// Entries of the blob table, 50 bytes each.
    pub(super) rows: Vec<Vec<u8>>,
    /// The blob table's bytes after its last entry.
    pub(super) remainder: Vec<u8>,
    /// XML data.
    pub(super) xml: Vec<u8>,
    pub(super) checks: Checks,
    /// Images whose metadata is known.
    pub(super) trees: Vec<Tree>,
}

/// The integrity table to write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Checks {
    None,
    /// A right one, with blocks of so many bytes.
    Blocks(usize),
    /// These bytes, whatever they cover.
    Are(Vec<u8>),
}

impl Checks {
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::None => "no integrity table".to_owned(),
            Self::Blocks(size) => format!("right integrity table of blocks of {size} bytes"),
            Self::Are(_) => "integrity table left as it was".to_owned(),
        }
    }
}

/// An image's metadata.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// Index of its entry in the blob table.
    pub(super) row: usize,
    /// The archive that it was built from, unless another program made it.
    pub(super) image: Option<Image>,
    /// Uncompressed.
    pub(super) bytes: Vec<u8>,
    packing: Packing,
    is_stored: bool,
}

impl Tree {
    /// Takes other metadata, which has to be stored yet.
    pub(super) fn put(&mut self, bytes: Vec<u8>) {
        self.is_stored &= self.bytes == bytes;
        self.bytes = bytes;
    }
}

impl Specimen {
    /// An archive written here: all of its metadata is known.
    pub fn of(name: &str, wim: &Wim, built: &Built) -> Self {
        let mut specimen = Self::read(name, &built.bytes);
        let metadata = specimen.metadata_rows();
        let packing = wim.packing.unwrap_or(Packing::Stored);
        let trees = metadata.into_iter().zip(&wim.images).zip(&built.places.trees);
        let tree = |((row, image), tree): ((usize, &Image), &crate::Metadata)| Tree {
            row,
            image: Some(image.clone()),
            bytes: tree.bytes.clone(),
            packing,
            is_stored: true,
        };
        specimen.trees = trees.map(tree).collect();
        specimen
    }

    /// An archive written by another program, as it usually is: resources, blob table, XML data,
    /// integrity table.
    ///
    /// # Panics
    /// It is not like this.
    pub fn read(name: &str, bytes: &[u8]) -> Self {
        let is_pipable = bytes[..8] == pipe::MAGIC;
        let header = if is_pipable { &bytes[bytes.len() - offset::END..] } else { &bytes[..offset::END] };
        let part = |at: usize| {
            let (offset, size) = (read(&header[at + 8..at + 16]) as usize, read(&header[at..at + 7]) as usize);
            &bytes[offset..offset + size]
        };
        let (table, integrity) = (part(offset::BLOB_TABLE), part(offset::INTEGRITY));
        let table_at = read(&header[offset::BLOB_TABLE + 8..][..8]) as usize;
        assert!(table.len() % offset::BLOB_END == 0, "{name}: the blob table is not compressed");
        let checks = match integrity.get(offset::INTEGRITY_CHUNK..offset::INTEGRITY_HASHES) {
            Some(size) => Checks::Blocks(read(size) as usize),
            None => Checks::None,
        };
        let mut specimen = Self {
            name: name.to_owned(),
            header: header.to_vec(),
            body: bytes[offset::END..table_at].to_vec(),
            rows: table.chunks(offset::BLOB_END).map(<[u8]>::to_vec).collect(),
            remainder: Vec::new(),
            xml: part(offset::XML).to_vec(),
            checks,
            trees: Vec::new(),
        };
        specimen.trees = specimen.stored_trees();
        specimen
    }

    /// Metadata that is not compressed.
    fn stored_trees(&self) -> Vec<Tree> {
        let rows = self.metadata_rows().into_iter();
        let rows = rows.filter(|&row| self.rows[row][offset::RESOURCE_FLAGS] & flag::COMPRESSED == 0);
        let tree = |row: usize| {
            let bytes = self.resource(row).to_vec();
            Tree { row, image: None, bytes, packing: Packing::Stored, is_stored: true }
        };
        rows.map(tree).collect()
    }

    /// Indexes of the entries of images.
    fn metadata_rows(&self) -> Vec<usize> {
        let is_metadata = |row: &Vec<u8>| row[offset::RESOURCE_FLAGS] & flag::METADATA != 0;
        (0..self.rows.len()).filter(|&row| is_metadata(&self.rows[row])).collect()
    }

    pub(super) fn is_pipable(&self) -> bool {
        self.header[..8] == pipe::MAGIC
    }

    pub(super) fn has_checks(&self) -> bool {
        self.checks != Checks::None
    }

    /// Where the resource of an entry is in the body: nowhere, if its place is wrong or in a solid
    /// resource.
    pub(super) fn range(&self, row: usize) -> std::ops::Range<usize> {
        let row = &self.rows[row];
        let (size, offset) = (read(&row[..7]) as usize, read(&row[8..16]) as usize);
        let range = offset.wrapping_sub(offset::END)..offset.wrapping_sub(offset::END).wrapping_add(size);
        if self.body.get(range.clone()).is_some() { range } else { 0..0 }
    }

    fn resource(&self, row: usize) -> &[u8] {
        &self.body[self.range(row)]
    }

    /// Appends a resource that is not compressed, and an entry for it.
    pub(super) fn add_blob(&mut self, data: &[u8]) {
        let mut row = vec![0; offset::BLOB_END];
        row[offset::BLOB_PART] = 1;
        row[offset::BLOB_REFERENCES] = 1;
        row.poke(offset::BLOB_HASH, &sha1(data));
        self.rows.push(row);
        let packed = stored(data);
        self.append(self.rows.len() - 1, &packed.bytes, packed.size, 0);
    }

    /// Appends bytes to the body and makes an entry point to them.
    fn append(&mut self, row: usize, bytes: &[u8], size: u64, flags: u8) {
        if self.is_pipable() {
            let hash = self.rows[row][offset::BLOB_HASH..].try_into().expect("20 bytes");
            self.body.extend(pipe::resource_prefix(size, hash, flags));
        }
        let offset = (offset::END + self.body.len()) as u64;
        self.body.extend(bytes);
        let place = ResourceHeader { stored_size: bytes.len() as u64, flags, offset, size };
        self.rows[row].poke(0, &place.bytes());
    }

    /// Stores changed metadata: where it was if it is as long as before, otherwise after all other
    /// resources.
    pub(super) fn store_trees(&mut self, mend_hashes: bool) {
        for at in 0..self.trees.len() {
            if std::mem::replace(&mut self.trees[at].is_stored, true) {
                continue;
            }
            let tree = self.trees[at].clone();
            if mend_hashes {
                self.rows[tree.row].poke(offset::BLOB_HASH, &sha1(&tree.bytes));
            }
            let packed = if self.is_pipable() { stored(&tree.bytes) } else { pack(&tree.bytes, tree.packing) };
            let (flags, range) = (packed.flags | flag::METADATA, self.range(tree.row));
            if range.len() == packed.bytes.len() && self.rows[tree.row][offset::RESOURCE_FLAGS] == flags {
                self.body[range].copy_from_slice(&packed.bytes);
            } else {
                self.append(tree.row, &packed.bytes, packed.size, flags);
            }
        }
    }

    fn blob_table(&self) -> Vec<u8> {
        [self.rows.concat(), self.remainder.clone()].concat()
    }

    /// The integrity table as it would be now.
    pub(super) fn table(&self) -> Vec<u8> {
        match &self.checks {
            Checks::None => Vec::new(),
            Checks::Blocks(size) => integrity_table(&[&self.body[..], &self.blob_table()].concat(), *size),
            Checks::Are(bytes) => bytes.clone(),
        }
    }

    /// All of the file.
    pub(super) fn lay_out(&self) -> Vec<u8> {
        let mut bytes = self.header.clone();
        bytes.extend(&self.body);
        let mut header = self.header.clone();
        let parts = [
            (offset::BLOB_TABLE, self.blob_table()),
            (offset::XML, self.xml.clone()),
            (offset::INTEGRITY, self.table()),
        ];
        for (at, part) in parts {
            let flags = header[at + offset::RESOURCE_FLAGS];
            let (size, offset) = (part.len() as u64, bytes.len() as u64);
            let place = ResourceHeader { stored_size: size, flags, offset, size };
            header.poke(at, &if size == 0 { [0; offset::RESOURCE_END] } else { place.bytes() });
            bytes.extend(part);
        }
        if self.is_pipable() {
            bytes.extend(&header);
        } else {
            bytes.poke(0, &header);
        }
        bytes
    }
}

/// Something of everything, in few names and some 170 KB.
fn tree() -> Dentry {
    let code = content::code(40_000);
    let link = |name, target: &str| file(name, "").reparse(reparse::SYMLINK, reparse::symlink(target, target, true));
    let mut junction = dir("junction", []);
    junction = junction.reparse(reparse::JUNCTION, reparse::junction(r"\??\C:\docs", r"C:\docs"));
    root([
        dir(
            "docs",
            [
                file("hello.txt", "hello").security(0),
                file("text", content::text(70_000)),
                dir("deeper", [file("inner", "inner").short("INNER~1"), dir("bottom", [])]).security(1),
                file("named twice", &code).link(1),
            ],
        ),
        file("code", &code).link(1),
        file("noise", content::random(9000)).object_id(&[7; 16]),
        file("empty", ""),
        file("streams", "unnamed").stream("Zone", "zone").stream("more", content::text(600)),
        file("unix", "unix").unix(1000, 1000, 0o100_644, 0),
        dir("with stream", [file("child", "child")]).stream("folder stream", "of a folder"),
        link("link", r"docs\hello.txt"),
        link("link out", r"..\..\..\etc\passwd"),
        junction,
        dir("empty folder", []),
        file("hello again", "hello"),
        file("Straße-文件-🦀", "unicode"),
    ])
}

fn image() -> Image {
    let short = vec![1, 2, 3];
    Image { security: vec![ntfs::DESCRIPTOR.to_vec(), short], ..Image::new("one", tree()) }
}

/// An archive without images that has all data of [`specimens`].
pub fn supplier() -> Vec<u8> {
    Wim::of(Packing::Xpress(32768), [image()]).pair().1.bytes
}

/// Archives of one and of two images, in every way of storing that testkit has.
pub fn specimens() -> Vec<Specimen> {
    let second = || Image::new("two", root([file("hello", "hello"), file("own", content::text(5000))]));
    let wim = |packing| Wim::of(packing, [image(), second()]);
    let single = |packing| Wim::of(packing, [image()]);
    let lacking = single(Packing::Stored);
    [
        ("stored", single(Packing::Stored)),
        ("stored, checked", wim(Packing::Stored).integrity(4096)),
        ("stored, gaps, boot", Wim { gap: 24, boot_index: 2, ..wim(Packing::Stored) }),
        ("XPRESS of 4 KiB, checked", single(Packing::Xpress(4096)).integrity(4096)),
        ("XPRESS", wim(Packing::Xpress(32768))),
        ("LZX, checked", single(Packing::Lzx(32768)).integrity(10 << 20)),
        ("LZMS", single(Packing::Lzms(32768))),
        ("solid LZMS", single(Packing::Lzms(32768)).solid(Packing::Lzms(65536)).integrity(4096)),
        ("solid XPRESS", single(Packing::Stored).solid(Packing::Xpress(4096))),
        ("pipable XPRESS", Wim { pipable: true, ..single(Packing::Xpress(32768)) }),
    ]
    .into_iter()
    .map(|(name, wim)| Specimen::of(name, &wim, &wim.build()))
    .chain([Specimen::of("metadata only", &lacking, &lacking.pair().0)])
    .collect()
}
