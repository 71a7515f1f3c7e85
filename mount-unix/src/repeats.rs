//! Which lines the log has had already.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a line stays known.
const MEMORY: Duration = Duration::from_secs(60);
/// How many lines are known at most; beyond it, all are forgotten at once.
const CAPACITY: usize = 1000;

/// Remembers lines for a minute, so that a reader who stumbles over one damaged chunk many times leaves one of them.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    lines: Mutex<HashMap<String, Instant>>,
}

impl Repeats {
    /// Whether `line` was not asked about within the last minute.
    pub(crate) fn is_new(&self, line: &str, now: Instant) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_new_once_a_minute() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let cases =
            [("a", 0, true), ("a", 59, false), ("b", 59, true), ("a", 60, true), ("b", 61, false), ("a", 100, false)];
        for (line, seconds, want) in cases {
            assert_eq!(repeats.is_new(line, after(seconds)), want, "{line} at {seconds} s");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        for number in 0..5 * CAPACITY {
            assert!(repeats.is_new(&number.to_string(), now));
            assert!(repeats.lines.lock().unwrap().len() <= CAPACITY);
        }
    }
}
