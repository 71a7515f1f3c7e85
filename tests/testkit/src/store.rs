//! Folders laid out as WDS lays them out.

use crate::wim::{Built, Wim};
use std::fs;
use std::path::{Path, PathBuf};

/// A RemoteInstall folder: `Images/<Group>/…`.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Makes an empty store in a folder, which is made if need be.
    pub fn new(root: &Path) -> Self {
        make(&root.join("Images"));
        Self { root: root.to_owned() }
    }

    /// The RemoteInstall folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The folder of a group, which is made if need be.
    pub fn group(&self, name: &str) -> PathBuf {
        let group = self.root.join("Images").join(name);
        make(&group);
        group
    }

    /// Puts an archive into a group under a file name such as `w11.wim`; gives its path.
    pub fn add(&self, group: &str, file: &str, archive: &Built) -> PathBuf {
        let path = self.group(group).join(file);
        archive.save(&path);
        path
    }

    /// Puts metadata-only archives into a group, with one `Res.rwm` that holds the data of them
    /// all.
    pub fn add_with_resources(&self, group: &str, archives: &[(&str, Wim)]) {
        let mut all = Wim { packing: archives.first().and_then(|(_, wim)| wim.packing), ..Wim::default() };
        for (file, wim) in archives {
            self.add(group, file, &wim.pair().0);
            all.images.extend(wim.images.iter().cloned());
            all.blobs.extend(wim.blobs.iter().cloned());
        }
        self.add(group, "Res.rwm", &all.pair().1);
    }

    /// Puts an archive where Setup's extra files of an image are, which is no place for images:
    /// `<image>/$OEM$/$1/…`.
    pub fn add_oem(&self, group: &str, image: &str, file: &str, archive: &Built) -> PathBuf {
        let folder = self.group(group).join(image).join("$OEM$").join("$1");
        make(&folder);
        archive.save(&folder.join(file));
        folder.join(file)
    }
}

fn make(folder: &Path) {
    fs::create_dir_all(folder).unwrap_or_else(|error| panic!("making {}: {error}", folder.display()));
}
