//! The extended attributes of a file, as ntfs-3g names them, and some of our own.
//!
//! Listed are only those that belong to a file, that a copy should carry and that Linux can read: its
//! named streams and the attributes that wimlib stored on Linux. The others answer to their names; if
//! they were listed, every `cp -a` would try to set them. Our names are reserved: what an archive
//! has under one of them is never shown as an attribute.

use std::collections::HashSet;

use wim::{BlobHash, Dentry, Name, NamedStream};

use super::{Kind, describe};
use crate::options::{Options, StreamInterface};
use crate::snapshot::{Image, Node};

/// Linux gives no larger value to a program, and no longer list of names.
pub(crate) const XATTR_MAX: usize = 64 << 10;
/// Linux asks for no longer name, in bytes.
const NAME_MAX: usize = 255;
/// What the names of our own attributes begin with; the last one is for those of the mount itself.
const RESERVED: [&[u8]; 3] = [b"system.ntfs_", b"user.wim.", b"user.wimstore."];

/// Where an attribute's value is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Here.
    Bytes(Vec<u8>),
    /// In a blob; `None` is empty.
    Blob(Option<BlobHash>),
    /// In the blob of the reparse point, behind this head.
    Reparse([u8; 8], Option<BlobHash>),
}

/// The names listed for a file, at most 64 KiB of them. A stream whose size cannot be looked up at
/// this moment is listed.
pub(crate) fn names(node: &Node, options: &Options) -> Vec<Vec<u8>> {
    let dentry = node.dentry();
    let kind = describe::kind(options, &dentry);
    let streams = dentry.streams();
    let streams = streams.named().filter(|_| options.streams == StreamInterface::Xattr);
    let streams = streams.map(|stream| {
        let fits = describe::size(node, stream.hash).map_or(true, |size| size <= XATTR_MAX as u64);
        (stream_name(stream.name), fits)
    });
    let linux = dentry.linux_xattrs().filter(|x| shows_linux(x.name, options));
    let linux = linux.map(|x| (x.name.to_vec(), x.value.len() <= XATTR_MAX));
    // A file may have a hundred thousand, which must not be compared with each other.
    let (mut names, mut known, mut room) = (Vec::new(), HashSet::new(), XATTR_MAX);
    for (name, fits) in streams.chain(linux).filter(|(name, _)| is_askable(name, kind)) {
        // The first of a name answers to it, and hides the others even if it does not fit.
        if known.insert(name.clone()) && fits && name.len() < room {
            room -= name.len() + 1;
            names.push(name);
        }
    }
    names
}

/// Whether a stream can be read as an extended attribute; otherwise it is opened by the name
/// `file:stream`.
pub(crate) fn holds_stream(kind: Kind, stream: &NamedStream<'_>, size: u64) -> bool {
    size <= XATTR_MAX as u64 && is_askable(&stream_name(stream.name), kind)
}

/// Whether Linux asks a file of this kind for an attribute of this name, and the name is not ours.
fn is_askable(name: &[u8], kind: Kind) -> bool {
    let has_user = matches!(kind, Kind::File | Kind::Directory);
    (1..=NAME_MAX).contains(&name.len())
        && !name.contains(&0)
        && !is_reserved(name)
        && (has_user || !name.starts_with(b"user."))
}

fn is_reserved(name: &[u8]) -> bool {
    RESERVED.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether files have attributes of this kind at all. Linux's labels, capabilities and access lists are shown with
/// `unix_data` only; `ls -l` asks for them, of each file anew unless it is told that there are none.
pub(crate) fn are_kept(name: &[u8], options: &Options) -> bool {
    let is_linux_security =
        [b"security.".as_slice(), b"trusted.", b"system.posix_acl_"].iter().any(|kind| name.starts_with(kind));
    options.unix_data || !is_linux_security
}

/// Where the value of an attribute is; `None` if the file has none of that name.
pub(crate) fn value(node: &Node, name: &[u8], options: &Options) -> Option<Value> {
    let dentry = node.dentry();
    if is_reserved(name) {
        let ntfs = name.strip_prefix(b"system.ntfs_").and_then(|ours| ntfs(node, &dentry, ours));
        let fact = || name.strip_prefix(b"user.wim.").and_then(|ours| wim_fact(node, &dentry, ours));
        return ntfs.or_else(|| fact().map(Value::Bytes));
    }
    let stream = name.strip_prefix(b"user.").filter(|_| options.streams == StreamInterface::Xattr);
    if let Some(wanted) = stream.and_then(wim::utf16_from_wtf8) {
        let is_it = |name: Name<'_>| name.shown_units().eq(wanted.iter().copied());
        if let Some(stream) = dentry.streams().named().find(|stream| is_it(stream.name)) {
            return Some(Value::Blob(stream.hash));
        }
    }
    let linux = dentry.linux_xattrs().find(|x| x.name == name && shows_linux(name, options));
    linux.map(|xattr| Value::Bytes(xattr.value.to_vec()))
}

fn stream_name(name: Name<'_>) -> Vec<u8> {
    [b"user.", &name.to_shown_wtf8()[..]].concat()
}

/// Without `unix_data` only what says nothing about security is shown.
fn shows_linux(name: &[u8], options: &Options) -> bool {
    name.starts_with(b"user.") || options.unix_data
}

/// `user.wim.*`: what the archive says of the file and, at an image's root, of the image.
fn wim_fact(node: &Node, dentry: &Dentry<'_>, name: &[u8]) -> Option<Vec<u8>> {
    match name {
        b"sha1" => dentry.streams().unnamed.map(|hash| hash.to_string().into_bytes()),
        _ if node.id() == wim::NodeId::ROOT => image_fact(&node.image, name),
        _ => None,
    }
}

/// What follows `user.wim.` at an image's root: known without its tree.
pub(crate) fn image_fact(image: &Image, name: &[u8]) -> Option<Vec<u8>> {
    match name {
        b"xml" => image.xml_text().map(String::into_bytes),
        b"file" => Some(image.archive.path.file_name()?.as_encoded_bytes().to_vec()),
        b"index" => Some(image.number().to_string().into_bytes()),
        _ => None,
    }
}

/// `system.ntfs_*`, byte for byte as ntfs-3g gives them.
fn ntfs(node: &Node, dentry: &Dentry<'_>, name: &[u8]) -> Option<Value> {
    let bytes = match name {
        b"acl" => node.tree.security_descriptor(dentry.security_id()?)?.to_vec(),
        b"attrib" => dentry.attributes().0.to_le_bytes().to_vec(),
        b"attrib_be" => dentry.attributes().0.to_be_bytes().to_vec(),
        b"crtime" => dentry.created().0.to_le_bytes().to_vec(),
        b"crtime_be" => dentry.created().0.to_be_bytes().to_vec(),
        // Created, written, read, changed; the format has no time of change.
        b"times" => times(dentry).iter().flat_map(|t| t.to_le_bytes()).collect(),
        b"times_be" => times(dentry).iter().flat_map(|t| t.to_be_bytes()).collect(),
        b"dos_name" => Some(dentry.short_name().to_wtf8()).filter(|n| !n.is_empty())?,
        b"object_id" => object_id(dentry)?,
        b"ea" => full_ea_information(dentry)?,
        b"reparse_data" => return reparse(dentry),
        _ => return None,
    };
    Some(Value::Bytes(bytes))
}

fn times(dentry: &Dentry<'_>) -> [u64; 4] {
    [dentry.created().0, dentry.written().0, dentry.accessed().0, dentry.written().0]
}

/// The head of a REPARSE_DATA_BUFFER, whose length is known once the data is read.
pub(crate) fn reparse(dentry: &Dentry<'_>) -> Option<Value> {
    let head = dentry.reparse()?;
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&head.tag.to_le_bytes());
    bytes[6..].copy_from_slice(&head.reserved.to_le_bytes());
    Some(Value::Reparse(bytes, dentry.streams().reparse))
}

/// Head and data of a reparse point as one REPARSE_DATA_BUFFER. The length does not count the GUID with which the data of
/// a tag that is not Microsoft's begins.
pub(crate) fn reparse_buffer(head: [u8; 8], data: &[u8]) -> Vec<u8> {
    let is_microsoft = head[3] & 0x80 != 0;
    let len = if is_microsoft { data.len() } else { data.len().saturating_sub(16) };
    let mut buffer = [&head[..], data].concat();
    buffer[4..6].copy_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes());
    buffer
}

/// The extended attributes as NTFS stores them: a list of FILE_FULL_EA_INFORMATION in which every entry is padded to 4 bytes
/// and begins with its own length, the last one too; `None` without any.
fn full_ea_information(dentry: &Dentry<'_>) -> Option<Vec<u8>> {
    let mut list: Vec<u8> = Vec::new();
    for ea in dentry.extended_attributes() {
        let len = (8 + ea.name.len() + 1 + ea.value.len()).next_multiple_of(4);
        let end = list.len() + len;
        list.extend(u32::try_from(len).ok()?.to_le_bytes());
        list.push(ea.flags);
        list.push(u8::try_from(ea.name.len()).ok()?);
        list.extend(u16::try_from(ea.value.len()).ok()?.to_le_bytes());
        list.extend([ea.name, b"\0", ea.value].concat());
        list.resize(end, 0);
    }
    Some(list).filter(|list| !list.is_empty())
}

/// The object id, and the three ids of its birth as far as they are known: 64 bytes.
fn object_id(dentry: &Dentry<'_>) -> Option<Vec<u8>> {
    let mut ids = dentry.object_id()?.to_vec();
    ids.resize(64, 0);
    Some(ids)
}
