//! Where an archive's bytes come from.

use std::io;
use std::sync::Arc;

use crate::{BlobHash, Error, Result};

/// Distinguishes one generation of a file or an object from the next: as long as it stays equal, the bytes are
/// taken to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Version {
    /// The size in bytes.
    pub size: u64,
    /// When it was last written: seconds since 1970-01-01 UTC, and nanoseconds.
    pub modified: (i64, u32),
    /// What distinguishes it from others of the same name, size and time.
    pub identity: Identity,
}

/// What a medium has to distinguish files of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The volume that the file is on and its number there. 0 where the system does not say.
    File {
        /// The device number of the volume.
        device: u64,
        /// The inode number.
        inode: u64,
    },
    /// The hash of the entity tag that a server or an object store gives each generation.
    Tag(BlobHash),
}

impl Default for Identity {
    fn default() -> Self {
        Self::File { device: 0, inode: 0 }
    }
}

impl Version {
    /// That of a file of `size` bytes, last written at `modified`.
    pub const fn of_file(device: u64, inode: u64, size: u64, modified: (i64, u32)) -> Self {
        Self { size, modified, identity: Identity::File { device, inode } }
    }

    /// That of an object with the entity tag `tag`, of any form.
    pub fn of_object(tag: &[u8], size: u64, modified: (i64, u32)) -> Self {
        Self { size, modified, identity: Identity::Tag(BlobHash::of(tag)) }
    }

    /// The device number of the volume that the file is on; 0 for an object.
    pub const fn device(&self) -> u64 {
        match self.identity {
            Identity::File { device, .. } => device,
            Identity::Tag(_) => 0,
        }
    }

    /// Whether both are of one file that was written to in place, at whatever time. Objects are replaced, never
    /// written to.
    pub fn is_same_file(&self, other: &Self) -> bool {
        matches!(self.identity, Identity::File { .. }) && self.identity == other.identity
    }
}

/// A source of bytes that answers reads at any offset, from any number of threads at once.
pub trait ReadAt: Send + Sync {
    /// Fills `buf` with the bytes from `offset` on and returns how many it filled: fewer than
    /// `buf.len()` only where the source ends, 0 after its end.
    ///
    /// # Errors
    /// Whatever the medium says. `buf` then holds unspecified bytes.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// The size in bytes as of opening. It does not change, whatever happens to the source.
    fn size(&self) -> u64;

    /// The current version of the source.
    ///
    /// # Errors
    /// Whatever the medium says, for example that the file is gone.
    fn version(&self) -> io::Result<Version>;
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn version(&self) -> io::Result<Version> {
        Ok(Version { size: self.len() as u64, ..Version::default() })
    }
}

/// Makes an owner of bytes a source, as the slice in it is.
macro_rules! read_as_slice {
    ($($owner:ty),*) => { $(
        impl ReadAt for $owner {
            fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
                self[..].read_at(offset, buf)
            }

            fn size(&self) -> u64 {
                self[..].size()
            }

            fn version(&self) -> io::Result<Version> {
                self[..].version()
            }
        }
    )* };
}
read_as_slice!(Vec<u8>, &'static [u8]);

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        (**self).size()
    }

    fn version(&self) -> io::Result<Version> {
        (**self).version()
    }
}

/// Fills `buf` from `at`; `what` names the structure being read.
///
/// # Errors
/// [`Error::Truncated`] when the source ends before `buf` is full, [`Error::Io`] when it cannot be
/// read.
pub fn read_exact_at(source: &dyn ReadAt, what: &'static str, at: u64, buf: &mut [u8]) -> Result<()> {
    let need = buf.len() as u64;
    let have = source.read_at(at, buf).map_err(|source| Error::Io { at, len: need, source })? as u64;
    if have < need { Err(Error::Truncated { what, at, need, have }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stop_at_the_end() {
        let source = b"0123456789".to_vec();
        let cases: &[(u64, usize, &[u8])] =
            &[(0, 3, b"012"), (7, 3, b"789"), (8, 4, b"89"), (10, 1, b""), (u64::MAX, 1, b""), (3, 0, b"")];
        for &(offset, len, want) in cases {
            let mut buf = vec![0; len];
            let filled = source.read_at(offset, &mut buf).unwrap();
            assert_eq!(&buf[..filled], want, "{len} bytes at {offset}");
        }
        assert_eq!(Arc::new(source).size(), 10);
    }

    #[test]
    fn versions_are_told_apart_by_file_or_by_tag() {
        let file = Version::of_file(1, 2, 10, (7, 0));
        let object = Version::of_object(b"\"5d41\"", 10, (7, 0));
        let cases = [
            ("the same file", file, file, (true, true)),
            ("written to in place", file, Version { modified: (8, 0), ..file }, (false, true)),
            ("replaced", file, Version::of_file(1, 3, 10, (7, 0)), (false, false)),
            ("the same object", object, Version::of_object(b"\"5d41\"", 10, (7, 0)), (true, false)),
            ("another tag", object, Version::of_object(b"\"5d42\"", 10, (7, 0)), (false, false)),
            ("a file and an object", file, object, (false, false)),
        ];
        for (name, a, b, want) in cases {
            assert_eq!((a == b, a.is_same_file(&b)), want, "{name}");
        }
        assert_eq!((file.device(), object.device()), (1, 0));
    }

    #[test]
    fn exact_reads_say_what_is_missing() {
        let mut buf = [0; 4];
        read_exact_at(&b"0123456789".as_slice(), "digits", 6, &mut buf).unwrap();
        assert_eq!(&buf, b"6789");
        let error = read_exact_at(&b"0123456789".as_slice(), "digits", 7, &mut buf).unwrap_err();
        assert_eq!(error.to_string(), "digits at 0x7 needs 4 bytes, but only 3 are there");
    }
}
