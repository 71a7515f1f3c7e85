//! A walk by descriptors, one name at a time, as openat2(2) does it, with a look at the owner of each link.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;
use wim::LocalFile;

use super::Stop;
use crate::source::folder::file;

/// Why a link is not followed.
pub(super) const REFUSED: &str = "a link that leads out of the store and belongs to neither root nor the store's owner";

/// The most links on the way to a file, as Linux has it.
const MAX_LINKS: usize = 40;

const ROOT_USER: u32 = 0;

/// The owner of files whose owner cannot be expressed, in a user namespace or on a network share: anybody.
const NOBODY: u32 = 65534;

/// A descriptor that leads to something without opening it.
const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What `path` below `root` leads to.
pub(super) fn metadata(root: &Path, path: &Path) -> Result<Metadata, Stop> {
    Ok(Walk::new(root)?.walk(path)?.found.metadata()?)
}

/// The names in the folder at `path` below `root`.
pub(super) fn names(root: &Path, path: &Path) -> Result<Vec<OsString>, Stop> {
    let folder = Walk::new(root)?.walk(path)?.found;
    Ok(file::names_at(folder, OsStr::new("."))?)
}

/// Opens the regular file at `path` below `root`.
pub(super) fn open(root: &Path, path: &Path) -> Result<LocalFile, Stop> {
    let Reached { folder, name, found } = Walk::new(root)?.walk(path)?;
    let file = file::open_found(&folder, &name, &found, OFlags::NOFOLLOW)?;
    Ok(LocalFile::new(file)?)
}

/// Where a walk ended: what has the name in the folder, and is no link.
struct Reached {
    folder: OwnedFd,
    name: OsString,
    found: File,
}

/// A folder on the way.
struct Step {
    folder: OwnedFd,
    path: PathBuf,
}

struct Walk<'a> {
    root: &'a Path,
    /// The folders from the store's root, or once outside from elsewhere, to where the walk is.
    at: Vec<Step>,
    /// Whether the walk has left the store.
    outside: bool,
    /// How much of the way is left where a trusted link has led. A folder there belongs to the store, as if it were mounted.
    arrival: Option<usize>,
    /// The users whose links may lead anywhere.
    trusted: [u32; 3],
    /// The first link of somebody else on the way: from there on the walk stays in the store.
    distrusted: Option<PathBuf>,
    links: usize,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path) -> io::Result<Self> {
        let folder = open_root(root)?;
        let owner = folder.metadata()?.uid();
        let own = geteuid().as_raw();
        let trusted = [ROOT_USER, own, if owner == NOBODY { own } else { owner }];
        let at = vec![Step { folder: folder.into(), path: root.to_owned() }];
        Ok(Self { root, at, outside: false, arrival: None, trusted, distrusted: None, links: 0 })
    }

    fn walk(mut self, path: &Path) -> Result<Reached, Stop> {
        let mut rest = Vec::new();
        push(&mut rest, path);
        loop {
            self.arrive(rest.len());
            let Some(name) = rest.pop() else { break };
            if name == ".." {
                self.up()?;
                continue;
            }
            let here = self.here();
            let path = here.path.join(&name);
            let found = File::from(openat(&here.folder, &name, LOOK, Mode::empty()).map_err(io::Error::from)?);
            let metadata = found.metadata()?;
            if metadata.is_symlink() {
                self.follow(path, &found, metadata.uid(), &mut rest)?;
            } else if rest.is_empty() {
                return Ok(Reached { folder: self.leave_at(), name, found });
            } else {
                self.at.push(Step { folder: found.into(), path });
            }
        }
        let folder = self.leave_at();
        let found = File::from(openat(&folder, ".", LOOK, Mode::empty()).map_err(io::Error::from)?);
        Ok(Reached { folder, name: ".".into(), found })
    }

    fn here(&self) -> &Step {
        self.at.last().expect("a walk is always somewhere")
    }

    fn leave_at(&mut self) -> OwnedFd {
        self.at.pop().expect("a walk is always somewhere").folder
    }

    /// Goes on with the target of a link of `owner`.
    fn follow(&mut self, link: PathBuf, found: &File, owner: u32, rest: &mut Vec<OsString>) -> Result<(), Stop> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(io::Error::from(Errno::LOOP).into());
        }
        let target = readlinkat(found, "", Vec::new()).map_err(io::Error::from)?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if self.trusted.contains(&owner) {
            self.arrival.get_or_insert(rest.len());
        } else {
            self.distrusted.get_or_insert(link);
        }
        if !target.is_absolute() {
            if self.outside {
                self.check_free()?;
            }
            push(rest, &target);
            return Ok(());
        }
        match self.in_store(&target) {
            Some(below) => {
                self.begin(open_root(self.root)?, self.root, false);
                push(rest, &below);
            }
            None => {
                self.check_free()?;
                self.begin(open_root(Path::new("/"))?, Path::new("/"), true);
                push(rest, &target);
            }
        }
        Ok(())
    }

    /// Takes the folder where a trusted link has led, with `left` of the way to go, for a part of the store.
    fn arrive(&mut self, left: usize) {
        if self.arrival.is_some_and(|arrival| left <= arrival) {
            self.arrival = None;
            if self.outside {
                self.at.drain(..self.at.len() - 1);
                self.outside = false;
            }
        }
    }

    fn begin(&mut self, folder: File, path: &Path, outside: bool) {
        self.at = vec![Step { folder: folder.into(), path: path.to_owned() }];
        self.outside = outside;
    }

    /// Goes to the folder above.
    fn up(&mut self) -> Result<(), Stop> {
        if self.at.len() > 1 {
            self.at.pop();
            return Ok(());
        }
        self.check_free()?;
        let above = self.here().path.join("..");
        let folder = openat(&self.here().folder, "..", LOOK, Mode::empty()).map_err(io::Error::from)?;
        self.begin(folder.into(), &above, true);
        Ok(())
    }

    /// Whether the walk may be outside the store.
    fn check_free(&self) -> Result<(), Stop> {
        self.distrusted.clone().map_or(Ok(()), |link| Err(Stop::Refused(link)))
    }

    /// The part below the store's root of an absolute path that names it, as the user did or by its true path.
    fn in_store(&self, target: &Path) -> Option<PathBuf> {
        let below = target.strip_prefix(self.root).map(Path::to_owned);
        below
            .or_else(|_| target.strip_prefix(self.root.canonicalize()?).map(Path::to_owned).map_err(io::Error::other))
            .ok()
    }
}

/// The root of a walk, which may be behind links.
fn open_root(root: &Path) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, root, flags, Mode::empty())?.into())
}

/// Puts the parts of a path before the rest of the way, which is a stack.
fn push(rest: &mut Vec<OsString>, path: &Path) {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    rest.extend(parts.rev().map(|part| part.as_os_str().to_owned()));
}
