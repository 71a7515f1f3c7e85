//! Metadata of files: permissions, times, extended attributes; and links and special files.

use std::collections::HashSet;
use std::fmt::Display;
use std::io;
use std::os::fd::AsFd;

use fs_core::wim::Attributes;
use fs_core::{Attr, Facts, Filesystem, Ino, Kind, Options, StreamInterface};
use rustix::fs::{FileType, Mode};

use super::folder::{self, Component, Folder, Rights, Times};
use super::partial::PartialFile;
use crate::Observer;
use crate::failure::{Trouble, first_error};
use crate::plan::{FolderIndex, Plan};

/// Options of a filesystem with which files are extracted: everything gets owner, group and
/// permissions as a new file of this process does, except where the options let wimlib's Unix data
/// decide.
///
/// Sets the umask for a moment, which is the only way to ask for it.
pub fn filesystem_options(options: Options) -> Options {
    let umask = rustix::process::umask(Mode::empty());
    rustix::process::umask(umask);
    let allowed = |bits: u16| bits & !(umask.bits() as u16);
    Options {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        file_mode: allowed(0o666),
        dir_mode: allowed(0o777),
        ..options
    }
}

/// Gives files their metadata.
pub(crate) struct Metadata<'a> {
    fs: &'a Filesystem,
    /// Owners are set.
    owners: bool,
    /// The extended attributes that the store lists are set.
    xattrs: bool,
}

impl<'a> Metadata<'a> {
    /// By the options of the filesystem; those of the extraction are for Windows.
    pub(crate) fn new(fs: &'a Filesystem, _: &crate::Options, _: &dyn Observer) -> Self {
        let options = fs.options();
        let streams = options.streams == StreamInterface::Xattr;
        Self { fs, owners: options.unix_data, xattrs: options.unix_data || streams }
    }

    /// Makes a link or special file; false for what is a file with bytes.
    pub(crate) fn make_special(
        &self,
        folder: &Folder,
        name: Component<'_>,
        facts: &Facts<'_>,
        overwrite: bool,
    ) -> Result<bool, Trouble> {
        let attr = &facts.attr;
        let made = match attr.kind {
            Kind::File | Kind::Directory => return Ok(false),
            Kind::Symlink => folder.make_symlink(name, &self.fs.read_link(attr.ino)?, overwrite)?,
            Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice => {
                folder.make_node(name, file_type(attr.kind), attr.rdev.into(), overwrite)?
            }
        };
        let rights = self.rights(facts);
        let given = made.give(rights.owner, (attr.kind != Kind::Symlink).then_some(rights.mode), times(attr));
        made.keep()?;
        given?;
        Ok(true)
    }

    /// Makes a file, to be filled.
    pub(crate) fn make_file<'f>(
        &self,
        folder: &'f Folder,
        name: Component<'_>,
        overwrite: bool,
    ) -> io::Result<PartialFile<'f>> {
        folder.make_file(name, overwrite)
    }

    /// Prepares a file for its content: nothing has to be done.
    pub(crate) fn begin(&self, _: &PartialFile<'_>, _: &Facts<'_>) -> Result<(), Trouble> {
        Ok(())
    }

    /// Gives a file its metadata, when its content is complete.
    pub(crate) fn finish(&self, file: &PartialFile<'_>, facts: &Facts<'_>) -> Result<(), Trouble> {
        self.give(file, facts, times(&facts.attr))
    }

    /// Gives a folder of the plan its metadata, when everything is in it.
    pub(crate) fn finish_folder(&self, plan: &Plan<'_>, index: FolderIndex, from: Ino) -> Result<(), Trouble> {
        let folder = plan.open(index)?;
        // As stored: an image's own directory is listed with the times of the image.
        let facts = self.fs.stored_facts(from)?;
        let [_, modified, accessed] = facts.times();
        self.give(&folder, &facts, Times { accessed, modified })
    }

    /// Gives an open file or folder owner, extended attributes, permissions and times: as many as the
    /// system allows. In another order, one would undo or forbid the next.
    fn give(&self, file: impl AsFd, facts: &Facts<'_>, times: Times) -> Result<(), Trouble> {
        let rights = self.rights(facts);
        let owner = rights.owner.map_or(Ok(()), |owner| folder::set_owner(&file, owner));
        let xattrs = self.set_xattrs(&file, facts.attr.ino);
        // Without the owner, no program must run with the rights of this user or group.
        let mode = if owner.is_ok() { rights.mode } else { rights.mode & 0o777 };
        let finished = folder::finish(&file, mode, times);
        first_error([owner.map_err(Trouble::from), xattrs, finished.map_err(Trouble::from)])
    }

    fn set_xattrs(&self, file: impl AsFd, ino: Ino) -> Result<(), Trouble> {
        if !self.xattrs {
            return Ok(());
        }
        let names = self.fs.xattr_names(ino)?;
        let set = first_error(names.iter().map(|name| self.set_xattr(&file, ino, name)));
        first_error([set, self.check_streams(ino, names)])
    }

    /// Reports a named stream that is none of the extended attributes `given`: it is too large for
    /// one, its name is too long or one of ours, or there are too many.
    fn check_streams(&self, ino: Ino, given: Vec<Vec<u8>>) -> Result<(), Trouble> {
        if self.fs.options().streams != StreamInterface::Xattr {
            return Ok(());
        }
        let given: HashSet<Vec<u8>> = given.into_iter().collect();
        let mut names = self.fs.streams(ino)?.into_iter().map(|stream| [b"user.", &*stream.name].concat());
        let Some(missed) = names.find(|name| !given.contains(name)) else { return Ok(()) };
        let why = "Linux cannot hold this stream; `wimstore cat` reads it as FILE:STREAM";
        Err(refused(&missed, io::ErrorKind::Other, &why).into())
    }

    fn set_xattr(&self, file: impl AsFd, ino: Ino, name: &[u8]) -> Result<(), Trouble> {
        let refused = |kind, error: &dyn Display| refused(name, kind, error);
        let value = match self.fs.xattr(ino, name) {
            Err(error) if !error.is_damage() => return Err(refused(io::ErrorKind::Other, &error).into()),
            other => other?,
        };
        Ok(folder::set_xattr(file, name, &value).map_err(|error| refused(error.kind(), &error))?)
    }

    fn rights(&self, facts: &Facts<'_>) -> Rights {
        let attr = &facts.attr;
        let attributes = facts.attributes().unwrap_or_default();
        let read_only = attr.kind == Kind::File && attributes.contains(Attributes::READ_ONLY);
        Rights {
            owner: self.owners.then_some((attr.uid, attr.gid)),
            mode: if read_only { attr.mode & !0o222 } else { attr.mode },
        }
    }
}

fn refused(name: &[u8], kind: io::ErrorKind, why: &dyn Display) -> io::Error {
    io::Error::new(kind, format!("extended attribute {}: {why}", String::from_utf8_lossy(name)))
}

fn times(attr: &Attr) -> Times {
    Times { accessed: attr.accessed, modified: attr.modified }
}

fn file_type(kind: Kind) -> FileType {
    match kind {
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::CharDevice => FileType::CharacterDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::Symlink => FileType::Symlink,
        Kind::Directory => FileType::Directory,
        Kind::File => FileType::RegularFile,
    }
}
