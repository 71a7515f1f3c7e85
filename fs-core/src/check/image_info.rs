//! An image as people know it, by its directory and its number.

use std::sync::Arc;

use super::Survey;
use crate::archive::OpenArchive;
use crate::error::Result;
use crate::snapshot::Image;

/// One image of an archive.
#[derive(Debug, Clone)]
pub struct ImageInfo {
    /// Its directory's name in the mount.
    pub directory: String,
    /// Its number in its archive, from 1.
    pub number: usize,
    pub(crate) image: Arc<Image>,
    /// The names that lead from the root of the mount to its root.
    pub(crate) root: Vec<Vec<u8>>,
}

impl ImageInfo {
    /// Reads its metadata from its archive, which is open, and tells what it lacks.
    ///
    /// # Errors
    /// The metadata cannot be read.
    pub fn survey(&self, archive: &OpenArchive) -> Result<Survey> {
        let tree = self.image.load(archive)?;
        Ok(Survey::of(&self.image, archive, &tree))
    }

    /// The archives that its data is looked for in, opened, in this order; its own comes first.
    ///
    /// # Errors
    /// The tables of one cannot be read.
    pub fn suppliers(&self) -> Result<Vec<OpenArchive>> {
        self.image.suppliers.iter().map(|file| file.read_tables()).collect()
    }

    /// Its element of the XML data of its archive, where there is one.
    pub fn xml<'a>(&self, archive: &'a OpenArchive) -> Option<&'a wim::ImageXml> {
        archive.wim.xml().image(u32::try_from(self.number).ok()?)
    }
}
