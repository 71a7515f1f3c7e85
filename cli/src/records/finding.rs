//! What `wimstore verify` finds.

use std::fmt;
use std::path::Path;

use fs_core::check::{Finding, UsedBy};
use fs_core::wim::{BlobHash, Error};
use fs_core::{Chain, Problem};
use serde::Serialize;

use super::PathField;
use crate::outcome::cause;
use crate::text::{self, count};

/// The `type` of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    BadBlock,
    BadBlob,
    MissingBlob,
    DataElsewhere,
    BadMetadata,
    BadIntegrityTable,
    Problem,
    Warning,
}

/// Something that is not as it should be. Which of the optional fields there are depends on the kind.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    #[serde(rename = "type")]
    kind: Kind,
    /// Of the archive.
    #[serde(flatten)]
    path: PathField,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<u32>,
    /// Its directory's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "display")]
    blob: Option<BlobHash>,
    /// From the archive's first byte: of the check block or the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    /// Offset of the bad check block in which a bad blob begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    bad_block: Option<u64>,
    error: String,
    /// Paths of the files that are bad by this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) used_by: Option<Vec<PathField>>,
    /// The number of those that are not listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn display<S: serde::Serializer>(hash: &Option<BlobHash>, serializer: S) -> Result<S::Ok, S::Error> {
    match hash {
        Some(hash) => serializer.collect_str(hash),
        None => serializer.serialize_none(),
    }
}

impl Found {
    pub(crate) fn new(kind: Kind, archive: &Path, error: impl fmt::Display) -> Self {
        Self {
            kind,
            path: PathField::of(archive.as_os_str().as_encoded_bytes()),
            image: None,
            directory: None,
            blob: None,
            offset: None,
            length: None,
            bad_block: None,
            error: error.to_string(),
            used_by: None,
            more: 0,
        }
    }

    /// An archive or folder that is left out.
    pub(crate) fn problem(problem: &Problem) -> Self {
        Self::new(Kind::Problem, &problem.path, cause(&problem.path, &problem.error))
    }

    /// A finding of the check of an archive.
    pub(crate) fn of(finding: Finding, archive: &Path) -> Self {
        let new = |kind, error: &dyn fmt::Display| Self::new(kind, archive, error);
        match finding {
            Finding::BadBlock { offset, len, error } => {
                Self { offset: Some(offset), length: Some(len), ..new(Kind::BadBlock, &fault(&error)) }
            }
            Finding::BadIntegrityTable { error } => new(Kind::BadIntegrityTable, &error),
            Finding::BadMetadata { image, offset, error } => {
                Self { image: Some(image), offset: Some(offset), ..new(Kind::BadMetadata, &fault(&error)) }
            }
            Finding::BadBlob { blob, offset, bad_block, error, used_by } => {
                let found = new(Kind::BadBlob, &fault(&error));
                Self { blob: Some(blob), offset: Some(offset), bad_block, ..found }.used_by(used_by)
            }
            Finding::MissingBlob { image, blob, used_by } => {
                let error = "no archive supplies it; name the archive that does with --ref";
                Self { image: Some(image), blob: Some(blob), ..new(Kind::MissingBlob, &error) }.used_by(used_by)
            }
            Finding::DataElsewhere { image, keeper, used_by } => {
                let error = format!("the image has none of the data of files, which Windows kept {keeper}");
                Self { image: Some(image), ..new(Kind::DataElsewhere, &error) }.used_by(used_by)
            }
            Finding::Warning { image, warning } => Self { image, ..new(Kind::Warning, &warning) },
        }
    }

    fn used_by(self, files: UsedBy) -> Self {
        let paths = files.paths.iter().map(|path| PathField::of(&[b"/", &path[..]].concat())).collect();
        Self { used_by: Some(paths), more: files.more, ..self }
    }

    /// Whether something cannot be read as it was written.
    pub(crate) fn is_bad(&self) -> bool {
        self.kind != Kind::Warning
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
        write!(f, "{}: ", self.path.path)?;
        match (self.image, &self.directory) {
            (Some(image), Some(directory)) => write!(f, "image {image} ({directory}): ")?,
            (Some(image), None) => write!(f, "image {image}: ")?,
            (None, _) => {}
        }
        match (self.kind, self.blob, self.offset) {
            (Kind::BadBlock, _, Some(offset)) => {
                write!(f, "check block at {offset:#x}, {} bytes: ", self.length.unwrap_or_default())?;
            }
            (Kind::BadMetadata, _, Some(offset)) => write!(f, "metadata at {offset:#x}: ")?,
            (Kind::BadIntegrityTable, ..) => f.write_str("integrity table: ")?,
            (Kind::Warning, ..) => f.write_str("warning: ")?,
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
