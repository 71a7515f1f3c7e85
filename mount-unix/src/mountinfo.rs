//! The kernel's list of mounts, `/proc/self/mountinfo`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::answer;

/// The type that our mounts have in `/proc/mounts`.
pub(crate) const TYPE: &str = "fuse.wimstore";

/// One mount, as this process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountEntry {
    /// Device number of what is mounted, `MAJOR:MINOR`. No two filesystems that are mounted now
    /// have the same.
    pub device: String,
    /// Where it is mounted: an absolute path without links.
    pub mountpoint: PathBuf,
    /// Its type; `fuse.wimstore` for ours.
    pub kind: String,
    /// The source that it was mounted from: for our mounts the SOURCE of `wimstore mount`.
    pub source: OsString,
}

impl MountEntry {
    /// Whether `wimstore` serves this mount, or did until its process died.
    pub fn is_ours(&self) -> bool {
        self.kind == TYPE
    }
}

/// The uppermost mount at exactly `path` (absolute, without links), which is the one that paths
/// resolve to.
///
/// # Errors
/// `/proc` is not mounted or not readable.
pub fn mounted_at(path: &Path) -> io::Result<Option<MountEntry>> {
    Ok(parse(&fs::read("/proc/self/mountinfo")?).rfind(|entry| entry.mountpoint == path))
}

/// All mounts in the order of the kernel, in which a mount comes before one that covers it.
pub(crate) fn parse(mountinfo: &[u8]) -> impl DoubleEndedIterator<Item = MountEntry> {
    mountinfo.split(|&byte| byte == b'\n').filter_map(parse_line)
}

/// `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw`: the fields before ` - ` vary in
/// number, those after it do not.
fn parse_line(line: &[u8]) -> Option<MountEntry> {
    let mut fields = line.split(|&byte| byte == b' ');
    let device = fields.nth(2)?;
    let mountpoint = fields.nth(1)?;
    fields.find(|&field| field == b"-")?;
    let kind = fields.next()?;
    let source = fields.next()?;
    Some(MountEntry {
        device: String::from_utf8_lossy(device).into_owned(),
        mountpoint: PathBuf::from(OsString::from_vec(unescape(mountpoint))),
        kind: String::from_utf8_lossy(kind).into_owned(),
        source: OsString::from_vec(unescape(source)),
    })
}

/// Undoes the kernel's escapes: a backslash and three octal digits for blank, tab, line feed, `\`
/// and `#`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = behind.get(..3).filter(|_| byte == b'\\').and_then(octal_byte);
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &behind[3..] } else { behind };
    }
    bytes
}

fn octal_byte(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

/// `path` with the links in all but its last component resolved, so that a dead mount can be named:
/// looking at the mountpoint itself would fail there.
///
/// # Errors
/// A folder on the way does not exist or may not be entered, or does not answer.
pub(crate) fn absolute_mountpoint(path: &Path) -> io::Result<PathBuf> {
    match answer::ask(path, Path::canonicalize) {
        Ok(path) => Ok(path),
        Err(error) => {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(error) };
            let parent = if parent.as_os_str().as_bytes().is_empty() { Path::new(".") } else { parent };
            Ok(answer::ask(parent, Path::canonicalize)?.join(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        type Fields = (&'static str, &'static str, &'static str, &'static str);
        let cases: &[(&str, Option<Fields>)] = &[
            (
                "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
                Some(("98:0", "/mnt2", "ext3", "/dev/root")),
            ),
            (
                "98 29 0:53 / /srv/a\\040b\\134c\\012 ro - fuse.wimstore /a\\040store\\043 ro,user_id=0",
                Some(("0:53", "/srv/a b\\c\n", "fuse.wimstore", "/a store#")),
            ),
            ("1 2 0:1 / / rw shared:1 master:2 - tmpfs tmpfs rw", Some(("0:1", "/", "tmpfs", "tmpfs"))),
            ("1 2 0:1 / /x\\9 rw - t \\04 rw", Some(("0:1", "/x\\9", "t", "\\04"))),
            ("", None),
            ("1 2 0:1 / /x rw", None),
        ];
        for (line, want) in cases {
            let want = want.map(|(device, mountpoint, kind, source)| MountEntry {
                device: device.into(),
                mountpoint: mountpoint.into(),
                kind: kind.into(),
                source: source.into(),
            });
            assert_eq!(parse_line(line.as_bytes()), want, "{line}");
        }
    }

    #[test]
    fn the_mount_on_top_is_found() {
        let proc = mounted_at(Path::new("/proc")).unwrap().unwrap();
        assert!(proc.kind == "proc" && !proc.is_ours());
        assert_eq!(mounted_at(Path::new("/no such mount")).unwrap(), None);
    }

    #[test]
    fn a_mountpoint_that_cannot_be_looked_at_still_has_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        assert_eq!(absolute_mountpoint(&real.join("gone")).unwrap(), real.join("gone"));
        assert_eq!(absolute_mountpoint(&real.join("x/../gone")).ok(), None);
        assert_eq!(absolute_mountpoint(Path::new("gone")).unwrap(), std::env::current_dir().unwrap().join("gone"));
    }
}
