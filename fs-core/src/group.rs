//! A group of images: opened when somebody looks into it, one bad archive never in the way of the others.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::image::Image;
use crate::ino::MAX_IMAGES;
use crate::names::ImageNames;
use crate::source::{ArchiveEntry, GroupEntry, StoreSource};
use crate::{Chain, Error, ImageSlot, OpenArchive, Problem, Result};

/// A group of the mount.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) number: u16,
    pub(crate) entry: GroupEntry,
    images: OnceLock<GroupImages>,
    loading: Mutex<()>,
}

/// What a group holds, once it was looked into.
#[derive(Debug, Default)]
pub(crate) struct GroupImages {
    pub(crate) images: Vec<Image>,
    /// Every archive that opened: those with images, then those that only supply data.
    pub(crate) archives: Vec<Arc<OpenArchive>>,
    /// The archives whose images are disabled.
    pub(crate) disabled: Vec<ArchiveEntry>,
    pub(crate) problems: Vec<Problem>,
    by_name: HashMap<String, usize>,
}

impl GroupImages {
    /// The image whose directory has this name, exactly or else, with `ignore_case`, in any case of letters.
    pub(crate) fn find(&self, name: &str, ignore_case: bool) -> Option<&Image> {
        let image = &self.images[*self.by_name.get(&name.to_lowercase())?];
        (ignore_case || image.name == name).then_some(image)
    }
}

/// What opening needs besides the group itself.
#[derive(Debug)]
pub(crate) struct Opener {
    /// The archives named by the user, behind the group's own.
    references: Vec<Arc<OpenArchive>>,
}

impl Opener {
    /// Opens the reference archives.
    ///
    /// # Errors
    /// The first of them that does not open: the user named them.
    pub(crate) fn new(references: &[PathBuf]) -> Result<Self> {
        let mut opener = Self { references: Vec::new() };
        for path in references {
            let archive = opener.open(path)?;
            opener.references.push(archive);
        }
        Ok(opener)
    }

    pub(crate) fn references(&self) -> &[Arc<OpenArchive>] {
        &self.references
    }

    fn open(&self, path: &Path) -> Result<Arc<OpenArchive>> {
        let archive = OpenArchive::open(path)?;
        for warning in archive.wim.warnings() {
            tracing::warn!(archive = %path.display(), %warning, "archive is served with less");
        }
        if let Err(error) = archive.wim.integrity() {
            let error = Chain(error);
            tracing::warn!(archive = %path.display(), %error, "archive is served without its integrity table");
        }
        Ok(Arc::new(archive))
    }

    /// Opens archives on all processors; the results are in the order of `paths`.
    fn open_all(&self, paths: &[&Path]) -> Vec<Result<Arc<OpenArchive>>> {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let share = paths.len().div_ceil(threads).max(SHARE_WORTH_A_THREAD);
        let open_share = |share: &[&Path]| share.iter().map(|path| self.open(path)).collect::<Vec<_>>();
        std::thread::scope(|scope| {
            let started: Vec<_> = paths.chunks(share).map(|share| scope.spawn(move || open_share(share))).collect();
            started.into_iter().flat_map(|thread| thread.join().expect("opening an archive does not panic")).collect()
        })
    }
}

/// Archives that one thread opens in about the time that starting it takes.
const SHARE_WORTH_A_THREAD: usize = 4;

impl Group {
    pub(crate) fn new(number: u16, entry: GroupEntry) -> Self {
        Self { number, entry, images: OnceLock::new(), loading: Mutex::new(()) }
    }

    /// The group's folder name in WTF-8.
    pub(crate) fn name(&self) -> &[u8] {
        self.entry.name.as_encoded_bytes()
    }

    /// The images, if somebody has looked into the group.
    pub(crate) fn loaded(&self) -> Option<&GroupImages> {
        self.images.get()
    }

    /// The images; the first call opens the archives.
    ///
    /// # Errors
    /// The folder cannot be listed; the next call tries again. An archive that does not open is a [`Problem`].
    pub(crate) fn images(&self, source: &dyn StoreSource, opener: &Opener) -> Result<&GroupImages> {
        if let Some(images) = self.images.get() {
            return Ok(images);
        }
        let _loading = self.loading.lock();
        if let Some(images) = self.images.get() {
            return Ok(images);
        }
        let loaded = self.load(source, opener)?;
        for problem in &loaded.problems {
            tracing::error!(path = %problem.path.display(), error = %Chain(&problem.error), "left out");
        }
        Ok(self.images.get_or_init(|| loaded))
    }

    fn load(&self, source: &dyn StoreSource, opener: &Opener) -> Result<GroupImages> {
        let listing = source.listing(&self.entry)?;
        let (disabled, enabled): (Vec<_>, Vec<_>) =
            listing.archives.into_iter().partition(|archive| archive.attributes.is_hidden());
        let mut group = GroupImages { disabled, ..GroupImages::default() };
        let shared = listing.parts.iter().chain(&listing.resources);
        let paths: Vec<&Path> = enabled.iter().map(|a| &a.path).chain(shared).map(|path| &**path).collect();
        let mut opened: Vec<Option<Arc<OpenArchive>>> = Vec::new();
        for (path, result) in paths.iter().zip(opener.open_all(&paths)) {
            opened.push(result.map_err(|error| group.problems.push(Problem::new(path, error))).ok());
        }
        let suppliers: Vec<_> = opened.split_off(enabled.len()).into_iter().flatten().collect();
        let shared: Vec<_> = suppliers.iter().chain(opener.references()).cloned().collect();
        let mut names = ImageNames::default();
        for (entry, archive) in enabled.iter().zip(opened) {
            if let Some(archive) = archive {
                self.add_images(&mut group, &mut names, entry, &archive, &shared);
                group.archives.push(archive);
            }
        }
        group.archives.extend(suppliers);
        Ok(group)
    }

    fn add_images(
        &self,
        group: &mut GroupImages,
        names: &mut ImageNames,
        entry: &ArchiveEntry,
        archive: &Arc<OpenArchive>,
        shared: &[Arc<OpenArchive>],
    ) {
        let suppliers: Arc<[_]> = std::iter::once(archive).chain(shared).cloned().collect();
        for index in 0..archive.wim.image_count() {
            let Some(image) = u16::try_from(group.images.len()).ok().filter(|&n| usize::from(n) < MAX_IMAGES) else {
                let error = Error::TooMany { what: "images in a group", limit: MAX_IMAGES };
                group.problems.push(Problem::new(&entry.path, error));
                return;
            };
            let slot = ImageSlot { group: self.number, image };
            let number = index + 1;
            let name =
                archive.wim.xml().image(u32::try_from(number).unwrap_or(u32::MAX)).and_then(|xml| xml.name.as_deref());
            let name = names.name(name, &entry.name.to_string_lossy(), number);
            group.by_name.insert(name.to_lowercase(), group.images.len());
            let (archive, suppliers) = (Arc::clone(archive), Arc::clone(&suppliers));
            group.images.push(Image { slot, name, archive, index, suppliers });
        }
    }
}
