//! A mount while it lives.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use fs_core::{Filesystem, Stop};
use fuser::{Config, Notifier, Session, SessionACL};
use tracing::{debug, info, warn};

use crate::address_space;
use crate::answer;
use crate::attach::{attach, detach};
use crate::callbacks::Callbacks;
use crate::error::{Error, Result};
use crate::follow::follow;
use crate::mountinfo::mounted_at;
use crate::mountpoint::check_mountpoint;
use crate::options::{Access, MountOptions};

/// The kernel's read-ahead for a sequential reader, in KiB: enough that every thread has a request
/// to decode.
const READ_AHEAD_KIB: u32 = 4096;

/// A mounted store, served by threads of this process until it is unmounted. Dropping it unmounts
/// lazily.
#[derive(Debug)]
pub struct Mounted {
    unmounter: Unmounter,
    ended: Receiver<io::Result<()>>,
    /// Ends the watching of the store.
    watch: Option<Stop>,
}

/// Takes a mount away, from any thread.
#[derive(Debug, Clone)]
pub struct Unmounter {
    mountpoint: PathBuf,
    device: String,
}

/// Mounts `filesystem` on `mountpoint` and serves it by threads of its own. Returns once requests
/// are answered.
///
/// # Errors
/// A fault of the mountpoint, of FUSE on this machine, or of the permission to mount; nothing is
/// mounted then.
pub fn mount(filesystem: Arc<Filesystem>, mountpoint: &Path, options: &MountOptions) -> Result<Mounted> {
    let callbacks = Callbacks::new(Arc::clone(&filesystem), options.session_threads());
    let (mut mounted, notifier) = serve(callbacks, mountpoint, options)?;
    mounted.raise_read_ahead();
    mounted.watch = follow(filesystem, notifier);
    let (mountpoint, source) = (mounted.mountpoint().display(), options.source.display());
    info!(%mountpoint, %source, threads = options.threads, "mounted");
    Ok(mounted)
}

fn serve(callbacks: impl fuser::Filesystem, mountpoint: &Path, options: &MountOptions) -> Result<(Mounted, Notifier)> {
    let mountpoint = check_mountpoint(mountpoint, &options.source, options.nonempty)?;
    address_space::check(options.session_threads())?;
    let connection = attach(&mountpoint, options)?;
    let unmounter = Unmounter::of(&mountpoint).inspect_err(|_| {
        let _ = detach(&mountpoint, true); // the first error is the one to report
    })?;
    let (sender, ended) = channel();
    let mounted = Mounted { unmounter, ended, watch: None }; // from here on, an error unmounts
    let access = match options.access {
        Access::Mounter => SessionACL::Owner,
        Access::MounterAndRoot => SessionACL::RootAndOwner,
        Access::Everybody => SessionACL::All,
    };
    let mut config = Config::default();
    config.n_threads = Some(options.session_threads());
    config.clone_fd = true;
    let session = Session::from_fd(callbacks, connection, access, config).map_err(Error::Session)?;
    let notifier = session.notifier();
    let run = move || {
        let _ = sender.send(session.run()); // no receiver if the program is about to end
    };
    thread::Builder::new().name("fuse".into()).spawn(run).map_err(Error::Session)?;
    mounted.check_answers()?;
    Ok((mounted, notifier))
}

impl Mounted {
    /// Where it is mounted: absolute, without links.
    pub fn mountpoint(&self) -> &Path {
        &self.unmounter.mountpoint
    }

    /// Something to unmount it with while another thread waits for its end.
    pub fn unmounter(&self) -> Unmounter {
        self.unmounter.clone()
    }

    /// Waits until it is unmounted and its last user gone, at most for `limit`. Returns whether
    /// that came to pass.
    ///
    /// # Errors
    /// [`Error::Session`]: serving ended for another reason. The mount is dead then; dropping
    /// `self` removes it.
    pub fn wait(&self, limit: Option<Duration>) -> Result<bool> {
        let ended = match limit {
            None => self.ended.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(limit) => self.ended.recv_timeout(limit),
        };
        match ended {
            Ok(Ok(())) => {
                info!(mountpoint = %self.mountpoint().display(), "unmounted");
                Ok(true)
            }
            Ok(Err(error)) => Err(Error::Session(error)),
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => Err(Error::Session(io::Error::other("its thread panicked"))),
        }
    }

    /// Looks at the root through the kernel, which asks our threads for it.
    fn check_answers(&self) -> Result<()> {
        let path = self.mountpoint();
        let looked = answer::ask(path, |path| fs::metadata(path));
        looked.map(drop).map_err(|source| Error::Mountpoint { path: path.into(), source })
    }

    /// The kernel reads 128 KiB ahead on a new mount, which keeps one thread busy; only root can
    /// raise it.
    fn raise_read_ahead(&self) {
        let file = format!("/sys/class/bdi/{}/read_ahead_kb", self.unmounter.device);
        match fs::write(&file, READ_AHEAD_KIB.to_string()) {
            Ok(()) => debug!(file, kib = READ_AHEAD_KIB, "read-ahead raised"),
            Err(error) => debug!(file, %error, "read-ahead left as it is"),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = self.unmounter.unmount() {
            warn!(%error, "not unmounted");
        }
    }
}

impl Unmounter {
    /// For what is now uppermost on `mountpoint`.
    fn of(mountpoint: &Path) -> Result<Self> {
        let failed = |source| Error::Mountpoint { path: mountpoint.into(), source };
        let entry = mounted_at(mountpoint).map_err(failed)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        Ok(Self { mountpoint: mountpoint.into(), device: entry.device })
    }

    /// Unmounts lazily: new paths no longer lead to the mount at once, and it ends when its last
    /// user is gone. Does nothing if the mount is away already, whatever has been mounted there
    /// since.
    ///
    /// # Errors
    /// [`Error::Unmount`] or [`Error::Helper`], such as for a mount that another one covers.
    pub fn unmount(&self) -> Result<()> {
        let failed = |source| Error::Unmount { path: self.mountpoint.clone(), source };
        match mounted_at(&self.mountpoint).map_err(failed)? {
            Some(entry) if entry.device == self.device => detach(&self.mountpoint, true),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use fs_core::{Ino, Kind};
    use fuser::{FileHandle, Generation, INodeNo, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEntry, Request};
    use testkit::Store;

    use super::*;
    use crate::ask::{Asked, Responder};
    use crate::attr::blank;

    /// A root with one file `trap` of 64 KiB: reading its second half panics.
    struct Trap(Responder);

    const TRAP: Ino = Ino(2);
    const HALF: u64 = 32 << 10;

    fn attr(ino: Ino) -> fuser::FileAttr {
        let kind = if ino == TRAP { Kind::File } else { Kind::Directory };
        fuser::FileAttr { size: 2 * HALF, perm: 0o555, ..blank(ino, kind) }
    }

    impl fuser::Filesystem for Trap {
        fn lookup(&self, _: &Request, _: INodeNo, _: &std::ffi::OsStr, reply: ReplyEntry) {
            reply.entry(&Duration::from_secs(9), &attr(TRAP), Generation(0));
        }

        fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
            reply.attr(&Duration::from_secs(9), &attr(Ino(ino.0)));
        }

        fn read(
            &self,
            _: &Request,
            _: INodeNo,
            _: FileHandle,
            offset: u64,
            size: u32,
            _: OpenFlags,
            _: Option<LockOwner>,
            reply: ReplyData,
        ) {
            let question = move |_: &Filesystem, _: &mut _| match offset >= HALF {
                true => panic!("nobody expected this"),
                false => Ok(vec![7; size as usize]),
            };
            let answer = |reply: ReplyData, bytes: Vec<u8>| reply.data(&bytes);
            self.0.ask(Asked("read", TRAP, None), reply, question, answer);
        }
    }

    #[test]
    fn a_panic_is_an_error_and_the_mount_lives_on() {
        let folder = tempfile::tempdir().unwrap();
        let [store, mountpoint] = ["store", "mount"].map(|name| folder.path().join(name));
        fs::create_dir(&mountpoint).unwrap();
        let filesystem = Filesystem::open(Store::new(&store).path(), fs_core::Options::default()).unwrap();
        let options = MountOptions { threads: 2, ..MountOptions::new(store) };
        let (mounted, _) = serve(Trap(Responder::new(Arc::new(filesystem), 4)), &mountpoint, &options).unwrap();
        let file = File::open(mountpoint.join("trap")).unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Random).unwrap(); // no read-ahead into the trap
        for round in 0..8 {
            // More panics than threads: if a panic cost one, the last rounds would never be
            // answered.
            let error = file.read_at(&mut [0; 512], HALF + 4096 * round).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(crate::errno::EIO), "round {round}");
            let mut bytes = [0; 512];
            file.read_exact_at(&mut bytes, 4096 * round).unwrap();
            assert_eq!(bytes, [7; 512], "round {round}");
        }
        drop(file);
        mounted.unmounter().unmount().unwrap();
        assert!(mounted.wait(Some(testkit::PATIENCE)).unwrap());
        mounted.unmounter().unmount().unwrap(); // a second time does nothing
        assert_eq!(crate::mounted_at(&mountpoint.canonicalize().unwrap()).unwrap(), None);
    }
}
