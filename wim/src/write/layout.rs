//! The bytes of a metadata resource: security data, then the lists of directories in pre-order.
//!
//! Each list ends with eight zero bytes, the one of the root alone too; an empty directory has only
//! those. Everything begins at a multiple of 8, and what has no meaning is zero.

use std::collections::HashMap;

use zerocopy::IntoBytes;

use super::tree::{File, FileId, Link, OwnedAttribute, Tree, TreeError};
use crate::BlobHash;
use crate::metadata::raw::{NO_SECURITY, RawDentry, RawEa, RawItem, RawSecurityData, RawStream};
use crate::metadata::{Attributes, MAX_METADATA, TaggedItem, UnixData};

/// The bytes that end a list.
const END: u64 = 8;

/// An entry as it will be written: the root, or a name in a directory.
struct Entry<'a> {
    link: Option<&'a Link>,
    file: &'a File,
    id: FileId,
    /// The streams after the entry: the unnamed ones, then the named ones.
    streams: Vec<(&'a [u16], BlobHash)>,
    main_hash: BlobHash,
    /// Extended attributes packed, where there are some.
    attributes: Vec<u8>,
}

impl<'a> Entry<'a> {
    fn new(link: Option<&'a Link>, id: FileId, tree: &'a Tree) -> Self {
        let file = tree.file(id);
        let (main_hash, streams) = place_streams(file);
        Self { link, file, id, streams, main_hash, attributes: packed(&file.attributes_extended) }
    }

    fn names(&self) -> [&'a [u16]; 2] {
        self.link.map_or([&[], &[]], |link| [&link.name, &link.short_name])
    }

    /// The tagged items: the known ones in the order of their tags, then the others.
    fn items(&self) -> impl Iterator<Item = (u32, Vec<u8>)> + '_ {
        let object_id = self.file.object_id.clone().map(|id| (TaggedItem::OBJECT_ID, id));
        let attributes = Some(self.attributes.clone()).filter(|packed| !packed.is_empty());
        let attributes = attributes.map(|packed| (TaggedItem::EXTENDED_ATTRIBUTES, packed));
        let unix = self.file.unix.map(|unix| (TaggedItem::UNIX_DATA, unix_bytes(unix)));
        [object_id, attributes, unix].into_iter().flatten().chain(self.file.unknown_items.iter().cloned())
    }

    /// The bytes without the streams that follow.
    fn len(&self) -> u64 {
        let names: u64 = self.names().map(with_end).iter().sum();
        let items = self.items().map(|(_, data)| size_of::<RawItem>() as u64 + rounded(data.len() as u64));
        rounded(size_of::<RawDentry>() as u64 + names) + items.sum::<u64>()
    }

    fn len_with_streams(&self) -> u64 {
        self.len() + self.streams.iter().map(|(name, _)| stream_len(name)).sum::<u64>()
    }
}

/// A directory's list, in the order in which lists are written.
struct List<'a> {
    entries: Vec<Entry<'a>>,
    at: u64,
}

/// See [`Tree::to_bytes`].
pub(super) fn to_bytes(tree: &Tree) -> Result<Vec<u8>, TreeError> {
    let root = Entry::new(None, Tree::ROOT, tree);
    let (lists, starts) = lists(tree)?;
    let ids = security_ids(&root, &lists);
    let security = security_data(&ids);
    let before = security.len() as u64 + root.len_with_streams() + END;
    let size = before + lists.last().map_or(0, |list| list.at + len_of(&list.entries));
    if size > MAX_METADATA {
        return Err(TreeError::TooLarge { size });
    }

    let mut writer = Writer { out: security, tree, before, starts, ids, link_ids: HashMap::new() };
    writer.out.reserve_exact((size - writer.out.len() as u64) as usize);
    writer.entry(&root);
    writer.out.extend([0; END as usize]);
    for list in &lists {
        debug_assert_eq!(writer.out.len() as u64, before + list.at, "a list begins where it was planned");
        list.entries.iter().for_each(|entry| writer.entry(entry));
        writer.out.extend([0; END as usize]);
    }
    Ok(writer.out)
}

/// The lists of all directories in pre-order, and where each begins, counted from the first.
fn lists(tree: &Tree) -> Result<(Vec<List<'_>>, HashMap<FileId, u64>), TreeError> {
    let (mut lists, mut starts) = (Vec::new(), HashMap::new());
    let (mut at, mut to_come) = (0, vec![Tree::ROOT]);
    while let Some(directory) = to_come.pop() {
        let links = tree.children(directory)?;
        let entries: Vec<Entry<'_>> = links.iter().map(|link| Entry::new(Some(link), link.file, tree)).collect();
        let folders = links.iter().map(|link| link.file).filter(|&id| tree.file(id).attributes.is_directory());
        to_come.extend(folders.rev());
        starts.insert(directory, at);
        let end = at + len_of(&entries);
        lists.push(List { entries, at });
        at = end;
    }
    Ok((lists, starts))
}

fn len_of(entries: &[Entry<'_>]) -> u64 {
    entries.iter().map(Entry::len_with_streams).sum::<u64>() + END
}

/// Numbers the security descriptors by first use. Equal ones have one number.
fn security_ids<'a>(root: &Entry<'a>, lists: &[List<'a>]) -> HashMap<&'a [u8], u32> {
    let mut ids = HashMap::new();
    for entry in std::iter::once(root).chain(lists.iter().flat_map(|list| &list.entries)) {
        if let Some(descriptor) = &entry.file.security {
            let next = ids.len() as u32;
            ids.entry(&descriptor[..]).or_insert(next);
        }
    }
    ids
}

fn security_data(ids: &HashMap<&[u8], u32>) -> Vec<u8> {
    let mut descriptors: Vec<_> = ids.iter().collect();
    descriptors.sort_unstable_by_key(|(_, id)| **id);
    let sizes = descriptors.iter().flat_map(|(descriptor, _)| (descriptor.len() as u64).to_le_bytes());
    let mut out = vec![0; size_of::<RawSecurityData>()];
    out.extend(sizes);
    descriptors.iter().for_each(|(descriptor, _)| out.extend(**descriptor));
    pad(&mut out);
    let head = RawSecurityData::new(out.len() as u32, descriptors.len() as u32);
    out[..size_of::<RawSecurityData>()].copy_from_slice(head.as_bytes());
    out
}

/// The hash in the entry itself and the streams after it, as DISM writes them: without named streams a
/// file's only unnamed one is the main hash; otherwise all are listed, the unnamed ones first.
fn place_streams(file: &File) -> (BlobHash, Vec<(&[u16], BlobHash)>) {
    const UNNAMED: &[u16] = &[];
    if file.attributes.contains(Attributes::ENCRYPTED) {
        return (file.data, Vec::new()); // it holds all streams
    }
    let has_data = !file.data.is_zero();
    let mut unnamed: Vec<_> = file.reparse.iter().map(|(_, hash)| (UNNAMED, *hash)).collect();
    let is_directory = file.attributes.contains(Attributes::DIRECTORY);
    if !is_directory && (has_data || unnamed.is_empty()) {
        unnamed.push((UNNAMED, file.data));
    }
    if file.streams.is_empty() && unnamed.len() <= 1 {
        return (unnamed.first().map_or(BlobHash::default(), |(_, hash)| *hash), Vec::new());
    }
    let named = file.streams.iter().map(|(name, hash)| (&name[..], *hash));
    (BlobHash::default(), unnamed.into_iter().chain(named).collect())
}

/// Extended attributes as Windows packs them.
fn packed(attributes: &[OwnedAttribute]) -> Vec<u8> {
    let mut out = Vec::new();
    for attribute in attributes {
        let head = RawEa::new(attribute.value.len() as u16, attribute.name.len() as u8, attribute.flags);
        out.extend(head.as_bytes());
        out.extend(&attribute.name);
        out.push(0);
        out.extend(&attribute.value);
    }
    out
}

fn unix_bytes(unix: UnixData) -> Vec<u8> {
    [unix.uid, unix.gid, unix.mode, unix.rdev].into_iter().flat_map(u32::to_le_bytes).collect()
}

/// The bytes of a name with its end, which only names that are not empty have.
fn with_end(name: &[u16]) -> u64 {
    if name.is_empty() { 0 } else { 2 * name.len() as u64 + 2 }
}

fn stream_len(name: &[u16]) -> u64 {
    rounded(size_of::<RawStream>() as u64 + with_end(name))
}

fn rounded(len: u64) -> u64 {
    len.next_multiple_of(8)
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(8), 0);
}

struct Writer<'a> {
    out: Vec<u8>,
    tree: &'a Tree,
    /// Where the first list begins.
    before: u64,
    /// Where each directory's list begins after that.
    starts: HashMap<FileId, u64>,
    ids: HashMap<&'a [u8], u32>,
    /// The numbers of files with several names, by first appearance, from 1.
    link_ids: HashMap<FileId, u64>,
}

impl Writer<'_> {
    fn entry(&mut self, entry: &Entry<'_>) {
        let [name, short_name] = entry.names();
        let (unused, rest) = entry.file.unknown.split_first_chunk().expect("16 of 20 bytes");
        let unknown = rest.first_chunk().expect("the other 4");
        let raw = RawDentry {
            length: entry.len().into(),
            attributes: entry.file.attributes.0.into(),
            security_id: self.security_id(entry.file).into(),
            subdir: self.starts.get(&entry.id).map_or(0, |start| self.before + start).into(),
            created: entry.file.created.0.into(),
            accessed: entry.file.accessed.0.into(),
            written: entry.file.written.0.into(),
            hash: entry.main_hash.0,
            reparse_or_link: self.reparse_or_link(entry).into(),
            stream_count: (entry.streams.len() as u16).into(),
            short_name_bytes: (2 * short_name.len() as u16).into(),
            name_bytes: (2 * name.len() as u16).into(),
            unused: *unused,
            unknown: *unknown,
        };
        self.out.extend(raw.as_bytes());
        [name, short_name].into_iter().for_each(|name| self.name(name));
        pad(&mut self.out);
        for (tag, data) in entry.items() {
            self.out.extend(RawItem::new(tag, data.len() as u32).as_bytes());
            self.out.extend(data);
            pad(&mut self.out);
        }
        for (name, hash) in &entry.streams {
            self.out.extend(RawStream::new(stream_len(name), *hash, 2 * name.len() as u16).as_bytes());
            self.name(name);
            pad(&mut self.out);
        }
    }

    fn name(&mut self, name: &[u16]) {
        self.out.extend(name.iter().flat_map(|unit| unit.to_le_bytes()));
        if !name.is_empty() {
            self.out.extend([0; 2]);
        }
    }

    fn security_id(&self, file: &File) -> u32 {
        file.security.as_ref().map_or(NO_SECURITY, |descriptor| self.ids[&descriptor[..]])
    }

    /// The head of a reparse point, or the number that the names of a file share.
    fn reparse_or_link(&mut self, entry: &Entry<'_>) -> u64 {
        if let Some((head, _)) = entry.file.reparse {
            return u64::from(head.tag) | u64::from(head.reserved) << 32 | u64::from(head.flags) << 48;
        }
        if self.tree.name_count(entry.id) < 2 {
            return 0;
        }
        let next = self.link_ids.len() as u64 + 1;
        *self.link_ids.entry(entry.id).or_insert(next)
    }
}
