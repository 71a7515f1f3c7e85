//! Images get files in a group: the way that adding, replacing and copying share.

use write::{ImageSource, Summary};

use super::contents::Pool;
use super::staged::Staged;
use crate::layout::GroupFolder;
use crate::{Result, Store};

/// An image, and the file that it gets.
pub(crate) struct New {
    pub(crate) source: ImageSource,
    pub(crate) file: String,
}

/// What was planned and written.
#[derive(Default)]
pub(crate) struct Placed {
    pub(crate) known: usize,
    pub(crate) summary: Summary,
}

impl Store<'_> {
    /// Writes contents that the group lacks and the files of images, with what `rest` stages, and puts
    /// all in its place in one step.
    ///
    /// # Errors
    /// The sources' and the disk's.
    pub(crate) fn place(
        &self,
        group: &GroupFolder,
        pool: &Pool,
        new: &[New],
        verb: &str,
        rest: impl FnOnce(&mut Staged<'_>) -> Result<()>,
    ) -> Result<Placed> {
        self.staging(group, || {
            let mut staged = Staged::new(self, group);
            for New { source, file } in new {
                staged.image(source, source.xml()?, pool.kind, file)?;
            }
            rest(&mut staged)?;
            let sources: Vec<ImageSource> = new.iter().map(|new| new.source.clone()).collect();
            let plan = self.plan(pool, &sources)?;
            let summary = self.write_contents(pool, &sources, &plan, &mut staged)?;
            staged.commit(verb)?;
            Ok(Placed { known: plan.known, summary })
        })
    }
}
