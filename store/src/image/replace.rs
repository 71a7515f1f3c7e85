//! Another image takes the place of one, under the same file name.

use fs_core::ImageChoice;
use write::ImageSource;

use super::contents::of_source;
use super::place::{New, Placed};
use crate::requests::ReplaceImage;
use crate::source::Opened;
use crate::verify::verify;
use crate::{Done, Error, ImageEntry, Result, Store};

impl Store<'_> {
    /// Replaces an image. Programs that have the old one open go on reading it.
    pub(crate) fn replace_image(&self, request: &ReplaceImage, verb: &str) -> Result<Done> {
        let opened = Opened::open(self.disk, &request.file, &request.references).map_err(of_source)?;
        let source = one_source(&opened, request)?;
        let unattend = self.read_unattend(request.unattend.as_deref())?;
        let found = self.find_image(&request.image)?;
        verify(self.disk, &opened, request.verification, &self.work.options)?;
        if self.work.options.dry_run {
            let group = self.group(&found.group)?;
            let (listing, pool) = self.pool_of(&group, &opened)?;
            self.check_image_names(&group, &listing, std::slice::from_ref(&source), Some(&found.file))?;
            let plan = self.plan(&pool, &[source]).map_err(of_source)?;
            return Ok(self.replaced(&found, &Placed { known: plan.known, ..Placed::default() }));
        }
        let (group, _lock) = self.lock_group(&found.group, verb)?;
        let image = self.find_image(&request.image)?;
        if image.images_in_file > 1 {
            let reason =
                format!("{} has {} images; remove the one and add the other", image.file, image.images_in_file);
            return Err(Error::Usage(reason));
        }
        let (listing, pool) = self.pool_of(&group, &opened)?;
        self.check_image_names(&group, &listing, std::slice::from_ref(&source), Some(&image.file))?;
        let new = [New { source, file: image.file.clone() }];
        let rest = |staged: &mut super::staged::Staged<'_>| match &unattend {
            Some(content) => staged.unattend(&image.file, content),
            None => Ok(()),
        };
        let placed = self.place(&group, &pool, &new, verb, rest).map_err(of_source)?;
        Ok(self.replaced(&image, &placed))
    }

    fn replaced(&self, image: &ImageEntry, placed: &Placed) -> Done {
        Done {
            what: format!("replaced {}", image.title()),
            path: self.images.join(&image.group),
            changed: true,
            images: vec![image.selector()],
            summary: placed.summary,
            known: placed.known,
            notes: Vec::new(),
        }
    }
}

/// The one image of the archive that was chosen.
fn one_source(opened: &Opened, request: &ReplaceImage) -> Result<ImageSource> {
    let choices: Vec<ImageChoice> = request.source.iter().cloned().collect();
    let [index] = opened.choose(&choices)?[..] else {
        let path = opened.archive.path.display();
        return Err(Error::Usage(format!("{path}: it has several images; --image names the one")));
    };
    let mut source = opened.image(index);
    source.name.clone_from(&request.name);
    source.description.clone_from(&request.description);
    super::add::name_unnamed(&mut source)?;
    Ok(source)
}
