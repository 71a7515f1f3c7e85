//! Checking archives whole: every check block, every image's metadata, every blob.

mod plan;
mod run;
mod solid;
mod worker;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use wim::BlobHash;

use self::plan::Plan;
use self::run::{Run, Use};
use crate::OpenArchive;
use crate::content::MAX_CHUNK;

/// Something in a store that is not as it should be. Image numbers count from 1, offsets from the archive's first byte.
#[derive(Debug)]
#[non_exhaustive]
pub enum Finding {
    /// A block of the integrity table does not match its SHA-1, or cannot be read.
    BadBlock {
        /// The archive's file.
        archive: PathBuf,
        /// The block's first byte.
        offset: u64,
        /// Its length in bytes.
        len: u64,
        /// What is wrong.
        error: wim::Error,
    },
    /// The integrity table itself is no use.
    BadIntegrityTable {
        /// The archive's file.
        archive: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// An image's metadata cannot be read, does not match its SHA-1, or makes no tree.
    BadMetadata {
        /// The archive's file.
        archive: PathBuf,
        /// The image's number.
        image: u32,
        /// Where the metadata resource starts.
        offset: u64,
        /// What is wrong.
        error: wim::Error,
    },
    /// A blob cannot be read, does not decode, or does not match its SHA-1.
    BadBlob {
        /// The archive's file.
        archive: PathBuf,
        /// The blob.
        blob: BlobHash,
        /// Where its resource starts.
        offset: u64,
        /// What is wrong. All blobs of a solid chunk may share it.
        error: Arc<wim::Error>,
    },
    /// An image uses a blob that no archive at hand supplies. Said once for each image.
    MissingBlob {
        /// The archive of the image.
        archive: PathBuf,
        /// The image's number.
        image: u32,
        /// The blob.
        blob: BlobHash,
    },
    /// Something odd that keeps nothing from being read.
    Warning {
        /// The archive's file.
        archive: PathBuf,
        /// The number of the image it is about, if it is about one.
        image: Option<u32>,
        /// What it is.
        warning: String,
    },
}

impl Finding {
    /// Whether something cannot be read as it was written; all but warnings mean that.
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Warning { .. })
    }
}

/// What [`check`] tells while it works.
#[derive(Debug)]
pub enum Event {
    /// So many more bytes are checked, of the number that [`work`] gives.
    Progress(u64),
    /// Something is not as it should be.
    Found(Finding),
}

/// How archives are checked.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// How many threads work, the calling one included.
    pub threads: usize,
    /// What the chunks of solid resources that are decoded at the same time may take, in bytes; one always may.
    pub solid_bytes: u64,
    /// The largest chunk that is decoded, in bytes.
    pub max_chunk_bytes: u64,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { threads: 1, solid_bytes: 512 << 20, max_chunk_bytes: MAX_CHUNK }
    }
}

/// How much was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    /// Archives.
    pub archives: u64,
    /// Blocks of integrity tables.
    pub blocks: u64,
    /// Images whose metadata was.
    pub images: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of metadata and blobs, uncompressed.
    pub bytes: u64,
}

/// How many bytes checking these archives goes through: those that integrity tables cover, and all data uncompressed. An
/// estimate where tables are damaged.
pub fn work(archives: &[Arc<OpenArchive>]) -> u64 {
    archives.iter().map(|archive| Plan::new(archive).bytes).fold(0, u64::saturating_add)
}

/// Checks everything in `archives`; `references` only supply blobs.
///
/// Everything is read from the files, hashed and decoded once, in the order in which it is stored, solid resources last. Events
/// come on the calling thread, findings of an archive in the order in which its data is checked, missing blobs at the end.
pub fn check(
    archives: &[Arc<OpenArchive>],
    references: &[Arc<OpenArchive>],
    options: &CheckOptions,
    mut tell: impl FnMut(Event),
) -> Checked {
    let mut checked = Checked::default();
    let mut used = Vec::new();
    for archive in archives {
        Run::new(archive, &mut tell, &mut checked, &mut used).all(options);
        checked.archives += 1;
    }
    let supplied =
        |hash: &BlobHash| archives.iter().chain(references).any(|archive| archive.wim.blobs().find(hash).is_some());
    let mut known = HashMap::new();
    for Use { archive, image, blob } in used {
        if !*known.entry(blob).or_insert_with(|| supplied(&blob)) {
            tell(Event::Found(Finding::MissingBlob { archive: archive.path.clone(), image, blob }));
        }
    }
    checked
}
