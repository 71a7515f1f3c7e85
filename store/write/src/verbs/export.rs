//! Images into a new archive, or at the end of one.

use std::path::Path;

use crate::{ArchiveWriter, Disk, Existing, ImageSource, Options, Result, Summary};

/// What becomes of a file at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// There must be none.
    New,
    /// It is replaced.
    Replace,
    /// The images are appended to it.
    Append,
}

/// Copies images to the archive at `path`. `boot` is the index among `images` of the one to boot.
///
/// # Errors
/// As [`ArchiveWriter::create`], [`ArchiveWriter::append`], [`ArchiveWriter::plan`] and
/// [`ArchiveWriter::commit`].
pub fn export(
    disk: &dyn Disk,
    images: &[ImageSource],
    path: &Path,
    destination: Destination,
    boot: Option<usize>,
    options: Options<'_>,
) -> Result<Summary> {
    let writer = match destination {
        Destination::New => ArchiveWriter::create(disk, path, Existing::Keep, options)?,
        Destination::Replace => ArchiveWriter::create(disk, path, Existing::Replace, options)?,
        Destination::Append => ArchiveWriter::append(disk, path, options)?,
    };
    let boot = boot.map(|index| writer.image_count() + index as u32 + 1);
    writer.copy_all(images, boot)
}
