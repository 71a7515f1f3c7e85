//! Folders that the kernel is asked to tell of.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{CStr, OsStr, OsString};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::fs::statfs;

use crate::source::{FolderSource, Shape, StoreSource};

/// File systems that others may change without our kernel's knowledge, by the type that statfs(2) gives.
const REMOTE: &[u64] = &[
    0x0000_6969, // NFS
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB 2 and later
    0x0000_517b, // SMB, by the old client
    0x6573_5546, // FUSE, which may be anything
    0x0102_1997, // 9p
    0x5346_414f, // AFS
    0x6b41_4653, // AFS, the kernel's own
    0x00c3_6400, // Ceph
    0x7375_7245, // Coda
    0x0bd0_0bd0, // Lustre
    0x0116_1970, // GFS2
    0x7461_636f, // OCFS2
    0x786f_4256, // folders shared by VirtualBox
    0xbacb_acbc, // folders shared by VMware
];

/// What happens to the names in a folder.
const NAMES: WatchFlags =
    WatchFlags::CREATE.union(WatchFlags::DELETE).union(WatchFlags::MOVED_FROM).union(WatchFlags::MOVED_TO);

/// What happens to the folder itself.
const ITSELF: WatchFlags = WatchFlags::MOVE_SELF.union(WatchFlags::DELETE_SELF).union(WatchFlags::ONLYDIR);

/// What happens to the files in a folder: opening, extended attributes and permissions included.
const FILES: WatchFlags = WatchFlags::MODIFY.union(WatchFlags::CLOSE_WRITE).union(WatchFlags::ATTRIB);

/// Watches on all folders of a store.
pub(super) struct Armed {
    inotify: Option<OwnedFd>,
    /// The groups' folders by watch.
    groups: HashMap<i32, OsString>,
    /// The folders, and which ones they were.
    places: Vec<(PathBuf, Place)>,
    /// The names that count; all do in a folder of groups or archives.
    only: Option<OsString>,
    /// Whether something can change that the kernel does not tell of.
    pub(super) polls: bool,
}

/// Device and inode of a folder; nothing for one that cannot be looked at.
type Place = Option<(u64, u64)>;

/// What was told.
pub(super) enum News {
    /// Nothing that matters.
    Nothing,
    /// Something in these groups' folders.
    Groups(BTreeSet<OsString>),
    /// Something about the folders that are watched: there may be others now.
    Structure,
}

impl Armed {
    /// Watches everything that can be watched now.
    pub(super) fn new(source: &FolderSource) -> Self {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok();
        let polls = inotify.is_none();
        let only = (source.shape() == Shape::File).then(|| source.file_name().to_owned());
        let mut armed = Self { inotify, groups: HashMap::new(), places: Vec::new(), only, polls };
        let Ok(folder) = source.folder().canonicalize() else {
            armed.polls = true;
            return armed;
        };
        for above in folder.ancestors().skip(1).filter(|above| above.parent().is_some()) {
            armed.watch(above, ITSELF); // a store goes away with any folder above it
        }
        let group_flags = NAMES | FILES | ITSELF;
        armed.watch(&folder, if source.shape() == Shape::Store { NAMES | ITSELF } else { group_flags });
        armed.places.push((folder.clone(), place(&folder)));
        match source.groups() {
            Ok(listing) => {
                for group in listing.groups {
                    armed.watch_group(group.name, &group.path, group_flags);
                }
            }
            Err(_) => armed.polls = true,
        }
        armed
    }

    fn watch_group(&mut self, name: OsString, path: &Path, flags: WatchFlags) {
        self.polls |= is_remote(path) || has_links(path);
        if let Some(watch) = self.watch(path, flags) {
            self.groups.insert(watch, name);
        }
        self.places.push((path.to_owned(), place(path)));
    }

    fn watch(&mut self, folder: &Path, flags: WatchFlags) -> Option<i32> {
        let added = add_watch(self.inotify.as_ref()?, folder, flags);
        if let Err(error) = added {
            tracing::debug!(folder = %folder.display(), %error, "the kernel does not watch");
            self.polls = true;
        }
        added.ok()
    }

    /// What becomes readable when there is something to [`Armed::read`].
    pub(super) fn descriptor(&self) -> Option<&OwnedFd> {
        self.inotify.as_ref()
    }

    /// How many bytes there are to read.
    pub(super) fn waiting(&self) -> u64 {
        self.inotify.as_ref().and_then(|inotify| rustix::io::ioctl_fionread(inotify).ok()).unwrap_or(0)
    }

    /// Whether a folder is not the one that is watched: something was mounted there, or is mounted no longer.
    pub(super) fn has_moved(&self) -> bool {
        self.places.iter().any(|(path, was)| place(path) != *was)
    }

    /// Reads everything that was told until now.
    pub(super) fn read(&self) -> News {
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let Some(inotify) = &self.inotify else { return News::Nothing };
        let mut reader = Reader::new(inotify, &mut buffer);
        let (mut groups, mut structure) = (BTreeSet::new(), false);
        while let Ok(event) = reader.next() {
            let about_folder = ReadFlags::IGNORED | ReadFlags::UNMOUNT | ReadFlags::QUEUE_OVERFLOW;
            let about_folder = about_folder | ReadFlags::MOVE_SELF | ReadFlags::DELETE_SELF;
            match self.groups.get(&event.wd()) {
                Some(group) if !event.events().intersects(about_folder) => {
                    if self.matters(event.events(), event.file_name()) {
                        groups.insert(group.clone());
                    }
                }
                _ => structure = true,
            }
        }
        match (structure, groups.is_empty()) {
            (true, _) => News::Structure,
            (false, true) => News::Nothing,
            (false, false) => News::Groups(groups),
        }
    }

    /// Whether an event in a group's folder can change what is shown.
    fn matters(&self, events: ReadFlags, name: Option<&CStr>) -> bool {
        let name = OsStr::from_bytes(name.map_or(&[], CStr::to_bytes));
        let ends = |end: &str| {
            let name = name.as_bytes();
            name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
        };
        let of_store = [".wim", ".rwm", ".wimstore.json"].iter().any(|end| ends(end));
        match &self.only {
            Some(only) => name == only || ends(".swm") || ends(".rwm"),
            // Other names change the time of the folder when they come and go.
            // What has no name is the folder itself, which may be readable now.
            None => of_store || name.is_empty() || events.intersects(ReadFlags::from_bits_retain(NAMES.bits())),
        }
    }
}

fn place(path: &Path) -> Place {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

fn is_remote(path: &Path) -> bool {
    // The type is a number of 32 bits, which some systems extend by its sign.
    statfs(path).is_ok_and(|found| REMOTE.contains(&(found.f_type as u64 & 0xffff_ffff)))
}

/// Whether files in the folder are links to files that may change elsewhere.
fn has_links(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()))
}
