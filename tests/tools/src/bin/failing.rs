//! `failing FOLDER DIRECTORY FAULT SEED`: mounts FOLDER on DIRECTORY as a network share would be,
//! read-only, and fails as the file FAULT says at that moment, until it is unmounted. For tests of
//! what a mount does whose store fails.
//!
//! FAULT holds a word and how many of 100 requests it strikes, such as `eio 30`; when it is empty
//! or missing nothing fails.
//! - `short`: reads give fewer bytes than were asked for, as any read may
//! - `eio`: reads fail
//! - `estale`: reads and questions after a file's attributes fail as on NFS when the server knows
//!   the file no more
//! - `slow`: reads take 20 ms
//! - `away`: everything fails as on a share whose server is down

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("failing: only on Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::ffi::{OsStr, OsString};
    use std::fs::{self, File, Metadata};
    use std::io;
    use std::os::unix::fs::{FileExt, MetadataExt};
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;
    use std::time::Duration;

    use fuser::{
        Config, Errno, FileAttr, FileHandle, FileType, FopenFlags, Generation, INodeNo, LockOwner, MountOption,
        OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEntry, ReplyOpen, Request, SessionACL,
    };

    /// Nothing is remembered: every question reaches us, and may fail.
    const NO_TIME: Duration = Duration::ZERO;

    pub(super) fn main() -> io::Result<()> {
        let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
        let usage = || io::Error::other("usage: failing FOLDER DIRECTORY FAULT SEED");
        let [folder, directory, fault, seed] = arguments.as_slice() else { return Err(usage()) };
        let seed = seed.to_str().and_then(|seed| seed.parse().ok()).ok_or_else(usage)?;
        serve(Path::new(folder), Path::new(directory), Path::new(fault), seed)
    }

    fn serve(folder: &Path, directory: &Path, fault: &Path, seed: u64) -> io::Result<()> {
        let root = Node::open(folder.to_owned())?;
        let nodes = Mutex::new(HashMap::from([(INodeNo::ROOT, Arc::new(root))]));
        let failing = Failing { nodes, fault: fault.to_owned(), random: AtomicU64::new(seed) };
        let mut config = Config::default();
        config.mount_options = vec![MountOption::RO, MountOption::FSName("failing".into())];
        config.acl = SessionACL::Owner;
        config.n_threads = Some(4);
        fuser::mount(failing, directory, &config)
    }

    /// A folder shown as it is, but for faults.
    struct Failing {
        nodes: Mutex<HashMap<INodeNo, Arc<Node>>>,
        fault: PathBuf,
        random: AtomicU64,
    }

    /// Something that was looked up. It stays open, so that no other file gets its number.
    struct Node {
        path: PathBuf,
        file: File,
    }

    impl Node {
        fn open(path: PathBuf) -> io::Result<Self> {
            Ok(Self { file: File::open(&path)?, path })
        }

        fn attr(&self, ino: INodeNo) -> io::Result<FileAttr> {
            self.file.metadata().map(|metadata| attr(ino, &metadata))
        }
    }

    impl Failing {
        /// A number below `limit`.
        fn random(&self, limit: u64) -> u64 {
            // SplitMix64: any thread takes the next step.
            let mut z = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z ^ (z >> 31)) % limit
        }

        /// The fault that strikes this request, if one does.
        fn fault(&self) -> String {
            let order = fs::read_to_string(&self.fault).unwrap_or_default();
            let (fault, share) = order.trim().split_once(' ').unwrap_or_default();
            let strikes = share.parse().is_ok_and(|share: u64| self.random(100) < share);
            if strikes { fault.to_owned() } else { String::new() }
        }

        /// What a request fails with that asks for names, files or attributes.
        fn refuse(&self) -> io::Result<()> {
            match self.fault().as_str() {
                "away" => Err(rustix::io::Errno::HOSTDOWN.into()),
                "estale" => Err(rustix::io::Errno::STALE.into()),
                _ => Ok(()),
            }
        }

        fn node(&self, ino: INodeNo) -> io::Result<Arc<Node>> {
            let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            nodes.get(&ino).cloned().ok_or(rustix::io::Errno::STALE.into())
        }

        fn look_up(&self, parent: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
            self.refuse()?;
            let node = Node::open(self.node(parent)?.path.join(name))?;
            let ino = INodeNo(node.file.metadata()?.ino());
            let attr = node.attr(ino)?;
            self.nodes.lock().unwrap_or_else(PoisonError::into_inner).insert(ino, Arc::new(node));
            Ok(attr)
        }

        fn attributes(&self, ino: INodeNo) -> io::Result<FileAttr> {
            self.refuse()?;
            self.node(ino)?.attr(ino)
        }

        fn bytes(&self, ino: INodeNo, offset: u64, size: u32) -> io::Result<Vec<u8>> {
            let fault = self.fault();
            let mut bytes = vec![0; size as usize];
            let filled = self.node(ino)?.file.read_at(&mut bytes, offset)?;
            bytes.truncate(filled);
            match fault.as_str() {
                "away" => return Err(rustix::io::Errno::HOSTDOWN.into()),
                "eio" => return Err(rustix::io::Errno::IO.into()),
                "estale" => return Err(rustix::io::Errno::STALE.into()),
                "short" if filled > 1 => bytes.truncate(1 + self.random(filled as u64 - 1) as usize),
                "slow" => thread::sleep(Duration::from_millis(20)),
                _ => {}
            }
            Ok(bytes)
        }

        fn names(&self, ino: INodeNo) -> io::Result<Vec<(OsString, u64)>> {
            self.refuse()?;
            let entries = fs::read_dir(&self.node(ino)?.path)?;
            entries
                .map(|entry| entry.map(|entry| (entry.file_name(), entry.metadata().map_or(1, |m| m.ino()))))
                .collect()
        }
    }

    fn attr(ino: INodeNo, metadata: &Metadata) -> FileAttr {
        let time = metadata.modified().unwrap_or(std::time::UNIX_EPOCH);
        FileAttr {
            ino,
            size: metadata.len(),
            blocks: metadata.blocks(),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind: if metadata.is_dir() { FileType::Directory } else { FileType::RegularFile },
            perm: if metadata.is_dir() { 0o555 } else { 0o444 },
            nlink: 1,
            uid: metadata.uid(),
            gid: metadata.gid(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    impl fuser::Filesystem for Failing {
        fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
            match self.look_up(parent, name) {
                Ok(attr) => reply.entry(&NO_TIME, &attr, Generation(0)),
                Err(error) => reply.error(error.into()),
            }
        }

        fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
            match self.attributes(ino) {
                Ok(attr) => reply.attr(&NO_TIME, &attr),
                Err(error) => reply.error(error.into()),
            }
        }

        /// Past the kernel's cache, for which a short read is the end of the file.
        fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
            match self.refuse() {
                Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO),
                Err(error) => reply.error(error.into()),
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
            match self.bytes(ino, offset, size) {
                Ok(bytes) => reply.data(&bytes),
                Err(error) => reply.error(error.into()),
            }
        }

        fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
            match self.names(ino) {
                Ok(names) => {
                    for (place, (name, number)) in (1..).zip(names).skip(offset as usize) {
                        if reply.add(INodeNo(number), place, FileType::RegularFile, name) {
                            break;
                        }
                    }
                    reply.ok();
                }
                Err(error) => reply.error(error.into()),
            }
        }

        fn getxattr(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, reply: fuser::ReplyXattr) {
            reply.error(Errno::EOPNOTSUPP);
        }
    }
}
