//! Names, descriptions and the image to boot: the XML data anew, at the end of the archive.

use std::path::Path;

use crate::{ArchiveWriter, Disk, Error, Options, Result, Summary};

/// What changes in an image's description. `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageSettings {
    /// `NAME`.
    pub name: Option<String>,
    /// `DESCRIPTION`.
    pub description: Option<String>,
}

/// What changes in an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Images by their number, from 1.
    pub images: Vec<(u32, ImageSettings)>,
    /// The number of the image to boot, 0 for none.
    pub boot: Option<u32>,
}

/// Changes the XML data of the archive at `path` and its image to boot. A crash leaves the old ones
/// or the new ones.
///
/// # Errors
/// As [`ArchiveWriter::append`] and [`ArchiveWriter::commit`]; [`Error::Refused`] for images that
/// are not there.
pub fn set(disk: &dyn Disk, path: &Path, settings: &Settings, options: Options<'_>) -> Result<Summary> {
    let mut writer = ArchiveWriter::append(disk, path, options)?;
    let count = writer.image_count();
    let numbers = settings.images.iter().map(|&(number, _)| number).chain(settings.boot.filter(|&boot| boot > 0));
    if let Some(number) = numbers.into_iter().find(|number| !(1..=count).contains(number)) {
        return Err(Error::refused(path, format!("has no image {number}, only {count}")));
    }
    for (number, image) in &settings.images {
        for (element, text) in [("NAME", &image.name), ("DESCRIPTION", &image.description)] {
            if let Some(text) = text {
                writer.set_property(*number, element, text)?;
            }
        }
    }
    if let Some(boot) = settings.boot {
        writer.set_boot(boot);
    }
    writer.commit()
}
