//! One writer at a time: a lock on a file that is never removed, and that says who has it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use write::{Access, Disk, DiskFile};

use crate::folders::{ensure, read_file};
use crate::layout::OURS;
use crate::store::Work;
use crate::{Error, Result};

/// How often a lock is asked for that another program has.
const POLL: Duration = Duration::from_millis(100);

/// Held until it is dropped, or its program ends.
pub(crate) struct Lock {
    _file: Arc<dyn DiskFile>,
}

/// What a lock says of its holder. It is shown, and never trusted.
#[derive(Serialize, Deserialize)]
struct Holder {
    host: String,
    pid: u32,
    verb: String,
    /// Seconds since 1970.
    since: u64,
}

impl Lock {
    /// Locks a store or a group, the `folder`, against other writers.
    ///
    /// # Errors
    /// [`Error::Locked`] when another program has it and does not release it while `work` waits.
    pub(crate) fn take(disk: &dyn Disk, folder: &Path, verb: &str, work: &Work<'_>) -> Result<Self> {
        let ours = folder.join(OURS);
        ensure(disk, &ours)?;
        let path = ours.join("lock");
        let end = work.wait.map(|wait| Instant::now().checked_add(wait));
        loop {
            if let Some(file) = try_take(disk, &path)? {
                describe(&*file, verb);
                return Ok(Self { _file: file });
            }
            match end {
                None => return Err(locked(disk, folder, &path)),
                Some(Some(end)) if Instant::now() >= end => return Err(locked(disk, folder, &path)),
                Some(_) => {}
            }
            if work.options.control.stop.load(Ordering::Relaxed) != 0 {
                return Err(write::Error::Stopped.into());
            }
            std::thread::sleep(POLL);
        }
    }
}

/// The lock, unless another program has it.
fn try_take(disk: &dyn Disk, path: &Path) -> Result<Option<Arc<dyn DiskFile>>> {
    let file = match disk.open(path, Access::Write) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match disk.create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return try_take(disk, path),
            created => created.map_err(Error::disk("creating", path))?,
        },
        Err(error) if is_shared(&error) => return Ok(None),
        opened => opened.map_err(Error::disk("opening", path))?,
    };
    if !file.try_lock().map_err(Error::disk("locking", path))? {
        return Ok(None);
    }
    // The group may have been renamed or removed since it was opened.
    let named = disk.open(path, Access::Read).map_err(Error::disk("opening", path))?;
    let versions = (file.version(), named.version());
    match versions {
        (Ok(ours), Ok(named)) if ours == named => Ok(Some(file)),
        (Err(error), _) | (_, Err(error)) => Err(Error::disk("reading", path)(error)),
        _ => Ok(None),
    }
}

/// Windows refuses to open what another program has open for writing.
fn is_shared(error: &io::Error) -> bool {
    const ERROR_SHARING_VIOLATION: i32 = 32;
    cfg!(windows) && error.raw_os_error() == Some(ERROR_SHARING_VIOLATION)
}

/// Says who has the lock. It is only for messages: failing to write it is no reason to stop.
fn describe(file: &dyn DiskFile, verb: &str) {
    let holder = Holder { host: host(), pid: std::process::id(), verb: verb.into(), since: now() };
    let Ok(text) = serde_json::to_vec(&holder) else { return };
    if let Err(error) = file.set_len(0).and_then(|()| file.write_at(0, &text)) {
        tracing::debug!(%error, "the lock cannot say who has it");
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn locked(disk: &dyn Disk, folder: &Path, lock: &Path) -> Error {
    let text = read_file(disk, lock, 4096).ok().flatten().unwrap_or_default();
    let by = match serde_json::from_slice::<Holder>(&text) {
        Ok(Holder { host, pid, verb, since }) => {
            let seconds = now().saturating_sub(since);
            format!("wimstore {verb} (host {host}, pid {pid}) for {seconds} s; --wait waits for it")
        }
        Err(_) => "another program".into(),
    };
    Error::Locked { path: folder.to_owned(), by }
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}
