//! What the log is told of requests that fail: each failure once in a while, on one line.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::error;

use crate::{Chain, Error, Filesystem, Ino};

/// How long a line stays known.
const MEMORY: Duration = Duration::from_secs(60);
/// How many lines are known at most; beyond it, all are forgotten at once.
const CAPACITY: usize = 1000;

/// Tells the log of damage that requests meet. Who stumbles over one damaged chunk many times within a minute leaves one line.
#[derive(Debug, Default)]
pub struct DamageLog {
    lines: Mutex<HashMap<String, Instant>>,
}

impl DamageLog {
    /// Tells of an error with which the request `op` for `ino` ended: `PATH: what: why: why`, with the path that the error
    /// has or else the inode's.
    pub fn tell(&self, fs: &Filesystem, op: &'static str, ino: Ino, error: &Error) {
        let story = story(fs, ino, error);
        if self.is_new(&story, Instant::now()) {
            error!(op, ino = ino.0, "{story}");
        }
    }

    /// Whether `line` was not asked about within the last minute.
    fn is_new(&self, line: &str, now: Instant) -> bool {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.get(line).is_some_and(|&said| now.duration_since(said) < MEMORY) {
            return false;
        }
        if lines.len() >= CAPACITY {
            lines.clear();
        }
        lines.insert(line.to_owned(), now);
        true
    }
}

fn story(fs: &Filesystem, ino: Ino, error: &Error) -> String {
    match error {
        Error::At { .. } => Chain(error).to_string(),
        _ => {
            // Asking for the path may fail for the same reason as the request did: by a panic at worst.
            let path = catch_unwind(AssertUnwindSafe(|| fs.path(ino))).unwrap_or_default();
            format!("{}: {}", String::from_utf8_lossy(&path), Chain(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_new_once_a_minute() {
        let (log, start) = (DamageLog::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let cases =
            [("a", 0, true), ("a", 59, false), ("b", 59, true), ("a", 60, true), ("b", 61, false), ("a", 100, false)];
        for (line, seconds, want) in cases {
            assert_eq!(log.is_new(line, after(seconds)), want, "{line} at {seconds} s");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (log, now) = (DamageLog::default(), Instant::now());
        for number in 0..5 * CAPACITY {
            assert!(log.is_new(&number.to_string(), now));
            assert!(log.lines.lock().unwrap().len() <= CAPACITY);
        }
    }
}
