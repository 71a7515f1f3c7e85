//! An image once more in its group, under other names. Its contents are there already.

use super::contents::Pool;
use super::place::New;
use crate::layout::Listing;
use crate::names::check_file;
use crate::requests::CopyImage;
use crate::source::Opened;
use crate::{Done, Error, Result, Store};

impl Store<'_> {
    /// Copies an image within its group.
    pub(crate) fn copy_image(&self, request: &CopyImage, verb: &str) -> Result<Done> {
        let file = check_file(&request.file_name)?;
        let found = self.find_image(&request.image)?;
        let mut done = Done {
            what: format!("copied {} to {}/{} ({file})", found.title(), found.group, request.name),
            path: self.images.join(&found.group),
            changed: true,
            images: vec![format!("{}/{file}", found.group)],
            ..Done::default()
        };
        if self.work.options.dry_run {
            let group = self.group(&found.group)?;
            let listing = group.list(self.disk)?;
            self.copied(&group, &listing, request, &file)?;
            return Ok(done);
        }
        let (group, _lock) = self.lock_group(&found.group, verb)?;
        let listing = group.list(self.disk)?;
        let (new, pool) = self.copied(&group, &listing, request, &file)?;
        let placed = self.place(&group, &pool, &[new], verb, |_| Ok(()))?;
        (done.summary, done.known) = (placed.summary, placed.known);
        Ok(done)
    }

    fn copied(
        &self,
        group: &crate::layout::GroupFolder,
        listing: &Listing,
        request: &CopyImage,
        file: &str,
    ) -> Result<(New, Pool)> {
        let image = self.find_image(&request.image)?;
        if !listing.is_free(file) {
            return Err(Error::Exists(format!("{} has a file {file} already", group.name)));
        }
        let opened = Opened::open(self.disk, &group.join(&image.file), &[])?;
        let mut source = opened.image(image.number as usize - 1);
        source.name = Some(request.name.clone());
        source.description.clone_from(&request.description);
        self.check_image_names(group, listing, std::slice::from_ref(&source), None)?;
        let pool = self.pool(group, listing, &opened.archive)?;
        Ok((New { source, file: file.into() }, pool))
    }
}
