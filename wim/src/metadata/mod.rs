//! The metadata of one image: its tree of names, and everything about files except their data.

mod dentry;
mod security;
mod seen;
mod streams;
mod tagged;
mod tree;

use std::cmp::Ordering;
use std::ops::Range;

/// Structures as stored, for reading and for writing.
pub(crate) mod raw {
    pub(crate) use super::dentry::{NO_SECURITY, RawDentry};
    pub(crate) use super::security::RawSecurityData;
    pub(crate) use super::streams::RawStream;
    pub(crate) use super::tagged::{RawEa, RawItem};
}

pub use dentry::{Attributes, Dentry, ReparseHead};
pub use streams::{NamedStream, Streams};
pub use tagged::{ExtendedAttribute, TaggedItem, UnixData};

use crate::warning::Warnings;
use crate::{Error, Name, Result, Warning, memory};
use security::SecurityData;
use tree::Builder;

/// The largest metadata resource in bytes: a thousand bytes for each of a million files.
pub(crate) const MAX_METADATA: u64 = 1 << 30;

/// The entry of a root directory with no children, for images that have none at all.
const EMPTY_ROOT: [u8; 104] = {
    let mut entry = [0; 104];
    (entry[0], entry[8]) = (104, Attributes::DIRECTORY.0 as u8);
    (entry[12], entry[13], entry[14], entry[15]) = (0xFF, 0xFF, 0xFF, 0xFF); // no security descriptor
    entry
};

/// A name in an image's tree. Children of a directory are consecutive, in the order of their shown
/// names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The root directory, which has no name.
    pub const ROOT: Self = Self(0);
}

/// An inode: shared by the names of a hard-link group, and one of its own for every other name. 0
/// is the root's.
///
/// Numbered by the order in which nodes first use them, so the same metadata always gives the same
/// numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(pub u32);

/// Whether names that differ only in case are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaseSensitivity {
    /// They are different.
    Sensitive,
    /// They are the same; an exact match is preferred, then the first in directory order.
    Insensitive,
}

/// The metadata of one image, parsed: the decoded bytes as they are, and small arrays of places in
/// them.
#[derive(Debug)]
pub struct Metadata {
    bytes: Vec<u8>,
    security: SecurityData,
    nodes: Vec<Node>,
    inodes: Vec<Inode>,
    warnings: Vec<Warning>,
}

/// A name's place in the bytes and in the tree.
#[derive(Debug, Clone, Copy)]
struct Node {
    at: u32,
    parent: u32,
    inode: u32,
    first_child: u32,
    child_count: u32,
    /// The next name of the same inode, or [`NO_NODE`].
    next_link: u32,
}
const NO_NODE: u32 = u32::MAX;
const NO_INODE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Inode {
    first_node: u32,
    links: u32,
}
const _: () = assert!(size_of::<Node>() + size_of::<Inode>() <= 40);

impl Metadata {
    /// Parses the uncompressed bytes of a metadata resource.
    ///
    /// Takes time and memory linear in `bytes`, except for sorting names. Entries that cannot be
    /// shown or read are left out with a warning; a directory whose list is damaged keeps the
    /// entries before the damage.
    ///
    /// # Errors
    /// The fault of the security data or the root directory entry;
    /// [`Error::TooLarge`](crate::Error::TooLarge) above 1 GiB.
    pub fn parse(mut bytes: Vec<u8>) -> Result<Self> {
        let size = bytes.len() as u64;
        if size > MAX_METADATA {
            return Err(Error::TooLarge { what: "metadata", at: 0, size, limit: MAX_METADATA });
        }
        let mut warnings = Warnings::default();
        let security = SecurityData::parse(&bytes, &mut warnings)?;
        let root = place_of_root(&mut bytes, security.end as usize, &mut warnings)?;
        let mut tree = Builder::new(&bytes, &security, &mut warnings)?;
        tree.build(root)?;
        let Builder { mut nodes, mut inodes, .. } = tree;
        bytes.shrink_to_fit();
        nodes.shrink_to_fit();
        inodes.shrink_to_fit();
        Ok(Self { bytes, security, nodes, inodes, warnings: warnings.into_vec() })
    }

    /// The number of names, the root included.
    #[must_use]
    pub fn node_count(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// The number of inodes, the root's included.
    #[must_use]
    pub fn inode_count(&self) -> u32 {
        self.inodes.len() as u32
    }

    /// The directory entry of `node`.
    #[must_use]
    pub fn dentry(&self, node: NodeId) -> Dentry<'_> {
        let at = self.nodes[node.0 as usize].at;
        Dentry::at(&self.bytes, at, self.security.count(), node == NodeId::ROOT)
    }

    /// The children of `node`, as node numbers; empty for anything but directories.
    #[must_use]
    pub fn children(&self, node: NodeId) -> Range<u32> {
        let node = self.nodes[node.0 as usize];
        node.first_child..node.first_child + node.child_count
    }

    /// The directory that `node` is in; the root's is the root.
    #[must_use]
    pub fn parent(&self, node: NodeId) -> NodeId {
        NodeId(self.nodes[node.0 as usize].parent)
    }

    /// The child of `directory` that is shown as `name`, in UTF-16 units.
    #[must_use]
    pub fn lookup(&self, directory: NodeId, name: &[u16], case: CaseSensitivity) -> Option<NodeId> {
        // These units are never shown, and would match their stand-ins.
        if name.contains(&0) || name.contains(&u16::from(b'/')) {
            return None;
        }
        let bytes: Vec<u8> = name.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let name = Name::new(&bytes);
        let exact = self.find(directory, |child| child.cmp_shown(name));
        if exact.is_some() || case == CaseSensitivity::Sensitive {
            return exact;
        }
        self.find(directory, |child| child.cmp_folded(name))
    }

    /// The first child of `directory` whose name `compare` finds equal; names are in ascending
    /// order.
    fn find(&self, directory: NodeId, compare: impl Fn(Name<'_>) -> Ordering) -> Option<NodeId> {
        let Range { mut start, end } = self.children(directory);
        let mut above = end;
        while start < above {
            let middle = start + (above - start) / 2;
            match compare(self.dentry(NodeId(middle)).name()) {
                Ordering::Less => start = middle + 1,
                Ordering::Equal | Ordering::Greater => above = middle,
            }
        }
        let found = start < end && compare(self.dentry(NodeId(start)).name()).is_eq();
        found.then_some(NodeId(start))
    }

    /// The inode that `node` is a name of.
    #[must_use]
    pub fn inode(&self, node: NodeId) -> InodeId {
        InodeId(self.nodes[node.0 as usize].inode)
    }

    /// The first name of `inode`: its directory entry gives the attributes of all names.
    #[must_use]
    pub fn first_node(&self, inode: InodeId) -> NodeId {
        NodeId(self.inodes[inode.0 as usize].first_node)
    }

    /// The link count of `inode`: how many names it has, or for directories 2 and one for each
    /// directory in it.
    #[must_use]
    pub fn link_count(&self, inode: InodeId) -> u32 {
        self.inodes[inode.0 as usize].links
    }

    /// All names of `inode`, by number.
    pub fn nodes_of(&self, inode: InodeId) -> impl Iterator<Item = NodeId> + '_ {
        let first = self.first_node(inode);
        std::iter::successors(Some(first), |node| {
            Some(self.nodes[node.0 as usize].next_link).filter(|&next| next != u32::MAX).map(NodeId)
        })
    }

    /// The self-relative security descriptor that directory entries refer to as `id`; `None` for an
    /// unused slot too.
    #[must_use]
    pub fn security_descriptor(&self, id: u32) -> Option<&[u8]> {
        self.security.get(&self.bytes, id).filter(|descriptor| !descriptor.is_empty())
    }

    /// The number of security descriptors.
    #[must_use]
    pub fn security_descriptor_count(&self) -> u32 {
        self.security.count()
    }

    /// The security descriptors in the order of their ids. An empty one is an unused slot.
    pub fn security_descriptors(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.security_descriptor_count()).map(|id| self.security_descriptor(id).unwrap_or_default())
    }

    /// The path of `node` from the root in WTF-8: shown names joined by `/`, without a leading one;
    /// empty for the root.
    #[must_use]
    pub fn path(&self, node: NodeId) -> Vec<u8> {
        let ancestors = std::iter::successors(Some(node), |&node| Some(self.parent(node)));
        let mut names: Vec<_> = ancestors.take_while(|&node| node != NodeId::ROOT).collect();
        let mut path = Vec::new();
        while let Some(node) = names.pop() {
            self.dentry(node).name().push_shown_wtf8(&mut path);
            if !names.is_empty() {
                path.push(b'/');
            }
        }
        path
    }

    /// Memory used, in bytes.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        let arrays = size_of_val(&*self.nodes) + size_of_val(&*self.inodes) + size_of_val(&*self.warnings);
        self.bytes.capacity() + arrays + self.security.memory_size()
    }

    /// Anomalies that were tolerated while parsing.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// Where the root's entry is: at `at`, or at the end of `bytes` after one was appended to an image
/// without a root.
fn place_of_root(bytes: &mut Vec<u8>, at: usize, warnings: &mut Warnings) -> Result<u32> {
    let length = bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|&length| u64::from_le_bytes(length));
    if length.is_none_or(|length| length > 8) {
        return Ok(at as u32);
    }
    warnings.push(Warning::EmptyImage { at: at as u64 });
    let root = bytes.len().next_multiple_of(8);
    memory::resize(bytes, 0, root + EMPTY_ROOT.len())?;
    bytes[root..].copy_from_slice(&EMPTY_ROOT);
    Ok(root as u32)
}

#[cfg(test)]
mod tests;
