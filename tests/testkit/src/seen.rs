//! The tree that a mount shows, recorded on one platform to be compared on another: a line for each
//! path, in a file beside the archive.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::hex;

/// A path as a mount shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// From the root, WTF-8, `/` between names; of a stream `:` and its name behind.
    pub path: Vec<u8>,
    /// `d`irectory, `f`ile, `l`ink or `s`tream.
    pub kind: char,
    /// Its number.
    pub ino: u64,
    /// In bytes; of a directory it says nothing.
    pub size: u64,
    /// Time of the last write as a FILETIME.
    pub written: u64,
    /// SHA-1 of the content in hexadecimal digits, the target of a link, or `error` and its number.
    pub content: Vec<u8>,
    /// The values of [`WINDOWS`], where it has them, or `error` and its number.
    pub windows: [Option<Vec<u8>>; 4],
}

/// The attributes in [`Seen::windows`].
pub const WINDOWS: [&str; 4] =
    ["system.ntfs_attrib", "system.ntfs_times", "system.ntfs_acl", "system.ntfs_reparse_data"];

/// Where that is written down what a mount of this archive shows.
pub fn beside(archive: &Path) -> PathBuf {
    archive.with_extension("seen")
}

/// Writes it down.
///
/// # Panics
/// It cannot be written.
pub fn save(archive: &Path, seen: &[Seen]) {
    let mut text = String::new();
    for one in seen {
        write!(text, "{} {} {} {}", one.kind, one.ino, one.size, one.written).expect("memory");
        let value = |value: &Option<Vec<u8>>| value.as_ref().map_or("none".into(), |value| hex(value));
        for field in [&one.path, &one.content].map(|field| hex(field)).into_iter().chain(one.windows.iter().map(value))
        {
            write!(text, " x{field}").expect("memory");
        }
        text.push('\n');
    }
    std::fs::write(beside(archive), text).expect("a file beside the archive");
}

/// Reads what was written down.
///
/// # Panics
/// There is no such file, or it is not one of [`save`]'s.
pub fn load(archive: &Path) -> Vec<Seen> {
    let file = beside(archive);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let line = |line: &str| parse(line).unwrap_or_else(|| panic!("{}: {line}", file.display()));
    text.lines().map(line).collect()
}

fn parse(line: &str) -> Option<Seen> {
    let mut fields = line.split(' ');
    let kind = fields.next()?.parse().ok()?;
    let [ino, size, written] = [0; 3].map(|_| fields.next().and_then(|number| number.parse().ok()));
    let mut value = || match fields.next()?.strip_prefix('x')? {
        "none" => Some(None),
        digits => unhex(digits).map(Some),
    };
    let (path, content) = (value()??, value()??);
    let windows = [value()?, value()?, value()?, value()?];
    Some(Seen { path, kind, ino: ino?, size: size?, written: written?, content, windows })
}

/// The bytes written as `digits`, two hexadecimal ones each; `None` if others are among them.
pub fn unhex(digits: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("a.wim");
        let file = Seen {
            path: b"a b/\xED\xA0\x80\n".to_vec(),
            kind: 'f',
            ino: u64::MAX,
            size: 7,
            written: 1 << 60,
            content: b"error 5".to_vec(),
            windows: [Some(vec![]), None, Some(vec![0, 255]), None],
        };
        let root = Seen { kind: 'd', ..Seen::default() };
        save(&archive, &[root.clone(), file.clone()]);
        assert_eq!(beside(&archive), folder.path().join("a.seen"));
        assert_eq!(load(&archive), [root, file]);
    }
}
