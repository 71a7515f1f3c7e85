//! Checking archives whole: every check block, every image's metadata, every blob.

mod image_info;
mod links;
mod plan;
mod run;
mod solid;
mod survey;
mod users;
mod worker;

use std::sync::Arc;

use wim::BlobHash;

pub use self::image_info::ImageInfo;
use self::run::Run;
pub use self::survey::Survey;
pub use self::users::UsedBy;
pub(crate) use self::users::Users;
use crate::archive::OpenArchive;
use crate::content::MAX_CHUNK;
use crate::error;

/// Something in an archive that is not as it should be. Image numbers count from 1, offsets from the archive's first byte.
#[derive(Debug)]
pub enum Finding {
    /// A block of the integrity table does not match its SHA-1, or cannot be read.
    BadBlock {
        /// The block's first byte.
        offset: u64,
        /// Its length in bytes.
        len: u64,
        /// What is wrong.
        error: wim::Error,
    },
    /// The integrity table itself is no use.
    BadIntegrityTable {
        /// What is wrong.
        error: String,
    },
    /// An image's metadata cannot be read, does not match its SHA-1, or makes no tree.
    BadMetadata {
        /// The image's number.
        image: u32,
        /// Where the metadata resource starts.
        offset: u64,
        /// What is wrong.
        error: Arc<wim::Error>,
    },
    /// A blob cannot be read, does not decode, or does not match its SHA-1.
    BadBlob {
        /// The blob.
        blob: BlobHash,
        /// Where its resource starts.
        offset: u64,
        /// Offset of the bad block of the integrity table in which its resource starts.
        bad_block: Option<u64>,
        /// What is wrong. All blobs of a solid chunk may share it.
        error: Arc<wim::Error>,
        /// The files that are read from it.
        used_by: UsedBy,
    },
    /// An image uses a blob that no archive supplies. Reported once for each image.
    MissingBlob {
        /// The image's number.
        image: u32,
        /// The blob.
        blob: BlobHash,
        /// The files with this content.
        used_by: UsedBy,
    },
    /// An image has none of the data of files, because Windows kept it elsewhere.
    DataElsewhere {
        /// The image's number.
        image: u32,
        /// Where Windows kept it.
        keeper: &'static str,
        /// The files.
        used_by: UsedBy,
    },
    /// The data of links does not say where they lead.
    BadLink {
        /// The image's number.
        image: u32,
        /// Their data; none where the image has lost it.
        blob: Option<BlobHash>,
        /// What is wrong.
        error: Arc<wim::Error>,
        /// The links.
        used_by: UsedBy,
    },
    /// An anomaly that keeps nothing from being read.
    Warning {
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

    /// Whether this is a blob that was not checked because its chunks are larger than
    /// [`CheckOptions::max_chunk_bytes`] allows.
    pub fn is_chunk_limit(&self) -> bool {
        matches!(self, Self::BadBlob { error, .. } if error::is_chunk_limit(error))
    }

    /// The blob that it is about, with the files that use it.
    fn blob_and_users(&mut self) -> Option<(BlobHash, &mut UsedBy)> {
        match self {
            Self::BadBlob { blob, used_by, .. } | Self::MissingBlob { blob, used_by, .. } => Some((*blob, used_by)),
            _ => None,
        }
    }
}

/// What [`check`] reports while it works.
#[derive(Debug)]
pub enum Event {
    /// A part of the archive is checked.
    Progress {
        /// The bytes checked so far.
        done: u64,
        /// All bytes of the archive: those that the integrity table covers, and all data uncompressed. An estimate
        /// where tables are damaged.
        of: u64,
    },
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

/// Checks everything in an archive of which no images are known.
///
/// Everything is read from the file, hashed and decoded once, in the order in which it is stored, solid resources last.
/// Events come on the calling thread, findings in the order in which the data is checked.
///
/// # Errors
/// The first error of `tell`, which ends the check.
pub fn check<E: Send>(
    archive: &OpenArchive,
    options: &CheckOptions,
    tell: impl FnMut(Event) -> Result<(), E>,
) -> Result<Checked, E> {
    check_for(&Users::default(), archive, options, tell)
}

/// As [`check`]; also finds what the archive's images lack, and names the files of `users` that cannot be read. Findings
/// with such names come later than others, but none is held back until the end of a large archive.
pub(crate) fn check_for<E: Send>(
    users: &Users<'_>,
    archive: &OpenArchive,
    options: &CheckOptions,
    mut tell: impl FnMut(Event) -> Result<(), E>,
) -> Result<Checked, E> {
    Run::new(archive, users, &mut tell).all(options)
}
