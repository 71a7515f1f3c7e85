//! Findings of `wimstore verify`.

use std::fmt;
use std::path::Path;

use fs_core::check::{Finding, UsedBy};
use fs_core::wim::{BlobHash, Error};
use fs_core::{Chain, Problem};
use serde::{Serialize, Serializer};

use super::{PathField, cause};
use crate::text::{self, count};

/// A fault or anomaly of an archive, or an archive or folder that is left out.
#[derive(Debug)]
pub struct Found {
    /// The archive or folder.
    path: PathField,
    /// The name of the directory of the image that the finding is about.
    directory: Option<String>,
    what: What,
}

#[derive(Debug)]
enum What {
    Finding(Finding),
    /// It is left out because of this error.
    Problem(String),
}

impl Found {
    /// An archive or folder that is left out because of an error.
    pub fn problem(path: &Path, error: impl fmt::Display) -> Self {
        Self { path: path_field(path), directory: None, what: What::Problem(error.to_string()) }
    }

    /// A finding of the check of an archive; `directory` gives the name of an image's directory by the
    /// image's number.
    pub fn of(finding: Finding, archive: &Path, directory: impl FnOnce(u32) -> Option<String>) -> Self {
        let directory = image(&finding).and_then(directory);
        Self { path: path_field(archive), directory, what: What::Finding(finding) }
    }

    /// Whether something cannot be read as it was written.
    pub fn is_bad(&self) -> bool {
        match &self.what {
            What::Finding(finding) => finding.is_damage(),
            What::Problem(_) => true,
        }
    }

    /// The files that cannot be read, if they are known: the first paths from the root of the source,
    /// without a leading `/`, and the number of others.
    pub fn used_by(&self) -> Option<&UsedBy> {
        match &self.what {
            What::Finding(
                Finding::BadBlob { used_by, .. }
                | Finding::MissingBlob { used_by, .. }
                | Finding::DataElsewhere { used_by, .. }
                | Finding::BadLink { used_by, .. },
            ) => Some(used_by),
            What::Finding(
                Finding::BadBlock { .. }
                | Finding::BadIntegrityTable { .. }
                | Finding::BadMetadata { .. }
                | Finding::Warning { .. },
            )
            | What::Problem(_) => None,
        }
    }

    fn error(&self) -> String {
        match &self.what {
            What::Problem(error) | What::Finding(Finding::BadIntegrityTable { error }) => error.clone(),
            What::Finding(Finding::BadBlock { error, .. }) => fault(error),
            What::Finding(finding @ Finding::BadBlob { error, .. }) if finding.is_chunk_limit() => {
                format!("{}; --max-chunk allows larger ones", fault(error))
            }
            What::Finding(Finding::BadMetadata { error, .. } | Finding::BadBlob { error, .. }) => fault(error),
            What::Finding(Finding::MissingBlob { .. }) => {
                "no archive supplies it; name the archive that does with --ref".into()
            }
            What::Finding(Finding::DataElsewhere { keeper, .. }) => {
                format!("the image has none of the data of files, which Windows kept {keeper}")
            }
            What::Finding(Finding::BadLink { error, .. }) => fault(error),
            What::Finding(Finding::Warning { warning, .. }) => warning.clone(),
        }
    }
}

impl From<&Problem> for Found {
    fn from(problem: &Problem) -> Self {
        Self::problem(&problem.path, cause(&problem.path, &problem.error))
    }
}

fn path_field(path: &Path) -> PathField {
    PathField::of(path.as_os_str().as_encoded_bytes())
}

/// The number of the image that a finding is about.
fn image(finding: &Finding) -> Option<u32> {
    match *finding {
        Finding::BadMetadata { image, .. }
        | Finding::MissingBlob { image, .. }
        | Finding::DataElsewhere { image, .. }
        | Finding::BadLink { image, .. } => Some(image),
        Finding::Warning { image, .. } => image,
        Finding::BadBlock { .. } | Finding::BadIntegrityTable { .. } | Finding::BadBlob { .. } => None,
    }
}

/// The `type` of an object.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    BadBlock,
    BadBlob,
    MissingBlob,
    DataElsewhere,
    BadLink,
    BadMetadata,
    BadIntegrityTable,
    Problem,
    Warning,
}

/// The fields of the JSON object; which of the optional ones there are depends on the kind.
#[derive(Serialize)]
struct Fields<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(flatten)]
    path: &'a PathField,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bad_block: Option<u64>,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_by: Option<Vec<PathField>>,
    /// The number of files that `used_by` does not list; `None` for 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<u64>,
}

impl Serialize for Found {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let used_by = self.used_by();
        let listed =
            |files: &UsedBy| files.paths.iter().map(|path| PathField::of(&[b"/", &path[..]].concat())).collect();
        let mut fields = Fields {
            kind: Kind::Problem,
            path: &self.path,
            image: None,
            directory: self.directory.as_deref(),
            blob: None,
            offset: None,
            length: None,
            bad_block: None,
            error: self.error(),
            used_by: used_by.map(listed),
            more: used_by.map(|files| files.more).filter(|&more| more > 0),
        };
        if let What::Finding(finding) = &self.what {
            fields.image = image(finding);
            fields.take(finding);
        }
        fields.serialize(serializer)
    }
}

impl Fields<'_> {
    fn take(&mut self, finding: &Finding) {
        let text = |blob: &BlobHash| Some(blob.to_string());
        match finding {
            Finding::BadBlock { offset, len, .. } => {
                self.kind = Kind::BadBlock;
                self.offset = Some(*offset);
                self.length = Some(*len);
            }
            Finding::BadIntegrityTable { .. } => self.kind = Kind::BadIntegrityTable,
            Finding::BadMetadata { offset, .. } => {
                self.kind = Kind::BadMetadata;
                self.offset = Some(*offset);
            }
            Finding::BadBlob { blob, offset, bad_block, .. } => {
                self.kind = Kind::BadBlob;
                self.blob = text(blob);
                self.offset = Some(*offset);
                self.bad_block = *bad_block;
            }
            Finding::MissingBlob { blob, .. } => {
                self.kind = Kind::MissingBlob;
                self.blob = text(blob);
            }
            Finding::DataElsewhere { .. } => self.kind = Kind::DataElsewhere,
            Finding::BadLink { blob, .. } => {
                self.kind = Kind::BadLink;
                self.blob = blob.as_ref().and_then(text);
            }
            Finding::Warning { .. } => self.kind = Kind::Warning,
        }
    }
}

/// The error of a blob or block; where that is a hash, without the expected one.
fn fault(error: &Error) -> String {
    match error {
        Error::Hash { actual, .. } => format!("has changed: its SHA-1 is now {actual}"),
        other => Chain(other).to_string(),
    }
}

/// `archive: the part and its place: the error`.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.path)?;
        let What::Finding(finding) = &self.what else { return f.write_str(&self.error()) };
        match (image(finding), &self.directory) {
            (Some(image), Some(directory)) => write!(f, "image {image} ({directory}): ")?,
            (Some(image), None) => write!(f, "image {image}: ")?,
            (None, _) => {}
        }
        match finding {
            Finding::BadBlock { offset, len, .. } => write!(f, "check block at {offset:#x}, {len} bytes: ")?,
            Finding::BadIntegrityTable { .. } => f.write_str("integrity table: ")?,
            Finding::BadMetadata { offset, .. } => write!(f, "metadata at {offset:#x}: ")?,
            Finding::BadBlob { blob, offset, .. } => write!(f, "blob {blob} at {offset:#x}: ")?,
            Finding::MissingBlob { blob, .. } => write!(f, "blob {blob}: ")?,
            Finding::DataElsewhere { .. } => {}
            Finding::BadLink { blob: Some(blob), .. } => write!(f, "links with the data {blob}: ")?,
            Finding::BadLink { blob: None, .. } => f.write_str("links without data: ")?,
            Finding::Warning { .. } => f.write_str("warning: ")?,
        }
        f.write_str(&self.error())?;
        match finding {
            Finding::BadBlob { bad_block: Some(offset), .. } => write!(f, " (in the bad check block at {offset:#x})"),
            _ => Ok(()),
        }
    }
}

/// The sums of a check: the last object of all.
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    #[serde(rename = "type")]
    record: Type,
    pub archives: u64,
    pub images: u64,
    pub blobs: u64,
    pub blocks: u64,
    pub bytes: u64,
    pub bad: u64,
    pub warnings: u64,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    #[default]
    Summary,
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
