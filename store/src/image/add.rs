//! Images of an archive go into a group: all of them, or none.

use std::collections::HashSet;
use std::path::Path;

use wim::Compression;
use write::ImageSource;

use super::contents::{Pool, of_source};
use super::place::{New, Placed};
use super::staged::Staged;
use crate::folders::read_file;
use crate::layout::{GroupFolder, Listing};
use crate::names::{check_file, has_extension, stem};
use crate::requests::AddImages;
use crate::sidecar::Sidecar;
use crate::source::Opened;
use crate::status::Kind;
use crate::verify::verify;
use crate::{Done, Error, Result, Store};

/// The largest answer file.
const MOST_UNATTEND: u64 = 16 << 20;

impl Store<'_> {
    /// Adds images to a group. Contents that the group has are not stored again.
    pub(crate) fn add_images(&self, request: &AddImages, verb: &str) -> Result<Done> {
        let opened = Opened::open(self.disk, &request.file, &request.references).map_err(of_source)?;
        let chosen = opened.choose(&request.images)?;
        if chosen.len() > 1 && (request.name.is_some() || request.description.is_some()) {
            return Err(Error::Usage(format!("a name or description is for one image, not for {}", chosen.len())));
        }
        let unattend = self.read_unattend(request.unattend.as_deref())?;
        self.group(&request.group)?;
        verify(self.disk, &opened, request.verification, &self.work.options)?;
        let mut sources: Vec<ImageSource> = chosen.iter().map(|&index| opened.image(index)).collect();
        for source in &mut sources {
            source.name.clone_from(&request.name);
            source.description.clone_from(&request.description);
            name_unnamed(source)?;
        }
        if self.work.options.dry_run {
            let group = self.group(&request.group)?;
            let (listing, pool) = self.pool_of(&group, &opened)?;
            let new = self.name_files(&group, listing, request, sources)?;
            let sources: Vec<_> = new.iter().map(|new| new.source.clone()).collect();
            let plan = self.plan(&pool, &sources).map_err(of_source)?;
            return Ok(done(&group, &new, notes(&opened, &pool), &Placed { known: plan.known, ..Placed::default() }));
        }
        let (group, _lock) = self.lock_group(&request.group, verb)?;
        let (listing, pool) = self.pool_of(&group, &opened)?;
        let new = self.name_files(&group, listing, request, sources)?;
        if request.disabled {
            self.check_sidecar_counts(&group.path)?;
        }
        let rest = |staged: &mut Staged<'_>| {
            new.iter().try_for_each(|new| self.stage_rest(staged, request, &new.file, unattend.as_deref()))
        };
        let placed = self.place(&group, &pool, &new, verb, rest).map_err(of_source)?;
        Ok(done(&group, &new, notes(&opened, &pool), &placed))
    }

    /// What is in a group, and how it stores contents.
    pub(crate) fn pool_of(&self, group: &GroupFolder, opened: &Opened) -> Result<(Listing, Pool)> {
        let listing = group.list(self.disk)?;
        let pool = self.pool(group, &listing, &opened.archive)?;
        Ok((listing, pool))
    }

    fn stage_rest(
        &self,
        staged: &mut Staged<'_>,
        request: &AddImages,
        file: &str,
        unattend: Option<&[u8]>,
    ) -> Result<()> {
        if request.disabled || request.order.is_some() {
            let mut sidecar = Sidecar::default();
            if request.disabled {
                sidecar.set_hidden(true);
            }
            if let Some(order) = request.order {
                sidecar.set_order(order);
            }
            staged.sidecar(file, &sidecar)?;
        }
        unattend.map_or(Ok(()), |content| staged.unattend(file, content))
    }

    /// Reads an answer file.
    ///
    /// # Errors
    /// The disk's, and that there is none.
    pub(crate) fn read_unattend(&self, path: Option<&Path>) -> Result<Option<Vec<u8>>> {
        let Some(path) = path else { return Ok(None) };
        match read_file(self.disk, path, MOST_UNATTEND)? {
            None => Err(Error::NotFound(format!("{}: there is no such file", path.display()))),
            content => Ok(content),
        }
    }

    /// Refuses names that images of the group have.
    ///
    /// # Errors
    /// [`Error::Exists`].
    pub(crate) fn check_image_names(
        &self,
        group: &GroupFolder,
        listing: &Listing,
        sources: &[ImageSource],
        but: Option<&str>,
    ) -> Result<()> {
        let listed = self.images_of(group, listing);
        let taken = listed.images.iter().filter(|image| Some(image.file.as_str()) != but);
        let mut taken: HashSet<String> = taken.map(|image| image.name.clone()).collect();
        for source in sources {
            if let Some(name) = source.xml()?.values().name.filter(|name| !taken.insert(name.clone())) {
                let group = &group.name;
                return Err(Error::Exists(format!("{group} has an image named {name:?}; --name gives another name")));
            }
        }
        Ok(())
    }

    /// Finds a file name for each image.
    fn name_files(
        &self,
        group: &GroupFolder,
        mut listing: Listing,
        request: &AddImages,
        sources: Vec<ImageSource>,
    ) -> Result<Vec<New>> {
        self.check_image_names(group, &listing, &sources, None)?;
        let wanted = match &request.file_name {
            Some(name) => check_file(name)?,
            None => {
                let name = request.file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                check_file(if has_extension(name, "wim") { name } else { stem(name) })?
            }
        };
        let count = sources.len();
        let mut next = 1;
        let mut new = Vec::new();
        for source in sources {
            let file = loop {
                let file = numbered(&wanted, next);
                next += 1;
                if listing.is_free(&file) {
                    break file;
                }
                if request.file_name.is_some() && count == 1 {
                    return Err(Error::Exists(format!("{} has a file {file} already", group.name)));
                }
            };
            listing.take(&file);
            new.push(New { source, file });
        }
        Ok(new)
    }
}

/// `install.wim`, `install-(2).wim`, …
fn numbered(file: &str, number: usize) -> String {
    if number == 1 { file.into() } else { format!("{}-({number}).wim", stem(file)) }
}

/// Gives a name to an image that has none.
pub(crate) fn name_unnamed(source: &mut ImageSource) -> Result<()> {
    if source.xml()?.values().name.is_none_or(|name| name.is_empty()) {
        let file = source.archive.path.file_stem().unwrap_or_default().to_string_lossy();
        source.name = Some(format!("{file} {}", source.index + 1));
    }
    Ok(())
}

fn notes(opened: &Opened, pool: &Pool) -> Vec<String> {
    let source = Kind::of(&opened.archive.wim);
    if pool.resources.is_some() || source == pool.kind {
        return Vec::new();
    }
    let solid = if opened.archive.wim.header().is_solid() { "solid " } else { "" };
    vec![format!("source is {solid}{}; the group becomes {}", in_words(source), in_words(pool.kind))]
}

fn in_words(kind: Kind) -> String {
    match kind.compression {
        Compression::None => "not compressed".into(),
        compression => format!("{compression} with chunks of {} KiB", kind.chunk_size / 1024),
    }
}

fn done(group: &GroupFolder, new: &[New], notes: Vec<String>, placed: &Placed) -> Done {
    let name = |new: &New| new.source.xml().ok().and_then(|xml| xml.values().name).unwrap_or_default();
    let titles: Vec<String> = new.iter().map(|new| format!("{}/{} ({})", group.name, name(new), new.file)).collect();
    Done {
        what: format!("added {}", titles.join(", ")),
        path: group.path.clone(),
        changed: true,
        images: new.iter().map(|new| format!("{}/{}", group.name, new.file)).collect(),
        summary: placed.summary,
        known: placed.known,
        notes,
    }
}
