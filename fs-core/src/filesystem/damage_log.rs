//! Damage that a request met, as a line of the log.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::error;

use super::Filesystem;
use crate::error::{Advised, Error};
use crate::log::READING;
use crate::snapshot::Ino;

/// How many bytes a line of [`Filesystem::log_damage`] has at most: an archive's tree may be millions of bytes deep.
const MAX_LINE: usize = 8 << 10;

impl Filesystem {
    /// Logs the damage with which the request `op` for `ino` ended: `PATH: what: why: why`, with the path that the error has
    /// or else the inode's.
    pub fn log_damage(&self, op: &'static str, ino: Ino, error: &Error) {
        let line = abridged(line(self, ino, error));
        READING.once(&line, || error!(op, ino = ino.0, "{line}"));
    }
}

fn line(fs: &Filesystem, ino: Ino, error: &Error) -> String {
    match error {
        Error::At { .. } => Advised(error).to_string(),
        _ => {
            // Asking for the path may fail for the same reason as the request did: by a panic at worst.
            let path = catch_unwind(AssertUnwindSafe(|| fs.path(ino))).unwrap_or_default();
            format!("{}: {}", String::from_utf8_lossy(&path), Advised(error))
        }
    }
}

/// The line without its middle if it is too long: its beginning says where, its end why.
fn abridged(line: String) -> String {
    if line.len() <= MAX_LINE {
        return line;
    }
    let (mut head, mut tail) = (MAX_LINE / 2, line.len() - MAX_LINE / 2);
    while !line.is_char_boundary(head) {
        head -= 1;
    }
    while !line.is_char_boundary(tail) {
        tail += 1;
    }
    format!("{}…{}", &line[..head], &line[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_lose_their_middle() {
        assert_eq!(abridged("G/a: why".into()), "G/a: why");
        let long = abridged(format!("first{}: why", "/größe".repeat(1 << 20)));
        assert!(long.starts_with("first/größe/") && long.ends_with("größe: why"), "{long}");
        assert!(long.contains('…') && (MAX_LINE - 8..=MAX_LINE + 3).contains(&long.len()), "{}", long.len());
    }
}
