//! An archive in parts, each at most of a given size.

use std::path::{Path, PathBuf};

use wim::{Blob, HeaderFlags, Part};

use crate::{
    ArchiveWriter, Disk, Error, Existing, ImageSource, Job, NewImage, Options, Result, SourceArchive, Summary,
};

/// Splits an archive into parts of at most `size` bytes: `first` and, next to it, `first` with the
/// numbers from 2 on. A content that is larger alone makes a larger part. All of it is copied as it
/// is stored. The first part, without which no other is of use, appears last.
///
/// # Errors
/// As [`ArchiveWriter::create`] and [`ArchiveWriter::commit`]: parts may be there then, but not the
/// first. [`Error::Refused`] for solid archives.
pub fn split(
    disk: &dyn Disk,
    source: &SourceArchive,
    first: &Path,
    size: u64,
    options: Options<'_>,
) -> Result<Vec<PathBuf>> {
    let header = source.wim.header();
    if source.wim.solid_resources().len() > 0 {
        return Err(Error::refused(&source.path, "solid; export its images to a new archive first"));
    }
    if header.part.total > 1 {
        return Err(Error::refused(&source.path, "split already"));
    }
    let parts = deal(source, size);
    let Ok(total) = u16::try_from(parts.len()) else {
        return Err(Error::refused(&source.path, format!("would have {} parts, more than 65535", parts.len())));
    };
    let options =
        Options { compression: header.compression, chunk_size: header.chunk_size, recompress: false, ..options };
    let mut paths = Vec::new();
    for (number, blobs) in (1..=total).zip(&parts).rev() {
        let path = part_path(first, number);
        write_part(disk, source, &path, Part { number, total }, blobs, options)?;
        paths.insert(0, path);
    }
    Ok(paths)
}

/// The contents of each part. The first part has the metadata, too.
fn deal(source: &SourceArchive, size: u64) -> Vec<Vec<Blob>> {
    let metadata: u64 = source.wim.blobs().metadata().iter().map(|blob| blob.place.stored_size).sum();
    let mut parts = vec![Vec::new()];
    let mut used = metadata;
    for blob in source.wim.blobs().iter() {
        let stored = blob.place.stored_size;
        if used > 0 && used.saturating_add(stored) > size {
            parts.push(Vec::new());
            used = 0;
        }
        parts.last_mut().expect("there is a first part").push(*blob);
        used += stored;
    }
    parts
}

fn write_part(
    disk: &dyn Disk,
    source: &SourceArchive,
    path: &Path,
    part: Part,
    blobs: &[Blob],
    options: Options<'_>,
) -> Result<Summary> {
    let mut writer = ArchiveWriter::create(disk, path, Existing::Keep, options)?;
    writer.set_guid(source.wim.header().guid);
    writer.set_part(part);
    writer.add_flags(HeaderFlags(HeaderFlags::SPANNED.0 | source.wim.header().flags.0 & HeaderFlags::LINKS_FIXED.0));
    writer.add_blobs(&blobs.iter().map(|blob| Job::blob(source, blob)).collect::<Vec<_>>())?;
    for index in 0..source.wim.image_count() {
        let image = ImageSource::new(source, index);
        if part.number > 1 {
            writer.name_image(image.xml()?);
            continue;
        }
        let metadata = Job::blob(source, &source.wim.blobs().metadata()[index]);
        let tree = image.metadata()?;
        writer.add_image(NewImage { metadata, tree: &tree, xml: image.xml()? })?;
    }
    writer.take_references(&source.wim);
    writer.commit()
}

/// `a.swm`, `a2.swm`, `a3.swm`, …
fn part_path(first: &Path, number: u16) -> PathBuf {
    if number == 1 {
        return first.to_owned();
    }
    let mut name = first.file_stem().unwrap_or_default().to_owned();
    name.push(number.to_string());
    if let Some(extension) = first.extension() {
        name.push(".");
        name.push(extension);
    }
    first.with_file_name(name)
}
