//! The bytes of files, the targets of links, the values of extended attributes.

use super::paths::{child, directories_to};
use super::xattrs::Value;
use super::{Filesystem, Kind, Target, describe, external_data, links, xattrs};
use crate::archive::BlobRef;
use crate::content::{Contents, Release, StreamError};
use crate::error::{Error, Result};
use crate::snapshot::{Image, Ino, Node, Place};

impl Filesystem {
    /// Fills `buf` from `offset` and returns how many bytes it filled: fewer than `buf.len()` only where the file ends.
    ///
    /// # Errors
    /// [`Error::IsDirectory`], [`Error::Encrypted`], or why the bytes cannot be had; `buf` then holds unspecified bytes.
    pub fn read_at(&self, ino: Ino, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let mut read = || {
            let (node, hash) = self.content(ino)?;
            let Some(hash) = hash else { return Ok(0) };
            let blob = node.image.blob(&hash)?; // its tables are in memory now, for those who read ahead
            if offset == 0 && matches!(self.place(ino), Some(Place::Inode(..))) {
                self.engine.read_ahead.begun(&node);
            }
            self.engine.contents.read_at(&blob, offset, buf)
        };
        read().map_err(|error| self.said_of(ino, error))
    }

    /// Gives a file's bytes to `sink` in order, decoded by several threads; see [`Contents::stream`](crate::Contents::stream).
    ///
    /// # Errors
    /// As [`Filesystem::read_at`], or the sink's own; what was given before is then worth what `release` says.
    pub fn stream<S>(
        &self,
        ino: Ino,
        release: Release,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), S>,
    ) -> Result<(), StreamError<S>> {
        let Some(blob) = self.blob(ino).map_err(|error| self.said_of(ino, error))? else { return Ok(()) };
        self.engine.contents.stream(&blob, release, sink).map_err(|error| match error {
            StreamError::Content(error) => self.said_of(ino, error).into(),
            refused @ StreamError::Sink(_) => refused,
        })
    }

    /// The blob with the bytes of a file or stream; `None` if it is empty.
    fn blob(&self, ino: Ino) -> Result<Option<BlobRef>> {
        let (node, hash) = self.content(ino)?;
        hash.map(|hash| node.image.blob(&hash)).transpose()
    }

    /// A file, or the file with a stream, and the hash of its bytes; `None` if it is empty.
    fn content(&self, ino: Ino) -> Result<(Node, Option<wim::BlobHash>)> {
        let target = self.target(ino)?;
        let hash = self.content_hash(&target)?;
        match target {
            Target::Store | Target::Group(_) => Err(Error::IsDirectory),
            Target::Node(node) | Target::Stream(node, _) => Ok((node, hash)),
        }
    }

    /// The hash of the bytes of a file or stream; `None` if it is empty.
    pub(super) fn content_hash(&self, target: &Target) -> Result<Option<wim::BlobHash>> {
        let dentry = match target {
            Target::Store | Target::Group(_) => return Err(Error::IsDirectory),
            Target::Stream(node, stream) => return self.stream_hash(node, *stream),
            Target::Node(node) => node.dentry(),
        };
        if dentry.is_directory() {
            return Err(Error::IsDirectory);
        }
        if let Some(keeper) = external_data::without_data(&dentry) {
            return Err(Error::DataElsewhere { keeper });
        }
        let streams = dentry.streams();
        match streams.efs {
            Some(_) if !self.options.efs_raw => Err(Error::Encrypted),
            Some(raw) => Ok(Some(raw)),
            None => Ok(streams.unnamed),
        }
    }

    /// The target of a symbolic link or junction: a relative path that stays inside the image, WTF-8.
    ///
    /// # Errors
    /// [`Error::NotSymlink`], or why the target cannot be read.
    pub fn read_link(&self, ino: Ino) -> Result<Vec<u8>> {
        match self.target(ino)? {
            Target::Node(node) if describe::kind(&self.options, &node.dentry()) == Kind::Symlink => {
                self.link_target(&node).map_err(|error| self.said_of(ino, error))
            }
            _ => Err(Error::NotSymlink),
        }
    }

    pub(super) fn link_target(&self, node: &Node) -> Result<Vec<u8>> {
        let dentry = node.dentry();
        let head = dentry.reparse().ok_or(Error::NotSymlink)?;
        let link = link_of(&self.engine.contents, &node.image, head.tag, dentry.streams().reparse.as_ref())?;
        let directory = directories_to(&node.tree, node.id());
        let mut child = |directory, name: &[u16]| child(&node.tree, directory, name);
        Ok(wim::wtf8_from_utf16(links::unix_target(&link, &directory, &mut child)))
    }

    /// The names of the extended attributes that belong to a file and can be read.
    ///
    /// # Errors
    /// Why the image's metadata cannot be read.
    pub fn xattr_names(&self, ino: Ino) -> Result<Vec<Vec<u8>>> {
        Ok(match self.target(ino)? {
            Target::Node(node) => xattrs::names(&node, &self.options),
            Target::Store | Target::Group(_) | Target::Stream(..) => Vec::new(),
        })
    }

    /// The value of an extended attribute; also of those that are not listed.
    ///
    /// # Errors
    /// [`Error::NoXattr`], [`Error::XattrsUnsupported`], [`Error::TooLarge`] for a value beyond what
    /// the platform can hand over, or why it cannot be read.
    pub fn xattr(&self, ino: Ino, name: &[u8]) -> Result<Vec<u8>> {
        if !self.keeps_xattr(name) {
            return Err(Error::XattrsUnsupported);
        }
        let node = match self.target(ino) {
            Ok(Target::Node(node)) => node,
            Ok(Target::Store | Target::Group(_) | Target::Stream(..)) => return Err(Error::NoXattr),
            // An image without a readable tree still tells where it comes from.
            Err(error) => {
                let fact = name.strip_prefix(b"user.wim.").zip(self.image_at(ino));
                let fact = fact.and_then(|(name, image)| xattrs::image_fact(&image, name));
                return fact.ok_or_else(|| self.said_of(ino, error));
            }
        };
        let value = xattrs::value(&node, name, &self.options).ok_or(Error::NoXattr)?;
        self.read_value(&node, value).map_err(|error| self.said_of(ino, error))
    }

    /// Reads the value of an extended attribute of a file.
    pub(super) fn read_value(&self, node: &Node, value: Value) -> Result<Vec<u8>> {
        let limit = xattrs::XATTR_MAX as u64;
        let read = |hash: &wim::BlobHash| self.engine.contents.read_whole(&node.image.blob(hash)?, limit);
        match value {
            Value::Bytes(bytes) if bytes.len() > xattrs::XATTR_MAX => {
                Err(Error::TooLarge { len: bytes.len() as u64, limit })
            }
            Value::Bytes(bytes) => Ok(bytes),
            Value::Blob(None) => Ok(Vec::new()),
            Value::Blob(Some(hash)) => read(&hash),
            Value::Reparse(head, hash) => {
                let data = hash.map_or(Ok(Vec::new()), |hash| read(&hash));
                data.map(|data| xattrs::reparse_buffer(head, &data))
            }
        }
    }

    /// Whether anything may have an extended attribute of this name.
    pub(super) fn keeps_xattr(&self, name: &[u8]) -> bool {
        xattrs::are_kept(name, &self.options)
    }
}

/// Where a link of an image leads, by its tag and the content of its reparse point. A link without content is as damaged as
/// one whose content is cut short.
///
/// # Errors
/// [`Error::Archive`] for content that is none of a link; else why it cannot be read.
pub(crate) fn link_of(
    contents: &Contents,
    image: &Image,
    tag: u32,
    content: Option<&wim::BlobHash>,
) -> Result<wim::ReparseLink> {
    let blob = content.map(|hash| image.blob(hash)).transpose()?;
    let data = blob.as_ref().map_or(Ok(Vec::new()), |blob| link_data(contents, blob))?;
    let archive = blob.as_ref().map_or(&image.archive.path, |blob| &blob.archive.path);
    let link = wim::reparse::parse_link(tag, &data).map_err(|error| Error::archive(archive, error))?;
    link.ok_or(Error::NotSymlink)
}

fn link_data(contents: &Contents, blob: &BlobRef) -> Result<Vec<u8>> {
    contents.read_whole(blob, wim::reparse::MAX_DATA as u64).map_err(|error| match error {
        Error::TooLarge { len: size, limit } => {
            let (what, at) = ("target of a link", blob.blob().place.offset);
            Error::archive(&blob.archive.path, wim::Error::TooLarge { what, at, size, limit })
        }
        other => other,
    })
}
