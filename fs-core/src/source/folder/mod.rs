//! A store in the local file system.

mod attributes;
mod file;
#[cfg(target_os = "linux")]
mod inotify;
mod poll;
mod resolve;
mod security;
#[cfg(target_os = "linux")]
mod watch;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::Security;
use wim::{FileTime, ReadAt, Version};

use super::{
    ArchiveEntry, GroupEntry, GroupListing, Shape, StoreListing, StoreSource, StoredFile, StoredId, Watch,
    has_extension, is_archive, is_resources, same_name,
};
use crate::error::{Error, Problem, Result};

use self::file::not_regular;
#[cfg(not(target_os = "linux"))]
use self::poll as platform;
#[cfg(target_os = "linux")]
use self::watch as platform;

pub use self::attributes::{AttributeSource, Attributes};
pub(crate) use self::file::open as open_file;
pub(crate) use self::resolve::Resolver;
pub use self::security::Principals;
use self::security::Securities;

/// A store, group or archive in the local file system, found by looking at it.
#[derive(Debug, Clone)]
pub struct FolderSource {
    shape: Shape,
    /// What the user named.
    named: PathBuf,
    /// The `Images` folder, the group's folder or the archive's file.
    listed: PathBuf,
    /// The volume that it was on when it was found.
    device: u64,
    resolver: Resolver,
    securities: Arc<Securities>,
}

impl FolderSource {
    /// Finds out what `path` is: an archive file; a RemoteInstall folder (it has `Images`); a group (it has `.wim` files or a
    /// `Res.rwm`); or an `Images` folder (it is called so, or has folders that are groups). Links in it are followed if they
    /// stay in it or belong to its owner or root; with `follow_links` all are.
    ///
    /// # Errors
    /// [`Error::NoStore`] when it is none of these, [`Error::Io`] when it cannot be looked at.
    pub fn find(path: &Path, follow_links: bool) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|e| Error::io(path, e))?;
        let device = Version::of_metadata(&metadata).device();
        if !metadata.is_dir() {
            let resolver = Resolver::of_file(path, follow_links);
            let (named, listed) = (path.to_owned(), path.to_owned());
            return Ok(Self { shape: Shape::File, named, listed, device, resolver, securities: Arc::default() });
        }
        let resolver = Resolver::new(path, follow_links);
        let (shape, listed) = shape(path, &resolver)?;
        Ok(Self { shape, named: path.to_owned(), listed, device, resolver, securities: Arc::default() })
    }

    /// This source, whose descriptors name these principals.
    #[must_use]
    pub fn with_principals(self, principals: Principals) -> Self {
        Self { securities: Arc::new(Securities::new(principals)), ..self }
    }

    /// The folder that is listed: of an archive's file, the one that it is in.
    pub(crate) fn folder(&self) -> &Path {
        match self.shape {
            Shape::Store | Shape::Group => &self.listed,
            Shape::File => self.listed.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        }
    }

    /// The name of the archive's file, or of the folder.
    #[cfg(target_os = "linux")]
    pub(crate) fn file_name(&self) -> &OsStr {
        self.listed.file_name().unwrap_or_default()
    }

    /// The folder's state, unless it is what a share that is away leaves behind: an empty folder of another volume.
    fn state(&self, is_empty: bool) -> Result<Version> {
        let folder = self.folder();
        let state = Version::of_metadata(&self.resolver.metadata(folder)?);
        if is_empty && state.device() != self.device {
            return Err(Error::io(folder, io::Error::other("nothing is mounted here")));
        }
        Ok(state)
    }
}

impl StoreSource for FolderSource {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn path(&self) -> &Path {
        &self.named
    }

    fn groups(&self) -> Result<StoreListing> {
        if self.shape == Shape::Store {
            let Subfolders { groups, problems } = subfolders(&self.listed, &self.resolver)?;
            return Ok(StoreListing { modified: time(self.state(groups.is_empty())?), groups, problems });
        }
        let modified = time(self.state(false)?);
        let group = group_entry(OsString::new(), self.folder().to_owned(), modified);
        Ok(StoreListing { modified, groups: vec![group], problems: Vec::new() })
    }

    fn listing(&self, group: &GroupEntry) -> Result<GroupListing> {
        let mut listing = GroupListing::default();
        for (file, kind) in entries(group.id.as_ref(), &self.resolver)? {
            let (is_resources, is_archive) =
                (is_resources(&file.name), self.shape != Shape::File && is_archive(&file.name));
            match kind {
                Kind::File if is_resources => listing.resources = Some(file),
                Kind::File if is_archive => {
                    let attributes = attributes::of(&file.path, &mut listing.warnings);
                    listing.archives.push(ArchiveEntry { file, attributes });
                }
                Kind::Special(error) | Kind::Refused(error) if is_resources || is_archive => {
                    listing.problems.push(Problem::new(&file.path, error));
                }
                _ => {}
            }
        }
        match self.shape {
            Shape::Store => {}
            Shape::Group => drop(self.state(listing.archives.is_empty())?),
            Shape::File => self.add_file(&mut listing)?,
        }
        Ok(listing)
    }

    fn group_security(&self, group: &GroupEntry) -> Arc<Security> {
        self.securities.of(group.id.as_ref(), None)
    }

    fn file_security(&self, file: &StoredFile, group: &Security) -> Arc<Security> {
        self.securities.of(file.id.as_ref(), Some(group))
    }

    fn open(&self, file: &StoredFile) -> Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(self.resolver.open(file.id.as_ref())?))
    }

    fn watch(&self) -> Result<Watch> {
        platform::watch(self.clone())
    }
}

impl FolderSource {
    /// Puts in the one file that was named by the user: its attribute does not hide it, and it supplies its own data.
    fn add_file(&self, listing: &mut GroupListing) -> Result<()> {
        let metadata = self.resolver.metadata(&self.listed)?;
        let name = self.listed.file_name().unwrap_or_default().to_owned();
        for (part, kind) in other_parts(&name, self.folder(), &self.resolver)? {
            match kind {
                Kind::File => listing.parts.push(part),
                Kind::Special(error) | Kind::Refused(error) => listing.problems.push(Problem::new(&part.path, error)),
                Kind::Folder => {}
            }
        }
        listing.resources = listing.resources.take().filter(|_| !is_resources(&name));
        let file = stored(name, self.listed.clone(), Version::of_metadata(&metadata));
        listing.archives.push(ArchiveEntry { file, attributes: Attributes::default() });
        Ok(())
    }
}

/// A file as it is listed: its path identifies it.
fn stored(name: OsString, path: PathBuf, version: Version) -> StoredFile {
    StoredFile { id: StoredId::new(&path), name, path, version }
}

/// A group as it is listed: the path of its folder identifies it.
fn group_entry(name: OsString, path: PathBuf, modified: FileTime) -> GroupEntry {
    GroupEntry { id: StoredId::new(&path), name, path, modified }
}

fn time(state: Version) -> FileTime {
    FileTime::from_unix(state.modified.0, state.modified.1)
}

/// What is called as the other parts of the split archive `first` in a folder, by number.
fn other_parts(first: &OsStr, folder: &Path, resolver: &Resolver) -> Result<Vec<(StoredFile, Kind)>> {
    if !has_extension(first, "swm") {
        return Ok(Vec::new());
    }
    let stem = |name: &OsStr| Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let set = stem(first);
    let number = |name: &OsStr| stem(name).strip_prefix(&set)?.parse::<u16>().ok();
    let swm = entries(folder, resolver)?.into_iter().filter(|(file, _)| has_extension(&file.name, "swm"));
    let mut parts: Vec<_> = swm.filter_map(|(file, kind)| Some((number(&file.name)?, file, kind))).collect();
    parts.sort_by(|(a, x, _), (b, y, _)| (a, &x.path).cmp(&(b, &y.path)));
    Ok(parts.into_iter().map(|(_, file, kind)| (file, kind)).collect())
}

/// What a name in a folder stands for.
enum Kind {
    File,
    Folder,
    /// A pipe, a socket or a device, which is not opened.
    Special(Error),
    /// A link that is not followed.
    Refused(Error),
}

impl Kind {
    fn of(path: &Path, metadata: &fs::Metadata) -> Self {
        match metadata.file_type() {
            kind if kind.is_file() => Self::File,
            kind if kind.is_dir() => Self::Folder,
            _ => Self::Special(Error::io(path, not_regular())),
        }
    }
}

/// What is in a folder, ordered by name; without what is gone when it is looked at.
///
/// # Errors
/// The folder cannot be listed, or the share that it is on goes away meanwhile: nothing is known of what it holds.
fn entries(folder: &Path, resolver: &Resolver) -> Result<Vec<(StoredFile, Kind)>> {
    let (mut found, mut missing) = (Vec::new(), HashSet::new());
    for name in resolver.names(folder)? {
        let path = folder.join(&name);
        match resolver.metadata(&path) {
            Ok(metadata) => {
                let kind = Kind::of(&path, &metadata);
                found.push((stored(name, path, Version::of_metadata(&metadata)), kind));
            }
            Err(error @ Error::LinkRefused { .. }) => {
                found.push((stored(name, path, Version::default()), Kind::Refused(error)));
            }
            Err(error) if is_away(&error) => return Err(error),
            Err(_) => drop(missing.insert(name)),
        }
    }
    if !missing.is_empty() {
        check_gone(folder, &missing, resolver)?;
    }
    found.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    Ok(found)
}

/// Holds names that could not be looked at against the folder as it is now. Those that it lists no more are gone by themselves;
/// links to nothing, and what there is no right to look at, count as gone.
///
/// # Errors
/// The folder lists one that was not found: the whole folder was away, if only for a moment.
fn check_gone(folder: &Path, missing: &HashSet<OsString>, resolver: &Resolver) -> Result<()> {
    let is_back = |name: &OsString| match fs::symlink_metadata(folder.join(name)) {
        Ok(found) => !found.is_symlink(),
        Err(_) => fs::metadata(folder).is_err(), // away again; some systems list names that they do not find
    };
    match resolver.names(folder)?.iter().any(|name| missing.contains(name) && is_back(name)) {
        true => Err(Error::io(folder, io::Error::other("it was away while it was listed"))),
        false => Ok(()),
    }
}

/// Whether an error tells of the share that a file is on, and not of the file.
fn is_away(error: &Error) -> bool {
    let Error::Io { source: error, .. } = error else { return false };
    use io::ErrorKind::{
        HostUnreachable, NetworkDown, NetworkUnreachable, NotConnected, StaleNetworkFileHandle, TimedOut,
    };
    let kinds = [HostUnreachable, NetworkDown, NetworkUnreachable, NotConnected, StaleNetworkFileHandle, TimedOut];
    let host_is_down = cfg!(target_os = "linux") && error.raw_os_error() == Some(112); // no kind is called so
    host_is_down || kinds.contains(&error.kind())
}

/// The shape of the store in the folder `path`, and the folder that is listed.
fn shape(path: &Path, resolver: &Resolver) -> Result<(Shape, PathBuf)> {
    let Subfolders { groups, problems } = subfolders(path, resolver)?;
    let is_images = |path: &Path| path.file_name().is_some_and(|name| same_name(name, "images"));
    if let Some(images) = groups.iter().find(|group| same_name(&group.name, "images")) {
        return Ok((Shape::Store, images.path.clone()));
    }
    if let Some(refused) = problems.iter().find(|problem| is_images(&problem.path)) {
        return Err(refused.error.clone());
    }
    if has_archives(path, resolver)? {
        return Ok((Shape::Group, path.to_owned()));
    }
    // A folder that may not be read is not the reason to refuse the others.
    let mut holds_groups = groups.iter().map(|group| has_archives(&group.path, resolver).unwrap_or(false));
    if path.canonicalize().is_ok_and(|path| is_images(&path)) || holds_groups.any(|holds| holds) {
        return Ok((Shape::Store, path.to_owned()));
    }
    if let Some(refused) = problems.first() {
        return Err(refused.error.clone());
    }
    let reason = "no image store: it has neither a folder `Images`, nor .wim files, nor folders with .wim files";
    Err(Error::NoStore { path: path.to_owned(), reason })
}

/// The folders in a folder, without those whose name begins with a dot.
struct Subfolders {
    groups: Vec<GroupEntry>,
    /// Links that are not followed, whatever they lead to.
    problems: Vec<Problem>,
}

fn subfolders(folder: &Path, resolver: &Resolver) -> Result<Subfolders> {
    let (mut groups, mut problems) = (Vec::new(), Vec::new());
    let visible = |name: &OsStr| !name.as_encoded_bytes().starts_with(b".");
    for (entry, kind) in entries(folder, resolver)?.into_iter().filter(|(entry, _)| visible(&entry.name)) {
        match kind {
            Kind::Folder => {
                let modified = time(entry.version);
                groups.push(group_entry(entry.name, entry.path, modified));
            }
            Kind::Refused(error) => problems.push(Problem::new(&entry.path, error)),
            Kind::File | Kind::Special(_) => {}
        }
    }
    Ok(Subfolders { groups, problems })
}

/// Whether a folder has archives; a link that is not followed may be one.
fn has_archives(folder: &Path, resolver: &Resolver) -> Result<bool> {
    let counts = |name: &OsStr| is_archive(name) || is_resources(name);
    let mut found = entries(folder, resolver)?.into_iter();
    Ok(found.any(|(file, kind)| matches!(kind, Kind::File | Kind::Refused(_)) && counts(&file.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            if file.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, b"x").unwrap();
            }
        }
        dir
    }

    #[test]
    fn the_shape_is_found_by_looking() {
        let cases: &[(&str, &[&str], &str, Option<Shape>)] = &[
            ("RemoteInstall", &["Images/G/a.wim", "Boot/x64/boot.wim"], "", Some(Shape::Store)),
            ("Images, any case", &["IMAGES/G/a.wim"], "", Some(Shape::Store)),
            ("folder of groups", &["G/a.wim", "H/readme"], "", Some(Shape::Store)),
            ("empty Images", &["Images/"], "Images", Some(Shape::Store)),
            ("group", &["a.wim", "a/$OEM$/data.wim"], "", Some(Shape::Group)),
            ("group with resources only", &["Res.RWM"], "", Some(Shape::Group)),
            ("file", &["a.wim"], "a.wim", Some(Shape::File)),
            ("neither", &["docs/readme", "deep/er/a.wim"], "", None),
            ("empty", &[], "", None),
        ];
        for (name, files, sub, want) in cases {
            let dir = tree(files);
            let found = FolderSource::find(&dir.path().join(sub), false).ok().map(|s| s.shape());
            assert_eq!(found, *want, "{name}");
        }
    }

    #[test]
    fn only_the_first_level_of_a_group_is_listed() {
        let dir = tree(&[
            "Images/G/b.wim",
            "Images/G/A.WIM",
            "Images/G/Res.rwm",
            "Images/G/notes.txt",
            "Images/G/a/$OEM$/data.wim",
            "Images/.cache/c.wim",
            "Images/stray.wim",
        ]);
        let source = FolderSource::find(dir.path(), false).unwrap();
        let groups = source.groups().unwrap().groups;
        assert_eq!(groups.iter().map(|g| g.name.to_str().unwrap()).collect::<Vec<_>>(), ["G"]);
        let listing = source.listing(&groups[0]).unwrap();
        assert_eq!(
            listing.archives.iter().map(|a| a.file.name.to_str().unwrap()).collect::<Vec<_>>(),
            ["A.WIM", "b.wim"]
        );
        assert!(listing.resources.unwrap().path.ends_with("Images/G/Res.rwm"));
    }

    #[test]
    fn a_file_brings_the_resources_beside_it() {
        let dir = tree(&["G/a.wim", "G/b.wim", "G/Res.rwm"]);
        let source = FolderSource::find(&dir.path().join("G/a.wim"), false).unwrap();
        let listing = source.listing(&source.groups().unwrap().groups[0]).unwrap();
        assert_eq!(listing.archives.len(), 1);
        assert!(listing.resources.is_some());
    }

    #[test]
    fn the_first_part_brings_the_others() {
        let dir = tree(&["x.swm", "x2.swm", "x10.SWM", "x3.wim", "xy.swm", "y2.swm", "x-2.swm"]);
        let source = FolderSource::find(&dir.path().join("x.swm"), false).unwrap();
        let listing = source.listing(&source.groups().unwrap().groups[0]).unwrap();
        let names: Vec<_> = listing.parts.iter().map(|p| p.name.to_str().unwrap()).collect();
        assert_eq!(names, ["x2.swm", "x10.SWM"]);
    }

    #[test]
    fn what_is_listed_again_was_not_gone() {
        let dir = tree(&["a.wim"]);
        let resolver = Resolver::new(dir.path(), false);
        let missing = |name: &str| check_gone(dir.path(), &HashSet::from([name.into()]), &resolver).is_ok();
        assert!(missing("b.wim") && !missing("a.wim"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nothing", dir.path().join("link.wim")).unwrap();
            assert!(missing("link.wim"));
            assert_eq!(entries(dir.path(), &resolver).unwrap().len(), 1);
        }
    }

    #[test]
    fn a_folder_that_is_no_store_says_what_is_missing() {
        let dir = tree(&["docs/readme"]);
        let message = FolderSource::find(dir.path(), false).unwrap_err().to_string();
        assert!(message.contains("neither a folder `Images`, nor .wim files"), "{message}");
    }
}
