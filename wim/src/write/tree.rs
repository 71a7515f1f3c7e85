//! The tree of an image, to be written: files, and the names by which directories hold them.

mod parsed;

use std::collections::HashMap;

use super::layout;
use crate::metadata::{Attributes, MAX_METADATA, ReparseHead, TaggedItem, UnixData};
use crate::{BlobHash, FileTime, upcase, wtf8_from_utf16};

/// The most UTF-16 units of a name on NTFS.
const MAX_NAME: usize = 255;

/// The most UTF-16 units of a short name: eight, a dot and three.
const MAX_SHORT_NAME: usize = 12;

/// The most streams with a name that a file can have.
const MAX_STREAMS: usize = u16::MAX as usize - 2;

/// A file or directory without its names: what hard links share.
///
/// Hashes are those of uncompressed data; [`BlobHash::default`] (all zero) is an empty stream. They may
/// be set when the tree is already there: see [`Tree::file_mut`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// Windows' attribute bits. A directory has [`Attributes::DIRECTORY`]; with
    /// [`Attributes::REPARSE_POINT`] in addition it has no children.
    pub attributes: Attributes,
    /// Its self-relative security descriptor; `None` for none. Equal ones are stored once.
    pub security: Option<Vec<u8>>,
    /// When it was created.
    pub created: FileTime,
    /// When it was last read.
    pub accessed: FileTime,
    /// When its data was last written.
    pub written: FileTime,
    /// Its data, or with [`Attributes::ENCRYPTED`] the raw encrypted file; zero for directories.
    pub data: BlobHash,
    /// The head of the reparse point that it is, with [`Attributes::REPARSE_POINT`].
    pub reparse: Option<(ReparseHead, BlobHash)>,
    /// Its named data streams: names in UTF-16 units, without colons.
    pub streams: Vec<(Vec<u16>, BlobHash)>,
    /// The NTFS object id: 16 to 64 bytes.
    pub object_id: Option<Vec<u8>>,
    /// Extended attributes, Windows' own and Linux's with their prefix.
    pub attributes_extended: Vec<OwnedAttribute>,
    /// Owner, mode and device as wimlib stores them.
    pub unix: Option<UnixData>,
    /// The bytes of entries without a known meaning: 16 of 0x18, and 4 of 0x54. Zero in new files.
    pub unknown: [u8; 20],
    /// Tagged items of other kinds than those above: tags and data. None in new files.
    pub unknown_items: Vec<(u32, Vec<u8>)>,
}

/// An extended attribute to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedAttribute {
    /// Its name, up to 255 bytes without NUL.
    pub name: Vec<u8>,
    /// Its value, up to 65,535 bytes.
    pub value: Vec<u8>,
    /// 0x80 if a program that does not understand it must not use the file.
    pub flags: u8,
}

/// A file of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A name in a directory.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) name: Vec<u16>,
    pub(super) short_name: Vec<u16>,
    pub(super) file: FileId,
}

/// The directory tree of an image, to be written as its metadata.
///
/// ```
/// use wim::write::{File, Tree};
/// use wim::{Attributes, BlobHash, CaseSensitivity, Metadata, NodeId};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = File { attributes: Attributes::DIRECTORY, ..File::default() };
/// let mut tree = Tree::new(directory);
/// let file = File { attributes: Attributes::ARCHIVE, data: BlobHash::of(b"hello"), ..File::default() };
/// let file = tree.add(file);
/// let name: Vec<u16> = "greeting.txt".encode_utf16().collect();
/// tree.link(Tree::ROOT, &name, &[], file)?;
///
/// let metadata = Metadata::parse(tree.to_bytes()?)?;
/// let node = metadata.lookup(NodeId::ROOT, &name, CaseSensitivity::Sensitive).ok_or("no such name")?;
/// assert_eq!(metadata.dentry(node).streams().unnamed, Some(BlobHash::of(b"hello")));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Tree {
    files: Vec<File>,
    /// The entries of directories, in the order of [`Tree::link`].
    lists: HashMap<FileId, Vec<Link>>,
    /// The number of names of each file.
    names: Vec<u32>,
}

/// The reason why a name, or a tree, cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A name, of a file or of a stream, breaks a rule of the format or of NTFS.
    #[error("the name {name:?} cannot be stored: {rule}")]
    Name {
        /// The name, with replacement characters for what is not Unicode.
        name: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A file breaks a rule of the format.
    #[error("the file {name:?} cannot be stored: {rule}")]
    File {
        /// One of its names.
        name: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The metadata would be larger than any program reads.
    #[error("the metadata of an image would take {size} bytes, more than the limit of {MAX_METADATA}")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
    },
}

impl Tree {
    /// The root directory.
    pub const ROOT: FileId = FileId(0);

    /// A tree of a root directory alone.
    #[must_use]
    pub fn new(root: File) -> Self {
        Self { files: vec![root], lists: HashMap::new(), names: vec![0] }
    }

    /// Adds a file without a name.
    pub fn add(&mut self, file: File) -> FileId {
        self.files.push(file);
        self.names.push(0);
        FileId(self.files.len() as u32 - 1)
    }

    /// Gives a file a name in a directory: a second one makes a hard link. `short_name` is its 8.3 name,
    /// empty for none. Directories have one name; their own names must not lie below themselves.
    ///
    /// # Errors
    /// A rule that the name breaks: empty, `.` or `..`, with a NUL or slash, or longer than 255 units.
    /// Names that occur twice are found by [`Tree::to_bytes`].
    pub fn link(&mut self, directory: FileId, name: &[u16], short_name: &[u16], file: FileId) -> Result<(), TreeError> {
        check_name(name, MAX_NAME)?;
        if !short_name.is_empty() {
            check_name(short_name, MAX_SHORT_NAME)?;
        }
        if !self.file(directory).attributes.is_directory() {
            return Err(refused(name, "what holds it is no directory"));
        }
        let has_name = self.names[file.0 as usize] > 0 || file == Self::ROOT;
        if has_name && self.file(file).attributes.is_directory() {
            return Err(refused(name, "a directory has one name"));
        }
        self.names[file.0 as usize] += 1;
        let link = Link { name: name.to_vec(), short_name: short_name.to_vec(), file };
        self.lists.entry(directory).or_default().push(link);
        Ok(())
    }

    /// A file of the tree.
    ///
    /// # Panics
    /// `id` is of another tree.
    #[must_use]
    pub fn file(&self, id: FileId) -> &File {
        &self.files[id.0 as usize]
    }

    /// A file of the tree, to be changed: hashes are often known only when the data has been written.
    ///
    /// # Panics
    /// `id` is of another tree.
    pub fn file_mut(&mut self, id: FileId) -> &mut File {
        &mut self.files[id.0 as usize]
    }

    /// The number of names of a file; 0 for the root.
    ///
    /// # Panics
    /// `id` is of another tree.
    #[must_use]
    pub fn name_count(&self, id: FileId) -> u32 {
        self.names[id.0 as usize]
    }

    /// All files in the order of [`Tree::add`], the root first.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &File)> {
        (0..).map(FileId).zip(&self.files)
    }

    /// The uncompressed bytes of the metadata resource. The same tree always makes the same bytes,
    /// whatever the order in which names were added.
    ///
    /// # Errors
    /// Two equal names in a directory, a file that breaks a rule of the format, or more than 1 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TreeError> {
        layout::to_bytes(self)
    }

    /// The names in a directory, in the order in which NTFS lists them.
    pub(super) fn children(&self, directory: FileId) -> Result<Vec<&Link>, TreeError> {
        let mut links: Vec<&Link> = self.lists.get(&directory).into_iter().flatten().collect();
        links.sort_by_cached_key(|link| collation_key(&link.name));
        for pair in links.windows(2) {
            if pair[0].name == pair[1].name {
                return Err(refused(&pair[0].name, "its directory has it twice"));
            }
        }
        for link in &links {
            check_file(self.file(link.file)).map_err(|rule| TreeError::File { name: text(&link.name), rule })?;
        }
        Ok(links)
    }
}

/// The key of NTFS's order of names: without case, then by code units.
fn collation_key(name: &[u16]) -> (Vec<u16>, Vec<u16>) {
    (name.iter().map(|&unit| upcase(unit)).collect(), name.to_vec())
}

fn check_name(name: &[u16], max: usize) -> Result<(), TreeError> {
    const DOT: u16 = b'.' as u16;
    let rule = if name.is_empty() {
        "it is empty"
    } else if matches!(name, [DOT] | [DOT, DOT]) {
        "it means a directory"
    } else if name.contains(&0) || name.contains(&u16::from(b'/')) {
        "it has a NUL or a slash"
    } else if name.len() > max {
        "it is longer than NTFS allows"
    } else {
        return Ok(());
    };
    Err(refused(name, rule))
}

/// Holds a file against the rules of the format.
fn check_file(file: &File) -> Result<(), &'static str> {
    let attributes = file.attributes;
    if attributes.contains(Attributes::REPARSE_POINT) != file.reparse.is_some() {
        return Err("a reparse point has a tag, and nothing else has one");
    }
    if attributes.contains(Attributes::DIRECTORY) && !file.data.is_zero() {
        return Err("a directory has no data");
    }
    if file.streams.len() > MAX_STREAMS {
        return Err("it has too many streams");
    }
    if file.streams.iter().any(|(name, _)| check_name(name, MAX_NAME).is_err()) {
        return Err("a stream's name is empty, too long, or has a NUL or a slash");
    }
    if file.object_id.as_ref().is_some_and(|id| !(16..=64).contains(&id.len())) {
        return Err("an object id has 16 to 64 bytes");
    }
    let is_too_long = |attribute: &OwnedAttribute| {
        attribute.name.len() > usize::from(u8::MAX) || attribute.value.len() > usize::from(u16::MAX)
    };
    if file.attributes_extended.iter().any(is_too_long) {
        return Err("an extended attribute has at most 255 bytes of name and 65,535 of value");
    }
    if file.unknown_items.iter().any(|(tag, _)| TaggedItem::WRITTEN_BY_NAME.contains(tag)) {
        return Err("an item of this kind has a field of its own");
    }
    Ok(())
}

fn refused(name: &[u16], rule: &'static str) -> TreeError {
    TreeError::Name { name: text(name), rule }
}

fn text(name: &[u16]) -> String {
    String::from_utf8_lossy(&wtf8_from_utf16(name.iter().copied())).into_owned()
}

#[cfg(test)]
mod tests;
