//! A mount served by a child of the test.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use testkit::{PATIENCE, eventually};

use crate::mount::is_mounted;
use crate::program::wimstore;

/// A store mounted by `wimstore mount --foreground` on a folder of its own. Dropping it unmounts
/// and ends the process.
#[derive(Debug)]
pub struct Foreground {
    folder: TempDir,
    child: Child,
}

impl Foreground {
    /// Mounts `source` with further arguments, and waits until it is mounted.
    ///
    /// # Panics
    /// Nothing is mounted within [`PATIENCE`].
    pub fn new<A: AsRef<OsStr>>(source: &Path, options: &[A]) -> Self {
        let folder = tempfile::tempdir().expect("a folder to mount on");
        let mut command = Command::new(wimstore());
        command.args(["mount", "--foreground"]).args(options).arg(source).arg(folder.path());
        let child = command.stdin(Stdio::null()).spawn().expect("wimstore starts");
        let mount = Self { folder, child }; // from here on it is ended
        assert!(eventually(|| is_mounted(mount.path())), "nothing is mounted on {}", mount.path().display());
        mount
    }

    /// The root of the mount.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The id of the process that serves the mount.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends the process a signal.
    ///
    /// # Panics
    /// There is no such process any more.
    pub fn signal(&self, signal: Signal) {
        let process = Pid::from_child(&self.child);
        kill_process(process, signal).expect("the process is there");
    }

    /// Waits until the process ends by itself.
    ///
    /// # Panics
    /// It still runs after [`PATIENCE`].
    pub fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        eventually(|| {
            status = self.child.try_wait().expect("a child can be waited for");
            status.is_some()
        });
        status.unwrap_or_else(|| panic!("wimstore mount --foreground still runs after {PATIENCE:?}"))
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        if is_mounted(self.path()) {
            let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
        }
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
