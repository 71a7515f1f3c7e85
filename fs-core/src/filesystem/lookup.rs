//! From a name or number to attributes.

use wim::{CaseSensitivity, InodeId};

use super::{Attr, Filesystem, Kind, Target, describe, xattrs};
use crate::error::{Error, Result};
use crate::options::StreamInterface;
use crate::snapshot::{Group, Image, Ino, Node, Place};

impl Filesystem {
    /// The attributes of the name in a directory. `name` is WTF-8, as listings give it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such name, [`Error::NotDirectory`] if `parent` has none, or why the image's
    /// metadata cannot be read.
    pub fn lookup(&self, parent: Ino, name: &[u8]) -> Result<Attr> {
        match self.target(parent)? {
            Target::Store => {
                let store = self.store();
                let group = store.groups.iter().find(|g| self.same_name(g.name(), name)).ok_or(Error::NotFound)?;
                Ok(self.group_attr(group))
            }
            Target::Group(group) => {
                let text = std::str::from_utf8(name).map_err(|_| Error::NotFound)?;
                let images = self.images(&group)?;
                Ok(self.image_attr(images.find(text, self.options.ignore_case).ok_or(Error::NotFound)?))
            }
            Target::Node(node) => self.lookup_in(&node, name),
            Target::Stream(..) => Err(Error::NotDirectory),
        }
    }

    fn same_name(&self, a: &[u8], b: &[u8]) -> bool {
        let folded =
            |name: &[u8]| wim::utf16_from_wtf8(name).map(|u| u.into_iter().map(wim::upcase).collect::<Vec<_>>());
        a == b || (self.options.ignore_case && folded(a).is_some_and(|a| Some(a) == folded(b)))
    }

    fn lookup_in(&self, node: &Node, name: &[u8]) -> Result<Attr> {
        let units = wim::utf16_from_wtf8(name).ok_or(Error::NotFound)?;
        match self.child(node, &units) {
            Err(Error::NotFound) if self.options.streams != StreamInterface::None => {}
            other => return self.attr_of(&other?),
        }
        let colon = units.iter().position(|&u| u == u16::from(b':')).ok_or(Error::NotFound)?;
        let file = self.child(node, &units[..colon])?;
        let wanted = &units[colon + 1..];
        let same = |name: wim::Name<'_>| {
            if self.options.ignore_case {
                name.shown_units().map(wim::upcase).eq(wanted.iter().map(|&u| wim::upcase(u)))
            } else {
                name.shown_units().eq(wanted.iter().copied())
            }
        };
        let dentry = file.dentry();
        let stream = dentry.streams().named().find(|s| same(s.name)).ok_or(Error::NotFound)?;
        let attr = self.stream_attr(&file, stream.index)?;
        let is_xattr = self.options.streams == StreamInterface::Xattr
            && xattrs::holds_stream(describe::kind(&self.options, &dentry), &stream, attr.size);
        if is_xattr { Err(Error::NotFound) } else { Ok(attr) }
    }

    fn child(&self, node: &Node, name: &[u16]) -> Result<Node> {
        if !node.dentry().is_directory() {
            return Err(Error::NotDirectory);
        }
        let case = if self.options.ignore_case { CaseSensitivity::Insensitive } else { CaseSensitivity::Sensitive };
        let child = node.tree.lookup(node.id(), name, case).ok_or(Error::NotFound)?;
        Ok(Node { inode: node.tree.inode(child), ..node.clone() })
    }

    /// The attributes of an inode.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a number that nothing has, or why the image's metadata cannot be read.
    pub fn attr(&self, ino: Ino) -> Result<Attr> {
        if let (Some(Place::Inode(slot, _)), true) = (self.place(ino), self.is_unread(ino)) {
            return Ok(self.image_attr(&*self.image(slot)?));
        }
        self.attr_of_target(&self.target(ino)?)
    }

    pub(super) fn attr_of_target(&self, target: &Target) -> Result<Attr> {
        match target {
            Target::Store => Ok(describe::folder(&self.options, Ino::ROOT, self.store().modified)),
            Target::Group(group) => Ok(self.group_attr(group)),
            Target::Node(node) => self.attr_of(node),
            Target::Stream(node, stream) => self.stream_attr(node, *stream),
        }
    }

    pub(super) fn group_attr(&self, group: &Group) -> Attr {
        describe::folder(&self.options, self.group_ino(group), group.modified())
    }

    /// The attributes of an image's directory, which must not cost reading the image: a group may hold hundreds.
    fn image_attr(&self, image: &Image) -> Attr {
        describe::image(&self.options, self.ino(image, InodeId(0)), image)
    }

    fn attr_of(&self, node: &Node) -> Result<Attr> {
        let mut attr = describe::inode(&self.options, node, self.ino(&node.image, node.inode))?;
        if attr.kind == Kind::Symlink {
            // A link that cannot be read is still listed.
            attr.size = self.link_target(node).map_or(0, |target| target.len() as u64);
        }
        Ok(attr)
    }

    pub(super) fn stream_attr(&self, node: &Node, stream: u16) -> Result<Attr> {
        let hash = self.stream_hash(node, stream)?;
        let ino = Ino::of(Place::Stream(node.image.slot, node.inode, stream));
        describe::stream(&self.options, node, ino, hash)
    }

    pub(super) fn stream_hash(&self, node: &Node, stream: u16) -> Result<Option<wim::BlobHash>> {
        let found = node.dentry().streams().named().find(|s| s.index == stream);
        Ok(found.ok_or(Error::NotFound)?.hash)
    }
}
