//! A group's name, and how it is stored.

use write::Existing;

use crate::folders::make_durable;
use crate::layout::GroupFolder;
use crate::lock::Lock;
use crate::names::{check_group, folded};
use crate::recovery::{recover_group, sweep};
use crate::requests::SetGroup;
use crate::{Done, Error, Result, Store};

impl Store<'_> {
    /// Changes a group.
    pub(crate) fn set_group(&self, request: &SetGroup, verb: &str) -> Result<Done> {
        match request {
            SetGroup { security: Some(_), .. } => {
                Err(Error::Usage("the security descriptor of a group cannot be set yet".into()))
            }
            SetGroup { name: Some(name), compression: None, .. } => self.rename_group(&request.group, name, verb),
            SetGroup { name: None, compression: Some(compression), .. } => {
                self.recompress_group(&request.group, *compression, verb)
            }
            SetGroup { name: Some(_), compression: Some(_), .. } => {
                Err(Error::Usage("set the name and the compression of a group one after the other".into()))
            }
            SetGroup { name: None, compression: None, .. } => Err(Error::Usage("nothing to set".into())),
        }
    }

    /// Gives a group another name. Programs that have its files open go on reading them.
    fn rename_group(&self, old: &str, new: &str, verb: &str) -> Result<Done> {
        check_group(new)?;
        let group = self.group(old)?;
        let renamed = GroupFolder::new(&self.images, new);
        let done = Done {
            what: format!("renamed the image group {} to {new}", group.name),
            path: renamed.path.clone(),
            changed: true,
            ..Done::default()
        };
        let check = || if folded(&group.name) == folded(new) { Ok(()) } else { self.check_new_group(new) };
        check()?;
        if self.work.options.dry_run {
            return Ok(done);
        }
        let _store = Lock::take(self.disk, &self.images, verb, &self.work)?;
        sweep(self.disk, &self.images)?;
        check()?;
        let lock = Lock::take(self.disk, &group.path, verb, &self.work)?;
        recover_group(self.disk, &group)?;
        drop(lock); // Windows renames no folder in which a file is open
        self.disk.rename(&group.path, &renamed.path, Existing::Keep).map_err(Error::disk("renaming", &group.path))?;
        make_durable(self.disk, &renamed.path, &[&renamed.path])?;
        Ok(done)
    }
}
