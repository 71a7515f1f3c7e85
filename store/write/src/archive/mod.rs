//! An archive being written: contents, images, tables, and the step that publishes it.

mod append;
mod create;
mod guid;
mod tables;
mod verify;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;

use wim::write::{BlobEntry, HeaderBytes, ImageElement, XmlDocument};
use wim::{Archive, BlobHash, Compression, Guid, Metadata, NodeId, Part, ResourceFlags, ResourceHeader};

use crate::disk::Disk;
use crate::pipeline::{Pipeline, Target, Written};
use crate::sink::Sink;
use crate::{Error, Job, Options, Result};
use append::Appended;
use create::Created;

/// Writes one archive. Nothing of it is seen before [`ArchiveWriter::commit`]; dropped without it,
/// the disk is as before.
pub struct ArchiveWriter<'a> {
    disk: &'a dyn Disk,
    options: Options<'a>,
    target: Target,
    sink: Sink,
    header: HeaderBytes,
    place: Place,
    /// The blob table as stored, but for the metadata of new images.
    entries: Vec<BlobEntry>,
    /// The contents that the archive has: where in `entries`, and their size.
    blobs: HashMap<BlobHash, (usize, u64)>,
    /// The metadata resources of new images.
    images: Vec<(ResourceHeader, BlobHash)>,
    /// The metadata resources of images that were there.
    old_images: Vec<ResourceHeader>,
    xml: XmlDocument,
    /// The number of the image to boot, 0 for none.
    boot: u32,
    part: u16,
    summary: Summary,
}

/// Where the archive appears.
enum Place {
    /// Under a new name.
    Created(Created),
    /// In an archive that grows.
    Appended(Appended),
    /// It has appeared.
    Done,
}

impl Drop for ArchiveWriter<'_> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.place, Place::Done) {
            Place::Created(created) => {
                self.sink.close();
                created.abandon(self.disk);
            }
            Place::Appended(appended) => appended.abandon(self.disk),
            Place::Done => {}
        }
    }
}

/// A new image.
pub struct NewImage<'a> {
    /// Its metadata resource; it is written as it is.
    pub metadata: Job,
    /// What is in it, for the numbers of references.
    pub tree: &'a Metadata,
    /// Its description; the number in it does not matter.
    pub xml: ImageElement,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// The size of the archive in bytes.
    pub size: u64,
    /// The number of contents that are new in it.
    pub blobs: usize,
    /// Their bytes, uncompressed.
    pub bytes: u64,
    /// Their bytes as stored.
    pub stored_bytes: u64,
}

impl ArchiveWriter<'_> {
    /// How the archive stores contents: a source with the same compression and chunk size is copied
    /// as it is.
    #[must_use]
    pub fn compression(&self) -> (Compression, u32) {
        (self.target.compression, self.target.chunk_size)
    }

    /// How it is written.
    pub(crate) fn options(&self) -> &Options<'_> {
        &self.options
    }

    /// Where the archive will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.sink.path()
    }

    /// Whether the archive has a content.
    #[must_use]
    pub fn has(&self, hash: &BlobHash) -> bool {
        self.blobs.contains_key(hash)
    }

    /// The number of images so far.
    #[must_use]
    pub fn image_count(&self) -> u32 {
        self.xml.image_count()
    }

    /// Adds contents that it lacks, in this order, and returns the hashes of all.
    ///
    /// # Errors
    /// The sources' and the disk's; the archive can only be dropped then.
    pub fn add_blobs(&mut self, jobs: &[Job]) -> Result<Vec<BlobHash>> {
        self.allocate(jobs)?;
        let known = self.blobs.iter().map(|(hash, (_, size))| (*hash, *size)).collect();
        let written = self.write(jobs, &known)?;
        for blob in &written {
            let Some(place) = blob.place else { continue };
            self.blobs.insert(blob.hash, (self.entries.len(), blob.size));
            self.entries.push(BlobEntry::new(&place, self.part, 0, &blob.hash));
            self.summary.blobs += 1;
            self.summary.bytes += blob.size;
            self.summary.stored_bytes += place.stored_size;
        }
        Ok(written.into_iter().map(|blob| blob.hash).collect())
    }

    /// Adds an image, whose contents were added before.
    ///
    /// # Errors
    /// As [`ArchiveWriter::add_blobs`].
    pub fn add_image(&mut self, image: NewImage<'_>) -> Result<()> {
        // Each image has a metadata resource of its own, also where two are equal.
        let written = self.write(&[image.metadata], &HashMap::new())?;
        let Some(&Written { hash, place: Some(place), .. }) = written.first() else {
            return Err(Error::refused(self.sink.path(), "an image without metadata"));
        };
        let flags = ResourceFlags(place.flags.0 | ResourceFlags::METADATA.0);
        self.images.push((ResourceHeader { flags, ..place }, hash));
        self.xml.add_image(image.xml);
        self.add_references(image.tree);
        Ok(())
    }

    /// Counts the contents that an image uses whose metadata is in another archive: each name of a
    /// file counts.
    pub fn add_references(&mut self, tree: &Metadata) {
        for node in (0..tree.node_count()).map(NodeId) {
            for hash in tree.dentry(node).hashes() {
                if let Some(&(entry, _)) = self.blobs.get(&hash) {
                    self.entries[entry].add_references(1);
                }
            }
        }
    }

    /// Makes an image, by its number from 1, the one to boot; 0 for none.
    pub fn set_boot(&mut self, number: u32) {
        self.boot = number;
    }

    /// Writes the tables, makes everything durable, reads it back, and publishes it in one step.
    ///
    /// # Errors
    /// The disk's, and [`Error::Written`] when what was read back is not what was written: nothing
    /// was published then, but for [`Error::NotDurable`].
    pub fn commit(mut self) -> Result<Summary> {
        match self.place {
            Place::Created(_) => self.finish_created(),
            Place::Appended(_) => self.finish_appended(),
            Place::Done => Ok(Summary::default()),
        }
    }

    /// Gives a new archive the GUID of another one, which it replaces or is a part of.
    pub fn set_guid(&mut self, guid: Guid) {
        self.header.set_guid(guid);
    }

    /// Makes a new archive a part of a split one.
    pub fn set_part(&mut self, part: Part) {
        self.part = part.number;
        self.header.set_part(part);
        self.entries.iter_mut().for_each(|entry| entry.set_part(part.number));
    }

    /// Adds an image to the XML data whose metadata is in another part.
    pub fn name_image(&mut self, xml: ImageElement) {
        self.xml.add_image(xml);
    }

    /// Sets a property of an image, by its number from 1 and the path of its element below `IMAGE`, such
    /// as `NAME`.
    ///
    /// # Errors
    /// [`Error::Refused`] when there is no such image, or [`ImageElement::set`] fails.
    pub fn set_property(&mut self, number: u32, path: &str, text: &str) -> Result<()> {
        let archive = self.sink.path();
        let missing = || Error::refused(archive, format!("has no image {number}"));
        let image = self.xml.image_mut(number).ok_or_else(missing)?;
        image.set(path, text).map_err(|error| Error::refused(archive, error.to_string()))
    }

    /// Takes the numbers of references from the archive that the contents come from.
    pub fn take_references(&mut self, from: &Archive) {
        for (hash, &(entry, _)) in &self.blobs {
            if let Some(found) = from.blobs().find(hash) {
                self.entries[entry].set_references(from.blobs().get(found).references);
            }
        }
    }

    /// The descriptions of all images.
    pub(crate) fn xml(&self) -> &XmlDocument {
        &self.xml
    }

    /// Sets flag bits of the header.
    pub fn add_flags(&mut self, flags: wim::HeaderFlags) {
        self.header.add_flags(flags);
    }

    fn write(&mut self, jobs: &[Job], known: &HashMap<BlobHash, u64>) -> Result<Vec<Written>> {
        let Options { encoder, level, threads, control, .. } = self.options;
        let Target { compression, chunk_size, .. } = self.target;
        let pipeline = Pipeline {
            disk: self.disk,
            target: self.target,
            new_encoder: &|| encoder(compression, level, chunk_size),
            threads,
            memory: self.options.budget(),
            control: &control,
        };
        pipeline.run(jobs, known, &mut self.sink)
    }

    /// Reserves what is known to be needed, so that a full disk is found before anything is read.
    fn allocate(&self, jobs: &[Job]) -> Result<()> {
        let lacking = jobs.iter().filter(|job| job.hash.is_none_or(|hash| !self.has(&hash)));
        let bytes = lacking.map(|job| job.kept_size(&self.target)).sum();
        let file = self.sink.file();
        file.allocate(self.sink.end(), bytes).map_err(Error::disk("allocating space", self.sink.path()))
    }
}
