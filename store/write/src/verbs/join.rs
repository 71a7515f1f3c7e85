//! The parts of a split archive as one again.

use std::path::Path;

use wim::HeaderFlags;

use crate::{
    ArchiveWriter, Disk, Error, Existing, ImageSource, Job, NewImage, Options, Result, SourceArchive, Summary,
};

/// Joins all parts of a split archive, in any order, to a new archive at `path`. All of it is
/// copied as it is stored.
///
/// # Errors
/// [`Error::Refused`] when the parts are not those of one archive, or not all; else as
/// [`ArchiveWriter::create`] and [`ArchiveWriter::commit`].
pub fn join(
    disk: &dyn Disk,
    parts: &[SourceArchive],
    path: &Path,
    existing: Existing,
    options: Options<'_>,
) -> Result<Summary> {
    let mut parts: Vec<&SourceArchive> = parts.iter().collect();
    parts.sort_by_key(|part| part.wim.header().part.number);
    check_set(&parts)?;
    let first = parts[0];
    let header = first.wim.header();
    let options =
        Options { compression: header.compression, chunk_size: header.chunk_size, recompress: false, ..options };
    let mut writer = ArchiveWriter::create(disk, path, existing, options)?;
    writer.set_guid(header.guid);
    writer.add_flags(HeaderFlags(header.flags.0 & HeaderFlags::LINKS_FIXED.0));
    let jobs: Vec<Job> =
        parts.iter().flat_map(|part| part.wim.blobs().iter().map(|blob| Job::blob(part, blob))).collect();
    writer.add_blobs(&jobs)?;
    for index in 0..first.wim.image_count() {
        let image = ImageSource::new(first, index);
        let metadata = Job::blob(first, &first.wim.blobs().metadata()[index]);
        let tree = image.metadata()?;
        writer.add_image(NewImage { metadata, tree: &tree, xml: image.xml()? })?;
    }
    writer.commit()
}

/// All parts of one archive, each once.
fn check_set(parts: &[&SourceArchive]) -> Result<()> {
    let Some(first) = parts.first() else {
        return Err(Error::refused(Path::new(""), "no parts"));
    };
    let (guid, total) = (first.wim.header().guid, first.wim.header().part.total);
    for (number, part) in (1..).zip(parts) {
        let header = part.wim.header();
        if header.guid != guid || header.part.total != total {
            return Err(Error::refused(&part.path, format!("no part of the same archive as {}", first.path.display())));
        }
        if header.part.number != number {
            let reason = format!("part {} of {total}, where part {number} should be", header.part.number);
            return Err(Error::refused(&part.path, reason));
        }
    }
    if parts.len() < usize::from(total) {
        let reason = format!("part {} of {total} is missing", parts.len() + 1);
        return Err(Error::refused(&first.path, reason));
    }
    Ok(())
}
