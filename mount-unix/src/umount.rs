//! Unmounting from another process than the one that serves the mount.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::answer;
use crate::attach::detach;
use crate::callbacks::PID_XATTR;
use crate::error::{Error, Result};
use crate::mountinfo::{absolute_mountpoint, mounted_at};

/// How long the process of a mount may take to end once nothing uses it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Unmounts the mount of `wimstore` on `mountpoint`, and waits until the process that served it has
/// ended.
///
/// With `lazy` it also succeeds while the mount is in use, and does not wait: mount and process end
/// with the last user. A mount whose process has died is unmounted as well, and lazily one whose
/// process does not answer.
///
/// # Errors
/// [`Error::NotOurs`] if nothing of ours is mounted there, [`Error::Busy`], [`Error::Abandoned`]
/// after five seconds without an answer, [`Error::StillRunning`] after half a minute, or the error
/// of the system.
pub fn unmount(mountpoint: &Path, lazy: bool) -> Result<()> {
    let unusable = |source| Error::Mountpoint { path: mountpoint.into(), source };
    let path = absolute_mountpoint(mountpoint).map_err(unusable)?;
    if !mounted_at(&path).map_err(unusable)?.is_some_and(|entry| entry.is_ours()) {
        return Err(Error::NotOurs(path));
    }
    let server = if lazy { Ok(None) } else { Server::of(&path) };
    detach(&path, lazy || server.is_err())?;
    match server {
        Ok(Some(server)) => server.wait(path),
        Ok(None) => Ok(()),
        Err(NoAnswer) => Err(Error::Abandoned { path, limit: answer::LIMIT }),
    }
}

/// The process of a mount is stopped or hangs.
struct NoAnswer;

/// The process that serves a mount.
struct Server {
    pid: u32,
    process: OwnedFd,
}

impl Server {
    /// Asks the mount for its process. A dead mount has none; one of another process namespace
    /// cannot be waited for.
    fn of(mountpoint: &Path) -> Result<Option<Self>, NoAnswer> {
        let asked = answer::ask(mountpoint, |mountpoint| {
            let mut value = [0; 10];
            let len = rustix::fs::getxattr(mountpoint, PID_XATTR, &mut value)?;
            Ok(value.get(..len).map(<[u8]>::to_vec))
        });
        match asked {
            Ok(value) => Ok(value.and_then(|value| Self::with_id(&value))),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(NoAnswer),
            Err(_) => Ok(None),
        }
    }

    /// The running process whose id these digits are.
    fn with_id(digits: &[u8]) -> Option<Self> {
        let pid: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let process = Pid::from_raw(pid.try_into().ok()?)?;
        let process = pidfd_open(process, PidfdFlags::empty()).ok()?;
        Some(Self { pid, process })
    }

    fn wait(&self, path: PathBuf) -> Result<()> {
        let limit = Timespec::try_from(PATIENCE).expect("half a minute fits");
        let ended = rustix::io::retry_on_intr(|| {
            let mut watched = [PollFd::new(&self.process, PollFlags::IN)]; // readable once the process has ended
            poll(&mut watched, Some(&limit))
        });
        match ended {
            Ok(0) => Err(Error::StillRunning { path, process: self.pid }),
            Ok(_) => Ok(()),
            Err(error) => Err(Error::Unmount { path, source: io::Error::from(error) }),
        }
    }
}
