//! Metadata of files: attributes, times, named streams, reparse points, security descriptors.

use std::fs::File;
use std::io::{self, Write};

use fs_core::wim::Attributes;
use fs_core::{
    Facts, Filesystem, Ino, Kind, LinkTargets, Options, Release, ReparsePoint, StreamError, StreamInterface,
};
use windows_files::{self as files, Access, Basic, Make, Privilege, Which, shown_name, symlink_buffer};

use super::folder::{Component, Folder, stream_of};
use super::partial::PartialFile;
use crate::Failure;
use crate::Observer;
use crate::failure::{Trouble, first_error};
use crate::plan::{FolderIndex, Plan};

const DIRECTORY: u32 = Attributes::DIRECTORY.0;
const SPARSE: u32 = Attributes::SPARSE.0;
const COMPRESSED: u32 = Attributes::COMPRESSED.0;
const NORMAL: u32 = Attributes::NORMAL.0;
/// The attributes that are set as stored: read-only, hidden, system, archive, not indexed. Others
/// follow from what a file is, or are set by calls of their own.
const SETTABLE: u32 =
    Attributes::READ_ONLY.0 | Attributes::HIDDEN.0 | Attributes::SYSTEM.0 | Attributes::ARCHIVE.0 | 0x2000;

/// The last time that Windows knows, in the year 30828.
const LAST_TIME: u64 = 0x7FFF_35F4_F06C_58FF;

/// Options of a filesystem with which files are extracted: named streams are restored as Windows
/// has them, not as other systems show them.
pub fn filesystem_options(options: Options) -> Options {
    Options { streams: StreamInterface::None, ..options }
}

/// Gives files their metadata.
pub(crate) struct Metadata<'a> {
    fs: &'a Filesystem,
    links: LinkTargets,
    /// The parts of security descriptors that are set, if they are.
    security: Option<Which>,
    access: Access,
}

impl<'a> Metadata<'a> {
    /// By the options; reports the privileges that they require and the user does not have.
    pub(crate) fn new(fs: &'a Filesystem, options: &crate::Options, observer: &dyn Observer) -> Self {
        let enable = |privilege: Privilege, parts| {
            let enabled = files::enable(privilege).unwrap_or(false);
            if !enabled {
                observer.failed(Failure::Privilege { parts, privilege: privilege.name() });
            }
            enabled
        };
        let security = options.security.then(|| Which {
            owner: enable(Privilege::Restore, "owners and groups"),
            audit: enable(Privilege::Security, "audit lists"),
        });
        // Where this is not enough, links fail one by one.
        let _ = files::enable(Privilege::CreateSymbolicLink);
        let access = match security {
            None => Access::WRITE,
            Some(which) => Access::WRITE | Access::to_set(which),
        };
        Self { fs, links: options.links, security, access }
    }

    /// Makes a link or another folder with a reparse point; false for what is a file with bytes.
    pub(crate) fn make_special(
        &self,
        folder: &Folder,
        name: Component<'_>,
        facts: &Facts<'_>,
        overwrite: bool,
    ) -> Result<bool, Trouble> {
        let windows = facts.windows(self.links);
        let is_folder = windows.attributes & DIRECTORY != 0;
        if windows.reparse_tag == 0 || !is_folder && facts.attr.kind == Kind::File {
            return Ok(false);
        }
        let made = if is_folder {
            folder.make_link_folder(name, self.access, overwrite)?
        } else {
            folder.make_file(name, self.access, overwrite)?
        };
        self.set_reparse_point(made.file(), facts.attr.ino)?;
        self.give(made.file(), facts)?;
        made.keep()?;
        Ok(true)
    }

    /// Makes a file, to be filled.
    pub(crate) fn make_file<'f>(
        &self,
        folder: &'f Folder,
        name: Component<'_>,
        overwrite: bool,
    ) -> io::Result<PartialFile<'f>> {
        folder.make_file(name, self.access, overwrite)
    }

    /// Decides how a file is stored, before its content comes.
    pub(crate) fn begin(&self, file: &PartialFile<'_>, facts: &Facts<'_>) -> Result<(), Trouble> {
        let attributes = facts.windows(self.links).attributes;
        let sparse = if attributes & SPARSE != 0 { files::make_sparse(file.file()) } else { Ok(()) };
        let compressed = if attributes & COMPRESSED != 0 { files::compress(file.file()) } else { Ok(()) };
        Ok(first_error([named("sparse", sparse), named("compressed", compressed)])?)
    }

    /// Gives a file its metadata, when its content is complete.
    pub(crate) fn finish(&self, file: &PartialFile<'_>, facts: &Facts<'_>) -> Result<(), Trouble> {
        let (folder, name) = file.place();
        let streams = self.make_streams(facts.attr.ino, &|stream| {
            files::open(folder, &[name, &[u16::from(b':')], stream].concat(), Access::WRITE, Make::File)
        });
        let is_reparse_point = facts.windows(self.links).reparse_tag != 0;
        let reparse = if is_reparse_point { self.set_reparse_point(file.file(), facts.attr.ino) } else { Ok(()) };
        first_error([streams, reparse, self.give(file.file(), facts)])
    }

    /// Gives a folder of the plan its metadata, when everything is in it.
    pub(crate) fn finish_folder(&self, plan: &Plan<'_>, index: FolderIndex, from: Ino) -> Result<(), Trouble> {
        let facts = self.fs.stored_facts(from)?;
        let planned = &plan.folders[index as usize];
        let path = plan.path(0, b"");
        let (folder, streams) = match Component::new(&planned.name) {
            Some(name) => {
                let parent = plan.open(planned.parent)?;
                let folder = parent.open_for(name, self.access)?; // is still a folder, and no link
                let units = name.units();
                let streams = self.make_streams(from, &|stream| {
                    parent.open_as(&[&units[..], &[u16::from(b':')], stream].concat(), Access::WRITE, Make::File)
                });
                (folder, streams)
            }
            None => {
                let make = |stream: &[u16]| files::make_file_at(&stream_of(&path, stream), Access::WRITE);
                (files::open_folder(&path, self.access)?, self.make_streams(from, &make))
            }
        };
        let compress = facts.windows(self.links).attributes & COMPRESSED != 0;
        let compressed = if compress { files::compress(&folder) } else { Ok(()) };
        let compressed = named("compressed", compressed).map_err(Trouble::from);
        first_error([streams, compressed, self.give(&folder, &facts)])
    }

    /// Gives an open file or folder its times and attributes, then its security descriptor: as many as
    /// the system allows.
    fn give(&self, file: &File, facts: &Facts<'_>) -> Result<(), Trouble> {
        let windows = facts.windows(self.links).attributes;
        let attributes = Some(windows & SETTABLE).filter(|&bits| bits != 0).unwrap_or(NORMAL);
        let [created, written, accessed] = facts.times().map(|time| time.0.min(LAST_TIME));
        let basic = Basic { created, accessed, written, changed: written, attributes };
        let basic = named("attributes and times", files::set_basic(file, basic)).map_err(Trouble::from);
        first_error([basic, self.set_security(file, facts)])
    }

    fn set_security(&self, file: &File, facts: &Facts<'_>) -> Result<(), Trouble> {
        let Some(which) = self.security else { return Ok(()) };
        let Some(descriptor) = facts.security_descriptor() else { return Ok(()) };
        Ok(named("security descriptor", files::set_security_descriptor(file, descriptor, which))?)
    }

    fn set_reparse_point(&self, file: &File, ino: Ino) -> Result<(), Trouble> {
        let Some(point) = self.fs.reparse_point(ino, self.links)? else { return Ok(()) };
        let buffer = match point {
            ReparsePoint::Stored(buffer) => Ok(buffer),
            ReparsePoint::Link(target) => {
                symlink_buffer(&target).ok_or_else(|| io::Error::other("the link leads to what Windows cannot name"))
            }
        };
        Ok(named("reparse point", buffer.and_then(|buffer| files::set_reparse_point(file, &buffer)))?)
    }

    /// Makes the named streams of a file, each opened by `make`: all that can be made. Returns the
    /// first error.
    fn make_streams(&self, ino: Ino, make: &dyn Fn(&[u16]) -> io::Result<File>) -> Result<(), Trouble> {
        let streams = self.fs.streams(ino)?;
        first_error(streams.iter().map(|entry| self.make_stream(&entry.name, entry.ino, make)))
    }

    fn make_stream(&self, name: &[u8], ino: Ino, make: &dyn Fn(&[u16]) -> io::Result<File>) -> Result<(), Trouble> {
        let what = format!("stream {}", String::from_utf8_lossy(name));
        let units = shown_name(name).ok_or(io::ErrorKind::InvalidFilename);
        let mut file = named(&what, units.map_err(io::Error::from).and_then(|units| make(&units)))?;
        let mut write = |bytes: &[u8]| -> Result<(), Trouble> { Ok(named(&what, file.write_all(bytes))?) };
        let done = self.fs.stream(ino, Release::AtOnce, &mut write).map_err(StreamError::merge);
        if done.is_err() {
            let _ = files::remove(&file, true); // not all of it is there; that is what gets reported
        }
        done
    }
}

/// An error with the name of the metadata that could not be set.
fn named<T>(what: &str, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{what}: {error}")))
}
