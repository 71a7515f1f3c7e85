//! An image's properties: in its XML data, in its sidecar, in the name of its file.

use wim::HeaderFlags;
use write::ArchiveWriter;

use super::staged::Staged;
use crate::intent::Step;
use crate::layout::{GroupFolder, Listing, sidecar, unattend};
use crate::names::{check_file, folded, stem};
use crate::requests::SetImage;
use crate::sidecar::Sidecar;
use crate::source::Opened;
use crate::status::Kind;
use crate::{Done, Error, ImageEntry, Result, Store};

/// What is to be done.
struct Change<'a> {
    request: &'a SetImage,
    image: ImageEntry,
    /// The name of the file afterwards.
    file: String,
    unattend: Option<Vec<u8>>,
}

impl Store<'_> {
    /// Changes an image's properties, all in one step.
    pub(crate) fn set_image(&self, request: &SetImage, verb: &str) -> Result<Done> {
        if request.security.is_some() {
            return Err(Error::Usage("the security descriptor of an image cannot be set yet".into()));
        }
        let found = self.find_image(&request.image)?;
        let unattend = self.read_unattend(request.unattend.as_deref())?;
        if self.work.options.dry_run {
            let group = self.group(&found.group)?;
            let change = self.change(&group, &group.list(self.disk)?, request, unattend)?;
            return Ok(self.was_set(&change));
        }
        let (group, _lock) = self.lock_group(&found.group, verb)?;
        let listing = group.list(self.disk)?;
        let change = self.change(&group, &listing, request, unattend)?;
        self.staging(&group, || {
            let mut staged = Staged::new(self, &group);
            self.stage_file(&mut staged, &group, &change)?;
            self.stage_sidecar(&mut staged, &group, &listing, &change)?;
            stage_folder(&mut staged, &listing, &change)?;
            staged.commit(verb)
        })?;
        Ok(self.was_set(&change))
    }

    /// Holds a request against the group.
    fn change<'a>(
        &self,
        group: &GroupFolder,
        listing: &Listing,
        request: &'a SetImage,
        content: Option<Vec<u8>>,
    ) -> Result<Change<'a>> {
        let image = self.find_image(&request.image)?;
        let file = request.file_name.as_deref().map_or_else(|| Ok(image.file.clone()), check_file)?;
        if folded(&file) != folded(&image.file) && !listing.is_free(&file) {
            return Err(Error::Exists(format!("{} has a file {file} already", group.name)));
        }
        if let Some(name) = &request.name {
            let others = self.images_of(group, listing).images;
            if others.iter().any(|other| other.name == *name && other.selector() != image.selector()) {
                return Err(Error::Exists(format!("{} has an image named {name:?} already", group.name)));
            }
        }
        if request.enabled.is_some() {
            self.check_sidecar_counts(&group.join(&image.file))?;
        }
        let [_, _, answers] = unattend(&image.file);
        let path = group.join(&answers);
        let there = self.disk.exists(&path).map_err(Error::disk("looking for it", &path))?;
        if content.is_some() && there && !request.overwrite_unattend {
            return Err(Error::Exists(format!(
                "{} has an answer file; --overwrite-unattend replaces it",
                image.title()
            )));
        }
        Ok(Change { request, image, file, unattend: content })
    }

    /// Refuses to hide an image by its sidecar where the file system's own attribute counts.
    pub(crate) fn check_sidecar_counts(&self, path: &std::path::Path) -> Result<()> {
        if self.disk.keeps_attributes(path).map_err(Error::disk("reading the attributes of", path))? {
            let path = path.display();
            return Err(Error::Usage(format!("{path}: the file system keeps its hidden attribute; change it there")));
        }
        Ok(())
    }

    /// The file under its new name, with its new XML data.
    fn stage_file(&self, staged: &mut Staged<'_>, group: &GroupFolder, change: &Change<'_>) -> Result<()> {
        let Change { request, image, file, .. } = change;
        let edits: Vec<(&str, &str)> = [("NAME", &request.name), ("DESCRIPTION", &request.description)]
            .into_iter()
            .filter_map(|(path, text)| Some((path, text.as_deref()?)))
            .chain(request.properties.iter().map(|(path, text)| (path.as_str(), text.as_str())))
            .collect();
        let path = group.join(&image.file);
        let renamed = image.file != *file;
        if edits.is_empty() {
            if renamed {
                staged.step(Step::Rename(image.file.clone(), file.clone()));
            }
            return Ok(());
        }
        let opened = Opened::open(self.disk, &path, &[])?;
        let kind = Kind::of(&opened.archive.wim);
        if image.images_in_file == 1 && opened.archive.wim.header().flags.contains(HeaderFlags::METADATA_ONLY) {
            let source = opened.image(0);
            let mut xml = source.xml()?;
            for (element, text) in edits {
                xml.set(element, text).map_err(|error| Error::Usage(error.to_string()))?;
            }
            staged.image(&source, xml, kind, file)?;
            if renamed && folded(file) != folded(&image.file) {
                staged.step(Step::Remove(image.file.clone()));
            }
            return Ok(());
        }
        // An archive with contents of its own grows by its new XML data, which is a step by itself.
        let mut writer = ArchiveWriter::append(self.disk, &path, self.options(kind))?;
        for (element, text) in edits {
            writer.set_property(image.number, element, text)?;
        }
        writer.commit()?;
        if renamed {
            staged.step(Step::Rename(image.file.clone(), file.clone()));
        }
        Ok(())
    }

    fn stage_sidecar(
        &self,
        staged: &mut Staged<'_>,
        group: &GroupFolder,
        listing: &Listing,
        change: &Change<'_>,
    ) -> Result<()> {
        let Change { request, image, file, .. } = change;
        let old = sidecar(&image.file);
        let there = listing.has(&old);
        let renamed = folded(file) != folded(&image.file);
        if request.enabled.is_none() && request.order.is_none() {
            if there && renamed {
                staged.step(Step::Rename(old, sidecar(file)));
            }
            return Ok(());
        }
        let mut content = Sidecar::read(self.disk, group, &image.file)?;
        if let Some(enabled) = request.enabled {
            content.set_hidden(!enabled);
        }
        if let Some(order) = request.order {
            content.set_order(order);
        }
        staged.sidecar(file, &content)?;
        if there && renamed {
            staged.step(Step::Remove(old));
        }
        Ok(())
    }

    fn was_set(&self, change: &Change<'_>) -> Done {
        let Change { image, file, .. } = change;
        let image = ImageEntry { file: file.clone(), ..image.clone() };
        Done {
            what: format!("changed {}", image.title()),
            path: self.images.join(&image.group),
            changed: true,
            images: vec![image.selector()],
            ..Done::default()
        }
    }
}

/// The folder of the image, with its answer file.
fn stage_folder(staged: &mut Staged<'_>, listing: &Listing, change: &Change<'_>) -> Result<()> {
    let Change { image, file, unattend, .. } = change;
    let [old, new] = [&image.file, file].map(|file| stem(file).to_owned());
    if listing.has(&old) && folded(&old) != folded(&new) {
        staged.step(Step::Rename(old, new));
    }
    match unattend {
        Some(content) => staged.unattend(file, content),
        None => Ok(()),
    }
}
