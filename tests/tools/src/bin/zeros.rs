//! `zeros TREE DIRECTORY`: mounts a tree with the names, sizes and times of TREE whose files hold
//! zeros, and returns when it is mounted. With nothing to read and nothing to decode it shows what
//! FUSE alone costs, for `scripts/bench`.

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("zeros: only on Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::ffi::{OsStr, OsString};
    use std::fs::{self, Metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use fuser::{
        Config, Errno, FileAttr, FileHandle, FileType, Generation, INodeNo, InitFlags, KernelConfig, LockOwner,
        MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry,
        ReplyOpen, ReplyXattr, Request, SessionACL,
    };

    const FOREVER: Duration = Duration::from_secs(1_000_000_000);
    const MAX_READ: u32 = 1 << 20;
    static ZEROS: [u8; MAX_READ as usize] = [0; MAX_READ as usize];

    pub(super) fn main() -> io::Result<()> {
        let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
        match arguments.as_slice() {
            [tree, directory] => start(tree, directory),
            [tree, directory, serve] if serve == "serve" => serve_tree(Path::new(tree), Path::new(directory)),
            _ => Err(io::Error::other("usage: zeros TREE DIRECTORY")),
        }
    }

    /// Starts the process that serves, and waits until it has mounted.
    fn start(tree: &OsStr, directory: &OsStr) -> io::Result<()> {
        let device = || fs::metadata(directory).map(|metadata| metadata.dev());
        let before = device()?;
        let mut server = Command::new(std::env::current_exe()?);
        server
            .args([tree, directory, OsStr::new("serve")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut server = server.spawn()?;
        let start = Instant::now();
        while device()? == before {
            if let Some(status) = server.try_wait()? {
                return Err(io::Error::other(format!("not mounted: {status}")));
            }
            if start.elapsed() > Duration::from_secs(60) {
                server.kill()?;
                return Err(io::Error::other("not mounted within a minute"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn serve_tree(tree: &Path, directory: &Path) -> io::Result<()> {
        let mut zeros = Zeros { nodes: Vec::new() };
        zeros.add(tree, 1)?;
        let mut config = Config::default();
        config.mount_options = vec![MountOption::RO, MountOption::FSName("zeros".into())];
        config.acl = SessionACL::Owner;
        config.n_threads = Some(thread::available_parallelism()?.get() + 2);
        config.clone_fd = true;
        fuser::mount(zeros, directory, &config)
    }

    /// A tree; a node's number is its place, from 1.
    struct Zeros {
        nodes: Vec<Node>,
    }

    struct Node {
        attr: FileAttr,
        target: Vec<u8>,
        parent: u64,
        entries: Vec<(OsString, u64)>,
        by_name: HashMap<OsString, u64>,
    }

    impl Zeros {
        /// Takes over what is at `path`, and below it, and returns its number.
        fn add(&mut self, path: &Path, parent: u64) -> io::Result<u64> {
            let metadata = fs::symlink_metadata(path)?;
            let number = self.nodes.len() as u64 + 1;
            let target = if metadata.is_symlink() { fs::read_link(path)?.into_os_string() } else { OsString::new() };
            let target = target.into_encoded_bytes();
            let attr = attr(number, &metadata);
            self.nodes.push(Node { attr, target, parent, entries: Vec::new(), by_name: HashMap::new() });
            if metadata.is_dir() {
                let mut names: Vec<OsString> =
                    fs::read_dir(path)?.map(|e| Ok(e?.file_name())).collect::<io::Result<_>>()?;
                names.sort();
                for name in names {
                    let child = self.add(&path.join(&name), number)?;
                    let node = &mut self.nodes[number as usize - 1];
                    node.by_name.insert(name.clone(), child);
                    node.entries.push((name, child));
                }
            }
            Ok(number)
        }

        fn node(&self, ino: INodeNo) -> &Node {
            &self.nodes[ino.0 as usize - 1]
        }

        /// Gives the entries behind `after` to `each` until it is full: `.`, `..` and the names.
        fn list(&self, ino: INodeNo, after: u64, mut each: impl FnMut(u64, u64, &OsStr) -> bool) {
            let node = self.node(ino);
            let dots = [(OsStr::new("."), ino.0), (OsStr::new(".."), node.parent)];
            let names = node.entries.iter().map(|(name, child)| (name.as_os_str(), *child));
            for (place, (name, number)) in (1..).zip(dots.into_iter().chain(names)).skip(after as usize) {
                if each(number, place, name) {
                    return;
                }
            }
        }
    }

    fn attr(number: u64, metadata: &Metadata) -> FileAttr {
        let time = metadata.modified().unwrap_or(std::time::UNIX_EPOCH);
        let kind = match metadata {
            m if m.is_dir() => FileType::Directory,
            m if m.is_symlink() => FileType::Symlink,
            _ => FileType::RegularFile,
        };
        FileAttr {
            ino: INodeNo(number),
            size: if metadata.is_dir() { 0 } else { metadata.len() },
            blocks: metadata.len().div_ceil(512),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind,
            perm: if metadata.is_dir() { 0o555 } else { 0o444 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 32 << 10,
            flags: 0,
        }
    }

    impl fuser::Filesystem for Zeros {
        fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
            let wanted = InitFlags::FUSE_DO_READDIRPLUS
                | InitFlags::FUSE_READDIRPLUS_AUTO
                | InitFlags::FUSE_PARALLEL_DIROPS
                | InitFlags::FUSE_CACHE_SYMLINKS
                | InitFlags::FUSE_NO_OPEN_SUPPORT
                | InitFlags::FUSE_NO_OPENDIR_SUPPORT;
            let refused = |_| io::Error::other("the kernel refuses what every kernel takes");
            config.add_capabilities(wanted & config.capabilities()).map_err(|_| refused(0))?;
            config.set_max_write(MAX_READ).map_err(refused)?;
            config.set_max_background(64).map(drop).map_err(|_| refused(0))
        }

        fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
            match self.node(parent).by_name.get(name) {
                Some(child) => reply.entry(&FOREVER, &self.node(INodeNo(*child)).attr, Generation(0)),
                None => reply.error(Errno::ENOENT),
            }
        }

        fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
            reply.attr(&FOREVER, &self.node(ino).attr);
        }

        fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
            reply.data(&self.node(ino).target);
        }

        fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
            reply.error(Errno::ENOSYS);
        }

        fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
            reply.error(Errno::ENOSYS);
        }

        fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
            reply.error(Errno::ENOSYS);
        }

        fn getxattr(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, reply: ReplyXattr) {
            reply.error(Errno::EOPNOTSUPP);
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
            let rest = self.node(ino).attr.size.saturating_sub(offset);
            reply.data(&ZEROS[..rest.min(size.into()) as usize]);
        }

        fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
            self.list(ino, offset, |number, place, name| {
                reply.add(INodeNo(number), place, self.node(INodeNo(number)).attr.kind, name)
            });
            reply.ok();
        }

        fn readdirplus(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectoryPlus) {
            self.list(ino, offset, |number, place, name| {
                reply.add(INodeNo(number), place, name, &FOREVER, &self.node(INodeNo(number)).attr, Generation(0))
            });
            reply.ok();
        }
    }
}
