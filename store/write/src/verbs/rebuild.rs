//! An archive anew, with some or all of its images, and only with what they need.

use wim::HeaderFlags;

use crate::{ArchiveWriter, Disk, Error, Existing, ImageSource, Options, Result, SourceArchive, Summary};

/// What is kept of an archive.
pub struct Rebuild<'a> {
    /// The archive; it is replaced.
    pub archive: &'a SourceArchive,
    /// The indexes of the images that stay, from 0, in order.
    pub images: &'a [usize],
}

/// Writes an archive anew and replaces it: images that are left out are gone, with contents that no
/// other image has and all dead bytes. GUID, the image to boot and the flags stay.
///
/// # Errors
/// As [`crate::export`]; the archive is as it was then.
pub fn rebuild(disk: &dyn Disk, request: &Rebuild<'_>, options: Options<'_>) -> Result<Summary> {
    let Rebuild { archive, images } = *request;
    let header = archive.wim.header();
    let refuse = |reason: &str| Err(Error::refused(&archive.path, reason));
    if header.flags.contains(HeaderFlags::READ_ONLY) {
        return refuse("marked as read-only");
    }
    if header.part.total > 1 {
        return refuse("part of a split archive; join the parts first");
    }
    if archive.wim.image_count() == 0 {
        return refuse("has no images: what other archives need of it is not known");
    }
    let complete = !header.flags.contains(HeaderFlags::METADATA_ONLY);
    let sources: Vec<ImageSource> = images
        .iter()
        .map(|&index| ImageSource { allow_missing: !complete, ..ImageSource::new(archive, index) })
        .collect();
    let mut writer = ArchiveWriter::create(disk, &archive.path, Existing::Replace, options)?;
    writer.set_guid(header.guid);
    writer.add_flags(HeaderFlags(header.flags.0 & (HeaderFlags::METADATA_ONLY.0 | HeaderFlags::LINKS_FIXED.0)));
    let boot = header.boot_image(archive.wim.image_count());
    let kept = boot.and_then(|number| images.iter().position(|&index| index as u32 + 1 == number));
    writer.copy_all(&sources, kept.map(|position| position as u32 + 1))
}
