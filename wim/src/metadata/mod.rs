//! The metadata of one image: its tree of names, and everything about files but their data.

mod dentry;
mod streams;
mod tagged;

use std::ops::Range;

pub use dentry::{Attributes, Dentry, ReparseHead};
pub use streams::{NamedStream, Streams};
pub use tagged::{ExtendedAttribute, TaggedItem, UnixData};

use crate::{Result, Warning};

/// A name in an image's tree. Children of a directory are consecutive, in the order of their shown names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The root directory, which has no name.
    pub const ROOT: Self = Self(0);
}

/// What the names of a hard-link group share; every other name has one of its own. 0 is the root's.
///
/// Numbered by the order in which nodes first use them, so the same metadata always gives the same numbers.
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

/// The metadata of one image, parsed: the decoded bytes as they are, and small arrays of places in them.
#[derive(Debug)]
pub struct Metadata {
    bytes: Vec<u8>,
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
    next_link: u32,
}

#[derive(Debug, Clone, Copy)]
struct Inode {
    first_node: u32,
    links: u32,
}

impl Metadata {
    /// Parses the uncompressed bytes of a metadata resource.
    ///
    /// Takes time and memory linear in `bytes` but for sorting names. Entries that cannot be shown or read are left out
    /// with a warning; a directory whose list is damaged keeps the entries before the damage.
    ///
    /// # Errors
    /// What is wrong with the security data or the root directory entry; [`Error::TooLarge`](crate::Error::TooLarge)
    /// above 1 GiB.
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        let _ = bytes;
        todo!()
    }

    /// The bytes it takes in memory.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.nodes) + size_of_val(&*self.inodes)
    }

    /// How many names there are, with the root.
    #[must_use]
    pub fn node_count(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// How many inodes there are, with the root's.
    #[must_use]
    pub fn inode_count(&self) -> u32 {
        self.inodes.len() as u32
    }

    /// The directory entry of `node`.
    #[must_use]
    pub fn dentry(&self, node: NodeId) -> Dentry<'_> {
        let _ = (node, &self.bytes, self.nodes[0].at);
        todo!()
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
        let _ = (directory, name, case);
        todo!()
    }

    /// The inode that `node` is a name of.
    #[must_use]
    pub fn inode(&self, node: NodeId) -> InodeId {
        InodeId(self.nodes[node.0 as usize].inode)
    }

    /// The first name of `inode`: the one whose directory entry speaks for all.
    #[must_use]
    pub fn first_node(&self, inode: InodeId) -> NodeId {
        NodeId(self.inodes[inode.0 as usize].first_node)
    }

    /// The link count of `inode`: how many names it has, or for directories 2 and one for each directory in it.
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

    /// The self-relative security descriptor that directory entries refer to as `id`.
    #[must_use]
    pub fn security_descriptor(&self, id: u32) -> Option<&[u8]> {
        let _ = id;
        todo!()
    }

    /// How many security descriptors there are.
    #[must_use]
    pub fn security_descriptor_count(&self) -> u32 {
        todo!()
    }

    /// The security descriptors in the order of their ids. An empty one is an unused slot.
    pub fn security_descriptors(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.security_descriptor_count()).map(|id| self.security_descriptor(id).unwrap_or_default())
    }

    /// The path of `node` from the root in WTF-8: shown names with `/` between and none in front; empty for the root.
    #[must_use]
    pub fn path(&self, node: NodeId) -> Vec<u8> {
        let _ = node;
        todo!()
    }

    /// What was put up with while parsing.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}
