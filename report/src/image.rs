//! An image: the facts in the XML data, and whether its data is complete.

use std::collections::BTreeMap;

use serde::Serialize;

use fs_core::wim::WindowsVersion;
use fs_core::{ImageInfo, OpenArchive, Survey};

use super::{PathField, lossy};
use crate::text;

/// An image of `wimstore info`.
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
#[derive(Debug, Serialize)]
pub struct Image {
    #[serde(rename = "type")]
    record: &'static str,
    /// Its archive.
    #[serde(flatten)]
    pub path: PathField,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub number: usize,
    pub directory: String,
    pub enabled: bool,
    #[serde(flatten)]
    pub content: Content,
    #[serde(flatten)]
    pub xml: Xml,
}

/// Whether an image's data is complete.
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
#[derive(Debug, Default, Serialize)]
pub struct Content {
    /// None where the image cannot be read.
    pub complete: Option<bool>,
    /// Blobs that no archive supplies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_blobs: Option<usize>,
    /// Files without data, by where Windows kept it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files_elsewhere: BTreeMap<&'static str, u64>,
    pub warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The facts about an image in the XML data, which nothing checks.
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
#[derive(Debug, Default, Serialize)]
pub struct Xml {
    pub name: Option<String>,
    pub description: Option<String>,
    pub display_name: Option<String>,
    pub display_description: Option<String>,
    pub edition_flags: Option<String>,
    pub directories: Option<u64>,
    pub files: Option<u64>,
    pub bytes: Option<u64>,
    pub hard_link_bytes: Option<u64>,
    pub created: Option<String>,
    pub modified: Option<String>,
    pub wim_boot: bool,
    pub architecture: Option<String>,
    pub product_name: Option<String>,
    pub edition: Option<String>,
    pub installation_type: Option<String>,
    pub hal: Option<String>,
    pub product_type: Option<String>,
    pub product_suite: Option<String>,
    pub languages: Vec<String>,
    pub default_language: Option<String>,
    pub version: Option<String>,
    pub service_pack: Option<u32>,
    pub system_root: Option<String>,
}

impl From<Survey> for Content {
    fn from(survey: Survey) -> Self {
        Self {
            complete: Some(survey.missing.is_empty() && survey.elsewhere.is_empty()),
            missing_blobs: Some(survey.missing.len()),
            files_elsewhere: survey.elsewhere,
            warnings: survey.warnings,
            error: None,
        }
    }
}

impl Image {
    /// The facts of an image of an open archive, in the group called `group` (empty: in none).
    pub fn of(image: &ImageInfo, archive: &OpenArchive, group: &[u8], enabled: bool, content: Content) -> Self {
        Self {
            record: "image",
            path: PathField::of(archive.path.as_os_str().as_encoded_bytes()),
            group: (!group.is_empty()).then(|| lossy(group)),
            number: image.number,
            directory: image.directory.clone(),
            enabled,
            content,
            xml: Xml::of(image, archive),
        }
    }
}

impl Xml {
    fn of(image: &ImageInfo, archive: &OpenArchive) -> Self {
        let Some(xml) = image.xml(archive) else { return Self::default() };
        let windows = xml.windows.clone().unwrap_or_default();
        Self {
            name: xml.name.clone(),
            description: xml.description.clone(),
            display_name: xml.display_name.clone(),
            display_description: xml.display_description.clone(),
            edition_flags: xml.flags.clone(),
            directories: xml.dir_count,
            files: xml.file_count,
            bytes: xml.total_bytes,
            hard_link_bytes: xml.hard_link_bytes,
            created: xml.created.map(text::exact_time),
            modified: xml.modified.map(text::exact_time),
            wim_boot: xml.wim_boot,
            architecture: windows.arch.map(architecture),
            product_name: windows.product_name,
            edition: windows.edition_id,
            installation_type: windows.installation_type,
            hal: windows.hal,
            product_type: windows.product_type,
            product_suite: windows.product_suite,
            languages: windows.languages,
            default_language: windows.default_language,
            version: windows.version.as_ref().and_then(version),
            service_pack: windows.version.as_ref().and_then(|version| version.sp_level),
            system_root: windows.system_root,
        }
    }
}

/// Microsoft's name of a processor architecture; the number where it has none here.
fn architecture(number: u32) -> String {
    match number {
        0 => "x86".into(),
        5 => "arm".into(),
        6 => "ia64".into(),
        9 => "x64".into(),
        12 => "arm64".into(),
        other => other.to_string(),
    }
}

/// `10.0.26100.1742`, up to the first part that is not known.
fn version(version: &WindowsVersion) -> Option<String> {
    let parts = [version.major, version.minor, version.build, version.sp_build];
    let known: Vec<String> = parts.into_iter().map_while(|part| Some(part?.to_string())).collect();
    (!known.is_empty()).then(|| known.join("."))
}
