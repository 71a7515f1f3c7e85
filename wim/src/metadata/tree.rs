//! Builds an image's tree from its lists of directory entries.
//!
//! Directories are taken in the order of their node numbers, so that this order is the queue of
//! those still to be read, and the children of each become consecutive nodes. Lists may point
//! anywhere, also at each other: every byte is read as a directory entry at most once.

use super::dentry::{Extent, ListFault};
use super::security::SecurityData;
use super::seen::Seen;
use super::{Dentry, Inode, NO_INODE, NO_NODE, Node, NodeId};
use crate::warning::{EntryProblem, Warnings};
use crate::{BlobHash, Error, Name, Result, Warning, memory, upcase};

/// How deep directories may be nested.
const MAX_DEPTH: u32 = 16384;
/// The longest name that a filesystem can offer, in bytes of WTF-8.
const MAX_NAME: usize = 1024;

/// A tree being built.
pub(super) struct Builder<'a> {
    bytes: &'a [u8],
    security: &'a SecurityData,
    seen: Seen,
    pub(super) nodes: Vec<Node>,
    pub(super) inodes: Vec<Inode>,
    /// Every directory found so far, by node number; its end is the queue of those still to be
    /// read.
    directories: Vec<Directory>,
    /// Hard-link id and node of every name that may be one of several.
    links: Vec<(u64, u32)>,
    /// Offsets of the entries of the list being read.
    children: Vec<u32>,
    warnings: &'a mut Warnings,
}

/// A directory that was found.
struct Directory {
    node: u32,
    /// Offset of the list of its children; 0 for none.
    list: u32,
    depth: u32,
    subdirectories: u32,
}

impl<'a> Builder<'a> {
    /// A tree whose root has its entry at `root`.
    pub(super) fn new(bytes: &'a [u8], security: &'a SecurityData, warnings: &'a mut Warnings) -> Result<Self> {
        Ok(Self {
            bytes,
            security,
            seen: Seen::new(bytes.len())?,
            nodes: Vec::new(),
            inodes: Vec::new(),
            directories: Vec::new(),
            links: Vec::new(),
            children: Vec::new(),
            warnings,
        })
    }

    /// Reads the root's entry at `at`, and everything below it.
    pub(super) fn build(&mut self, at: u32) -> Result<()> {
        self.root(at)?;
        let mut next = 0;
        while next < self.directories.len() {
            self.list(next)?;
            next += 1;
        }
        self.number_inodes()
    }

    fn root(&mut self, at: u32) -> Result<()> {
        let rule = "the end of a list, where the root should be";
        let absent = Error::Invalid { what: "directory entry", at: at.into(), value: 0, rule };
        let extent = match Extent::parse(self.bytes, at as usize, &mut self.seen) {
            Ok(extent) => extent.ok_or(absent)?,
            Err(ListFault::Damaged(error)) => return Err(error),
            Err(ListFault::Twice) => unreachable!("nothing has been read before the root"),
        };
        if let Some(fault) = extent.fault {
            return Err(fault);
        }
        let root = self.dentry(at);
        if !root.is_directory() {
            let (what, value) = ("attributes of the root", root.attributes().0.into());
            return Err(Error::Invalid { what, at: u64::from(at) + 8, value, rule: "not those of a directory" });
        }
        if !root.stored_name().is_empty() {
            self.warn(at, NodeId::ROOT, EntryProblem::RootName);
        }
        self.push(at, NodeId::ROOT, 0)
    }

    /// The entry at `at`, which is sound.
    fn dentry(&self, at: u32) -> Dentry<'a> {
        Dentry::at(self.bytes, at, self.security.count(), false)
    }

    fn warn(&mut self, at: u32, directory: NodeId, problem: EntryProblem) {
        self.warnings.push(Warning::Entry { at: at.into(), directory, problem });
    }

    /// Makes the entry at `at` a node of `parent`.
    fn push(&mut self, at: u32, parent: NodeId, depth: u32) -> Result<()> {
        let node = self.nodes.len() as u32;
        let dentry = self.dentry(at);
        let id = NodeId(node);
        if let Some(security_id) = dentry.bad_security_id() {
            self.warn(at, parent, EntryProblem::SecurityId(security_id));
        }
        if dentry.is_directory() {
            let list = self.check_list(at, id, dentry.subdir(), depth);
            let directory = Directory { node, list, depth, subdirectories: 0 };
            memory::push(&mut self.directories, at.into(), directory)?;
        } else {
            if dentry.subdir() != 0 {
                self.warn(at, parent, EntryProblem::Children);
            }
            if let Some(link) = dentry.hard_link_id() {
                memory::push(&mut self.links, at.into(), (link.get(), node))?;
            }
        }
        let (first_child, child_count, next_link) = (0, 0, NO_NODE);
        let node = Node { at, parent: parent.0, inode: NO_INODE, first_child, child_count, next_link };
        memory::push(&mut self.nodes, at.into(), node)
    }

    /// The offset of a directory's list of children, 0 for none or an impossible offset.
    fn check_list(&mut self, at: u32, directory: NodeId, list: u64, depth: u32) -> u32 {
        if list == 0 {
            return 0;
        }
        let place = u32::try_from(list).ok().filter(|&place| {
            place % 8 == 0 && u64::from(place) >= self.security.end && (place as usize) < self.bytes.len()
        });
        match place {
            Some(place) if depth < MAX_DEPTH => return place,
            Some(_) => self.warn(at, directory, EntryProblem::TooDeep),
            None => self.warn(at, directory, EntryProblem::ListPlace(list)),
        }
        0
    }

    /// Reads the children of the directory at `index` of `directories`.
    fn list(&mut self, index: usize) -> Result<()> {
        let Directory { node, list, depth, .. } = self.directories[index];
        if list == 0 {
            return Ok(());
        }
        let directory = NodeId(node);
        let mut children = std::mem::take(&mut self.children);
        children.clear();
        self.collect(directory, list, &mut children)?;
        self.sort(directory, &mut children)?;
        let (first_child, known) = (self.nodes.len() as u32, self.directories.len());
        for &child in &children {
            self.push(child, directory, depth + 1)?;
        }
        self.directories[index].subdirectories = (self.directories.len() - known) as u32;
        self.nodes[node as usize].first_child = first_child;
        self.nodes[node as usize].child_count = children.len() as u32;
        self.children = children;
        Ok(())
    }

    /// Collects the entries of the list at `list` that can be shown, up to its end or damage to it.
    fn collect(&mut self, directory: NodeId, list: u32, children: &mut Vec<u32>) -> Result<()> {
        let mut at = list;
        loop {
            let extent = match Extent::parse(self.bytes, at as usize, &mut self.seen) {
                Ok(Some(extent)) => extent,
                Ok(None) => return Ok(()),
                Err(fault) => {
                    let problem = match fault {
                        ListFault::Damaged(error) => EntryProblem::ListDamaged(error),
                        ListFault::Twice => EntryProblem::ListTwice,
                    };
                    self.warn(at, directory, problem);
                    return Ok(());
                }
            };
            match extent.fault {
                Some(fault) => self.warn(at, directory, EntryProblem::Broken(fault)),
                None if self.is_shown(at, directory) => memory::push(children, at.into(), at)?,
                None => {}
            }
            at = extent.end as u32;
        }
    }

    /// Whether the name of the sound entry at `at` can be shown.
    fn is_shown(&mut self, at: u32, directory: NodeId) -> bool {
        let name = self.name(at);
        if name.has_stand_ins() {
            self.warn(at, directory, EntryProblem::NameStandIns);
        }
        // No unit takes more than three bytes.
        let is_long = name.len() > MAX_NAME / 3 && name.to_shown_wtf8().len() > MAX_NAME;
        let problem = match name {
            _ if name.is_empty() => EntryProblem::NameEmpty,
            _ if name.is_dots() => EntryProblem::NameDots,
            _ if is_long => EntryProblem::NameLength(name.len() as u32),
            _ => return true,
        };
        self.warn(at, directory, problem);
        false
    }

    /// The name of the sound entry at `at`.
    fn name(&self, at: u32) -> Name<'a> {
        self.dentry(at).stored_name()
    }

    /// Puts a directory's children in order and leaves out those whose name is there already.
    fn sort(&mut self, directory: NodeId, children: &mut Vec<u32>) -> Result<()> {
        // Most writers sort names in the same order.
        if children.is_sorted_by(|&a, &b| self.name(a).cmp_shown(self.name(b)).is_lt()) {
            return Ok(());
        }
        let first = self.name(children[0]);
        let skip = children.iter().map(|&at| first.common_units(self.name(at))).min().unwrap_or_default();
        let keyed = children.iter().map(|&at| (sort_key(self.name(at), skip), at));
        let mut keyed = memory::collect(children[0].into(), keyed)?;
        let by_name =
            |a: &(u64, u32), b: &(u64, u32)| a.0.cmp(&b.0).then_with(|| self.name(a.1).cmp_shown(self.name(b.1)));
        keyed.sort_unstable_by(|a, b| by_name(a, b).then(a.1.cmp(&b.1)));
        children.clear();
        let mut twice = Vec::new();
        for group in keyed.chunk_by(|a, b| by_name(a, b).is_eq()) {
            children.push(group[0].1);
            for &(_, at) in &group[1..] {
                memory::push(&mut twice, at.into(), at)?;
            }
        }
        for at in twice {
            self.warn(at, directory, EntryProblem::NameTwice);
        }
        Ok(())
    }

    /// Gives every node its inode, by the order of nodes.
    fn number_inodes(&mut self) -> Result<()> {
        self.link_nodes()?;
        let mut directories = self.directories.iter().peekable();
        for node in 0..self.nodes.len() {
            let inode = match self.nodes[node].inode {
                NO_INODE => {
                    let directory = directories.next_if(|directory| directory.node == node as u32);
                    let links = directory.map_or(1, |directory| 2 + directory.subdirectories);
                    let inode = Inode { first_node: node as u32, links };
                    memory::push(&mut self.inodes, self.nodes[node].at.into(), inode)?;
                    self.inodes.len() as u32 - 1
                }
                inode => {
                    self.inodes[inode as usize].links += 1;
                    inode
                }
            };
            self.nodes[node].inode = inode;
            // Links of one inode are chained in ascending order, so the next one is still to come.
            let next = self.nodes[node].next_link;
            if next != NO_NODE {
                self.nodes[next as usize].inode = inode;
            }
        }
        Ok(())
    }

    /// Chains the names that are links of one file: those with the same id and the same data.
    ///
    /// Quirk: Windows 7's install.wim has one id on files that differ.
    fn link_nodes(&mut self) -> Result<()> {
        let mut links = std::mem::take(&mut self.links);
        links.sort_unstable();
        let mut group: Vec<(BlobHash, u32)> = Vec::new();
        for same_id in links.chunk_by(|a, b| a.0 == b.0).filter(|names| names.len() > 1) {
            group.clear();
            for &(_, node) in same_id {
                memory::push(&mut group, self.nodes[node as usize].at.into(), (self.data_hash(node), node))?;
            }
            group.sort_unstable();
            for pair in group.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                self.nodes[pair[0].1 as usize].next_link = pair[1].1;
            }
        }
        Ok(())
    }

    /// The hash of a file's unnamed data, whether it is encrypted or not; zero for an empty file.
    fn data_hash(&self, node: u32) -> BlobHash {
        let streams = self.dentry(self.nodes[node as usize].at).streams();
        streams.unnamed.or(streams.efs).unwrap_or_default()
    }
}

/// Eight shown units in upper case after the first `skip`, a byte each, the first one on top.
///
/// Keys that differ are ordered as names are whose first `skip` units are alike: a name that ends
/// before has zeros, which no shown unit has, and nothing follows a unit that is too large for its
/// byte.
fn sort_key(name: Name<'_>, skip: usize) -> u64 {
    let (mut key, mut shift) = (0, 64);
    for unit in name.shown_units().map(upcase).skip(skip).take(8) {
        shift -= 8;
        key |= u64::from(unit.min(0xFF)) << shift;
        if unit >= 0xFF {
            break;
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = Vec<u8>> {
        let unit = prop_oneof![0x5Eu16..0x63, 0..3u16, 0xFDu16..0x102, Just(0xFFFF), Just(0x2F)];
        let units = prop::collection::vec(unit, 0..12);
        units.prop_map(|units| units.iter().flat_map(|unit| unit.to_le_bytes()).collect())
    }

    proptest! {
        #[test]
        fn keys_are_in_the_order_of_names(a in name(), b in name()) {
            let (a, b) = (Name::new(&a), Name::new(&b));
            for skip in 0..=a.common_units(b) {
                let keys = sort_key(a, skip).cmp(&sort_key(b, skip));
                prop_assert!(keys.is_eq() || keys == a.cmp_shown(b), "skipping {}", skip);
            }
        }
    }
}
