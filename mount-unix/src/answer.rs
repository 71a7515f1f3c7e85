//! A time limit on questions to the kernel that the process of a mounted filesystem must answer.

use std::io;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How long such a process may take. One that works answers these questions from memory.
pub(crate) const LIMIT: Duration = Duration::from_secs(5);

/// Asks something of the file system at `path`, in a thread of its own. Without an answer in time
/// that thread stays in the kernel, which takes it out when the program ends.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] without an answer within [`LIMIT`], or the error of the system.
pub(crate) fn ask<T: Send + 'static>(
    path: &Path,
    question: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let path = path.to_owned();
    ask_within(LIMIT, move || question(&path))
}

fn ask_within<T: Send + 'static>(
    limit: Duration,
    question: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, answer) = channel();
    // Nobody receives an answer that comes too late.
    thread::Builder::new().name("ask".into()).spawn(move || drop(sender.send(question())))?;
    answer.recv_timeout(limit).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_longer_than_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ask(folder.path(), Path::canonicalize).unwrap(), folder.path().canonicalize().unwrap());
        let absent = ask(&folder.path().join("absent"), Path::canonicalize).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
        let (release, released) = channel::<()>();
        let late = ask_within(Duration::from_millis(1), move || released.recv().map_err(io::Error::other));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(release); // until here, the question had no answer
    }
}
