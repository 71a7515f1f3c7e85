//! A new group: a folder.

use crate::folders::make_durable;
use crate::layout::GroupFolder;
use crate::lock::Lock;
use crate::names::{check_group, folded};
use crate::recovery::sweep;
use crate::requests::CreateGroup;
use crate::{Done, Error, Result, Store};

impl Store<'_> {
    /// Creates a group. It has no compression before its first image.
    pub(crate) fn create_group(&self, request: &CreateGroup, verb: &str) -> Result<Done> {
        let name = &request.group;
        check_group(name)?;
        let group = GroupFolder::new(&self.images, name);
        let done = Done {
            what: format!("created the image group {name}"),
            path: group.path.clone(),
            changed: true,
            ..Done::default()
        };
        if self.work.options.dry_run {
            self.check_new_group(name)?;
            return Ok(done);
        }
        let _lock = Lock::take(self.disk, &self.images, verb, &self.work)?;
        sweep(self.disk, &self.images)?;
        self.check_new_group(name)?;
        self.disk.mkdir(&group.path).map_err(Error::disk("creating", &group.path))?;
        make_durable(self.disk, &group.path, &[&group.path])?;
        Ok(done)
    }

    /// Refuses a name that a group has, in whatever case.
    pub(crate) fn check_new_group(&self, name: &str) -> Result<()> {
        let names = self.disk.list(&self.images).map_err(Error::disk("listing", &self.images))?;
        let taken = names.iter().filter_map(|name| name.to_str()).find(|taken| folded(taken) == folded(name));
        match taken {
            Some(taken) => Err(Error::Exists(format!("{}: there is {taken:?} already", self.images.display()))),
            None => Ok(()),
        }
    }
}
