//! An archive: the facts in its header and tables.

use serde::Serialize;

use fs_core::wim::SolidResource;
use fs_core::{ArchiveEntry, AttributeSource, Chain, Filesystem, OpenArchive};

use super::{PathField, lossy};

/// An archive file of `wimstore info`.
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
#[derive(Debug, Serialize)]
pub struct Archive {
    #[serde(rename = "type")]
    record: &'static str,
    #[serde(flatten)]
    pub path: PathField,
    /// Folder name of its group; none where SOURCE is no store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub enabled: bool,
    /// The source of the hidden attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_by: Option<&'static str>,
    pub file_bytes: u64,
    pub version: String,
    /// Written to a pipe by wimlib.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pipable: bool,
    pub flags: u32,
    pub guid: String,
    pub compression: String,
    pub chunk_size: u32,
    pub part: u16,
    pub parts: u16,
    /// Numbers of the parts that are not available.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_parts: Vec<u16>,
    pub images: usize,
    /// From 1.
    pub boot_image: Option<u32>,
    pub integrity: Option<Integrity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity_error: Option<String>,
    /// Solid resources; those whose header is bad are warned of instead.
    pub solid: Vec<Solid>,
    pub blobs: usize,
    pub blob_bytes: u64,
    pub blob_stored_bytes: u64,
    pub warnings: Vec<String>,
}

/// A solid resource.
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
#[derive(Debug, Serialize)]
pub struct Solid {
    pub offset: u64,
    pub compression: String,
    pub chunk_size: u32,
    pub bytes: u64,
    pub stored_bytes: u64,
}

impl Solid {
    fn of(resource: &SolidResource) -> Self {
        Self {
            offset: resource.place.offset,
            compression: resource.compression.to_string(),
            chunk_size: resource.chunk_size,
            bytes: resource.place.size,
            stored_bytes: resource.place.stored_size,
        }
    }
}

/// An integrity table.
#[expect(missing_docs, reason = "docs/json.md documents the fields")]
#[derive(Debug, Serialize)]
pub struct Integrity {
    pub chunk_size: u32,
    pub blocks: usize,
}

impl Archive {
    /// The facts of an open archive of the group called `group` (empty: of none). `disabled` is the
    /// entry of a file whose images are not shown.
    pub fn of(fs: &Filesystem, archive: &OpenArchive, group: &[u8], disabled: Option<&ArchiveEntry>) -> Self {
        let wim = &archive.wim;
        let header = wim.header();
        let (integrity, integrity_error) = match wim.integrity() {
            Ok(table) => (table.map(|t| Integrity { chunk_size: t.chunk_size(), blocks: t.len() }), None),
            Err(error) => (None, Some(Chain(error).to_string())),
        };
        let solid: Vec<Solid> = wim.solid_resources().flatten().map(Solid::of).collect();
        // Blobs in solid resources count with these.
        let own = wim.blobs().iter().filter(|blob| !blob.is_solid()).map(|blob| blob.place.stored_size);
        let stored = own.chain(solid.iter().map(|solid| solid.stored_bytes)).fold(0, u64::saturating_add);
        Self {
            record: "archive",
            path: PathField::of(archive.path.as_os_str().as_encoded_bytes()),
            group: (!group.is_empty()).then(|| lossy(group)),
            enabled: disabled.is_none(),
            disabled_by: disabled.map(|entry| source(entry.attributes.source)),
            file_bytes: wim.source().size(),
            version: format!("{:#x}", header.version),
            pipable: header.pipable,
            flags: header.flags.0,
            guid: header.guid.to_string(),
            compression: header.compression.to_string(),
            chunk_size: header.chunk_size,
            part: header.part.number,
            parts: header.part.total,
            // Reported where it matters: of the part with the images.
            missing_parts: if wim.image_count() == 0 { Vec::new() } else { fs.missing_parts(archive) },
            images: wim.image_count(),
            boot_image: Some(header.boot_index).filter(|&index| index != 0),
            integrity,
            integrity_error,
            blobs: wim.blobs().len(),
            blob_bytes: wim.blobs().iter().fold(0, |sum, blob| sum.saturating_add(blob.size())),
            blob_stored_bytes: stored,
            solid,
            warnings: wim.warnings().map(|warning| Chain(warning).to_string()).collect(),
        }
    }
}

fn source(source: AttributeSource) -> &'static str {
    match source {
        AttributeSource::Default => "default",
        AttributeSource::Native => "native",
        AttributeSource::Ntfs => "ntfs",
        AttributeSource::Samba => "samba",
        AttributeSource::Sidecar => "sidecar",
    }
}
