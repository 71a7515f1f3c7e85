//! Why a store cannot be mounted or unmounted.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a store cannot be mounted or unmounted. Each text names the next step where there is one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no folder to mount on.
    #[error("mountpoint {} does not exist: make the directory first", .0.display())]
    NoMountpoint(PathBuf),
    /// The mountpoint cannot be looked at.
    #[error("mountpoint {path} cannot be used", path = path.display())]
    Mountpoint {
        /// The mountpoint as given.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The mountpoint is not a folder.
    #[error("mountpoint {} is not a directory", .0.display())]
    NotDirectory(PathBuf),
    /// The mountpoint has entries, which a mount would hide.
    #[error("mountpoint {} is not empty (-o nonempty mounts over what is there)", .0.display())]
    NotEmpty(PathBuf),
    /// Something is mounted there already.
    #[error("something is mounted on {} already, {what} (-o nonempty mounts over it)", path.display())]
    InUse {
        /// The mountpoint.
        path: PathBuf,
        /// Its type and source.
        what: String,
    },
    /// One of our own mounts is there already.
    #[error("{} is mounted on {path} already: `wimstore umount {path}` first", source_name.display(), path = path.display())]
    Mounted {
        /// The mountpoint.
        path: PathBuf,
        /// The source of the mount there.
        source_name: PathBuf,
    },
    /// A FUSE mount is there whose process has died.
    #[error("{path} holds a mount whose process has died: `wimstore umount {path}` (or `fusermount3 -u`) first", path = path.display())]
    Dead {
        /// The mountpoint.
        path: PathBuf,
    },
    /// One of our own mounts is there, and the process that serves it is stopped or hangs.
    #[error("{path} holds a mount whose process does not answer: `wimstore umount {path}` first", path = path.display())]
    Unanswered {
        /// The mountpoint.
        path: PathBuf,
    },
    /// The source lies inside the mountpoint, so that the mount would hide what it reads from.
    #[error("mounting on {} would hide the source, {}", path.display(), source_name.display())]
    HidesSource {
        /// The mountpoint.
        path: PathBuf,
        /// The store that is to be mounted.
        source_name: PathBuf,
    },
    /// There is no FUSE here.
    #[error("/dev/fuse is not there: try `modprobe fuse`; a container needs `--device /dev/fuse`")]
    NoFuse,
    /// `/dev/fuse` is there but cannot be opened.
    #[error("/dev/fuse cannot be opened (a container needs `--device /dev/fuse` and `--cap-add SYS_ADMIN`)")]
    Device(#[source] io::Error),
    /// The kernel refused the mount.
    #[error("the kernel refuses to mount on {}", path.display())]
    Refused {
        /// The mountpoint.
        path: PathBuf,
        /// The error of the kernel.
        source: io::Error,
    },
    /// Only root may mount without the helper, and the helper is not installed.
    #[error("mounting without root needs the program fusermount3: install the package fuse3")]
    NoHelper,
    /// The helper for ordinary users refused.
    #[error("{0}")]
    Helper(String),
    /// The kernel or the session broke the FUSE protocol, or the kernel ended the connection.
    #[error("the FUSE session failed")]
    Session(#[source] io::Error),
    /// A mount does not fit into the address space that is left.
    #[error(
        "too little memory: the mount takes {} MiB of address space, and the limit leaves {}; \
         `ulimit -v` shows it, `threads=1` takes least",
        need >> 20,
        have >> 20
    )]
    Memory {
        /// What it takes, in bytes.
        need: u64,
        /// What the limit of this process leaves, in bytes.
        have: u64,
    },
    /// Nothing of ours is mounted there.
    #[error("{}: nothing that wimstore mounted", .0.display())]
    NotOurs(PathBuf),
    /// The mount is in use.
    #[error("{path} is in use by open files or as someone's current folder: close them, or `wimstore umount --lazy {path}`", path = .0.display())]
    Busy(PathBuf),
    /// The mount could not be taken away.
    #[error("{} cannot be unmounted", path.display())]
    Unmount {
        /// The mountpoint.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The mount was taken away lazily, since the process that serves it is stopped or hangs.
    #[error(
        "{path} is unmounted, but the process that served it did not answer within {limit} s: it ends by itself once it \
        goes on and nothing uses the mount any more",
        path = path.display(), limit = limit.as_secs()
    )]
    Abandoned {
        /// The mountpoint.
        path: PathBuf,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The mount is gone but its process is not.
    #[error("{} is unmounted, but process {process} that served it still runs", path.display())]
    StillRunning {
        /// The mountpoint.
        path: PathBuf,
        /// The process.
        process: u32,
    },
}

/// The result of mounting and unmounting.
pub type Result<T, E = Error> = std::result::Result<T, E>;
