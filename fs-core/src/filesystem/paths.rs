//! From paths to numbers, and back.

use std::sync::Arc;

use wim::{CaseSensitivity, InodeId, Metadata, NodeId};

use super::{Filesystem, Target, Top};
use crate::image::Image;
use crate::ino::Place;
use crate::{Error, Ino, Result};

impl Filesystem {
    /// The inode at a path from the root, `/` between names; links on the way are not followed.
    ///
    /// # Errors
    /// As [`Filesystem::lookup`], with the path.
    pub fn resolve(&self, path: &[u8]) -> Result<Ino> {
        let mut ino = self.root();
        for name in path.split(|&b| b == b'/').filter(|n| !n.is_empty() && *n != b".") {
            ino = self.lookup(ino, name).map_err(|error| error.at(path))?.ino;
        }
        Ok(ino)
    }

    /// The path of an inode from the root, WTF-8 without a leading `/`; of a hard link its first name. Empty for the root,
    /// and for a number that nothing has.
    pub fn path(&self, ino: Ino) -> Vec<u8> {
        match self.image_at(ino) {
            Some(image) => self.image_path(&image).join(&b'/'), // also where its tree cannot be read
            None => self.target(ino).map(|target| self.path_of(&target)).unwrap_or_default(),
        }
    }

    /// The image whose root has this number, whether its tree can be read or not.
    pub(crate) fn image_at(&self, ino: Ino) -> Option<Arc<Image>> {
        match (ino.place()?, self.top()) {
            (Place::Root, Top::Image(slot)) | (Place::Inode(slot, InodeId(0)), _) => self.image(slot).ok(),
            _ => None,
        }
    }

    /// The names that lead to an image's root.
    fn image_path(&self, image: &Image) -> Vec<Vec<u8>> {
        let top = self.top();
        let group = if top == Top::Store { self.group(image.slot.group).ok() } else { None };
        let group = group.map(|group| group.name().to_vec());
        let name = (!matches!(top, Top::Image(_))).then(|| image.name.clone().into_bytes());
        group.into_iter().chain(name).collect()
    }

    fn path_of(&self, target: &Target) -> Vec<u8> {
        match target {
            Target::Store => Vec::new(),
            Target::Group(group) => group.name().to_vec(),
            Target::Node(node) => self.node_path(&node.image, &node.tree, node.id()),
            Target::Stream(node, stream) => {
                let mut path = self.node_path(&node.image, &node.tree, node.id());
                if let Some(stream) = node.dentry().streams().named().find(|s| s.index == *stream) {
                    path.push(b':');
                    path.extend(stream.name.to_shown_wtf8());
                }
                path
            }
        }
    }

    /// The path of a name of an image from the root of the mount.
    pub(crate) fn node_path(&self, image: &Image, tree: &Metadata, node: NodeId) -> Vec<u8> {
        let mut names = self.image_path(image);
        names.extend(names_to(tree, node).into_iter().map(|id| tree.dentry(id).name().to_shown_wtf8()));
        names.join(&b'/')
    }

    /// The error with the path it is about, if it is one of damage.
    pub(super) fn said_of(&self, ino: Ino, error: Error) -> Error {
        let path = if error.is_damage() { self.path(ino) } else { Vec::new() };
        if path.is_empty() { error } else { error.at(&path) }
    }
}

/// The nodes from below the root to `node`, itself included.
fn names_to(tree: &Metadata, node: NodeId) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> =
        std::iter::successors(Some(node), |&n| Some(tree.parent(n))).take_while(|&n| n != NodeId::ROOT).collect();
    nodes.reverse();
    nodes
}

/// The names of the directories above a node, from the image's root.
pub(super) fn directory_names(tree: &Metadata, node: NodeId) -> Vec<Vec<u16>> {
    let mut nodes = names_to(tree, node);
    nodes.pop();
    nodes.into_iter().map(|n| tree.dentry(n).name().shown_units().collect()).collect()
}

/// The name by which a directory, given by its names from the root, has `name`: as it is if it is there, else in other case.
pub(super) fn real_name(tree: &Metadata, directory: &[Vec<u16>], name: &[u16]) -> Option<Vec<u16>> {
    let mut node = NodeId::ROOT;
    for step in directory {
        node = tree.lookup(node, step, CaseSensitivity::Sensitive)?;
    }
    let sensitive = tree.lookup(node, name, CaseSensitivity::Sensitive);
    let found = sensitive.or_else(|| tree.lookup(node, name, CaseSensitivity::Insensitive))?;
    Some(tree.dentry(found).name().shown_units().collect())
}
