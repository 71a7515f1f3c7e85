//! What a store has, and what interrupted verbs left in it.

use wim::{Archive, Compression, HeaderFlags};

use crate::layout::{GroupFolder, Listing, OURS, is_append_note, is_temporary};
use crate::source::open;
use crate::{Error, Result, Store, intent};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStatus {
    /// Its name.
    pub name: String,
    /// The number of its archives with images.
    pub archives: usize,
    /// How its files are compressed; `None` before its first image.
    pub compression: Option<Compression>,
    /// The bytes of `Res.rwm`.
    pub resource_bytes: u64,
}

/// A store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// Its groups, by name.
    pub groups: Vec<GroupStatus>,
    /// What interrupted verbs left, in words. Some of it may be of a verb that is being done.
    pub left: Vec<String>,
}

/// How the files of a group are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) compression: Compression,
    pub(crate) chunk_size: u32,
}

impl Store<'_> {
    /// The groups, by name; of one name only that group.
    ///
    /// # Errors
    /// The disk's, and that there is no such group.
    pub fn list_groups(&self, name: Option<&str>) -> Result<Vec<GroupStatus>> {
        let groups = match name {
            Some(name) => vec![self.group(name)?],
            None => self.groups()?,
        };
        groups.iter().map(|group| self.group_status(group)).collect()
    }

    /// The groups, and what interrupted verbs left.
    ///
    /// # Errors
    /// The disk's.
    pub fn status(&self) -> Result<StoreStatus> {
        let groups = self.list_groups(None)?;
        let mut left = self.left_in(&GroupFolder { name: String::new(), path: self.images.clone() })?;
        for group in self.groups()? {
            left.extend(self.left_in(&group)?);
        }
        Ok(StoreStatus { groups, left })
    }

    fn group_status(&self, group: &GroupFolder) -> Result<GroupStatus> {
        let listing = group.list(self.disk)?;
        let resources = listing.resources.as_ref().map(|name| open(self.disk, &group.join(name))).transpose()?;
        let kind = match &resources {
            Some(resources) => Some(Kind::of(&resources.wim)),
            None => self.kind_of(group, &listing)?,
        };
        Ok(GroupStatus {
            name: group.name.clone(),
            archives: listing.archives.len(),
            compression: kind.map(|kind| kind.compression),
            resource_bytes: resources.map_or(0, |resources| resources.wim.source().size()),
        })
    }

    /// How the files of a group are stored: as its `Res.rwm`, else as its first complete archive.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn kind_of(&self, group: &GroupFolder, listing: &Listing) -> Result<Option<Kind>> {
        if let Some(name) = &listing.resources {
            return Ok(Some(Kind::of(&open(self.disk, &group.join(name))?.wim)));
        }
        for name in &listing.archives {
            let archive = open(self.disk, &group.join(name))?;
            if !archive.wim.header().flags.contains(HeaderFlags::METADATA_ONLY) {
                return Ok(Some(Kind::of(&archive.wim).usual()));
            }
        }
        Ok(None)
    }

    fn left_in(&self, group: &GroupFolder) -> Result<Vec<String>> {
        let list = |path: &std::path::Path| -> Result<Vec<String>> {
            match self.disk.list(path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
                names => {
                    let names = names.map_err(Error::disk("listing", path))?;
                    Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
                }
            }
        };
        let mut left = Vec::new();
        let mut note = |name: &str, what: &str| left.push(format!("{}: {what}", group.join(name).display()));
        for name in list(&group.path)?.iter().filter(|name| is_temporary(name) || is_append_note(name)) {
            note(name, "of a command that is under way, or was interrupted");
        }
        for name in list(&group.ours())?.iter().filter(|name| name.starts_with('~')) {
            note(&format!("{OURS}/{name}"), "of a command that is under way, or was interrupted");
        }
        let intent = intent::path_of(group);
        if self.disk.exists(&intent).map_err(Error::disk("looking for it", &intent))? {
            note(&format!("{OURS}/intent.json"), "a command that was decided and is not finished");
        }
        Ok(left)
    }
}

impl Kind {
    pub(crate) fn of(archive: &Archive) -> Self {
        let header = archive.header();
        Self { compression: header.compression, chunk_size: header.chunk_size }
    }

    /// As groups store data that Windows of every age reads: LZX for LZMS, and usual chunks.
    pub(crate) fn usual(self) -> Self {
        let compression = match self.compression {
            Compression::Lzms => Compression::Lzx,
            other => other,
        };
        Self { compression, chunk_size: write::usual_chunk_size(compression) }
    }
}
