//! What a store holds, for people: its groups, archives and images.
//!
//! Only outlines of archives are held here. Tables and trees are read archive by archive, so that the memory for a store
//! does not grow with what its archives hold.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive::{ArchiveFile, FileId, OpenArchive};
use crate::check::{self, CheckOptions, Checked, Event, ImageInfo, Users};
use crate::content::Contents;
use crate::error::{Problem, Result};
use crate::filesystem::Filesystem;
use crate::snapshot::{Group, Image};
use crate::source::ArchiveEntry;

/// What a store holds, as far as it can be read.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// The groups; those whose folder cannot be listed are left out.
    pub groups: Vec<GroupInfo>,
    /// The groups and archives that are left out.
    pub problems: Vec<Problem>,
}

/// One group of a store.
#[derive(Debug, Clone)]
pub struct GroupInfo {
    /// Its folder's name in WTF-8; empty where the source is a group or an archive file.
    pub name: Vec<u8>,
    /// Its folder.
    pub path: PathBuf,
    /// Its archives that opened: those with images by name, then other parts and `Res.rwm`.
    pub archives: Vec<ArchiveInfo>,
    /// Its archives whose file is hidden: their images are disabled and not shown.
    pub disabled: Vec<ArchiveEntry>,
}

/// One archive of a group.
#[derive(Debug, Clone)]
pub struct ArchiveInfo {
    file: Arc<ArchiveFile>,
    images: Arc<[ImageInfo]>,
    /// The images that may take data from it.
    users: Arc<[ImageInfo]>,
    contents: Arc<Contents>,
}

impl ArchiveInfo {
    /// Its file.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The size of its file in bytes.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Its images that are shown, by number.
    pub fn images(&self) -> &[ImageInfo] {
        &self.images
    }

    /// The archive with its tables, which go with what is returned.
    ///
    /// # Errors
    /// The tables cannot be read, or the file was overwritten with another archive.
    pub fn open(&self) -> Result<OpenArchive> {
        self.file.read_tables()
    }

    /// Checks everything in it, and that its images lack nothing; `archive` is what [`ArchiveInfo::open`] returned. See
    /// [`check::check`].
    ///
    /// # Errors
    /// The first error of `tell`.
    pub fn check<E: Send>(
        &self,
        archive: &OpenArchive,
        options: &CheckOptions,
        tell: impl FnMut(Event) -> Result<(), E>,
    ) -> Result<Checked, E> {
        let users = Users::new(self.file.id, &self.images, &self.users, &self.contents);
        let checked = check::check_for(&users, archive, options, tell);
        self.file.drop_trees();
        checked
    }
}

impl Filesystem {
    /// Every group with its archives and images; reads the outlines of all archives that were not opened before.
    pub fn inventory(&self) -> Inventory {
        let (mut groups, mut unreadable) = (Vec::new(), Vec::new());
        for group in self.store().groups.iter() {
            match self.group_info(group) {
                Ok(info) => groups.push(info),
                Err(error) => unreadable.push(Problem::new(&group.entry.path, error)),
            }
        }
        let problems = self.problems().into_iter().chain(unreadable).collect();
        Inventory { groups, problems }
    }

    fn group_info(&self, group: &Group) -> Result<GroupInfo> {
        let loaded = self.images(group)?;
        let shown = loaded.images.iter().filter(|image| self.shows(image));
        let all: Arc<[ImageInfo]> = shown.map(|image| self.image_info(image)).collect();
        let mut by_archive: HashMap<FileId, Vec<ImageInfo>> = HashMap::new();
        for info in &*all {
            by_archive.entry(info.image.archive.id).or_default().push(info.clone());
        }
        let info = |file: &Arc<ArchiveFile>| {
            let mut images = by_archive.remove(&file.id).unwrap_or_default();
            images.sort_by_key(|image| image.number);
            let images: Arc<[ImageInfo]> = images.into();
            let users = Arc::clone(if loaded.has_shared(file) { &all } else { &images });
            ArchiveInfo { file: Arc::clone(file), images, users, contents: Arc::clone(&self.engine.contents) }
        };
        let archives = loaded.archives.iter().map(info).collect();
        let (name, path) = (group.name().to_vec(), group.entry.path.clone());
        Ok(GroupInfo { name, path, archives, disabled: loaded.disabled.clone() })
    }

    fn image_info(&self, image: &Arc<Image>) -> ImageInfo {
        let (directory, number) = (image.name.clone(), image.number());
        ImageInfo { directory, number, image: Arc::clone(image), root: self.image_path(image) }
    }

    /// The numbers of the parts of a split archive that are neither in the archive's group nor among the references. Reads
    /// the outlines of all archives that were not opened before.
    pub fn missing_parts(&self, archive: &OpenArchive) -> Vec<u16> {
        let header = archive.wim.header();
        if header.part.total == 1 {
            return Vec::new();
        }
        let groups: Vec<_> = self.store().groups.iter().filter_map(|group| self.images(group).ok()).collect();
        let at_hand = groups.iter().flat_map(|group| &group.archives).chain(self.opener.references());
        let of_set = at_hand.map(|file| &file.header).filter(|other| other.guid == header.guid).chain([header]);
        let numbers: HashSet<u16> = of_set.map(|header| header.part.number).collect();
        (1..=header.part.total).filter(|number| !numbers.contains(number)).collect()
    }
}
