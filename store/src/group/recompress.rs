//! Another compression for all files of a group, which change as one.

use wim::{Compression, HeaderFlags};
use write::{Destination, ImageSource};

use crate::image::Staged;
use crate::layout::GroupFolder;
use crate::source::{Opened, open};
use crate::status::Kind;
use crate::{Done, Error, Result, Store};

impl Store<'_> {
    /// Stores a group's contents, and the metadata of its images, in another way.
    pub(crate) fn recompress_group(&self, name: &str, compression: Compression, verb: &str) -> Result<Done> {
        let kind = Kind { compression, chunk_size: write::usual_chunk_size(compression) };
        if compression == Compression::Lzms {
            return Err(Error::Usage("a group stores its files uncompressed, or as XPRESS or LZX".into()));
        }
        let (group, _lock) = match self.work.options.dry_run {
            true => (self.group(name)?, None),
            false => self.lock_group(name, verb).map(|(group, lock)| (group, Some(lock)))?,
        };
        let listing = group.list(self.disk)?;
        if self.kind_of(&group, &listing)?.is_none() {
            return Err(Error::Usage(format!("{} has no images yet: the first one decides", group.name)));
        }
        let done = Done {
            what: format!("{} is stored as {compression}", group.name),
            path: group.path.clone(),
            changed: true,
            ..Done::default()
        };
        if self.work.options.dry_run {
            return Ok(done);
        }
        let summary = self.staging(&group, || {
            let mut staged = Staged::new(self, &group);
            let mut summary = write::Summary::default();
            if let Some(resources) = &listing.resources {
                let old = open(self.disk, &group.join(resources))?;
                let live = self.live(&group, &listing, &old, kind)?;
                summary = self.stage_resources(&mut staged, &group, &listing, &old, &live, kind)?;
            }
            for file in &listing.archives {
                self.stage_archive(&mut staged, &group, file, kind)?;
            }
            staged.commit(verb)?;
            Ok(summary)
        })?;
        Ok(Done { summary, ..done })
    }

    fn stage_archive(&self, staged: &mut Staged<'_>, group: &GroupFolder, file: &str, kind: Kind) -> Result<()> {
        let opened = Opened::open(self.disk, &group.join(file), &[])?;
        let header = opened.archive.wim.header();
        let count = opened.archive.wim.image_count();
        if count == 1 && header.flags.contains(HeaderFlags::METADATA_ONLY) {
            let source = opened.image(0);
            return staged.image(&source, source.xml()?, kind, file);
        }
        let own = |index| ImageSource { allow_missing: true, ..ImageSource::new(&opened.archive, index) };
        let images: Vec<_> = (0..count).map(own).collect();
        let boot = header.boot_image(count).map(|number| number as usize - 1);
        let path = staged.file(file);
        write::export(self.disk, &images, &path, Destination::New, boot, self.options(kind))?;
        Ok(())
    }
}
