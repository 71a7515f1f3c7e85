//! An image leaves the store, as an archive of its own or at the end of one.

use write::Error as WriteError;

use crate::requests::ExportImage;
use crate::source::Opened;
use crate::{Done, ImageEntry, Result, Store};

/// How often an image is opened again that was replaced meanwhile.
const ATTEMPTS: usize = 3;

impl Store<'_> {
    /// Exports an image. It takes no lock: what is open stays as it is.
    pub(crate) fn export_image(&self, request: &ExportImage) -> Result<Done> {
        for _ in 1..ATTEMPTS {
            match self.try_export(request) {
                // The image was replaced and the group compacted between opening the two.
                Err(crate::Error::Write(WriteError::Missing { .. })) => {}
                result => return result,
            }
        }
        self.try_export(request)
    }

    fn try_export(&self, request: &ExportImage) -> Result<Done> {
        let image = self.find_image(&request.image)?;
        let group = self.group(&image.group)?;
        let opened = Opened::open(self.disk, &group.join(&image.file), &[])?;
        let listing = group.list(self.disk)?;
        let kind = self.pool(&group, &listing, &opened.archive)?.kind.usual();
        let mut source = opened.image(image.number as usize - 1);
        source.name.clone_from(&request.name);
        source.description.clone_from(&request.description);
        let dry_run = self.work.options.dry_run;
        let options = write::Options { dry_run, ..self.options(kind) };
        let summary = write::export(self.disk, &[source], &request.path, request.destination, None, options)?;
        Ok(exported(&image, request, summary))
    }
}

fn exported(image: &ImageEntry, request: &ExportImage, summary: write::Summary) -> Done {
    Done {
        what: format!("exported {} to {}", image.title(), request.path.display()),
        path: request.path.clone(),
        changed: true,
        images: vec![image.selector()],
        summary,
        ..Done::default()
    }
}
