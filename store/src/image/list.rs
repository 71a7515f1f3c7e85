//! The images of groups, and which one is meant.

use std::path::PathBuf;

use crate::layout::{GroupFolder, Listing};
use crate::names::folded;
use crate::requests::Selector;
use crate::sidecar::Sidecar;
use crate::source::open;
use crate::{Error, Result, Store};

/// An image of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageEntry {
    /// The name of its group.
    pub group: String,
    /// The name of its file.
    pub file: String,
    /// Its number in the file, from 1.
    pub number: u32,
    /// The number of images in the file.
    pub images_in_file: u32,
    /// Its name; empty if it has none.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The bytes of its files, as the XML data has them.
    pub bytes: Option<u64>,
    /// Whether it is shown.
    pub enabled: bool,
    /// Where it is listed; `None` is the middle.
    pub order: Option<u32>,
}

impl ImageEntry {
    /// As it can be selected: `Sales/w11.wim`, with a number where the file has several.
    #[must_use]
    pub fn selector(&self) -> String {
        let number = if self.images_in_file > 1 { format!(":{}", self.number) } else { String::new() };
        format!("{}/{}{number}", self.group, self.file)
    }

    /// As people call it: `Sales/Windows 11 (w11.wim)`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}/{} ({})", self.group, self.name, self.file)
    }
}

/// The images that can be read, and the files that cannot.
#[derive(Debug, Default)]
pub struct Listed {
    /// Ordered by group, order and file.
    pub images: Vec<ImageEntry>,
    /// Files that cannot be read.
    pub problems: Vec<(PathBuf, Error)>,
}

/// The place of images without an order.
const MIDDLE: u32 = 500_000;

impl Store<'_> {
    /// The images of all groups, or of one.
    ///
    /// # Errors
    /// The disk's, and that there is no such group.
    pub fn list_images(&self, group: Option<&str>) -> Result<Listed> {
        let groups = match group {
            Some(name) => vec![self.group(name)?],
            None => self.groups()?,
        };
        let mut listed = Listed::default();
        for group in &groups {
            let of_group = self.images_of(group, &group.list(self.disk)?);
            listed.images.extend(of_group.images);
            listed.problems.extend(of_group.problems);
        }
        Ok(listed)
    }

    /// The images of a group.
    pub(crate) fn images_of(&self, group: &GroupFolder, listing: &Listing) -> Listed {
        let mut listed = Listed::default();
        for file in &listing.archives {
            match self.images_in(group, listing, file) {
                Ok(images) => listed.images.extend(images),
                Err(error) => listed.problems.push((group.join(file), error)),
            }
        }
        listed.images.sort_by_key(|image| image.order.unwrap_or(MIDDLE));
        listed
    }

    fn images_in(&self, group: &GroupFolder, listing: &Listing, file: &str) -> Result<Vec<ImageEntry>> {
        let archive = open(self.disk, &group.join(file))?;
        let sidecar = match listing.has(&crate::layout::sidecar(file)) {
            true => Sidecar::read(self.disk, group, file)?,
            false => Sidecar::default(),
        };
        let count = archive.wim.image_count() as u32;
        let entry = |number| {
            let xml = archive.wim.xml().image(number);
            ImageEntry {
                group: group.name.clone(),
                file: file.into(),
                number,
                images_in_file: count,
                name: xml.and_then(|xml| xml.name.clone()).unwrap_or_default(),
                description: xml.and_then(|xml| xml.description.clone()),
                bytes: xml.and_then(|xml| xml.total_bytes),
                enabled: !sidecar.is_hidden(),
                order: sidecar.order(),
            }
        };
        Ok((1..=count).map(entry).collect())
    }

    /// The one image that is meant.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`].
    pub fn find_image(&self, selector: &Selector) -> Result<ImageEntry> {
        let mut listed = self.list_images(selector.group.as_deref())?;
        listed.images.retain(|image| selector.matches(image));
        match listed.images.len() {
            1 => Ok(listed.images.remove(0)),
            0 => match listed.problems.into_iter().find(|(path, _)| selector.may_be_in(path)) {
                Some((_, error)) => Err(error),
                None => Err(Error::NotFound(format!("there is no image {selector}"))),
            },
            _ => Err(Error::Ambiguous {
                what: selector.to_string(),
                candidates: listed.images.iter().map(ImageEntry::selector).collect(),
            }),
        }
    }
}

impl Selector {
    fn matches(&self, image: &ImageEntry) -> bool {
        self.name.as_ref().is_none_or(|name| *name == image.name)
            && self.file.as_ref().is_none_or(|file| folded(file) == folded(&image.file))
            && self.number.is_none_or(|number| number == image.number)
    }

    /// Whether it names a file that cannot be read.
    fn may_be_in(&self, path: &std::path::Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        self.file.as_ref().is_some_and(|file| folded(file) == folded(name))
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(group) = &self.group {
            write!(f, "{group}/")?;
        }
        let names: Vec<&str> = self.name.iter().chain(&self.file).map(String::as_str).collect();
        write!(f, "{}", names.join(" in "))?;
        self.number.map_or(Ok(()), |number| write!(f, ":{number}"))
    }
}
