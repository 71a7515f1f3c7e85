//! An image goes; its contents stay in `Res.rwm` until the group is compacted.

use write::Rebuild;

use crate::intent::{Step, commit};
use crate::layout::{sidecar, unattend};
use crate::requests::RemoveImage;
use crate::source::open;
use crate::status::Kind;
use crate::{Done, Result, Store};

impl Store<'_> {
    /// Removes an image, with its answer file. Programs that have it open go on reading it.
    pub(crate) fn remove_image(&self, request: &RemoveImage, verb: &str) -> Result<Done> {
        let mut image = self.find_image(&request.image)?;
        let done = Done {
            what: format!("removed {}", image.title()),
            path: self.images.join(&image.group),
            changed: true,
            images: vec![image.selector()],
            ..Done::default()
        };
        if self.work.options.dry_run {
            return Ok(done);
        }
        let (group, _lock) = self.lock_group(&image.group, verb)?;
        image = self.find_image(&request.image)?;
        if image.images_in_file > 1 {
            let archive = open(self.disk, &group.join(&image.file))?;
            let kept: Vec<usize> =
                (0..archive.wim.image_count()).filter(|&index| index + 1 != image.number as usize).collect();
            let options = self.options(Kind::of(&archive.wim));
            let summary = write::rebuild(self.disk, &Rebuild { archive: &archive, images: &kept }, options)?;
            return Ok(Done { summary, ..done });
        }
        let [folder, ..] = unattend(&image.file);
        let steps = [image.file.clone(), sidecar(&image.file), folder].map(Step::Remove);
        self.staging(&group, || commit(self.disk, &group, verb, steps.into()))?;
        Ok(done)
    }
}
