//! fuser's callbacks: each turns numbers into ours, asks, and answers.
//!
//! Every answer may be cached by the kernel for ever: names and their absence, attributes, link
//! targets, pages and listings. [`follow`](crate::follow) invalidates what changes. `open` and
//! `opendir` fail with `ENOSYS`; from then on the kernel opens without asking, keeps its cache
//! across opens, and never reports which files are open. It does report when it forgets an inode
//! number, so each number is counted when it is handed out. The birth time is not sent, since fuser
//! 0.18 does not speak the protocol's `STATX`: it is in the extended attribute
//! `system.ntfs_crtime`.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fs_core::{About, DirEntry, Error, Filesystem, Ino, Kind};
use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use tracing::debug;

use crate::ask::{Asked, Responder};
use crate::attr::{blank, file_attr, file_type};

/// For ever: some thirty years.
const FOREVER: Duration = Duration::from_secs(1_000_000_000);
/// Numbers are not given a second time while the kernel knows them, so there is one generation.
const GENERATION: Generation = Generation(0);
/// Largest request for bytes. Linux allows no more than 256 pages.
const MAX_READ: u32 = 1 << 20;
/// The shortest target of a link, in bytes, that the kernel does not take.
const TARGET_MAX: usize = 4096;
/// Requests that the kernel may have under way ahead of readers, over all files. Those for a
/// storage that hangs stay under way, several for each reader. From three quarters of this number
/// on the kernel reads other files page by page, and at the limit readers may have to wait. Without
/// root the kernel has a limit of its own, which depends on the memory.
const MAX_BACKGROUND: u16 = 4096;
/// The process that serves the mount, as a decimal number, on the mount's root; not listed.
pub(crate) const PID_XATTR: &str = "user.wimstore.pid";

thread_local! {
    /// Where a thread gathers the bytes of the read that it answers; as large as its largest so
    /// far.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The filesystem as fuser calls it.
pub(crate) struct Callbacks {
    responder: Responder,
    /// Whether the kernel opens files, and directories, without asking after the first `ENOSYS`.
    opens_itself: bool,
    opens_directories_itself: bool,
}

impl Callbacks {
    /// For `threads` that take requests from the kernel.
    pub(crate) fn new(fs: Arc<Filesystem>, threads: usize) -> Self {
        Self { responder: Responder::new(fs, threads), opens_itself: false, opens_directories_itself: false }
    }
}

impl fuser::Filesystem for Callbacks {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let offered = config.capabilities();
        let wanted = InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_READDIRPLUS_AUTO
            | InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_CACHE_SYMLINKS
            | InitFlags::FUSE_NO_OPEN_SUPPORT
            | InitFlags::FUSE_NO_OPENDIR_SUPPORT
            | InitFlags::FUSE_EXPLICIT_INVAL_DATA;
        let refused = |what: &str| io::Error::other(format!("setting up the FUSE session: {what} was refused"));
        config.add_capabilities(wanted & offered).map_err(|flags| refused(&format!("capabilities {flags:?}")))?;
        // The number of pages that a request may have follows from the largest write.
        config.set_max_write(MAX_READ).map_err(|_| refused("max_write"))?;
        config.set_max_background(MAX_BACKGROUND).map_err(|_| refused("max_background"))?;
        self.opens_itself = offered.contains(InitFlags::FUSE_NO_OPEN_SUPPORT);
        self.opens_directories_itself = offered.contains(InitFlags::FUSE_NO_OPENDIR_SUPPORT);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        debug!(op = "lookup", ino = parent.0, ?name);
        let name = name.to_owned();
        let question = move |fs: &Filesystem, _: &mut _| {
            let time = fs.lasting(Ino(parent.0)).unwrap_or(FOREVER);
            match fs.lookup(Ino(parent.0), name.as_bytes()) {
                Ok(attr) => {
                    fs.learn(attr.ino);
                    Ok((file_attr(&attr), time))
                }
                Err(Error::NotFound) => Ok((blank(Ino(0), Kind::File), time)), // inode 0: remember that there is no such name
                Err(error) => Err(error),
            }
        };
        let answer = |reply: ReplyEntry, (attr, time)| reply.entry(&time, &attr, GENERATION);
        self.responder.ask(Asked("lookup", Ino(parent.0), Some(About::Entries)), reply, question, answer);
    }

    fn forget(&self, _: &Request, ino: INodeNo, count: u64) {
        debug!(op = "forget", ino = ino.0, count);
        self.responder.filesystem().forget(Ino(ino.0), count);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        debug!(op = "getattr", ino = ino.0);
        let question = move |fs: &Filesystem, _: &mut _| fs.attr(Ino(ino.0));
        let answer = |reply: ReplyAttr, attr| reply.attr(&FOREVER, &file_attr(&attr));
        self.responder.ask(Asked("getattr", Ino(ino.0), Some(About::Attributes)), reply, question, answer);
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        debug!(op = "readlink", ino = ino.0);
        let question = move |fs: &Filesystem, _: &mut _| fs.read_link(Ino(ino.0));
        let answer = |reply: ReplyData, target: Vec<u8>| match target.len() {
            // The kernel takes a longer answer for a broken one.
            TARGET_MAX.. => reply.error(Errno::ENAMETOOLONG),
            _ => reply.data(&target),
        };
        self.responder.ask(Asked("readlink", Ino(ino.0), Some(About::Content)), reply, question, answer);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        debug!(op = "open", ino = ino.0);
        match self.opens_itself {
            true => reply.error(Errno::ENOSYS),
            false => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        debug!(op = "read", ino = ino.0, offset, size);
        let question = move |fs: &Filesystem, _: &mut _| {
            BUFFER.with_borrow_mut(|buffer| fs.read_at(Ino(ino.0), offset, at_least(buffer, size as usize)?))
        };
        let answer = |reply: ReplyData, filled| BUFFER.with_borrow(|buffer| reply.data(&buffer[..filled]));
        self.responder.ask(Asked("read", Ino(ino.0), Some(About::Content)), reply, question, answer);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.error(Errno::ENOSYS); // asked once: there is never anything to flush
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.error(Errno::ENOSYS);
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        debug!(op = "opendir", ino = ino.0);
        match self.opens_directories_itself {
            true => reply.error(Errno::ENOSYS),
            false => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR),
        }
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, reply: ReplyDirectory) {
        debug!(op = "readdir", ino = ino.0, offset);
        let question = move |fs: &Filesystem, reply: &mut ReplyDirectory| {
            fs.read_dir(Ino(ino.0), offset, &mut |entry| {
                let name = OsStr::from_bytes(entry.name);
                until_full(reply.add(INodeNo(entry.ino.0), entry.next, file_type(entry.kind), name))
            })
        };
        let answer = |reply: ReplyDirectory, ()| reply.ok();
        self.responder.ask(Asked("readdir", Ino(ino.0), Some(About::Entries)), reply, question, answer);
    }

    fn readdirplus(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, reply: ReplyDirectoryPlus) {
        debug!(op = "readdirplus", ino = ino.0, offset);
        let question = move |fs: &Filesystem, reply: &mut ReplyDirectoryPlus| {
            let time = fs.lasting(Ino(ino.0)).unwrap_or(FOREVER);
            fs.read_dir(Ino(ino.0), offset, &mut |entry| {
                let (attr, time) = listed_attr(fs, &entry, time);
                let name = OsStr::from_bytes(entry.name);
                let full = reply.add(INodeNo(entry.ino.0), entry.next, name, &time, &attr, GENERATION);
                if !full && entry.name != b"." && entry.name != b".." {
                    fs.learn(entry.ino);
                }
                until_full(full)
            })
        };
        let answer = |reply: ReplyDirectoryPlus, ()| reply.ok();
        self.responder.ask(Asked("readdirplus", Ino(ino.0), Some(About::Entries)), reply, question, answer);
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.error(Errno::ENOSYS);
    }

    fn statfs(&self, _: &Request, ino: INodeNo, reply: ReplyStatfs) {
        debug!(op = "statfs", ino = ino.0);
        self.responder.ask(
            Asked("statfs", Ino(ino.0), None),
            reply,
            |fs, _| Ok(fs.totals()),
            |reply: ReplyStatfs, totals| {
                let blocks = totals.bytes.div_ceil(totals.block_size.into());
                reply.statfs(blocks, 0, 0, totals.files, 0, totals.block_size, totals.name_max, totals.block_size);
            },
        );
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        debug!(op = "getxattr", ino = ino.0, ?name, size);
        let is_pid = ino == INodeNo::ROOT && name == PID_XATTR;
        let asked = Asked("getxattr", Ino(ino.0), (!is_pid).then_some(About::Xattr(name.as_bytes())));
        let name = name.to_owned();
        let question = move |fs: &Filesystem, _: &mut _| match is_pid {
            true => Ok(std::process::id().to_string().into_bytes()),
            false => fs.xattr(Ino(ino.0), name.as_bytes()),
        };
        self.responder.ask(asked, reply, question, move |reply, value| send_sized(reply, size, &value));
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        debug!(op = "listxattr", ino = ino.0, size);
        let question = move |fs: &Filesystem, _: &mut _| Ok(list_of(&fs.xattr_names(Ino(ino.0))?));
        let answer = move |reply, list: Vec<u8>| send_sized(reply, size, &list);
        self.responder.ask(Asked("listxattr", Ino(ino.0), Some(About::Xattrs)), reply, question, answer);
    }

    // The mount is read-only, so the kernel refuses these requests itself unless the mount is
    // remounted writable.

    fn setattr(
        &self,
        _: &Request,
        _: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        reply.error(Errno::EROFS);
    }

    fn mknod(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, _: u32, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn mkdir(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn unlink(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }

    fn rmdir(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }

    fn symlink(&self, _: &Request, _: INodeNo, _: &OsStr, _: &Path, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn rename(&self, _: &Request, _: INodeNo, _: &OsStr, _: INodeNo, _: &OsStr, _: RenameFlags, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }

    fn link(&self, _: &Request, _: INodeNo, _: INodeNo, _: &OsStr, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn create(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, _: i32, reply: ReplyCreate) {
        reply.error(Errno::EROFS);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        _: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        reply.error(Errno::EROFS);
    }

    fn fallocate(&self, _: &Request, _: INodeNo, _: FileHandle, _: u64, _: u64, _: i32, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }

    fn setxattr(&self, _: &Request, _: INodeNo, _: &OsStr, _: &[u8], _: i32, _: u32, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }

    fn removexattr(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }
}

/// The attributes of an entry in a listing, and how long the kernel may cache them. An entry whose
/// attributes cannot be read is listed too: the kernel asks again when it is used, and gets the
/// error.
fn listed_attr(fs: &Filesystem, entry: &DirEntry<'_>, time: Duration) -> (FileAttr, Duration) {
    match fs.attr(entry.ino) {
        Ok(attr) => (file_attr(&attr), time),
        Err(_) => (blank(entry.ino, entry.kind), Duration::ZERO),
    }
}

fn until_full(full: bool) -> ControlFlow<()> {
    if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Names as listxattr(2) returns them: each is followed by a NUL.
fn list_of(names: &[Vec<u8>]) -> Vec<u8> {
    names.iter().flat_map(|name| name.iter().copied().chain([0])).collect()
}

/// Answers with the value, or with its size if `size` is 0; `ERANGE` if it does not fit in `size`
/// bytes.
fn send_sized(reply: ReplyXattr, size: u32, value: &[u8]) {
    match u32::try_from(value.len()) {
        Err(_) => reply.error(Errno::E2BIG),
        Ok(len) if size == 0 => reply.size(len),
        Ok(len) if len > size => reply.error(Errno::ERANGE),
        Ok(_) => reply.data(value),
    }
}

/// The first `size` bytes of a buffer that grows with what is asked of it.
fn at_least(buffer: &mut Vec<u8>, size: usize) -> fs_core::Result<&mut [u8]> {
    let more = size.saturating_sub(buffer.len());
    buffer
        .try_reserve_exact(more)
        .map_err(|error| fs_core::Error::Io { path: "memory for an answer".into(), source: Arc::new(error.into()) })?;
    buffer.resize(buffer.len() + more, 0);
    Ok(&mut buffer[..size])
}
