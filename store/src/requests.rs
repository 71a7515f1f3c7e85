//! Requests: what a user can ask of a store. The commands of every grammar, ours and those of
//! Windows, become one of these.

use std::path::PathBuf;

use fs_core::ImageChoice;
use wim::Compression;
use write::Destination;

/// Anything that can be asked of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Create an image group.
    CreateGroup(CreateGroup),
    /// Change an image group.
    SetGroup(SetGroup),
    /// Remove an image group.
    RemoveGroup(RemoveGroup),
    /// Free the space of what no image of a group uses.
    CompactGroup(CompactGroup),
    /// Add images to a group.
    AddImages(AddImages),
    /// Put another image in the place of one.
    ReplaceImage(ReplaceImage),
    /// Copy an image within its group.
    CopyImage(CopyImage),
    /// Change an image's properties.
    SetImage(SetImage),
    /// Remove an image.
    RemoveImage(RemoveImage),
    /// Copy an image to an archive outside of the store.
    ExportImage(ExportImage),
}

impl Request {
    /// The verb, for messages and locks.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::CreateGroup(_) => "group create",
            Self::SetGroup(SetGroup { compression: None, security: None, .. }) => "group rename",
            Self::SetGroup(_) => "group set",
            Self::RemoveGroup(_) => "group remove",
            Self::CompactGroup(_) => "group compact",
            Self::AddImages(_) => "image add",
            Self::ReplaceImage(_) => "image replace",
            Self::CopyImage(_) => "image copy",
            Self::SetImage(_) => "image set",
            Self::RemoveImage(_) => "image remove",
            Self::ExportImage(_) => "image export",
        }
    }
}

/// Which image of a store: all that is given must match, and one image must be left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// The name of its group.
    pub group: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The name of its file.
    pub file: Option<String>,
    /// Its number in the file, from 1.
    pub number: Option<u32>,
}

impl std::str::FromStr for Selector {
    type Err = std::convert::Infallible;

    /// Reads `GROUP/NAME`, `GROUP/file.wim`, `GROUP/file.wim:2` or `NAME`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((group, rest)) = text.split_once('/') else {
            return Ok(Self { name: Some(text.into()), ..Self::default() });
        };
        let group = Some(group.into());
        let (file, number) = match rest.rsplit_once(':') {
            Some((file, number)) if is_wim(file) && number.parse::<u32>().is_ok() => (file, number.parse().ok()),
            _ => (rest, None),
        };
        if is_wim(file) {
            return Ok(Self { group, file: Some(file.into()), number, name: None });
        }
        Ok(Self { group, name: Some(rest.into()), ..Self::default() })
    }
}

fn is_wim(name: &str) -> bool {
    name.len() > 4 && name.is_char_boundary(name.len() - 4) && name[name.len() - 4..].eq_ignore_ascii_case(".wim")
}

/// How a source is verified before anything of it is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verification {
    /// By its integrity table if it has one, else by the hashes of all of its contents.
    #[default]
    Usual,
    /// By both.
    Deep,
    /// Not at all. What is read is still held against its hash.
    Skip,
}

/// Creates an image group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateGroup {
    /// Its name.
    pub group: String,
}

/// Changes an image group. `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetGroup {
    /// Its name.
    pub group: String,
    /// Its new name.
    pub name: Option<String>,
    /// Its security descriptor in SDDL.
    pub security: Option<String>,
    /// The compression of all of its files.
    pub compression: Option<Compression>,
}

/// Removes an image group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveGroup {
    /// Its name.
    pub group: String,
    /// Whether it may have images, which are removed too.
    pub force: bool,
}

/// Frees the space of what no image of a group uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactGroup {
    /// Its name.
    pub group: String,
    /// Whether it is done for less than 5 % of the space.
    pub force: bool,
}

/// Adds images of an archive to a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddImages {
    /// The name of the group. It must exist.
    pub group: String,
    /// The archive.
    pub file: PathBuf,
    /// Archives with contents that it lacks.
    pub references: Vec<PathBuf>,
    /// The images of it; all if none is named.
    pub images: Vec<ImageChoice>,
    /// The name in the group, for a single image; `None` keeps it.
    pub name: Option<String>,
    /// The description in the group, for a single image; `None` keeps it.
    pub description: Option<String>,
    /// The name of its file in the group; `None` takes the archive's name. Several images get
    /// numbers after it.
    pub file_name: Option<String>,
    /// An answer file.
    pub unattend: Option<PathBuf>,
    /// Where it is listed: ascending, images without one in the middle.
    pub order: Option<u32>,
    /// Whether it is not shown for now.
    pub disabled: bool,
    /// How the archive is verified.
    pub verification: Verification,
}

/// Puts another image in the place of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplaceImage {
    /// The image.
    pub image: Selector,
    /// The archive of the new one.
    pub file: PathBuf,
    /// Archives with contents that it lacks.
    pub references: Vec<PathBuf>,
    /// The image in it, where there are several.
    pub source: Option<ImageChoice>,
    /// The new one's name in the group; `None` keeps it.
    pub name: Option<String>,
    /// The new one's description in the group; `None` keeps it.
    pub description: Option<String>,
    /// An answer file; `None` keeps the one that is there.
    pub unattend: Option<PathBuf>,
    /// How the archive is verified.
    pub verification: Verification,
}

/// Copies an image within its group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyImage {
    /// The image.
    pub image: Selector,
    /// The name of the copy.
    pub name: String,
    /// The name of its file.
    pub file_name: String,
    /// Its description; `None` keeps that of the image.
    pub description: Option<String>,
}

/// Changes an image's properties. `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetImage {
    /// The image.
    pub image: Selector,
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The name of its file.
    pub file_name: Option<String>,
    /// Where it is listed.
    pub order: Option<u32>,
    /// Whether it is shown.
    pub enabled: Option<bool>,
    /// Who may see it: a security descriptor in SDDL.
    pub security: Option<String>,
    /// An answer file.
    pub unattend: Option<PathBuf>,
    /// Whether the answer file may replace another one.
    pub overwrite_unattend: bool,
    /// Elements of the XML data: their path below `IMAGE`, and the text.
    pub properties: Vec<(String, String)>,
}

/// Removes an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoveImage {
    /// The image.
    pub image: Selector,
}

/// Copies an image to an archive outside of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportImage {
    /// The image.
    pub image: Selector,
    /// The archive.
    pub path: PathBuf,
    /// What becomes of a file that is there.
    pub destination: Destination,
    /// The name there; `None` keeps it.
    pub name: Option<String>,
    /// The description there; `None` keeps it.
    pub description: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_selected_by_text() {
        let selector = |group: Option<&str>, name: Option<&str>, file: Option<&str>, number| Selector {
            group: group.map(Into::into),
            name: name.map(Into::into),
            file: file.map(Into::into),
            number,
        };
        for (text, want) in [
            ("Windows 11", selector(None, Some("Windows 11"), None, None)),
            ("w11.wim", selector(None, Some("w11.wim"), None, None)),
            ("Sales/Windows 11", selector(Some("Sales"), Some("Windows 11"), None, None)),
            ("Sales/w11.WIM", selector(Some("Sales"), None, Some("w11.WIM"), None)),
            ("Sales/w11.wim:2", selector(Some("Sales"), None, Some("w11.wim"), Some(2))),
            ("Sales/Windows: 11", selector(Some("Sales"), Some("Windows: 11"), None, None)),
            ("Sales/a/b", selector(Some("Sales"), Some("a/b"), None, None)),
            ("Sales/é.wi", selector(Some("Sales"), Some("é.wi"), None, None)),
        ] {
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
    }
}
