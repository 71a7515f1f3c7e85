//! Images: a tree and its security descriptors, laid out as a metadata resource.

use crate::bytes::Bytes;
use crate::dentry::{Children, Dentry};
use crate::offset;
use std::collections::HashMap;

/// An image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// Its name in the XML data; none if empty.
    pub name: String,
    /// Security descriptors, numbered from 0.
    pub security: Vec<Vec<u8>>,
    /// The root, without a name; without a root only the end mark is written.
    pub root: Option<Dentry>,
    /// Lists of children that dentries may share: see [`Children::Shared`].
    pub lists: Vec<Vec<Dentry>>,
    /// Takes the place of all the above in the metadata resource; blobs still come from the tree.
    pub raw: Option<Vec<u8>>,
    /// More elements for its XML, as they are to stand there.
    pub xml: String,
}

/// Where a dentry landed in its metadata resource.
#[derive(Clone, Debug, PartialEq)]
pub struct DentryPlace {
    /// Index of the directory's place; none for the root.
    pub parent: Option<usize>,
    /// Its name, as far as it is text.
    pub name: String,
    /// Its first byte.
    pub at: usize,
    /// Its first extra stream entry, or the next dentry.
    pub streams: usize,
}

/// A metadata resource, and where everything is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Uncompressed.
    pub bytes: Vec<u8>,
    /// Length of the security data with its padding: here the root starts.
    pub security: usize,
    /// All dentries, in the order in which they are stored.
    pub dentries: Vec<DentryPlace>,
}

impl Metadata {
    /// Offset of the dentry at this path, such as `dir/file`; the root is the empty path.
    pub fn at(&self, path: &str) -> usize {
        let start = self.dentries.iter().position(|place| place.parent.is_none());
        let mut here = start.expect("the image has a root");
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let child = self.dentries.iter().position(|place| place.parent == Some(here) && place.name == name);
            here = child.unwrap_or_else(|| panic!("{path} is not in the image"));
        }
        self.dentries[here].at
    }

    /// Offset of the first extra stream entry of the dentry at this path.
    pub fn streams_at(&self, path: &str) -> usize {
        let at = self.at(path);
        self.dentries.iter().find(|place| place.at == at).expect("found above").streams
    }
}

impl Image {
    /// An image of this name and tree.
    pub fn new(name: &str, root: Dentry) -> Self {
        Self { name: name.to_owned(), root: Some(root), ..Self::default() }
    }

    /// Adds a security descriptor; its index is the number of those added before.
    pub fn descriptor(mut self, descriptor: &[u8]) -> Self {
        self.security.push(descriptor.to_vec());
        self
    }

    /// Changes the metadata after it is laid out; its hash will be right.
    pub fn tamper(mut self, change: impl FnOnce(&mut Metadata)) -> Self {
        let mut metadata = self.metadata();
        change(&mut metadata);
        self.raw = Some(metadata.bytes);
        self
    }

    /// Its metadata resource.
    pub fn metadata(&self) -> Metadata {
        let mut layout = Layout::new(self);
        layout.metadata.bytes = security_data(&self.security);
        layout.metadata.security = layout.metadata.bytes.len();
        if let Some(root) = &self.root {
            layout.dentry(root, None);
        }
        layout.metadata.bytes.u64(0);
        while let Some(list) = layout.waiting.pop() {
            layout.list(list);
        }
        if let Some(raw) = &self.raw {
            layout.metadata.bytes.clone_from(raw);
        }
        layout.metadata
    }

    /// Every dentry once, shared lists too.
    pub fn dentries(&self) -> Vec<&Dentry> {
        let mut all: Vec<&Dentry> = self.root.iter().chain(self.lists.iter().flatten()).collect();
        let mut next = 0;
        while let Some(dentry) = all.get(next) {
            if let Children::List(children) = &dentry.children {
                all.extend(children);
            }
            next += 1;
        }
        all
    }
}

/// A list to be written, the dentry's place it belongs to, and where to put its offset.
struct Waiting<'a> {
    children: &'a [Dentry],
    shared: Option<usize>,
    parent: usize,
    pointer: usize,
}

struct Layout<'a> {
    image: &'a Image,
    metadata: Metadata,
    waiting: Vec<Waiting<'a>>,
    shared: HashMap<usize, u64>,
}

impl<'a> Layout<'a> {
    fn new(image: &'a Image) -> Self {
        Self { image, metadata: Metadata::default(), waiting: Vec::new(), shared: HashMap::new() }
    }

    fn dentry(&mut self, dentry: &'a Dentry, parent: Option<usize>) {
        let at = self.metadata.bytes.len();
        let streams: usize = dentry.streams.iter().map(|stream| stream.bytes().len()).sum();
        self.metadata.bytes.extend(dentry.bytes());
        let name: Vec<u16> = dentry.name.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let place = self.metadata.dentries.len();
        self.metadata.dentries.push(DentryPlace {
            parent,
            name: String::from_utf16_lossy(&name),
            at,
            streams: self.metadata.bytes.len() - streams,
        });
        let pointer = at + offset::DENTRY_SUBDIR;
        let waiting = |children, shared| Waiting { children, shared, parent: place, pointer };
        match &dentry.children {
            Children::None => {}
            Children::At(offset) => self.metadata.bytes.poke_u64(pointer, *offset),
            Children::List(children) => self.waiting.push(waiting(children, None)),
            Children::Shared(index) => self.waiting.push(waiting(&self.image.lists[*index], Some(*index))),
        }
    }

    fn list(&mut self, list: Waiting<'a>) {
        let here = self.metadata.bytes.len() as u64;
        let known = list.shared.and_then(|index| self.shared.get(&index).copied());
        self.metadata.bytes.poke_u64(list.pointer, known.unwrap_or(here));
        if known.is_some() {
            return;
        }
        if let Some(index) = list.shared {
            self.shared.insert(index, here);
        }
        let waiting = self.waiting.len();
        for child in list.children {
            self.dentry(child, Some(list.parent));
        }
        self.metadata.bytes.u64(0);
        self.waiting[waiting..].reverse(); // the first child's list comes first
    }
}

/// The security data block: total length, count, sizes, descriptors, padding.
pub fn security_data(descriptors: &[Vec<u8>]) -> Vec<u8> {
    let total = 8 + descriptors.iter().map(|descriptor| 8 + descriptor.len()).sum::<usize>();
    let mut bytes = Vec::new();
    bytes.u32(total.next_multiple_of(8) as u32);
    bytes.u32(descriptors.len() as u32);
    for descriptor in descriptors {
        bytes.u64(descriptor.len() as u64);
    }
    bytes.extend(descriptors.iter().flatten());
    bytes.align8();
    bytes
}
