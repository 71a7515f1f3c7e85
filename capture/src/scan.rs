//! What a folder holds, read before anything is written.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use wim::write::{File, FileId, Tree};
use wim::{BlobHash, FileTime, HeaderFlags, Metadata, Version, utf16_from_wtf8};
use write::{ArchiveWriter, CopyPlan, Job, NewImage};

use crate::files::{self, Found, unfit};
use crate::source::Source;
use crate::xml::ImageFacts;
use crate::{Error, Exclusions, Result};

/// How a folder is captured.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The folder, absolute and without links.
    pub root: &'a Path,
    /// The files that are left out.
    pub exclusions: &'a Exclusions,
    /// Files that are left out whatever they are called, such as the archive that is written.
    pub left_out: &'a [PathBuf],
    /// Whether owners, modes, devices and extended attributes of Unix are stored, as wimlib stores them.
    pub unix_data: bool,
    /// Whether absolute links into the folder count from the image's root.
    pub fix_links: bool,
}

/// A file that is not captured because an image cannot hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub reason: &'static str,
}

/// A folder as it was when it was scanned: its tree, and where each content comes from.
pub struct Scan {
    tree: Tree,
    contents: Vec<(FileId, Slot, Job)>,
    directories: u64,
    names: u64,
    has_fixed_links: bool,
    /// What is asked after the last byte whether it is what was scanned.
    pub(crate) source: Option<Arc<dyn Source>>,
    /// The files that are not captured, in the order of the walk; those excluded by name are not among
    /// them.
    pub skipped: Vec<Skipped>,
}

/// The place of a content in its file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slot {
    Data,
    Reparse,
    Stream(usize),
}

/// A directory whose entries are to be read.
struct Pending {
    path: PathBuf,
    /// Its path from the root, with `/` between names; empty for the root.
    below: String,
    id: FileId,
}

struct Scanner<'a> {
    options: Options<'a>,
    scan: Scan,
    /// Files with several names, by device and inode.
    linked: HashMap<(u64, u64), FileId>,
}

impl Scan {
    /// Reads the names and metadata of everything in a folder. File systems that are mounted below it
    /// belong to it.
    ///
    /// # Errors
    /// Something cannot be read, or has a name or a property that an archive cannot hold.
    pub fn folder(options: Options<'_>) -> Result<Self> {
        let root = metadata_of(options.root)?;
        if !root.is_dir() {
            return Err(unfit(options.root, "is not a folder"));
        }
        let found = files::look(options.root, &root, &options)?;
        let found = found.ok_or_else(|| unfit(options.root, "is not a folder"))?;
        let scan = Self::new(found.file.clone());
        let mut scanner = Scanner { options, scan, linked: HashMap::new() };
        scanner.add_contents(Tree::ROOT, &found, options.root, &root);
        let mut to_come = vec![Pending { path: options.root.to_owned(), below: String::new(), id: Tree::ROOT }];
        while let Some(directory) = to_come.pop() {
            let below = scanner.directory(&directory)?;
            to_come.extend(below.into_iter().rev());
        }
        scanner.scan.checked(options.root)
    }

    /// The scan of a root directory alone.
    pub(crate) fn new(root: File) -> Self {
        Self {
            tree: Tree::new(root),
            contents: Vec::new(),
            directories: 1,
            names: 0,
            has_fixed_links: false,
            source: None,
            skipped: Vec::new(),
        }
    }

    /// Adds a file without a name.
    pub(crate) fn add(&mut self, file: File) -> FileId {
        self.tree.add(file)
    }

    /// Gives a file a name; `path` is for messages.
    pub(crate) fn link(
        &mut self,
        directory: FileId,
        path: &Path,
        name: &[u16],
        short: &[u16],
        id: FileId,
    ) -> Result<()> {
        let linked = self.tree.link(directory, name, short, id);
        linked.map_err(|source| Error::Tree { path: path.to_owned(), source })?;
        let is_directory = self.tree.file(id).attributes.is_directory();
        let count = if is_directory { &mut self.directories } else { &mut self.names };
        *count += 1;
        Ok(())
    }

    /// Notes where a content of a file comes from. Empty ones are not stored.
    pub(crate) fn add_content(&mut self, id: FileId, slot: Slot, job: Job) {
        if job.size() > 0 {
            self.contents.push((id, slot, job));
        }
    }

    /// The scan, if an archive can hold its tree: so that is found before anything is compressed.
    pub(crate) fn checked(self, root: &Path) -> Result<Self> {
        match self.tree.to_bytes() {
            Ok(_) => Ok(self),
            Err(source) => Err(Error::Tree { path: root.to_owned(), source }),
        }
    }

    /// The uncompressed bytes of the contents, as far as they were known when the folder was scanned.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.contents.iter().map(|(_, _, job)| job.size()).sum()
    }

    /// The number of directories, the root included, and of other names.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.directories, self.names)
    }

    /// What will be read and written; contents that occur twice, or that the archive has, are not known yet.
    #[must_use]
    pub fn plan(&self) -> CopyPlan {
        let jobs = self.contents.iter().map(|(_, _, job)| job.clone()).collect();
        CopyPlan { jobs, bytes: self.bytes(), ..CopyPlan::default() }
    }

    /// Writes the contents and the image; the caller commits.
    ///
    /// # Errors
    /// The sources' and the disk's; the archive can only be dropped then.
    pub fn write(self, writer: &mut ArchiveWriter<'_>, name: &str, description: Option<&str>) -> write::Result<()> {
        let Self { mut tree, contents, directories, names, has_fixed_links, source, .. } = self;
        let (places, jobs): (Vec<_>, Vec<Job>) = contents.into_iter().map(|(id, slot, job)| ((id, slot), job)).unzip();
        let (mut bytes, mut link_bytes) = (0, 0);
        for ((&(id, slot), job), hash) in places.iter().zip(&jobs).zip(writer.add_blobs(&jobs)?) {
            let links = u64::from(tree.name_count(id).max(1));
            bytes += job.size() * links;
            link_bytes += job.size() * (links - 1);
            set_hash(&mut tree, id, slot, hash);
        }
        let path = writer.path().to_owned();
        if let Some(source) = source {
            source.check_unchanged()?;
        }
        let refused = |reason: String| write::Error::Refused { path: path.clone(), reason };
        let metadata = tree.to_bytes().map_err(|error| refused(error.to_string()))?;
        let read = Metadata::parse(metadata.clone());
        let parsed = read.map_err(|source| write::Error::Source { path: path.clone(), source })?;
        let now = now();
        let facts = ImageFacts { directories, files: names, bytes, link_bytes, now, name, description };
        let xml = facts.element().map_err(|error| refused(error.to_string()))?;
        writer.add_image(NewImage { metadata: Job::bytes(metadata), tree: &parsed, xml })?;
        if has_fixed_links {
            writer.add_flags(HeaderFlags::LINKS_FIXED);
        }
        Ok(())
    }
}

fn set_hash(tree: &mut Tree, id: FileId, slot: Slot, hash: BlobHash) {
    let file = tree.file_mut(id);
    match slot {
        Slot::Data => file.data = hash,
        Slot::Reparse => {
            if let Some((_, reparse)) = &mut file.reparse {
                *reparse = hash;
            }
        }
        Slot::Stream(index) => file.streams[index].1 = hash,
    }
}

impl Scanner<'_> {
    /// Adds the entries of a directory, and returns the directories among them.
    fn directory(&mut self, directory: &Pending) -> Result<Vec<Pending>> {
        let io = |source| Error::Io { path: directory.path.clone(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(&directory.path).map_err(io)? {
            names.push(entry.map_err(io)?.file_name());
        }
        names.sort();
        let mut below = Vec::new();
        for name in names {
            let path = directory.path.join(&name);
            let separator = if directory.below.is_empty() { "" } else { "/" };
            let below_root = format!("{}{separator}{}", directory.below, name.to_string_lossy());
            if self.options.exclusions.excludes(&below_root) || self.options.left_out.contains(&path) {
                continue;
            }
            let units = utf16_from_wtf8(name.as_bytes()).ok_or_else(|| unfit(&path, "its name is not UTF-8"))?;
            let metadata = metadata_of(&path)?;
            if let Some(id) = self.entry(directory.id, &path, &units, &metadata)? {
                below.push(Pending { path, below: below_root, id });
            }
        }
        Ok(below)
    }

    /// Adds a name, with its file unless another name had it before. Returns it if it is a directory
    /// with entries of its own.
    fn entry(
        &mut self,
        directory: FileId,
        path: &Path,
        name: &[u16],
        metadata: &fs::Metadata,
    ) -> Result<Option<FileId>> {
        let key = (metadata.dev(), metadata.ino());
        let may_be_linked = metadata.nlink() > 1 && !metadata.is_dir();
        if let Some(&id) = self.linked.get(&key).filter(|_| may_be_linked) {
            self.scan.link(directory, path, name, &[], id)?;
            return Ok(None);
        }
        let Some(found) = files::look(path, metadata, &self.options)? else {
            let reason = "a pipe, socket or device, which only --unix-data can store";
            self.scan.skipped.push(Skipped { path: path.to_owned(), reason });
            return Ok(None);
        };
        let id = self.scan.tree.add(found.file.clone());
        self.scan.link(directory, path, name, &found.short_name, id)?;
        self.add_contents(id, &found, path, metadata);
        self.scan.has_fixed_links |= found.is_fixed;
        if may_be_linked {
            self.linked.insert(key, id);
        }
        Ok(found.file.attributes.is_directory().then_some(id))
    }

    /// Notes where a file's contents come from. Empty ones are not stored.
    fn add_contents(&mut self, id: FileId, found: &Found, path: &Path, metadata: &fs::Metadata) {
        let mut add = |slot, job| self.scan.add_content(id, slot, job);
        if found.has_data {
            add(Slot::Data, Job::file(path, Version::of_metadata(metadata)));
        }
        if let Some(data) = &found.reparse {
            add(Slot::Reparse, Job::bytes(data.clone()));
        }
        for (index, content) in found.streams.iter().enumerate() {
            add(Slot::Stream(index), Job::bytes(content.clone()));
        }
    }
}

fn metadata_of(path: &Path) -> Result<fs::Metadata> {
    fs::symlink_metadata(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn now() -> FileTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    FileTime::from_unix(since.as_secs().cast_signed(), since.subsec_nanos())
}
