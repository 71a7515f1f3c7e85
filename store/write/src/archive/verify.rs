//! Reads back what was written, before it is published.

use std::io;
use std::path::Path;
use std::sync::Arc;

use wim::write::HeaderBytes;
use wim::{Archive, HEADER_SIZE, ReadAt, Version, read_exact_at};

use super::tables::Tail;
use crate::disk::DiskFile;
use crate::{Error, Result};

/// Compares an archive with what was written, from `from` on, and reads its tables and the metadata
/// of the images from number `images` on. The file must be synced.
///
/// # Errors
/// [`Error::Written`], and what keeps the archive from being read.
pub(super) fn verify(file: Arc<dyn DiskFile>, path: &Path, tail: &Tail, from: u64, images: usize) -> Result<()> {
    file.forget_cached();
    let staged = Arc::new(Staged { file, header: tail.header.clone(), size: tail.end });
    let wrong = |what, at| Error::Written { path: path.to_owned(), what, at };
    if let Some(at) = tail.hashes.compare(&*staged, from).map_err(Error::destination(path))? {
        return Err(wrong("check block", at));
    }
    let mut bytes = vec![0; tail.bytes.len()];
    read_exact_at(&*staged, "XML data", tail.start, &mut bytes).map_err(Error::destination(path))?;
    if bytes != tail.bytes {
        return Err(wrong("XML data or integrity table", tail.start));
    }
    let archive = Archive::open(staged).map_err(Error::destination(path))?;
    (images..archive.image_count())
        .try_for_each(|image| archive.metadata_resource(image).map(drop).map_err(Error::destination(path)))
}

/// Compares the header in the file with the one that was written.
///
/// # Errors
/// [`Error::Written`], and that it cannot be read.
pub(super) fn verify_header(file: &dyn ReadAt, path: &Path, header: &HeaderBytes) -> Result<()> {
    let mut bytes = [0; HEADER_SIZE as usize];
    read_exact_at(file, "header", 0, &mut bytes).map_err(Error::destination(path))?;
    if &bytes == header.as_bytes() {
        Ok(())
    } else {
        Err(Error::Written { path: path.to_owned(), what: "header", at: 0 })
    }
}

/// An archive as it will be: the file with the new header before it.
struct Staged {
    file: Arc<dyn DiskFile>,
    header: HeaderBytes,
    size: u64,
}

impl ReadAt for Staged {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let from_header = HEADER_SIZE.saturating_sub(offset).min(buf.len() as u64) as usize;
        let (head, rest) = buf.split_at_mut(from_header);
        if !head.is_empty() {
            head.copy_from_slice(&self.header.as_bytes()[offset as usize..][..head.len()]);
        }
        let read = if rest.is_empty() { 0 } else { self.file.read_at(offset + from_header as u64, rest)? };
        Ok(from_header + read)
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn version(&self) -> io::Result<Version> {
        self.file.version()
    }
}
