//! Mounts of other programs that go away with the test, whatever ends it.

use crate::patience::{PATIENCE, eventually};
use crate::run::{need, run};
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::panicking;
use std::time::{Duration, Instant};

/// How long a mount may stay busy when its test has failed already, perhaps with files open.
const BUSY: Duration = Duration::from_secs(5);

/// A mounted filesystem and the process that serves it. Dropping it unmounts and waits for that
/// process to end.
#[derive(Debug)]
pub struct Mounted {
    at: PathBuf,
    server: Child,
}

impl Mounted {
    /// Starts a program that mounts on `at`, which is made if need be, and serves in the
    /// foreground.
    ///
    /// # Panics
    /// The program ends, or nothing is mounted within [`PATIENCE`].
    pub fn serve(command: &mut Command, at: &Path) -> Self {
        fs::create_dir_all(at).expect("a folder to mount on");
        let at = at.canonicalize().expect("the folder was just made");
        let server = command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut mounted = Self { at, server };
        let is_there = eventually(|| {
            let ended = mounted.server.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "{command:?} mounted nothing: {ended:?}\n{}", mounted.complaint());
            is_mounted(&mounted.at)
        });
        assert!(is_there, "{command:?} has not mounted within {PATIENCE:?}");
        mounted
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// The id of the process that serves it.
    pub fn server(&self) -> u32 {
        self.server.id()
    }

    /// Ends the server as a crash does, and takes the dead mount away; what is open there is lost.
    pub fn crash(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }

    /// The server's standard error, if that is a pipe.
    fn complaint(&mut self) -> String {
        let mut text = String::new();
        let _ = self.server.stderr.take().map(|mut stderr| stderr.read_to_string(&mut text));
        text
    }

    /// Unmounts, and once again as long as it is busy: between another test's fork and exec, its
    /// child has our files open.
    fn unmount(&self) -> Result<(), String> {
        let (start, limit) = (Instant::now(), if panicking() { BUSY } else { PATIENCE });
        while is_mounted(&self.at) {
            let output = Command::new("umount").arg(&self.at).output().map_err(|error| format!("umount: {error}"))?;
            if !output.status.success() && start.elapsed() > limit {
                return Err(format!("umount {}: {}", self.at.display(), String::from_utf8_lossy(&output.stderr)));
            }
        }
        Ok(())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let mut trouble = None;
        if let Err(complaint) = self.unmount() {
            trouble = Some(complaint);
            let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
        }
        if !eventually(|| !matches!(self.server.try_wait(), Ok(None))) {
            trouble = Some(format!("the server of {} outlived its mount", self.at.display()));
            let _ = self.server.kill();
            let _ = self.server.wait();
        }
        assert!(trouble.is_none() || panicking(), "{}", trouble.unwrap_or_default());
    }
}

/// Whether something is mounted at `path`, which is canonical and without blanks.
pub fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo is readable");
    mounts.lines().filter_map(|line| line.split(' ').nth(4)).any(|mountpoint| Path::new(mountpoint) == path)
}

/// Sets an extended attribute of `path` itself, not of what a link leads to.
pub fn set_xattr(path: &Path, name: &str, value: &[u8]) {
    let mut command = Command::new(need("setfattr", "attr"));
    command.args(["--no-dereference", "-n", name, "-v", &format!("0x{}", crate::hex(value))]);
    run(command.arg(path));
}

/// Mounts an image of an archive with wimlib, our peer, on `at`.
pub fn wimlib_mount(archive: &Path, image: u32, at: &Path, options: &[&str]) -> Mounted {
    let mut command = Command::new(need("wimlib-imagex", "wimtools"));
    command.arg("mount").arg(archive).arg(image.to_string()).arg(at);
    // In the foreground, so that the server can be waited for; then it prints each request.
    command.args(options).arg("--debug").stdout(Stdio::null()).stderr(Stdio::null());
    Mounted::serve(&mut command, at)
}

/// Mounts an NTFS volume in a file on `at` with further options of ntfs-3g.
pub(crate) fn ntfs_3g(volume: &Path, at: &Path, options: &str) -> Mounted {
    let mut command = Command::new(need("ntfs-3g", "ntfs-3g"));
    command.arg("-o").arg(format!("no_detach,norecover,{options}"));
    command.args([volume.as_os_str(), at.as_os_str()] as [&OsStr; 2]).stderr(Stdio::piped());
    Mounted::serve(&mut command, at)
}
