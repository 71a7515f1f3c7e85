//! One file of a folder: what the system and ntfs-3g know of it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use wim::write::{File, OwnedAttribute};
use wim::{Attributes, FileTime, ReparseHead, UnixData, reparse, utf16_from_wtf8};

use crate::links::Link;
use crate::scan::Options;
use crate::{Error, Result};

/// The inode number of the root of an NTFS volume that ntfs-3g has mounted.
const NTFS_ROOT: u64 = 5;

/// A file with the contents that are known when it is looked at.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Its metadata; hashes are still to come.
    pub(crate) file: File,
    /// Its 8.3 name, for the first of its names.
    pub(crate) short_name: Vec<u16>,
    /// Whether it has data of its own, in the file itself.
    pub(crate) has_data: bool,
    /// Its reparse data.
    pub(crate) reparse: Option<Vec<u8>>,
    /// The data of its named streams, in the order of `file.streams`.
    pub(crate) streams: Vec<Vec<u8>>,
    /// Whether an absolute link is now counted from the root of the image.
    pub(crate) is_fixed: bool,
}

/// A file, unless it is a special one that an image cannot hold.
///
/// # Errors
/// It cannot be read, or has something that an archive cannot hold.
pub(crate) fn look(path: &Path, metadata: &Metadata, options: &Options<'_>) -> Result<Option<Found>> {
    let mut found = match attribute(path, "system.ntfs_attrib")?.and_then(|value| value.try_into().ok()) {
        Some(bits) => of_ntfs(path, metadata, Attributes(u32::from_le_bytes(bits)))?,
        None => match of_unix(path, metadata, options)? {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    if options.unix_data {
        add_unix_data(&mut found.file, path, metadata)?;
    }
    Ok(Some(found))
}

/// A file of a file system without attributes of Windows.
fn of_unix(path: &Path, metadata: &Metadata, options: &Options<'_>) -> Result<Option<Found>> {
    let [accessed, written] = [
        FileTime::from_unix(metadata.atime(), metadata.atime_nsec().clamp(0, 999_999_999) as u32),
        FileTime::from_unix(metadata.mtime(), metadata.mtime_nsec().clamp(0, 999_999_999) as u32),
    ];
    // As other programs have it: what a file system calls birth is when the file was copied there.
    let file = File { created: written, accessed, written, ..File::default() };
    let kind = metadata.file_type();
    let attributes = if kind.is_dir() {
        Attributes::DIRECTORY
    } else if kind.is_file() {
        Attributes::NORMAL
    } else if kind.is_symlink() {
        return link(path, file, options).map(Some);
    } else if options.unix_data && (kind.is_fifo() || kind.is_socket() || is_device(metadata)) {
        Attributes(0) // an empty file; its kind is in the Unix data
    } else {
        return Ok(None);
    };
    let file = File { attributes, ..file };
    Ok(Some(Found { file, has_data: kind.is_file(), ..Found::default() }))
}

fn is_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_block_device() || metadata.file_type().is_char_device()
}

fn link(path: &Path, file: File, options: &Options<'_>) -> Result<Found> {
    let target = fs::read_link(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let root = options.fix_links.then_some(options.root);
    let link = Link::new(target.as_os_str().as_bytes(), root)
        .ok_or_else(|| unfit(path, "the target of the link is not UTF-8, or longer than Windows allows"))?;
    let head = ReparseHead { tag: reparse::SYMLINK, reserved: 0, flags: u16::from(link.is_absolute) };
    // Windows has two kinds of links, by what they lead to.
    let leads_to_directory = fs::metadata(path).is_ok_and(|target| target.is_dir());
    let directory = if leads_to_directory { Attributes::DIRECTORY.0 } else { 0 };
    let attributes = Attributes(Attributes::REPARSE_POINT.0 | directory);
    let file = File { attributes, reparse: Some((head, Default::default())), ..file };
    Ok(Found { file, reparse: Some(link.data), is_fixed: link.is_fixed, ..Found::default() })
}

/// A file whose attributes of Windows the file system shows, as ntfs-3g and our own mounts do.
fn of_ntfs(path: &Path, metadata: &Metadata, attributes: Attributes) -> Result<Found> {
    if attributes.contains(Attributes::ENCRYPTED) {
        return Err(unfit(path, "encrypted by Windows: exclude it, or decrypt it there first"));
    }
    let mut file = File { attributes, ..File::default() };
    if let Some(times) = attribute(path, "system.ntfs_times")? {
        let mut times = times.as_chunks::<8>().0.iter().map(|&bytes| FileTime(u64::from_le_bytes(bytes)));
        // created, written, accessed, changed
        file.created = times.next().unwrap_or_default();
        file.written = times.next().unwrap_or_default();
        file.accessed = times.next().unwrap_or_default();
    }
    // ntfs-3g fails when it is asked for these two of a volume's root.
    let is_root = metadata.ino() == NTFS_ROOT;
    let unless_root = |value: Result<Option<Vec<u8>>>| if is_root { Ok(value.unwrap_or_default()) } else { value };
    file.security = unless_root(attribute(path, "system.ntfs_acl"))?;
    file.object_id = attribute(path, "system.ntfs_object_id")?.filter(|id| (16..=64).contains(&id.len()));
    if let Some(list) = attribute(path, "system.ntfs_ea")? {
        file.attributes_extended =
            full_ea_list(&list).ok_or_else(|| unfit(path, "its extended attributes are damaged"))?;
    }
    let reparse = reparse_data(path, &mut file)?;
    let (streams, contents) = streams(path)?;
    file.streams = streams;
    let short_name = unless_root(attribute(path, "system.ntfs_dos_name"))?.and_then(|name| utf16_from_wtf8(&name));
    let has_data = metadata.is_file();
    let short_name = short_name.unwrap_or_default();
    Ok(Found { file, short_name, has_data, reparse, streams: contents, is_fixed: false })
}

/// The reparse data, and its head in the file.
fn reparse_data(path: &Path, file: &mut File) -> Result<Option<Vec<u8>>> {
    if !file.attributes.contains(Attributes::REPARSE_POINT) {
        return Ok(None);
    }
    let buffer = attribute(path, "system.ntfs_reparse_data")?;
    let buffer = buffer.ok_or_else(|| unfit(path, "a reparse point whose data cannot be read"))?;
    let Some((&[a, b, c, d, _, _, e, f], data)) = buffer.split_first_chunk() else {
        return Err(unfit(path, "a reparse point with too little data"));
    };
    let (tag, reserved) = (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]));
    file.reparse = Some((ReparseHead { tag, reserved, flags: 0 }, Default::default()));
    Ok(Some(data.to_vec()))
}

/// Names and contents.
type Streams = (Vec<(Vec<u16>, wim::BlobHash)>, Vec<Vec<u8>>);

/// The named streams, which are extended attributes `user.NAME`.
fn streams(path: &Path) -> Result<Streams> {
    let (mut streams, mut contents) = (Vec::new(), Vec::new());
    for name in names(path)? {
        let Some(name) = name.as_bytes().strip_prefix(b"user.") else { continue };
        if name.starts_with(b"wim.") || name.starts_with(b"wimstore.") {
            continue; // a mount of ours says so of each file
        }
        let units = utf16_from_wtf8(name).ok_or_else(|| unfit(path, "a stream whose name is not UTF-8"))?;
        let attribute_name = OsString::from_iter([OsStr::new("user."), OsStr::from_bytes(name)]);
        if let Some(content) = attribute(path, &attribute_name)? {
            streams.push((units, wim::BlobHash::ZERO));
            contents.push(content);
        }
    }
    Ok((streams, contents))
}

fn add_unix_data(file: &mut File, path: &Path, metadata: &Metadata) -> Result<()> {
    let rdev = if is_device(metadata) { packed_device(metadata.rdev()) } else { 0 };
    let (uid, gid, mode) = (metadata.uid(), metadata.gid(), metadata.mode());
    file.unix = Some(UnixData { uid, gid, mode, rdev });
    if !file.streams.is_empty() || file.security.is_some() {
        return Ok(()); // of NTFS, where extended attributes are its own
    }
    for name in names(path)? {
        let Some(value) = attribute(path, &name)? else { continue };
        let name = name.into_encoded_bytes();
        if name.len() > usize::from(u8::MAX) || value.len() > usize::from(u16::MAX) {
            return Err(unfit(path, "an extended attribute of more than 255 bytes of name or 65,535 of value"));
        }
        file.attributes_extended.push(OwnedAttribute { name, value, flags: 0 });
    }
    Ok(())
}

/// A device number in 32 bits, as Linux packs it: 12 bits of major number and 20 of minor.
fn packed_device(device: u64) -> u32 {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    (minor & 0xFF) | (major & 0xFFF) << 8 | (minor & 0xF_FF00) << 12
}

/// Extended attributes of NTFS as its interface lists them: each entry tells how far the next one is.
pub(crate) fn full_ea_list(mut list: &[u8]) -> Option<Vec<OwnedAttribute>> {
    let mut found = Vec::new();
    while !list.is_empty() {
        let (&[a, b, c, d, flags, name_bytes, e, f], rest) = list.split_first_chunk()?;
        let (next, value_bytes) = (u32::from_le_bytes([a, b, c, d]) as usize, usize::from(u16::from_le_bytes([e, f])));
        let (name, rest) = rest.split_at_checked(name_bytes.into())?;
        let value = rest.get(1..)?.get(..value_bytes)?;
        found.push(OwnedAttribute { name: name.to_vec(), value: value.to_vec(), flags });
        if next == 0 {
            break;
        }
        list = list.get(next..)?;
    }
    Some(found)
}

/// The names of a file's extended attributes; none where there cannot be any.
fn names(path: &Path) -> Result<Vec<OsString>> {
    match xattr::list(path) {
        Ok(names) => Ok(names.collect()),
        Err(error) if is_without_attributes(&error) => Ok(Vec::new()),
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

/// An extended attribute of a file; links are not followed.
fn attribute(path: &Path, name: impl AsRef<OsStr>) -> Result<Option<Vec<u8>>> {
    match xattr::get(path, name) {
        Ok(value) => Ok(value),
        Err(error) if is_without_attributes(&error) => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::TOOBIG.raw_os_error()) => {
            Err(unfit(path, "a named stream of more than 64 KiB, which an extended attribute cannot show"))
        }
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

/// Whether an error only means that there is no such attribute.
fn is_without_attributes(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error();
    [Errno::NOTSUP, Errno::NODATA, Errno::PERM].iter().any(|errno| number == Some(errno.raw_os_error()))
}

pub(crate) fn unfit(path: &Path, reason: &str) -> Error {
    Error::Unfit { path: path.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_extended_attributes_are_read_or_refused() {
        let entry = |next: u32, name: &[u8], value: &[u8]| {
            let mut bytes = next.to_le_bytes().to_vec();
            bytes.extend([0x80, name.len() as u8]);
            bytes.extend((value.len() as u16).to_le_bytes());
            bytes.extend([name, &[0], value].concat());
            bytes
        };
        let mut list = entry(16, b"ONE", b"1234");
        list.extend(entry(0, b"TWO", b""));
        let found = full_ea_list(&list).unwrap();
        let names: Vec<_> = found.iter().map(|attribute| (&attribute.name[..], &attribute.value[..])).collect();
        assert_eq!(names, [(&b"ONE"[..], &b"1234"[..]), (b"TWO", b"")]);
        assert!(found.iter().all(|attribute| attribute.flags == 0x80));
        assert!(full_ea_list(&list[..20]).is_none() && full_ea_list(&entry(99, b"A", b"")).is_none());
    }

    #[test]
    fn device_numbers_are_packed_as_linux_does() {
        assert_eq!(packed_device(rustix::fs::makedev(8, 1)), 0x801);
        assert_eq!(packed_device(rustix::fs::makedev(259, 0x12345)), 0x1231_0345);
    }
}
