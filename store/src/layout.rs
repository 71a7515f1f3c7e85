//! Where everything of a store lies.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use write::{Disk, Kind};

use crate::names::{folded, is_archive, stem};
use crate::{Error, Result};

/// The folder of a store or a group that holds what is ours.
pub(crate) const OURS: &str = ".wimstore";

/// The folder of a group.
#[derive(Debug, Clone)]
pub(crate) struct GroupFolder {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl GroupFolder {
    /// The group with this name in a folder of groups; it may not be there.
    pub(crate) fn new(images: &Path, name: &str) -> Self {
        Self { name: name.into(), path: images.join(name) }
    }

    /// Holds the name against the disk.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Usage`] for links.
    pub(crate) fn check(&self, disk: &dyn Disk) -> Result<()> {
        match disk.kind(&self.path).map_err(Error::disk("looking for it", &self.path))? {
            Some(Kind::Folder) => Ok(()),
            Some(Kind::Other) => {
                Err(Error::Usage(format!("{}: a link; name the folder that it leads to", self.path.display())))
            }
            Some(Kind::File) | None => {
                let folder = self.path.parent().unwrap_or(Path::new("")).display();
                Err(Error::NotFound(format!("there is no image group {:?} in {folder}", self.name)))
            }
        }
    }

    pub(crate) fn ours(&self) -> PathBuf {
        self.path.join(OURS)
    }

    /// A temporary file in [`OURS`]; the lock makes its number unique.
    pub(crate) fn temporary(&self, number: usize) -> PathBuf {
        self.ours().join(format!("~{number}.tmp"))
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What is in the group.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn list(&self, disk: &dyn Disk) -> Result<Listing> {
        let names = disk.list(&self.path).map_err(Error::disk("listing", &self.path))?;
        // A name that is no text is none of ours, and no archive of Windows.
        let mut names: Vec<String> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        let resources = names.iter().find(|name| name.eq_ignore_ascii_case("Res.rwm")).cloned();
        let archives = names.iter().filter(|name| is_archive(name)).cloned().collect();
        let taken = names.iter().map(|name| folded(name)).collect();
        Ok(Listing { resources, archives, taken })
    }
}

/// What is in a group's folder.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The name of `Res.rwm`, in any case.
    pub(crate) resources: Option<String>,
    /// The archives with images, by name.
    pub(crate) archives: Vec<String>,
    /// All names, as Windows compares them.
    taken: HashSet<String>,
}

impl Listing {
    /// Whether an image's file can have this name: neither it, nor its folder and sidecar are there.
    pub(crate) fn is_free(&self, file: &str) -> bool {
        let names = [file.to_owned(), stem(file).to_owned(), sidecar(file)];
        names.iter().all(|name| !self.taken.contains(&folded(name)))
    }

    /// Takes a name.
    pub(crate) fn take(&mut self, file: &str) {
        self.taken.insert(folded(file));
    }

    /// Whether there is a file or folder with this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.taken.contains(&folded(name))
    }
}

/// The name of the sidecar of an image's file.
pub(crate) fn sidecar(file: &str) -> String {
    format!("{file}.wimstore.json")
}

/// The answer file of an image, relative to the group.
pub(crate) fn unattend(file: &str) -> [String; 3] {
    let folder = stem(file);
    [folder.into(), format!("{folder}/Unattend"), format!("{folder}/Unattend/ImageUnattend.xml")]
}

/// Whether a name in the folder of a group is that of a temporary file of the writer.
pub(crate) fn is_temporary(name: &str) -> bool {
    let digits = name.strip_prefix('~').and_then(|rest| rest.strip_suffix(".tmp"));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// The note of an append to `Res.rwm` that has not come to its end.
pub(crate) fn is_append_note(name: &str) -> bool {
    name.eq_ignore_ascii_case("~Res.rwm.append.tmp")
}
