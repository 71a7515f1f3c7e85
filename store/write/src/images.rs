//! Copies images, with the contents that they need.

use std::collections::HashSet;
use std::path::Path;

use wim::write::ImageElement;
use wim::{Archive, Blob, BlobHash, Compression, HeaderFlags, Metadata, NodeId, Warning};

use crate::pipeline::Target;
use crate::{ArchiveWriter, Error, Job, NewImage, Result, SourceArchive, Summary};

/// An image to be copied.
#[derive(Clone)]
pub struct ImageSource {
    /// The archive that has the image.
    pub archive: SourceArchive,
    /// Its place there, from 0.
    pub index: usize,
    /// Other archives with contents that it needs: parts, references, `Res.rwm`.
    pub suppliers: Vec<SourceArchive>,
    /// Its name in the new archive; `None` keeps it.
    pub name: Option<String>,
    /// Its description in the new archive; `None` keeps it.
    pub description: Option<String>,
    /// Whether contents may be missing that no archive has; the image then needs them elsewhere.
    pub allow_missing: bool,
}

impl ImageSource {
    /// An image of an archive that has all of its contents.
    #[must_use]
    pub fn new(archive: &SourceArchive, index: usize) -> Self {
        let (archive, suppliers) = (archive.clone(), Vec::new());
        Self { archive, index, suppliers, name: None, description: None, allow_missing: false }
    }

    /// The archive that supplies a content.
    fn find(&self, hash: &BlobHash) -> Option<(&SourceArchive, &Blob)> {
        let mut all = std::iter::once(&self.archive).chain(&self.suppliers);
        all.find_map(|archive| {
            let blobs = archive.wim.blobs();
            Some((archive, blobs.get(blobs.find(hash)?)))
        })
    }

    /// Its tree.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn metadata(&self) -> Result<Metadata> {
        self.archive.wim.metadata(self.index).map_err(Error::source(&self.archive.path))
    }

    /// Its description, with the new name.
    ///
    /// # Errors
    /// [`Error::Refused`] for XML data that an edit could damage, and names that it cannot hold.
    pub fn xml(&self) -> Result<ImageElement> {
        check_xml(&self.archive.path, &self.archive.wim)?;
        let refused = |error: wim::write::XmlError| Error::refused(&self.archive.path, error.to_string());
        let mut image = match self.archive.wim.xml().image(self.index as u32 + 1) {
            Some(old) => ImageElement::parse(&old.raw).map_err(refused)?,
            None => ImageElement::default(),
        };
        for (path, text) in [("NAME", &self.name), ("DESCRIPTION", &self.description)] {
            if let Some(text) = text {
                image.set(path, text).map_err(refused)?;
            }
        }
        Ok(image)
    }
}

/// What copying images takes.
#[derive(Default)]
pub struct CopyPlan {
    /// The contents that the destination lacks, in the order in which they are written.
    pub jobs: Vec<Job>,
    /// The number of contents that the destination has.
    pub known: usize,
    /// The uncompressed bytes of `jobs`.
    pub bytes: u64,
    /// The number of `jobs` that are copied as they are stored.
    pub raw_copies: usize,
}

impl CopyPlan {
    /// What copying these images takes where the destination `has` contents already and stores new
    /// ones with this compression and chunk size.
    ///
    /// # Errors
    /// [`Error::Missing`]; an image's metadata cannot be read.
    pub fn of(
        images: &[ImageSource],
        has: &dyn Fn(&BlobHash) -> bool,
        compression: Compression,
        chunk_size: u32,
    ) -> Result<Self> {
        let mut plan = Self::default();
        let mut planned = HashSet::new();
        for image in images {
            plan.add(image, &mut planned, has)?;
        }
        put_solid_last(&mut plan.jobs);
        let target = Target { compression, chunk_size, recompress: false };
        plan.bytes = plan.jobs.iter().map(Job::size).sum();
        plan.raw_copies = plan.jobs.iter().filter(|job| job.is_kept(&target)).count();
        Ok(plan)
    }

    fn add(
        &mut self,
        image: &ImageSource,
        planned: &mut HashSet<BlobHash>,
        has: &dyn Fn(&BlobHash) -> bool,
    ) -> Result<()> {
        let mut missing = Vec::new();
        for hash in hashes_in_order(&image.metadata()?) {
            if !planned.insert(hash) {
                continue;
            }
            if has(&hash) {
                self.known += 1;
            } else if let Some((archive, blob)) = image.find(&hash) {
                self.jobs.push(Job::blob(archive, blob));
            } else {
                missing.push(hash);
            }
        }
        match missing.first() {
            Some(&hash) if !image.allow_missing => {
                Err(Error::Missing { path: image.archive.path.clone(), hash, more: missing.len() - 1 })
            }
            _ => Ok(()),
        }
    }
}

impl ArchiveWriter<'_> {
    /// Copies images with all that they need; `boot` is the index among them of the one to boot.
    /// Ends with the plan in a dry run.
    ///
    /// # Errors
    /// As [`ArchiveWriter::plan`] and [`ArchiveWriter::copy`].
    pub(crate) fn copy_all(mut self, images: &[ImageSource], boot: Option<u32>) -> Result<Summary> {
        let plan = self.plan(images)?;
        let options = self.options();
        (options.control.plan)(&plan);
        if options.dry_run {
            return Ok(Summary::default());
        }
        self.copy(images, &plan)?;
        if let Some(number) = boot {
            self.set_boot(number);
        }
        self.commit()
    }

    /// Finds out what copying these images takes.
    ///
    /// # Errors
    /// [`Error::Missing`]; an image's metadata cannot be read; [`Error::Refused`] for names that
    /// images of the archive have already.
    pub fn plan(&self, images: &[ImageSource]) -> Result<CopyPlan> {
        self.check_names(images)?;
        let (compression, chunk_size) = self.compression();
        CopyPlan::of(images, &|hash| self.has(hash), compression, chunk_size)
            .map(|plan| if self.options().recompress { CopyPlan { raw_copies: 0, ..plan } } else { plan })
    }

    /// Copies images with the contents of their `plan`.
    ///
    /// # Errors
    /// The sources' and the disk's; the archive can only be dropped then.
    pub fn copy(&mut self, images: &[ImageSource], plan: &CopyPlan) -> Result<()> {
        self.add_blobs(&plan.jobs)?;
        for image in images {
            let blob = image.archive.wim.blobs().metadata()[image.index];
            let tree = image.metadata()?;
            let metadata = Job::blob(&image.archive, &blob);
            self.add_image(NewImage { metadata, tree: &tree, xml: image.xml()? })?;
            if image.archive.wim.header().flags.contains(HeaderFlags::LINKS_FIXED) {
                self.add_flags(HeaderFlags::LINKS_FIXED);
            }
        }
        Ok(())
    }

    /// Refuses a name that an image of the archive has.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn check_name(&self, name: &str) -> Result<()> {
        if self.xml().images().any(|image| image.values().name.as_deref() == Some(name)) {
            return Err(Error::refused(self.path(), format!("has an image named {name:?}; give another name")));
        }
        Ok(())
    }

    /// No two images have one name, unless they had before.
    fn check_names(&self, images: &[ImageSource]) -> Result<()> {
        let old: HashSet<String> = self.xml().images().filter_map(|image| image.values().name).collect();
        for image in images {
            if let Some(name) = image.xml()?.values().name.filter(|name| old.contains(name)) {
                let path: &Path = self.path();
                return Err(Error::refused(path, format!("has an image named {name:?}; --name gives another")));
            }
        }
        Ok(())
    }
}

/// Opening tolerates XML data that cannot be read, but a copy without it would have lost the names.
pub(crate) fn check_xml(path: &Path, archive: &Archive) -> Result<()> {
    match archive.xml().warnings().iter().find(|warning| matches!(warning, Warning::XmlUnreadable(_))) {
        Some(warning) => Err(Error::refused(path, warning.to_string())),
        None => Ok(()),
    }
}

/// All contents of an image, each use of them: depth first, a directory's entries before those
/// below them, as `cp -r` and extraction read them.
fn hashes_in_order(tree: &Metadata) -> impl Iterator<Item = BlobHash> + '_ {
    let mut stack = vec![NodeId::ROOT];
    let nodes = std::iter::from_fn(move || {
        let node = stack.pop()?;
        stack.extend(tree.children(node).rev().map(NodeId));
        Some(node)
    });
    nodes.flat_map(|node| tree.dentry(node).hashes())
}

/// Contents of solid resources come last, in the order in which they lie there: so each chunk is
/// decoded once.
fn put_solid_last(jobs: &mut [Job]) {
    jobs.sort_by_key(Job::solid_place);
}
