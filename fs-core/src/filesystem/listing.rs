//! What is in a directory.

use std::ops::ControlFlow;

use wim::{InodeId, NodeId, Warning};

use super::{DirEntry, Filesystem, Kind, Target, Top, describe};
use crate::error::{Error, Result};
use crate::snapshot::{Ino, Place};

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The name in WTF-8, as [`DirEntry`] has it.
    pub name: Box<[u8]>,
    /// Its inode number.
    pub ino: Ino,
    /// Its kind.
    pub kind: Kind,
}

impl Filesystem {
    /// Calls `each` for the entries of a directory behind the place `after`, 0 for its start, until it breaks off: `.`, `..`,
    /// then the names in an order that stays.
    ///
    /// # Errors
    /// [`Error::NotDirectory`], or why the directory cannot be read.
    pub fn read_dir(&self, ino: Ino, after: u64, each: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        let target = self.target(ino).map_err(|error| self.said_of(ino, error))?;
        if matches!(&target, Target::Node(node) if !node.dentry().is_directory()) {
            return Err(Error::NotDirectory);
        }
        for (place, name, ino) in [(1, b".".as_slice(), ino), (2, b"..", self.parent(&target)?)] {
            if after < place && each(DirEntry { ino, kind: Kind::Directory, name, next: place }).is_break() {
                return Ok(());
            }
        }
        let skipped = usize::try_from(after.saturating_sub(2)).unwrap_or(usize::MAX);
        // Groups and images have their places for as long as they are there: what comes or goes moves nobody else.
        let mut give = |place: usize, ino, kind, name: &[u8]| {
            each(DirEntry { ino, kind, name, next: place as u64 + 3 }).is_continue()
        };
        match &target {
            Target::Store => {
                let store = self.store();
                let mut rest = store.groups.iter_from(skipped);
                rest.all(|(place, group)| give(place, self.group_ino(group), Kind::Directory, group.name()));
            }
            Target::Group(group) => {
                let images = self.images(group)?;
                let mut rest = images.images.iter_from(skipped);
                rest.all(|(place, image)| {
                    give(place, self.ino(image, InodeId(0)), Kind::Directory, image.name.as_bytes())
                });
            }
            Target::Node(node) => {
                let mut rest = node.tree.children(node.id()).enumerate().skip(skipped);
                rest.all(|(place, child)| {
                    let dentry = node.tree.dentry(NodeId(child));
                    let ino = self.ino(&node.image, node.tree.inode(NodeId(child)));
                    give(place, ino, describe::kind(&self.options, &dentry), &dentry.name().to_shown_wtf8())
                });
            }
            Target::Stream(..) => return Err(Error::NotDirectory),
        }
        Ok(())
    }

    /// The anomalies of a directory of an image: entries that its listing leaves out or changes. Where an image has
    /// very many, not all are known.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a number that nothing has, or why the image's metadata cannot be read.
    pub fn directory_warnings(&self, directory: Ino) -> Result<Vec<String>> {
        let Target::Node(node) = self.target(directory)? else { return Ok(Vec::new()) };
        let is_here = |warning: &&Warning| match warning {
            Warning::Entry { directory, .. } => *directory == node.id(),
            _ => false,
        };
        Ok(node.tree.warnings().iter().filter(is_here).map(ToString::to_string).collect())
    }

    /// The entries of a directory without `.` and `..`; with an error those before it.
    pub fn children(&self, directory: Ino) -> (Vec<Child>, Result<()>) {
        let mut children = Vec::new();
        let done = self.read_dir(directory, 0, &mut |entry| {
            if !matches!(entry.name, b"." | b"..") {
                children.push(Child { name: entry.name.into(), ino: entry.ino, kind: entry.kind });
            }
            ControlFlow::Continue(())
        });
        (children, done)
    }

    fn parent(&self, target: &Target) -> Result<Ino> {
        Ok(match target {
            Target::Store | Target::Group(_) => Ino::ROOT,
            Target::Node(node) if node.inode.0 == 0 => match self.top() {
                Top::Store => Ino::of(Place::Group(node.image.slot.group)),
                Top::Group | Top::Image(_) => Ino::ROOT,
            },
            Target::Node(node) => self.ino(&node.image, node.tree.inode(node.tree.parent(node.id()))),
            Target::Stream(..) => return Err(Error::NotDirectory),
        })
    }
}
