//! The drive: computes every answer to WinFsp in Windows' terms, on any platform.

pub(crate) mod news;

use std::ops::ControlFlow;
use std::sync::Arc;

use fs_core::wim::{Attributes, FileTime};
use fs_core::{Attr, Error, Facts, Filesystem, Ino, Kind, LinkTargets, StreamEntry};
use parking_lot::RwLock;
use windows_files::{meant_names, shown_name};

use crate::name::{self, Path};
use crate::{Status, ntstatus, reparse, security};
use news::News;

/// The answer to a request, or its status.
pub(crate) type Answer<T> = Result<T, Status>;

/// The allocation unit of the volume, in bytes.
pub(crate) const CLUSTER: u64 = 4096;

/// The longest label that Windows takes, in UTF-16 units.
const MAX_LABEL: usize = 32;

const DIRECTORY: u32 = Attributes::DIRECTORY.0;
const REPARSE_POINT: u32 = Attributes::REPARSE_POINT.0;
const NORMAL: u32 = Attributes::NORMAL.0;

/// The security descriptors that files show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// One for all: everyone may read and execute.
    #[default]
    Uniform,
    /// Those of the image, enforced by Windows; the uniform one where the image has none that can
    /// be shown.
    Image,
}

/// How a store is shown as a drive; [`fs_core::Options`] decides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DriveOptions {
    /// The security descriptors that files show.
    pub security: Security,
    /// The targets of links.
    pub links: LinkTargets,
}

/// A filesystem as Windows sees it, for any number of threads.
pub(crate) struct Drive {
    fs: Arc<Filesystem>,
    options: DriveOptions,
    /// Changes that Windows must be notified of.
    pub(crate) news: News,
    /// Held for reading from the lookup of a path until its inode number is counted as in use.
    opening: RwLock<()>,
}

/// The object of a handle: a file or directory, or a stream of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object {
    /// The file or directory.
    pub(crate) file: Ino,
    /// The content: that of the file or of one of its streams.
    pub(crate) content: Ino,
}

/// An object at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) object: Object,
    /// The path as the drive writes it.
    pub(crate) path: Vec<u16>,
}

/// A name in a directory, and the attributes of its file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u16>,
    pub(crate) info: Info,
}

/// A stream of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Empty for the unnamed stream.
    pub(crate) name: Vec<u16>,
    /// The inode number of its content.
    pub(crate) ino: Ino,
    /// Size in bytes.
    pub(crate) size: u64,
}

/// The attributes of a file as Windows shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Info {
    /// `FILE_ATTRIBUTE_*`, never 0.
    pub(crate) attributes: u32,
    /// The reparse tag; 0 for none.
    pub(crate) reparse_tag: u32,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Created, accessed, written, changed.
    pub(crate) times: [FileTime; 4],
    /// Identifies the file on the drive; not 0.
    pub(crate) index: u64,
}

impl Info {
    /// The space that its content would use, in bytes.
    pub(crate) fn allocation(&self) -> u64 {
        self.size.next_multiple_of(CLUSTER)
    }
}

/// The attributes of the volume.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct VolumeInfo {
    pub(crate) label: Vec<u16>,
    pub(crate) serial: u32,
    pub(crate) created: FileTime,
    /// Size in bytes.
    pub(crate) size: u64,
}

impl Drive {
    /// A drive that shows `fs`, which should find names in any case.
    pub(crate) fn new(fs: Arc<Filesystem>, options: DriveOptions) -> Self {
        Self { fs, options, news: News::default(), opening: RwLock::new(()) }
    }

    /// Opens a path: as [`Drive::find`], and the object stays the same until [`Drive::close`],
    /// whatever happens to the store.
    pub(crate) fn open(&self, path: &[u16]) -> Answer<(Found, Info)> {
        let _opening = self.opening.read();
        let found = self.find(path)?;
        let info = self.info(found.object)?;
        self.fs.learn(found.object.file);
        Ok((found, info))
    }

    /// Takes back [`Drive::open`].
    pub(crate) fn close(&self, object: Object) {
        self.fs.forget(object.file, 1);
    }

    /// The object at a path.
    pub(crate) fn find(&self, path: &[u16]) -> Answer<Found> {
        let path = Path::parse(path);
        let (mut file, mut names) = (self.fs.root(), Vec::with_capacity(path.names.len()));
        for (place, units) in path.names.iter().enumerate() {
            let (attr, name) = self.look_up(file, units).map_err(|status| match status {
                // A link on the way gives this status as well: WinFsp then searches the path for
                // one.
                Status::OBJECT_NAME_NOT_FOUND if place + 1 < path.names.len() => Status::OBJECT_PATH_NOT_FOUND,
                Status::NOT_A_DIRECTORY => Status::OBJECT_PATH_NOT_FOUND,
                other => other,
            })?;
            file = attr.ino;
            names.push(name);
        }
        let Some(wanted) = path.stream else {
            return Ok(Found { object: Object { file, content: file }, path: name::join(&names, None) });
        };
        let streams = self.named_streams(file)?;
        let found = streams.into_iter().find(|stream| name::same(&stream.name, wanted));
        let stream = found.ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
        let object = Object { file, content: stream.ino };
        Ok(Found { object, path: name::join(&names, Some(&stream.name)) })
    }

    /// The object of a name in a directory, and the name as the drive writes it.
    fn look_up(&self, directory: Ino, units: &[u16]) -> Answer<(Attr, Vec<u16>)> {
        for meant in meant_names(units) {
            match self.fs.lookup_listed(directory, &meant) {
                Ok((attr, listed)) => {
                    return shown_name(&listed).map(|name| (attr, name)).ok_or(Status::OBJECT_NAME_NOT_FOUND);
                }
                Err(Error::NotFound) => {}
                Err(error) => return Err(self.refusal("lookup", directory, &error)),
            }
        }
        Err(Status::OBJECT_NAME_NOT_FOUND)
    }

    /// The attributes of an object: the size of its content, and everything else from the file.
    pub(crate) fn info(&self, object: Object) -> Answer<Info> {
        self.ask("attributes", object.content, |fs| Ok(self.info_of(object, &fs.facts(object.content)?)))
    }

    fn info_of(&self, object: Object, facts: &Facts<'_>) -> Info {
        let Facts { attr, .. } = facts;
        let windows = facts.windows(self.options.links);
        let is_reparse_point = windows.attributes & REPARSE_POINT != 0;
        Info {
            attributes: if windows.attributes == 0 { NORMAL } else { windows.attributes },
            reparse_tag: windows.reparse_tag,
            size: if is_reparse_point { reparse::size(attr.kind, attr.size) } else { attr.size },
            times: [attr.created, attr.accessed, attr.modified, attr.changed],
            index: object.file.0,
        }
    }

    /// The security descriptor of an object.
    pub(crate) fn security(&self, object: Object) -> Answer<Vec<u8>> {
        let shown = match self.options.security {
            Security::Uniform => None,
            Security::Image => self.ask("security", object.file, |fs| {
                Ok(fs.stored_facts(object.file)?.security_descriptor().and_then(security::of_stored))
            })?,
        };
        Ok(shown.unwrap_or_else(security::uniform))
    }

    /// Fills `buffer` from `offset` and returns how many bytes it filled.
    ///
    /// # Errors
    /// [`Status::END_OF_FILE`] if there are none.
    pub(crate) fn read(&self, object: Object, offset: u64, buffer: &mut [u8]) -> Answer<usize> {
        match self.ask("read", object.content, |fs| fs.read_at(object.content, offset, buffer))? {
            0 if !buffer.is_empty() => Err(Status::END_OF_FILE),
            filled => Ok(filled),
        }
    }

    /// Calls `each` for the entries of a directory after the one called `marker`, or for all, until
    /// it breaks: `.` and `..` except in the root, then the names that Windows can have. Entries
    /// whose attributes cannot be read are listed all the same.
    pub(crate) fn list(
        &self,
        directory: Object,
        marker: Option<&[u16]>,
        each: &mut dyn FnMut(&[u16], &Info) -> ControlFlow<()>,
    ) -> Answer<()> {
        let ino = directory.file;
        let after = match marker {
            None if ino == self.fs.root() => 2,
            None => 0,
            Some([0x2e]) => 1,
            Some([0x2e, 0x2e]) => 2,
            Some(name) => self.place_behind(ino, name)?,
        };
        self.ask("list", ino, |fs| {
            fs.read_dir(ino, after, &mut |entry| {
                let Some(name) = self.listed_name(ino, entry.name) else { return ControlFlow::Continue(()) };
                let object = Object { file: entry.ino, content: entry.ino };
                let info = fs.facts(entry.ino).ok().map(|facts| self.info_of(object, &facts));
                each(&name, &info.unwrap_or_else(|| unknown(entry.ino, entry.kind)))
            })
        })
    }

    fn place_behind(&self, directory: Ino, marker: &[u16]) -> Answer<u64> {
        for name in meant_names(marker) {
            match self.fs.place_behind(directory, &name) {
                Err(Error::NotFound) => {}
                Err(error) => return Err(self.refusal("list", directory, &error)),
                Ok(place) => return Ok(place),
            }
        }
        // The marker has gone from the store since: the entries after it are not known.
        Ok(u64::MAX)
    }

    /// The name under which an entry is listed; `None` if a lookup of that name would not find it.
    fn listed_name(&self, directory: Ino, name: &[u8]) -> Option<Vec<u16>> {
        let shown = shown_name(name)?;
        let meant = meant_names(&shown);
        let is_second = meant[0] != name && self.fs.place_behind(directory, &meant[0]).is_ok();
        (!is_second).then_some(shown)
    }

    /// The entry of a directory with this name, in any case of letters.
    pub(crate) fn entry(&self, directory: Object, units: &[u16]) -> Answer<Entry> {
        let (attr, name) = self.look_up(directory.file, units)?;
        let info = self.info(Object { file: attr.ino, content: attr.ino })?;
        Ok(Entry { name, info })
    }

    /// The streams of a file or directory: the unnamed one of a file, then the others.
    pub(crate) fn streams(&self, object: Object) -> Answer<Vec<Stream>> {
        let file = object.file;
        let info = self.info(Object { file, content: file })?;
        let is_file = info.attributes & DIRECTORY == 0;
        let unnamed = is_file.then(|| Stream { name: Vec::new(), ino: file, size: info.size });
        Ok(unnamed.into_iter().chain(self.named_streams(file)?).collect())
    }

    /// The named streams whose names Windows can have.
    fn named_streams(&self, file: Ino) -> Answer<Vec<Stream>> {
        let streams = self.ask("streams", file, |fs| fs.streams(file))?;
        let shown = |entry: StreamEntry| {
            let name = shown_name(&entry.name)?;
            Some(Stream { name, ino: entry.ino, size: entry.size })
        };
        Ok(streams.into_iter().filter_map(shown).collect())
    }

    /// The `REPARSE_DATA_BUFFER` of a file or directory.
    pub(crate) fn reparse_point(&self, object: Object) -> Answer<Vec<u8>> {
        let links = self.options.links;
        let point = self.ask("reparse point", object.file, |fs| fs.reparse_point(object.file, links))?;
        reparse::buffer(point.ok_or(Status::NOT_A_REPARSE_POINT)?).ok_or(Status::DATA_ERROR)
    }

    /// The attributes of the volume.
    pub(crate) fn volume(&self) -> VolumeInfo {
        let volume = self.fs.volume();
        let mut label = shown_name(&volume.label).unwrap_or_default();
        label.truncate(MAX_LABEL);
        if label.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit)) {
            label.pop(); // half of a surrogate pair
        }
        let created = self.fs.attr(self.fs.root()).map_or(FileTime(0), |attr| attr.created);
        VolumeInfo { label, serial: volume.serial, created, size: self.fs.totals().bytes.max(CLUSTER) }
    }

    fn ask<T>(
        &self,
        op: &'static str,
        ino: Ino,
        question: impl FnOnce(&Filesystem) -> fs_core::Result<T>,
    ) -> Answer<T> {
        tracing::debug!(op, ino = ino.0);
        question(&self.fs).map_err(|error| self.refusal(op, ino, &error))
    }

    /// The status of an error. Damage is logged.
    fn refusal(&self, op: &'static str, ino: Ino, error: &Error) -> Status {
        if error.is_damage() {
            self.fs.log_damage(op, ino, error);
        }
        ntstatus(error)
    }
}

/// The attributes of a file of which only the kind is known.
fn unknown(ino: Ino, kind: Kind) -> Info {
    let attributes = if kind == Kind::Directory { DIRECTORY } else { NORMAL };
    Info { attributes, reparse_tag: 0, size: 0, times: [FileTime(0); 4], index: ino.0 }
}

#[cfg(test)]
mod tests;
