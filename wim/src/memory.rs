//! Memory of a size that an archive decides. Where the system has too little of it, that is an
//! error as of a medium that fails, and not the end of the program.

use std::collections::TryReserveError;

use crate::{Error, Result};

/// A buffer of `len` zeros, for what the archive has at `at`.
///
/// # Errors
/// [`Error::Io`] of the kind `OutOfMemory`.
pub fn zeros(at: u64, len: usize) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    resize(&mut buffer, at, len)?;
    Ok(buffer)
}

/// Cuts a buffer to `len` bytes, or appends zeros up to them, for what the archive has at `at`.
///
/// # Errors
/// As [`zeros`]; the buffer is as it was then.
pub fn resize(buffer: &mut Vec<u8>, at: u64, len: usize) -> Result<()> {
    buffer.try_reserve_exact(len.saturating_sub(buffer.len())).map_err(|error| too_little(at, len, error))?;
    buffer.resize(len, 0);
    Ok(())
}

/// An empty list with room for exactly `count` values, of what the archive has at `at`.
///
/// # Errors
/// As [`zeros`].
pub fn list<T>(at: u64, count: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|error| too_little(at, count.saturating_mul(size_of::<T>()), error))?;
    Ok(list)
}

/// Collects values whose number is known, of what the archive has at `at`.
///
/// # Errors
/// As [`zeros`].
pub fn collect<T>(at: u64, values: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>> {
    let mut list = list(at, values.len())?;
    list.extend(values);
    Ok(list)
}

/// Appends a value to a list that grows as its vector does.
pub(crate) fn push<T>(list: &mut Vec<T>, at: u64, value: T) -> Result<()> {
    list.try_reserve(1).map_err(|error| too_little(at, (list.len() + 1) * size_of::<T>(), error))?;
    list.push(value);
    Ok(())
}

pub(crate) fn too_little(at: u64, len: usize, error: TryReserveError) -> Error {
    Error::Io { at, len: len as u64, source: error.into() }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn too_little_memory_is_an_error() {
        let error = zeros(0xD0, isize::MAX as usize).unwrap_err();
        assert_eq!(error.to_string(), "reading 9223372036854775807 bytes at 0xd0");
        assert_eq!(error.source().unwrap().to_string(), "out of memory");
        let mut buffer = vec![1, 2];
        assert!(resize(&mut buffer, 0, isize::MAX as usize).is_err());
        assert_eq!(buffer, [1, 2]);
        assert!(list::<u64>(0, usize::MAX).is_err());
        assert!(collect(0, (0..usize::MAX).map(|_| 0_u64)).is_err());
    }

    #[test]
    fn what_fits_is_there() {
        assert_eq!(zeros(0, 3).unwrap(), [0; 3]);
        let mut buffer = vec![1, 2];
        resize(&mut buffer, 0, 3).unwrap();
        assert_eq!(buffer, [1, 2, 0]);
        resize(&mut buffer, 0, 1).unwrap();
        push(&mut buffer, 0, 7).unwrap();
        assert_eq!(buffer, [1, 7]);
        let all = collect(0, 0..5_u32).unwrap();
        assert_eq!((all.capacity(), all), (5, vec![0, 1, 2, 3, 4]));
    }
}
