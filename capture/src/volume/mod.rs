//! NTFS volumes that no system has mounted: devices and image files.

mod reparse;
mod select;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wim::write::{File, FileId, Tree};
use wim::{Attributes, BlobHash, ReadAt, ReparseHead, Version, wtf8_from_utf16};
use write::Job;

use crate::disk::{self, Disk};
use crate::files::{full_ea_list, unfit};
use crate::ntfs::{Descriptors, FileName, Inode, ROOT, Security, Volume, is_own};
use crate::scan::{Skipped, Slot};
use crate::source::{Source, SourceStream, StreamId};
use crate::{Error, Exclusions, Result, Scan};
use reparse::Fate;
pub use select::split_source;

/// The attributes that files have; NTFS uses the bits above for itself.
const ATTRIBUTES: u32 = 0x0FFF_FFFF;
/// The paths of what cannot be captured that an error names.
const MOST_NAMED: usize = 10;

/// How a volume is captured.
#[derive(Debug, Clone, Copy)]
pub struct VolumeOptions<'a> {
    /// The files that are left out.
    pub exclusions: &'a Exclusions,
    /// Whether a volume is captured that Windows did not unmount.
    pub allow_unclean: bool,
    /// Whether files that EFS has encrypted are left out; otherwise they are an error.
    pub skip_encrypted: bool,
}

/// A volume as it was when it was scanned.
struct ScannedVolume {
    path: PathBuf,
    disk: Disk,
    volume: Volume,
    version: Version,
    last_lsn: Option<u64>,
}

/// A name in a directory: indices of directory, file, and name in the file.
struct Entry {
    directory: usize,
    file: usize,
    name: usize,
}

/// A content of a file, with its first cluster.
type Stored = (u64, Slot, Job);

/// A directory whose entries are to be added.
struct Pending {
    index: usize,
    id: FileId,
    /// Its path from the root, with `/` between names; empty for the root.
    below: String,
}

struct Scanner<'a> {
    options: VolumeOptions<'a>,
    source: Arc<ScannedVolume>,
    inodes: Vec<Inode>,
    descriptors: Descriptors,
    scan: Scan,
    /// The files that have a name in the image.
    ids: HashMap<usize, FileId>,
    /// Streams with the first cluster of each.
    streams: Vec<(u64, FileId, Slot, Job)>,
    refused: Vec<String>,
}

impl Scan {
    /// Reads names and metadata of the NTFS volume on a device or in an image file, or of one on a partition
    /// of it.
    ///
    /// # Errors
    /// It cannot be read, is in use, damaged or not unmounted, or holds what cannot be captured.
    pub fn volume(path: &Path, partition: Option<u32>, options: VolumeOptions<'_>) -> Result<Self> {
        let source = ScannedVolume::open(path, partition, options).map_err(wrong(path))?;
        let source = Arc::new(source);
        let mut inodes = Vec::new();
        let scanned = source.volume.scan(&mut |inode| {
            inodes.push(inode);
            Ok(())
        });
        scanned.map_err(wrong(path))?;
        if !options.allow_unclean && source.is_hibernated(&inodes).map_err(wrong(path))? {
            return Err(unfit(
                path,
                "Windows hibernates there or has started fast: start it and shut it down (`shutdown /s /f /t 0`); \
                 --allow-unclean captures it as it is",
            ));
        }
        let descriptors = Descriptors::read(&source.volume).map_err(wrong(path))?;
        let (entries, orphans) = entries(&inodes);
        if orphans > 0 {
            tracing::warn!(orphans, "names in directories that do not exist are not captured");
        }
        let scan = Self::new(File::default());
        let (ids, streams, refused) = (HashMap::new(), Vec::new(), Vec::new());
        let scanner = Scanner { options, source, inodes, descriptors, scan, ids, streams, refused };
        scanner.run(&entries)?.checked(path)
    }
}

impl ScannedVolume {
    fn open(path: &Path, partition: Option<u32>, options: VolumeOptions<'_>) -> disk::Result<Self> {
        let disk = select::volume(path, partition)?;
        let version = disk.version().map_err(disk::Error::reading(0, 0))?;
        let volume = Volume::open(&disk)?;
        match volume.unclean()? {
            Some(reason) if !options.allow_unclean => {
                return Err(disk::Error::Refused(format!(
                    "{reason}: start Windows and shut it down (`shutdown /s /f /t 0`), or run `chkdsk /f`; \
                     --allow-unclean captures it as it is"
                )));
            }
            Some(reason) => tracing::warn!("{reason}"),
            None => {}
        }
        let last_lsn = volume.last_lsn()?;
        Ok(Self { path: path.to_owned(), disk, volume, version, last_lsn })
    }

    /// Whether the memory of a running Windows is in `hiberfil.sys`.
    fn is_hibernated(&self, inodes: &[Inode]) -> disk::Result<bool> {
        let is_it = |name: &FileName| {
            name.parent == ROOT && String::from_utf16_lossy(&name.name).eq_ignore_ascii_case("hiberfil.sys")
        };
        let Some(inode) = inodes.iter().find(|inode| inode.names.iter().any(is_it)) else { return Ok(false) };
        let content = self.volume.data(inode.number, inode.sequence, &[])?;
        let mut magic = [0; 4];
        content.read_at(0, &mut magic).map_err(disk::Error::reading(0, 4))?;
        Ok(magic.eq_ignore_ascii_case(b"hibr"))
    }
}

impl Source for ScannedVolume {
    fn open(&self, stream: &StreamId) -> io::Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(self.volume.data(stream.file, stream.sequence, &stream.name)?))
    }

    fn check_unchanged(&self) -> write::Result<()> {
        let failed = |source| write::Error::Disk { doing: "reading", path: self.path.clone(), source };
        let version = self.disk.version().map_err(failed)?;
        let last_lsn = self.volume.last_lsn().map_err(|error| failed(error.into()))?;
        if version == self.version && last_lsn == self.last_lsn {
            return Ok(());
        }
        Err(write::Error::Changed { path: self.path.clone() })
    }
}

fn wrong(path: &Path) -> impl FnOnce(disk::Error) -> Error {
    move |source| match source {
        disk::Error::Refused(reason) => Error::Unfit { path: path.to_owned(), reason },
        disk::Error::Io { source, len: 0, .. } => Error::Io { path: path.to_owned(), source },
        source => Error::Disk { path: path.to_owned(), source },
    }
}

/// All names by the index of their directory, and the number of names whose directory does not exist.
fn entries(inodes: &[Inode]) -> (Vec<Entry>, u64) {
    let (mut found, mut orphans) = (Vec::new(), 0);
    for (file, inode) in inodes.iter().enumerate().filter(|(_, inode)| inode.number != ROOT) {
        for (name, stored) in inode.names.iter().enumerate().filter(|(_, name)| !name.is_short) {
            let directory = inodes.binary_search_by_key(&stored.parent, |inode| inode.number).ok();
            let is_its =
                |&index: &usize| inodes[index].is_directory && inodes[index].sequence == stored.parent_sequence;
            match directory.filter(is_its) {
                Some(directory) => found.push(Entry { directory, file, name }),
                None if is_own(stored.parent) => {}
                None => orphans += 1,
            }
        }
    }
    found.sort_by_key(|entry| entry.directory);
    (found, orphans)
}

impl Scanner<'_> {
    fn run(mut self, entries: &[Entry]) -> Result<Scan> {
        let root = self.inodes.iter().position(|inode| inode.number == ROOT && inode.is_directory);
        let path = self.source.path.clone();
        let root = root.ok_or_else(|| unfit(&path, "the volume has no root directory"))?;
        if let Some((file, contents)) = self.file(root, Path::new("/"))? {
            self.scan = Scan::new(file);
            self.add_contents(Tree::ROOT, contents);
        }
        self.ids.insert(root, Tree::ROOT);
        let mut to_come = vec![Pending { index: root, id: Tree::ROOT, below: String::new() }];
        while let Some(directory) = to_come.pop() {
            let from = entries.partition_point(|entry| entry.directory < directory.index);
            for entry in entries[from..].iter().take_while(|entry| entry.directory == directory.index) {
                to_come.extend(self.entry(&directory, entry)?);
            }
        }
        if self.refused.is_empty() { Ok(self.finish()) } else { Err(self.refusal()) }
    }

    /// Adds a name, and its file unless another name had it before. Returns it if it has children.
    fn entry(&mut self, directory: &Pending, entry: &Entry) -> Result<Option<Pending>> {
        let inode = &self.inodes[entry.file];
        let name = inode.names[entry.name].name.clone();
        let short = short_name(&inode.names, entry.name).to_vec();
        let is_directory = inode.is_directory;
        let text = String::from_utf8_lossy(&wtf8_from_utf16(name.iter().copied())).into_owned();
        let below = if directory.below.is_empty() { text } else { format!("{}/{text}", directory.below) };
        let path = Path::new("/").join(&below);
        if self.options.exclusions.excludes(&below) {
            return Ok(None);
        }
        if let Some(&id) = self.ids.get(&entry.file) {
            if is_directory {
                return Err(unfit(&path, "a directory with two names: run `chkdsk /f` on the volume in Windows"));
            }
            self.scan.link(directory.id, &path, &name, &short, id)?;
            return Ok(None);
        }
        let Some((file, contents)) = self.file(entry.file, &path)? else { return Ok(None) };
        let has_children = file.attributes.is_directory();
        let id = self.scan.add(file);
        self.ids.insert(entry.file, id);
        self.scan.link(directory.id, &path, &name, &short, id)?;
        self.add_contents(id, contents);
        Ok(has_children.then_some(Pending { index: entry.file, id, below }))
    }

    /// The file as an image has it, and its contents; `None` if it is left out or refused.
    fn file(&mut self, index: usize, path: &Path) -> Result<Option<(File, Vec<Stored>)>> {
        let damaged = |source| Error::Disk { path: path.to_owned(), source };
        let inode = &self.inodes[index];
        let mut attributes = inode.attributes & ATTRIBUTES;
        if inode.is_directory {
            attributes |= Attributes::DIRECTORY.0;
        }
        let mut contents = Vec::new();
        let mut head = None;
        match reparse::fate(inode).map_err(damaged)? {
            Fate::Refused(reason) => {
                self.refused.push(format!("{}: {reason}", path.display()));
                return Ok(None);
            }
            Fate::LeftOut(reason) => {
                self.scan.skipped.push(Skipped { path: path.to_owned(), reason });
                return Ok(None);
            }
            Fate::Plain | Fate::Opened => attributes &= !Attributes::REPARSE_POINT.0,
            Fate::Kept(tag, reserved, data) => {
                head = Some((ReparseHead { tag, reserved, flags: 0 }, BlobHash::ZERO));
                contents.push((0, Slot::Reparse, Job::bytes(data)));
            }
        }
        if inode.streams.iter().any(|stream| stream.is_encrypted) {
            let reason = "encrypted by EFS";
            if self.options.skip_encrypted {
                self.scan.skipped.push(Skipped { path: path.to_owned(), reason });
            } else {
                self.refused.push(format!("{}: {reason}; --skip-encrypted leaves such files out", path.display()));
            }
            return Ok(None);
        }
        let mut file = File {
            attributes: Attributes(attributes),
            security: self.security(inode, path)?,
            created: inode.created,
            accessed: inode.accessed,
            written: inode.written,
            reparse: head,
            object_id: inode.object_id.clone(),
            ..File::default()
        };
        if let Some(list) = &inode.extended {
            let list = full_ea_list(list).ok_or_else(|| unfit(path, "extended attributes that cannot be read"))?;
            file.attributes_extended = list;
        }
        for stream in &inode.streams {
            let slot = if stream.name.is_empty() { Slot::Data } else { Slot::Stream(file.streams.len()) };
            if !stream.name.is_empty() {
                let name = stream.name.as_chunks().0.iter().map(|&unit| u16::from_le_bytes(unit)).collect();
                file.streams.push((name, BlobHash::ZERO));
            }
            let id = StreamId { file: inode.number, sequence: inode.sequence, name: stream.name.clone() };
            let source: Arc<dyn Source> = Arc::clone(&self.source) as Arc<dyn Source>;
            let content = SourceStream { source, stream: id, size: stream.size, path: path.to_owned() };
            contents.push((stream.place, slot, Job::content(content)));
        }
        Ok(Some((file, contents)))
    }

    fn security(&self, inode: &Inode, path: &Path) -> Result<Option<Vec<u8>>> {
        match &inode.security {
            Security::None => Ok(None),
            Security::Own(descriptor) => Ok(Some(descriptor.clone())),
            Security::Id(id) => match self.descriptors.get(*id) {
                Some(descriptor) => Ok(Some(descriptor.to_vec())),
                None => {
                    Err(unfit(path, "its security descriptor is missing: run `chkdsk /f` on the volume in Windows"))
                }
            },
        }
    }

    fn add_contents(&mut self, id: FileId, contents: Vec<Stored>) {
        self.streams.extend(contents.into_iter().map(|(place, slot, job)| (place, id, slot, job)));
    }

    /// Hands over the contents in the order of the disk.
    fn finish(mut self) -> Scan {
        self.streams.sort_by_key(|(place, ..)| *place);
        for (_, id, slot, job) in self.streams {
            self.scan.add_content(id, slot, job);
        }
        self.scan.source = Some(self.source);
        self.scan
    }

    /// The error that names what cannot be captured.
    fn refusal(self) -> Error {
        let more = self.refused.len().saturating_sub(MOST_NAMED);
        let mut reason = self.refused[..self.refused.len() - more].join("\n  ");
        if more > 0 {
            reason.push_str(&format!("\n  and {more} more"));
        }
        Error::Unfit { path: self.source.path.clone(), reason: format!("cannot be captured:\n  {reason}") }
    }
}

/// The 8.3 name that belongs to a name: that in the same directory, if it is the first one there.
fn short_name(names: &[FileName], index: usize) -> &[u16] {
    let parent = names[index].parent;
    let is_there = |name: &&FileName| name.parent == parent;
    let has_earlier = names[..index].iter().filter(is_there).any(|name| !name.is_short);
    let short = names.iter().filter(is_there).find(|name| name.is_short && !has_earlier);
    short.map_or(&[], |short| &short.name)
}
