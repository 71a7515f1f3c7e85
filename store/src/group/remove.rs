//! A group goes: it loses its name first, and its files after that.

use write::Existing;

use crate::folders::{make_durable, remove_all};
use crate::layout::OURS;
use crate::lock::Lock;
use crate::recovery::sweep;
use crate::requests::RemoveGroup;
use crate::{Done, Error, Result, Store};

impl Store<'_> {
    /// Removes a group with its images. Programs that have its files open go on reading them.
    pub(crate) fn remove_group(&self, request: &RemoveGroup, verb: &str) -> Result<Done> {
        let group = self.group(&request.group)?;
        let images = group.list(self.disk)?.archives.len();
        if images > 0 && !request.force {
            let reason = format!("the image group {} has {images} image files; --force removes them too", group.name);
            return Err(Error::Exists(reason));
        }
        let done = Done {
            what: format!("removed the image group {}", group.name),
            path: group.path.clone(),
            changed: true,
            ..Done::default()
        };
        if self.work.options.dry_run {
            return Ok(done);
        }
        let _store = Lock::take(self.disk, &self.images, verb, &self.work)?;
        sweep(self.disk, &self.images)?;
        let lock = Lock::take(self.disk, &group.path, verb, &self.work)?;
        drop(lock); // Windows renames no folder in which a file is open
        let gone = self.images.join(OURS).join("~removed.tmp");
        self.disk.rename(&group.path, &gone, Existing::Keep).map_err(Error::disk("renaming", &group.path))?;
        make_durable(self.disk, &group.path, &[&group.path, &gone])?;
        match remove_all(self.disk, &gone) {
            Ok(()) => Ok(done),
            Err(error) => {
                let note = format!("{error}: `wimstore store repair` removes the rest of its files");
                Ok(Done { notes: vec![note], ..done })
            }
        }
    }
}
