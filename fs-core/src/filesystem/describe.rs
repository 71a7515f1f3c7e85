//! From a dentry to the attributes that a platform shows.

use wim::{BlobHash, Dentry, FileTime, UnixData};

use super::{Attr, Kind, external_data, links};
use crate::archive::BlobRef;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::snapshot::{Image, Ino, Node};

/// Size shown for a file whose data no archive supplies or can hold, or is elsewhere: its size is not known, and of a
/// file of size 0 the kernel would serve an empty content without asking us.
pub(crate) const UNKNOWN_SIZE: u64 = 1;

/// What a dentry is to the platform. Of wimlib's Unix data only what agrees with the dentry is believed.
pub(crate) fn kind(options: &Options, dentry: &Dentry<'_>) -> Kind {
    if dentry.is_directory() {
        return Kind::Directory;
    }
    if dentry.reparse().is_some_and(|head| links::is_link(head.tag)) {
        return Kind::Symlink;
    }
    match unix_data(options, dentry).map(|unix| unix.mode & 0o170_000) {
        Some(0o010_000) => Kind::Fifo,
        Some(0o140_000) => Kind::Socket,
        Some(0o020_000) => Kind::CharDevice,
        Some(0o060_000) => Kind::BlockDevice,
        _ => Kind::File,
    }
}

fn unix_data(options: &Options, dentry: &Dentry<'_>) -> Option<UnixData> {
    if options.unix_data { dentry.unix_data() } else { None }
}

/// The attributes of an inode; of a link without the size, which is that of its target.
///
/// # Errors
/// The tables that have the size cannot be read just now.
pub(crate) fn inode(options: &Options, node: &Node, ino: Ino) -> Result<Attr> {
    let dentry = node.dentry();
    let kind = kind(options, &dentry);
    let streams = dentry.streams();
    let size = match kind {
        Kind::File if external_data::without_data(&dentry).is_some() => UNKNOWN_SIZE,
        Kind::File => size(node, streams.efs.or(streams.unnamed))?,
        _ => 0,
    };
    let mut attr = Attr {
        ino,
        kind,
        links: node.tree.link_count(node.inode),
        ..with_size(bare(options, kind, dentry.written()), size)
    };
    (attr.accessed, attr.created) = (dentry.accessed(), dentry.created());
    if let Some(unix) = unix_data(options, &dentry) {
        (attr.uid, attr.gid, attr.rdev) = (unix.uid, unix.gid, unix.rdev);
        attr.mode = u16::try_from(unix.mode & 0o7777).unwrap_or_default();
    }
    Ok(attr)
}

/// The attributes of a named stream opened as a file: its own size, all else its file's.
///
/// # Errors
/// As [`inode`].
pub(crate) fn stream(options: &Options, node: &Node, ino: Ino, hash: Option<BlobHash>) -> Result<Attr> {
    let file = inode(options, node, ino)?;
    let attr = Attr { kind: Kind::File, mode: options.file_mode, links: 1, rdev: 0, ..file };
    Ok(with_size(attr, size(node, hash)?))
}

/// The attributes of a folder of the store itself, last written at `time`.
///
/// Its link count is 1, which says that the number of its subdirectories is not known: counting them would open every
/// archive of the store.
pub(crate) fn folder(options: &Options, ino: Ino, time: FileTime) -> Attr {
    Attr { ino, ..bare(options, Kind::Directory, time) }
}

/// The attributes of an image's directory in its group: times from the XML data, or else the archive file's.
pub(crate) fn image(options: &Options, ino: Ino, image: &Image) -> Attr {
    let facts = image.facts();
    let written = facts.modified.unwrap_or_else(|| image.archive.written());
    let created = facts.created.unwrap_or(written);
    Attr { ino, created, ..bare(options, Kind::Directory, written) }
}

/// The size of a content of a file: 0 without one, [`UNKNOWN_SIZE`] if no archive has it or can
/// have it.
///
/// # Errors
/// As [`inode`].
pub(crate) fn size(node: &Node, hash: Option<BlobHash>) -> Result<u64> {
    let Some(hash) = hash else { return Ok(0) };
    match node.image.blob(&hash) {
        Ok(blob) => Ok(possible_size(&blob)),
        Err(Error::DataMissing { .. } | Error::Withheld) => Ok(UNKNOWN_SIZE),
        Err(error) => Err(error),
    }
}

/// What the blob table says, unless it says what cannot be: readers make room for the size that they are shown.
fn possible_size(blob: &BlobRef) -> u64 {
    match blob.archive.wim.check_blob(blob.blob()) {
        Ok(()) | Err(wim::Error::Unsupported { .. }) => blob.size(),
        Err(_) => UNKNOWN_SIZE,
    }
}

fn with_size(attr: Attr, size: u64) -> Attr {
    Attr { size, blocks: size.div_ceil(512), ..attr }
}

fn bare(options: &Options, kind: Kind, time: FileTime) -> Attr {
    let mode = match kind {
        Kind::Directory => options.dir_mode,
        Kind::Symlink => 0o777,
        Kind::File | Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice => options.file_mode,
    };
    Attr {
        ino: Ino::ROOT,
        kind,
        size: 0,
        blocks: 0,
        links: 1,
        mode,
        uid: options.uid,
        gid: options.gid,
        rdev: 0,
        accessed: time,
        modified: time,
        changed: time,
        created: time,
    }
}
