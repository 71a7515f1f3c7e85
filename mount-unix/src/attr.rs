//! From the filesystem's attributes to fuser's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fs_core::wim::FileTime;
use fs_core::{Attr, Ino, Kind};
use fuser::{FileAttr, FileType, INodeNo};

/// The preferred size of a read, `st_blksize`: one chunk of most archives.
const BLOCK_SIZE: u32 = 32 << 10;

/// The attributes in the form that `stat` shows.
pub(crate) fn file_attr(attr: &Attr) -> FileAttr {
    FileAttr {
        ino: INodeNo(attr.ino.0),
        size: attr.size,
        blocks: attr.blocks,
        atime: system_time(attr.accessed),
        mtime: system_time(attr.modified),
        ctime: system_time(attr.changed),
        crtime: system_time(attr.created), // not sent on Linux; see `callbacks`
        kind: file_type(attr.kind),
        perm: attr.mode,
        nlink: attr.links,
        uid: attr.uid,
        gid: attr.gid,
        rdev: attr.rdev,
        blksize: BLOCK_SIZE,
        flags: 0,
    }
}

/// Attributes of which only the inode number and the type are meaningful.
pub(crate) fn blank(ino: Ino, kind: Kind) -> FileAttr {
    FileAttr {
        ino: INodeNo(ino.0),
        size: 0,
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: file_type(kind),
        perm: 0,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK_SIZE,
        flags: 0,
    }
}

pub(crate) fn file_type(kind: Kind) -> FileType {
    match kind {
        Kind::Directory => FileType::Directory,
        Kind::File => FileType::RegularFile,
        Kind::Symlink => FileType::Symlink,
        Kind::Fifo => FileType::NamedPipe,
        Kind::Socket => FileType::Socket,
        Kind::CharDevice => FileType::CharDevice,
        Kind::BlockDevice => FileType::BlockDevice,
    }
}

fn system_time(time: FileTime) -> SystemTime {
    let (seconds, nanoseconds) = time.to_unix();
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let whole = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
    whole + Duration::from_nanos(nanoseconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_hundred_nanoseconds() {
        let (past, future) = (|d| UNIX_EPOCH - d, |d| UNIX_EPOCH + d);
        let cases: &[(u64, SystemTime)] = &[
            (0, past(Duration::from_secs(11_644_473_600))),
            (1, past(Duration::from_nanos(11_644_473_600_000_000_000 - 100))),
            (116_444_736_000_000_000 - 1, past(Duration::from_nanos(100))),
            (116_444_736_000_000_000, UNIX_EPOCH),
            (132_500_000_123_456_789, future(Duration::new(1_605_526_412, 345_678_900))),
        ];
        for (ticks, want) in cases {
            assert_eq!(system_time(FileTime(*ticks)), *want, "{ticks}");
        }
    }
}
