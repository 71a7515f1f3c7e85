//! Archives that are read: those of a group, and those that images are added from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_core::ImageChoice;
use wim::Archive;
use write::{Access, Disk, ImageSource, SourceArchive};

use crate::names::{has_extension, stem};
use crate::{Error, Result};

/// An archive with all that supply its data.
pub(crate) struct Opened {
    pub(crate) archive: SourceArchive,
    pub(crate) suppliers: Vec<SourceArchive>,
}

/// Opens an archive.
///
/// # Errors
/// The disk's, and that it is no archive.
pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<SourceArchive> {
    let file = disk.open(path, Access::Read).map_err(Error::disk("opening", path))?;
    match Archive::open(Arc::new(file)) {
        Ok(wim) => Ok(SourceArchive { path: path.to_owned(), wim: Arc::new(wim) }),
        Err(source) => Err(write::Error::Source { path: path.to_owned(), source }.into()),
    }
}

impl Opened {
    /// Opens the archive at `path` with the other parts next to it, or the `Res.rwm`, and `references`.
    ///
    /// # Errors
    /// As [`open`].
    pub(crate) fn open(disk: &dyn Disk, path: &Path, references: &[PathBuf]) -> Result<Self> {
        // What supplies data first: whoever compacts the group replaces it after the images.
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut suppliers = Vec::new();
        for name in supplier_names(disk, path, folder)? {
            suppliers.push(open(disk, &folder.join(name))?);
        }
        for reference in references {
            suppliers.push(open(disk, reference)?);
        }
        let archive = open(disk, path)?;
        let header = archive.wim.header();
        if header.part.total > 1 {
            suppliers.retain(|part| part.wim.header().guid == header.guid || references.contains(&part.path));
        }
        Ok(Self { archive, suppliers })
    }

    /// All archives, the first one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &SourceArchive> {
        std::iter::once(&self.archive).chain(&self.suppliers)
    }

    /// An image, from 0.
    pub(crate) fn image(&self, index: usize) -> ImageSource {
        ImageSource { suppliers: self.suppliers.clone(), ..ImageSource::new(&self.archive, index) }
    }

    /// The images that were chosen, from 0; all if none was.
    ///
    /// # Errors
    /// There is no such image, or several have the name.
    pub(crate) fn choose(&self, choices: &[ImageChoice]) -> Result<Vec<usize>> {
        let count = self.archive.wim.image_count();
        let path = self.archive.path.display();
        if count == 0 {
            return Err(Error::NotFound(format!("{path}: it has no images")));
        }
        if choices.is_empty() {
            return Ok((0..count).collect());
        }
        choices.iter().map(|choice| self.choose_one(choice, count)).collect()
    }

    fn choose_one(&self, choice: &ImageChoice, count: usize) -> Result<usize> {
        let path = self.archive.path.display();
        match choice {
            ImageChoice::Number(number) if (1..=count).contains(&(*number as usize)) => Ok(*number as usize - 1),
            ImageChoice::Number(number) => {
                Err(Error::NotFound(format!("{path}: there is no image {number}, only {count}")))
            }
            ImageChoice::Name(name) => {
                let named = |&index: &usize| {
                    self.archive
                        .wim
                        .xml()
                        .image(index as u32 + 1)
                        .is_some_and(|image| image.name.as_ref() == Some(name))
                };
                match (0..count).filter(named).collect::<Vec<_>>()[..] {
                    [index] => Ok(index),
                    [] => Err(Error::NotFound(format!("{path}: there is no image {name:?}"))),
                    ref several => Err(Error::Ambiguous {
                        what: format!("{path}: {name:?}"),
                        candidates: several.iter().map(|index| format!("image {}", index + 1)).collect(),
                    }),
                }
            }
        }
    }
}

/// The names of files that may supply the data of the archive at `path`.
fn supplier_names(disk: &dyn Disk, path: &Path, folder: &Path) -> Result<Vec<String>> {
    let Some(own) = path.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let names = disk.list(listed).map_err(Error::disk("listing", listed))?;
    let names = names.into_iter().filter_map(|name| name.into_string().ok());
    let set = stem(own);
    let is_supplier = |name: &String| {
        let is_part = has_extension(own, "swm") && has_extension(name, "swm") && name.starts_with(set) && name != own;
        let is_resources = has_extension(own, "wim") && name.eq_ignore_ascii_case("Res.rwm");
        is_part || is_resources
    };
    let mut found: Vec<String> = names.filter(is_supplier).collect();
    found.sort();
    Ok(found)
}
