//! Where an archive's bytes come from.

use std::io;
use std::sync::Arc;

use crate::{Error, Result};

/// Distinguishes one generation of a file from the next: as long as it stays equal, the bytes are
/// taken to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fingerprint {
    /// The volume that the file is on.
    pub device: u64,
    /// The file's number there.
    pub inode: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written: seconds since 1970-01-01 UTC, and nanoseconds.
    pub modified: (i64, u32),
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

    /// The current fingerprint of the source.
    ///
    /// # Errors
    /// Whatever the medium says, for example that the file is gone.
    fn fingerprint(&self) -> io::Result<Fingerprint>;
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

    fn fingerprint(&self) -> io::Result<Fingerprint> {
        Ok(Fingerprint { size: self.len() as u64, ..Fingerprint::default() })
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

            fn fingerprint(&self) -> io::Result<Fingerprint> {
                self[..].fingerprint()
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

    fn fingerprint(&self) -> io::Result<Fingerprint> {
        (**self).fingerprint()
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
    fn exact_reads_say_what_is_missing() {
        let mut buf = [0; 4];
        read_exact_at(&b"0123456789".as_slice(), "digits", 6, &mut buf).unwrap();
        assert_eq!(&buf, b"6789");
        let error = read_exact_at(&b"0123456789".as_slice(), "digits", 7, &mut buf).unwrap_err();
        assert_eq!(error.to_string(), "digits at 0x7 needs 4 bytes, but only 3 are there");
    }
}
