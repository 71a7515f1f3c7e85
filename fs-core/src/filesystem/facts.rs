//! Facts about a file, typed, for programs that do not ask through a mount's extended attributes.

use wim::{BlobHash, Dentry, FileTime, InodeId, reparse};

use super::{Attr, Filesystem, LinkTargets, Target, Top, WindowsAttr, external_data, links};
use crate::archive::FileId;
use crate::error::Result;
use crate::snapshot::{Ino, Place};

/// The attributes that Windows is shown as stored. Of the others `NORMAL` means none, and those of
/// offline storage would keep programs from reading.
const SHOWN: u32 = wim::Attributes::READ_ONLY.0
    | wim::Attributes::HIDDEN.0
    | wim::Attributes::SYSTEM.0
    | wim::Attributes::ARCHIVE.0
    | 0x0100 // temporary
    | wim::Attributes::SPARSE.0
    | wim::Attributes::COMPRESSED.0
    | 0x2000 // not indexed
    | wim::Attributes::ENCRYPTED.0;

/// A file, directory or stream whose inode number was resolved once: every fact about it that the
/// image's metadata and the tables of its archives have.
pub struct Facts<'a> {
    fs: &'a Filesystem,
    /// The attributes that every platform shows.
    pub attr: Attr,
    /// `None` for an image's own directory that was not read.
    target: Option<Target>,
}

/// Where the content of a file in a solid resource begins. Files that are read in this order have
/// each of the large chunks decoded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SolidPlace {
    /// The archive that supplies it.
    file: FileId,
    /// Offset of the resource in the archive, in bytes.
    pub resource: u64,
    /// Offset in the data of the resource, in bytes.
    pub offset: u64,
}

impl Filesystem {
    /// The facts that listings show: of an image's own directory in a store or group without
    /// reading the image.
    ///
    /// # Errors
    /// As [`Filesystem::attr`].
    pub fn facts(&self, ino: Ino) -> Result<Facts<'_>> {
        if self.is_unread(ino) {
            return Ok(Facts { fs: self, attr: self.attr(ino)?, target: None });
        }
        self.stored_facts(ino)
    }

    /// As [`Filesystem::facts`], and of an image's own directory also the facts that its tree
    /// stores: reads the image, and does without if that fails.
    ///
    /// # Errors
    /// As [`Filesystem::attr`].
    pub fn stored_facts(&self, ino: Ino) -> Result<Facts<'_>> {
        if self.is_unread(ino) {
            return Ok(Facts { fs: self, attr: self.attr(ino)?, target: self.target(ino).ok() });
        }
        let target = self.target(ino)?;
        Ok(Facts { fs: self, attr: self.attr_of_target(&target)?, target: Some(target) })
    }

    /// Whether this is an image's own directory in a store or group, which listings do not read.
    pub(super) fn is_unread(&self, ino: Ino) -> bool {
        matches!((self.place(ino), self.top()), (Some(Place::Inode(_, InodeId(0))), Top::Store | Top::Group))
    }
}

impl Facts<'_> {
    /// The entry of the file, or of the file with the stream; `None` for folders of the store.
    fn dentry(&self) -> Option<Dentry<'_>> {
        match self.target.as_ref()? {
            Target::Store | Target::Group(_) => None,
            Target::Node(node) | Target::Stream(node, _) => Some(node.dentry()),
        }
    }

    fn is_stream(&self) -> bool {
        matches!(self.target, Some(Target::Stream(..)))
    }

    /// The attribute bits of Windows as stored; `None` for folders of the store.
    pub fn attributes(&self) -> Option<wim::Attributes> {
        Some(self.dentry()?.attributes())
    }

    /// Created, written, accessed: as stored, or as shown for folders of the store.
    pub fn times(&self) -> [FileTime; 3] {
        match self.dentry() {
            Some(dentry) => [dentry.created(), dentry.written(), dentry.accessed()],
            None => [self.attr.created, self.attr.modified, self.attr.accessed],
        }
    }

    /// The SHA-1 of the unnamed stream; `None` if that is empty.
    pub fn sha1(&self) -> Option<BlobHash> {
        self.dentry()?.streams().unnamed
    }

    /// The self-relative security descriptor of the file or directory, as stored.
    pub fn security_descriptor(&self) -> Option<&[u8]> {
        match self.target.as_ref()? {
            Target::Store | Target::Group(_) => None,
            Target::Node(node) | Target::Stream(node, _) => node.tree.security_descriptor(node.dentry().security_id()?),
        }
    }

    /// The attributes as Windows shows them.
    pub fn windows(&self, targets: LinkTargets) -> WindowsAttr {
        let directory = wim::Attributes::DIRECTORY.0;
        let Some(dentry) = self.dentry() else { return WindowsAttr { attributes: directory, reparse_tag: 0 } };
        let stored = dentry.attributes().0;
        let mut shown = WindowsAttr { attributes: stored & SHOWN, reparse_tag: 0 };
        if dentry.is_directory() {
            shown.attributes |= directory;
        }
        if let Some(head) = dentry.reparse().filter(|head| !external_data::is_storage(head.tag)) {
            let rewritten = links::is_link(head.tag) && targets == LinkTargets::Inside;
            shown.reparse_tag = if rewritten { reparse::SYMLINK } else { head.tag };
            shown.attributes |= wim::Attributes::REPARSE_POINT.0 | stored & directory;
        }
        if self.is_stream() {
            shown.attributes &= !directory;
        }
        shown
    }

    /// Where the content is, if it is in a solid resource; `None` also if it cannot be read.
    pub fn solid_place(&self) -> Option<SolidPlace> {
        let target = self.target.as_ref()?;
        let hash = self.fs.content_hash(target).ok()??;
        let (Target::Node(node) | Target::Stream(node, _)) = target else { return None };
        let blob = node.image.blob(&hash).ok()?;
        let row = blob.blob();
        let place = || SolidPlace {
            file: blob.archive.id.file,
            resource: blob.archive.wim.resource_offset(row),
            offset: row.offset(),
        };
        row.is_solid().then(place)
    }
}
