//! A file's bytes on their way out of the store.

use fs_core::{Error, Filesystem, Ino, Release};

/// Gives a file's bytes to `write`, in order, until it refuses. `release` decides whether they are right already then,
/// or only once all have come.
///
/// The outer result is the refusal of `write`; the inner one tells whether the store could give all bytes.
///
/// # Errors
/// Those of `write`.
pub(crate) fn stream<E>(
    fs: &Filesystem,
    ino: Ino,
    release: Release,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<fs_core::Result<()>, E> {
    let mut refusal = None;
    let done = fs.stream(ino, release, &mut |bytes| {
        // Any error ends the stream; the one that is told is the refusal.
        write(bytes).map_err(|error| {
            refusal = Some(error);
            Error::NotFound
        })
    });
    refusal.map_or(Ok(done), Err)
}
