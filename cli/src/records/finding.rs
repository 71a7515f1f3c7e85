//! What `wimstore verify` finds.

use std::fmt;
use std::path::{Path, PathBuf};

use fs_core::check::Finding;
use fs_core::wim::{BlobHash, Error};
use fs_core::{Chain, Problem};
use serde::Serialize;

use super::PathField;
use crate::outcome::cause;
use crate::text::{self, count};

/// Something that is not as it should be. Which of the optional fields there are depends on the kind.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    /// `bad_block`, `bad_blob`, `missing_blob`, `data_elsewhere`, `bad_metadata`, `bad_integrity_table`, `problem` or
    /// `warning`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    path: PathField,
    /// The archive, once more: as a path.
    #[serde(skip)]
    pub(crate) archive: PathBuf,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<u32>,
    /// Its directory's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "display")]
    pub(crate) blob: Option<BlobHash>,
    /// From the archive's first byte: of the check block or the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<u64>,
    /// Offset of the bad check block in which a bad blob begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bad_block: Option<u64>,
    pub(crate) error: String,
    /// Paths of the files that are bad by this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) used_by: Option<Vec<PathField>>,
}

fn display<S: serde::Serializer>(hash: &Option<BlobHash>, serializer: S) -> Result<S::Ok, S::Error> {
    match hash {
        Some(hash) => serializer.collect_str(hash),
        None => serializer.serialize_none(),
    }
}

impl Found {
    pub(crate) fn new(kind: &'static str, archive: &Path, error: impl fmt::Display) -> Self {
        Self {
            kind,
            path: PathField::of(archive.as_os_str().as_encoded_bytes()),
            archive: archive.to_owned(),
            image: None,
            directory: None,
            blob: None,
            offset: None,
            length: None,
            bad_block: None,
            error: error.to_string(),
            used_by: None,
        }
    }

    /// An archive or folder that is left out.
    pub(crate) fn problem(problem: &Problem) -> Self {
        Self::new("problem", &problem.path, cause(&problem.path, &problem.error))
    }

    /// A blob that an image needs and no archive supplies.
    pub(crate) fn missing(archive: &Path, image: u32, blob: BlobHash) -> Self {
        let error = "no archive supplies it; name the archive that does with --ref";
        Self {
            image: Some(image),
            blob: Some(blob),
            used_by: Some(Vec::new()),
            ..Self::new("missing_blob", archive, error)
        }
    }

    /// Files of which an image has no data, because Windows kept it elsewhere.
    pub(crate) fn elsewhere(archive: &Path, image: u32, keeper: &str, paths: &[&[u8]]) -> Self {
        let used_by = paths.iter().map(|path| PathField::of(&[b"/", *path].concat())).collect();
        let error = format!("the image has none of the data of files, which Windows kept {keeper}");
        Self { image: Some(image), used_by: Some(used_by), ..Self::new("data_elsewhere", archive, error) }
    }

    /// What checking an archive found; `None` for missing blobs, which only the whole store knows.
    pub(crate) fn of(finding: &Finding) -> Option<Self> {
        Some(match finding {
            Finding::BadBlock { archive, offset, len, error } => {
                let (offset, length) = (Some(*offset), Some(*len));
                Self { offset, length, ..Self::new("bad_block", archive, fault(error)) }
            }
            Finding::BadIntegrityTable { archive, error } => Self::new("bad_integrity_table", archive, error),
            Finding::BadMetadata { archive, image, offset, error } => {
                let (image, offset) = (Some(*image), Some(*offset));
                Self { image, offset, ..Self::new("bad_metadata", archive, fault(error)) }
            }
            Finding::BadBlob { archive, blob, offset, error } => {
                let (blob, offset, used_by) = (Some(*blob), Some(*offset), Some(Vec::new()));
                Self { blob, offset, used_by, ..Self::new("bad_blob", archive, fault(error)) }
            }
            Finding::Warning { archive, image, warning } => {
                Self { image: *image, ..Self::new("warning", archive, warning) }
            }
            _ => return None,
        })
    }

    /// Whether it is said of the image of this number in this archive.
    pub(crate) fn is_about(&self, archive: &Path, number: usize) -> bool {
        self.image.is_some_and(|image| image as usize == number) && self.archive == archive
    }

    /// Whether something cannot be read as it was written.
    pub(crate) fn is_bad(&self) -> bool {
        self.kind != "warning"
    }
}

/// What is wrong with a blob or a block whose hash is already told.
fn fault(error: &Error) -> String {
    match error {
        Error::Hash { actual, .. } => format!("has changed: its SHA-1 is now {actual}"),
        other => Chain(other).to_string(),
    }
}

/// `archive: what and where: what is wrong`.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.archive.display())?;
        match (self.image, &self.directory) {
            (Some(image), Some(directory)) => write!(f, "image {image} ({directory}): ")?,
            (Some(image), None) => write!(f, "image {image}: ")?,
            (None, _) => {}
        }
        match (self.kind, self.blob, self.offset) {
            ("bad_block", _, Some(offset)) => {
                write!(f, "check block at {offset:#x}, {} bytes: ", self.length.unwrap_or_default())?;
            }
            ("bad_metadata", _, Some(offset)) => write!(f, "metadata at {offset:#x}: ")?,
            ("bad_integrity_table", ..) => f.write_str("integrity table: ")?,
            ("warning", ..) => f.write_str("warning: ")?,
            (_, Some(blob), Some(offset)) => write!(f, "blob {blob} at {offset:#x}: ")?,
            (_, Some(blob), None) => write!(f, "blob {blob}: ")?,
            _ => {}
        }
        f.write_str(&self.error)?;
        self.bad_block.map_or(Ok(()), |offset| write!(f, " (in the bad check block at {offset:#x})"))
    }
}

/// How much was checked and how it came out: the last object of all.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    #[serde(rename = "type")]
    pub(crate) record: &'static str,
    pub(crate) archives: u64,
    pub(crate) images: u64,
    pub(crate) blobs: u64,
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    pub(crate) bad: u64,
    pub(crate) warnings: u64,
}

/// `1 archive, 2 images, 30 blobs, 4 check blocks, 5000 bytes (4.9K): nothing is bad, 0 warnings`.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts =
            [(self.archives, "archive"), (self.images, "image"), (self.blobs, "blob"), (self.blocks, "check block")];
        counts.into_iter().try_for_each(|(number, noun)| write!(f, "{}, ", count(number, noun)))?;
        write!(f, "{}: ", text::bytes(self.bytes))?;
        let bad = if self.bad == 0 { "nothing is bad".into() } else { format!("{} bad", self.bad) };
        write!(f, "{bad}, {}", count(self.warnings, "warning"))
    }
}
