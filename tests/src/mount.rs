//! A mount that goes away with the test that made it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{PATIENCE, eventually};

use crate::program::{run, wimstore};

/// How long a mount may stay busy when its test has failed already, perhaps with files open.
const BUSY: Duration = Duration::from_secs(5);

/// A store mounted by `wimstore mount` on a folder of its own. Dropping it unmounts, also when the
/// test panics.
#[derive(Debug)]
pub struct Mount {
    folder: TempDir,
    process: Option<u32>,
}

impl Mount {
    /// Mounts `source` in the background with the further arguments `options` (such as `["-o",
    /// "ignore_case"]`).
    ///
    /// # Panics
    /// `wimstore mount` fails; its complaint is in the message.
    pub fn new<A: AsRef<OsStr>>(source: &Path, options: &[A]) -> Self {
        let folder = tempfile::tempdir().expect("a folder to mount on");
        let mut command = Command::new(wimstore());
        command.arg("mount").args(options).arg(source).arg(folder.path()).stdin(Stdio::null());
        let output = command.output().expect("wimstore starts");
        let mut mount = Self { folder, process: None }; // from here on it is unmounted
        assert!(output.status.success(), "wimstore mount: {}", String::from_utf8_lossy(&output.stderr));
        mount.process = server_of(mount.path());
        assert!(mount.process.is_some(), "the mount names the process that serves it");
        mount
    }

    /// The root of the mount.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The id of the process that serves the mount.
    pub fn process(&self) -> u32 {
        self.process.expect("known since the mount was made")
    }

    /// Waits until nothing is mounted here any more and the process that served it is gone.
    ///
    /// # Panics
    /// Either is still there after [`PATIENCE`].
    pub fn wait_gone(&self) {
        let gone = || !is_mounted(self.path()) && self.process.is_none_or(|process| !is_running(process));
        assert!(eventually(gone), "{} is still mounted or served", self.path().display());
    }
}

impl Mount {
    /// Unmounts, and once again as long as it is busy: between another test's fork and exec, its
    /// child has our files open.
    fn unmount(&self) -> Result<(), String> {
        let (start, limit) = (Instant::now(), if thread::panicking() { BUSY } else { PATIENCE });
        while is_mounted(self.path()) {
            let output = run([OsStr::new("umount"), self.path().as_os_str()]);
            let complaint = String::from_utf8_lossy(&output.stderr);
            if !output.status.success() && (!complaint.contains("in use") || start.elapsed() > limit) {
                return Err(format!("{complaint}; used by {:?}", users(self.path())));
            }
        }
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(complaint) = self.unmount() {
            // The program under test is at fault, or the test keeps a file open: the machine must
            // be clean all the same.
            let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
            assert!(thread::panicking(), "wimstore umount: {complaint}");
        }
        let Some(process) = self.process else { return };
        if !eventually(|| !is_running(process)) {
            let _ = Command::new("kill").arg("-9").arg(process.to_string()).status();
            assert!(thread::panicking(), "process {process} outlived its mount");
        }
    }
}

/// A folder that something may be mounted on. Dropping it unmounts that lazily, so that it goes
/// when nobody uses it.
#[derive(Debug)]
pub struct Unmounted<'a>(pub &'a Path);

impl Drop for Unmounted<'_> {
    fn drop(&mut self) {
        if is_mounted(self.0) {
            let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
        }
    }
}

/// The processes with an open file, or their current folder, at or below `path`, and what that is.
fn users(path: &Path) -> Vec<String> {
    let links = |process: &Path| {
        let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten().map(|file| file.path());
        files.chain([process.join("cwd")]).collect::<Vec<_>>()
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|process| process.path());
    let links = processes.flat_map(|process| links(&process));
    let used =
        links.filter_map(|link| Some((fs::read_link(&link).ok()?, link))).filter(|(file, _)| file.starts_with(path));
    let name =
        |link: &Path| fs::read_to_string(link.ancestors().nth(2).unwrap_or(link).join("comm")).unwrap_or_default();
    used.map(|(file, link)| format!("{} {}: {}", link.display(), name(&link).trim(), file.display())).collect()
}

/// The id of the process that serves the mount at `root`.
fn server_of(root: &Path) -> Option<u32> {
    let value = xattr::get(root, "user.wimstore.pid").ok()??;
    String::from_utf8(value).ok()?.parse().ok()
}

/// Whether something is mounted at `path`, which holds no blank or other character that mountinfo
/// escapes.
pub fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    mounts.lines().filter_map(|line| line.split(' ').nth(4)).any(|mountpoint| Path::new(mountpoint) == path)
}

/// Whether the process still runs; one that is dead to its last thread but not waited for does not.
pub fn is_running(process: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { return false };
    let threads = fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count);
    !stat.contains(") Z ") || threads > 1
}
