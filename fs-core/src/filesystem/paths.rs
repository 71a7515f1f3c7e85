//! From paths to numbers, and back.

use std::sync::Arc;

use wim::{CaseSensitivity, InodeId, Metadata, NodeId};

use super::links::Step;
use super::{Filesystem, Target, Top};
use crate::error::{Error, Result};
use crate::snapshot::{Image, Ino, Place};

/// The longest path in an image that is told, in bytes: the longest argument that Linux gives to a program.
const MAX_PATH: usize = 128 << 10;

/// Where an inode is, as seen from images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Above all images: the store or a group.
    Above,
    /// The root directory of an image, whether its tree can be read or not.
    Image,
    /// A file, directory or stream below that.
    Inside,
}

impl Filesystem {
    /// Where an inode is. Of a number that nothing has this says where it would be.
    pub fn level(&self, ino: Ino) -> Level {
        match (self.place(ino), self.top()) {
            (Some(Place::Root), Top::Image(_)) | (Some(Place::Inode(_, InodeId(0))), _) => Level::Image,
            (Some(Place::Inode(..) | Place::Stream(..)), _) => Level::Inside,
            (Some(Place::Root | Place::Group(_)) | None, _) => Level::Above,
        }
    }

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
        match (self.place(ino)?, self.top()) {
            (Place::Root, Top::Image(slot)) | (Place::Inode(slot, InodeId(0)), _) => self.image(slot).ok(),
            _ => None,
        }
    }

    /// The names that lead to an image's root.
    pub(crate) fn image_path(&self, image: &Image) -> Vec<Vec<u8>> {
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

    fn node_path(&self, image: &Image, tree: &Metadata, node: NodeId) -> Vec<u8> {
        path_below(&self.image_path(image), tree, node)
    }

    /// The error with the path it is about, if it is one of damage.
    pub(super) fn said_of(&self, ino: Ino, error: Error) -> Error {
        let path = if error.is_damage() { self.path(ino) } else { Vec::new() };
        if path.is_empty() { error } else { error.at(&path) }
    }
}

/// The path of a name of an image from the root of the mount; the image's root is at `root`. Where it is longer than
/// anybody could name it, `…` stands for the names after the image's: directories may be nested 16,384 deep, by names of
/// a kilobyte.
pub(crate) fn path_below(root: &[Vec<u8>], tree: &Metadata, node: NodeId) -> Vec<u8> {
    let mut below = Vec::new();
    let mut name = Vec::new();
    let mut len = 0;
    for id in up_from(tree, node) {
        name.clear();
        tree.dentry(id).name().push_shown_wtf8(&mut name);
        len += name.len() + 1;
        if len > MAX_PATH {
            break;
        }
        below.push(id);
    }
    let mut path = root.join(&b'/');
    if len > MAX_PATH {
        push_name(&mut path, |path| path.extend("…".bytes()));
    }
    for &id in below.iter().rev() {
        push_name(&mut path, |path| tree.dentry(id).name().push_shown_wtf8(path));
    }
    path
}

/// Appends one more name to a path.
fn push_name(path: &mut Vec<u8>, push: impl FnOnce(&mut Vec<u8>)) {
    if !path.is_empty() {
        path.push(b'/');
    }
    push(path);
}

/// `node` and the directories above it, without the root.
fn up_from(tree: &Metadata, node: NodeId) -> impl Iterator<Item = NodeId> {
    std::iter::successors(Some(node), |&node| Some(tree.parent(node))).take_while(|&node| node != NodeId::ROOT)
}

/// The directories above a node, from below the image's root.
pub(super) fn directories_to(tree: &Metadata, node: NodeId) -> Vec<Step> {
    let mut steps: Vec<Step> = up_from(tree, node).skip(1).map(|node| step(tree, node)).collect();
    steps.reverse();
    steps
}

/// What a directory has for a name: that very name, else one in other case.
pub(super) fn child(tree: &Metadata, directory: NodeId, name: &[u16]) -> Option<Step> {
    let sensitive = tree.lookup(directory, name, CaseSensitivity::Sensitive);
    let found = sensitive.or_else(|| tree.lookup(directory, name, CaseSensitivity::Insensitive))?;
    Some(step(tree, found))
}

fn step(tree: &Metadata, node: NodeId) -> Step {
    Step { name: tree.dentry(node).name().shown_units().collect(), node: Some(node) }
}
