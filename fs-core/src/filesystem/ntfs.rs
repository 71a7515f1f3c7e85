//! What Windows asks of a file beyond what every platform does.

use wim::{CaseSensitivity, NodeId, reparse};

use super::paths::directories_to;
use super::{Attr, Filesystem, Kind, Target, describe, links, xattrs};
use crate::error::{Error, Result};
use crate::snapshot::{Ino, Node, Place};

/// Where links lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkTargets {
    /// Into their own image: what would lead out of it is rewritten, as on Unix.
    #[default]
    Inside,
    /// Wherever they are stored to lead.
    AsStored,
}

/// What Windows shows of a file besides its [`Attr`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowsAttr {
    /// `FILE_ATTRIBUTE_*`; 0 stands for `NORMAL`.
    pub attributes: u32,
    /// The tag of its reparse point; 0 where it shows none.
    pub reparse_tag: u32,
}

/// A reparse point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReparsePoint {
    /// As stored: a whole `REPARSE_DATA_BUFFER`.
    Stored(Vec<u8>),
    /// A link whose target was rewritten: a path from the link's own directory, WTF-8 with `/` between names.
    Link(Vec<u8>),
}

/// A named stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its number.
    pub ino: Ino,
    /// Its name in WTF-8, without the file's.
    pub name: Vec<u8>,
    /// Its size in bytes.
    pub size: u64,
}

/// What tells a mount from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The name of what is mounted, WTF-8.
    pub label: Vec<u8>,
    /// A number that stays the same as long as the store does.
    pub serial: u32,
}

impl Filesystem {
    /// As [`Filesystem::lookup`], with the name as listings write it.
    ///
    /// # Errors
    /// As [`Filesystem::lookup`].
    pub fn lookup_listed(&self, parent: Ino, name: &[u8]) -> Result<(Attr, Vec<u8>)> {
        let attr = self.lookup(parent, name)?;
        let listed = match self.target(parent)? {
            Target::Node(node) => {
                let units = wim::utf16_from_wtf8(name).unwrap_or_default();
                let child = node.tree.lookup(node.id(), &units, CaseSensitivity::Insensitive);
                child.map_or_else(|| name.to_vec(), |child| node.tree.dentry(child).name().to_shown_wtf8())
            }
            _ => self.path(attr.ino).rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec(),
        };
        Ok((attr, listed))
    }

    /// The place in the listing of a directory behind the entry with exactly this name; see [`Filesystem::read_dir`].
    ///
    /// # Errors
    /// [`Error::NotFound`] if it lists no such name, or why the directory cannot be read.
    pub fn place_behind(&self, directory: Ino, name: &[u8]) -> Result<u64> {
        if let Target::Node(node) = self.target(directory)? {
            let units = wim::utf16_from_wtf8(name).ok_or(Error::NotFound)?;
            let NodeId(child) =
                node.tree.lookup(node.id(), &units, CaseSensitivity::Sensitive).ok_or(Error::NotFound)?;
            return Ok(u64::from(child - node.tree.children(node.id()).start) + 3);
        }
        let mut found = Err(Error::NotFound);
        self.read_dir(directory, 2, &mut |entry| {
            if entry.name == name {
                found = Ok(entry.next);
            }
            if found.is_ok() { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        })?;
        found
    }

    /// The reparse point of a file or directory; `None` where it shows none.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn reparse_point(&self, ino: Ino, targets: LinkTargets) -> Result<Option<ReparsePoint>> {
        let facts = self.facts(ino)?;
        if facts.windows(targets).reparse_tag == 0 {
            return Ok(None);
        }
        let Target::Node(node) = self.target(ino)? else { return Err(Error::NoXattr) };
        let value = xattrs::reparse(&node.dentry()).ok_or(Error::NoXattr)?;
        let stored = self.read_value(&node, value).map_err(|error| self.said_of(ino, error))?;
        if targets == LinkTargets::AsStored || facts.attr.kind != Kind::Symlink || stays(&node, &stored)? {
            return Ok(Some(ReparsePoint::Stored(stored)));
        }
        self.read_link(ino).map(|target| Some(ReparsePoint::Link(target)))
    }

    /// The named streams of a file or directory.
    ///
    /// # Errors
    /// Why the image's metadata, or the sizes, cannot be read.
    pub fn streams(&self, ino: Ino) -> Result<Vec<StreamEntry>> {
        let Target::Node(node) = self.target(ino)? else { return Ok(Vec::new()) };
        let entry = |stream: wim::NamedStream<'_>| {
            let ino = Ino::of(Place::Stream(node.image.slot, node.inode, stream.index));
            // Not by its number: a file may have 65,535 streams, and finding one goes through those before it.
            let attr = describe::stream(&self.options, &node, ino, stream.hash)?;
            Ok(StreamEntry { ino, name: stream.name.to_shown_wtf8(), size: attr.size })
        };
        node.dentry().streams().named().map(entry).collect()
    }

    /// What tells this mount from others.
    pub fn volume(&self) -> Volume {
        let image = self.image_at(Ino::ROOT);
        let path = image.as_ref().map_or(self.source.path(), |image| &image.archive.path);
        let label = match &image {
            Some(image) => image.name.clone().into_bytes(),
            None => self.source.path().file_name().unwrap_or_default().as_encoded_bytes().to_vec(),
        };
        let seed = match &image {
            Some(image) => [&image.archive.header.guid.0[..], &image.number().to_le_bytes()].concat(),
            None => path.as_os_str().as_encoded_bytes().to_vec(),
        };
        let mut hasher = wim::BlobHasher::default();
        hasher.update(&seed);
        let [a, b, c, d, ..] = hasher.finish().0;
        Volume { label, serial: u32::from_le_bytes([a, b, c, d]) }
    }
}

/// Whether a stored link is relative and leads nowhere above its image's root on its way.
fn stays(node: &Node, stored: &[u8]) -> Result<bool> {
    let depth = directories_to(&node.tree, node.id()).len();
    let (head, data) = stored.split_at_checked(8).ok_or(Error::NotSymlink)?;
    let tag = head.first_chunk().map_or(0, |tag| u32::from_le_bytes(*tag));
    let link = reparse::parse_link(tag, data).map_err(|error| Error::archive(&node.image.archive.path, error))?;
    Ok(link.is_some_and(|link| links::stays_inside(&link, depth)))
}
