//! Anomalies of an archive that are tolerated and reported.

use crate::{BlobHash, Error, NodeId};

/// An anomaly that does not prevent the rest from being used. Offsets as in [`Error`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A writer is at work on the archive, or crashed.
    #[error("the archive is being written to, or its writer crashed")]
    WriteInProgress,
    /// The header's boot index names no image; it is taken as none.
    #[error("boot index is {index}, but the archive has {count} images")]
    BootIndex {
        /// As stored, counting from 1.
        index: u32,
        /// How many images there are.
        count: u32,
    },
    /// The header's copy of the boot image's metadata resource is not that image's.
    #[error("boot metadata in the header is not the metadata of image {index}")]
    BootMetadata {
        /// The boot index as stored, counting from 1.
        index: u32,
    },
    /// The header claims another number of images than there are metadata resources.
    #[error("the header counts {header} images, but {metadata} have metadata")]
    ImageCount {
        /// The number in the header.
        header: u32,
        /// How many there are.
        metadata: u32,
    },
    /// The XML data describes another number of images than there are metadata resources.
    #[error("the XML data describes {xml} images, but {metadata} have metadata")]
    XmlImageCount {
        /// `IMAGE` elements.
        xml: u32,
        /// How many there are.
        metadata: u32,
    },
    /// The XML data describes an image that has no metadata, and lacks another.
    #[error("the XML data describes image {number}, which has no metadata")]
    XmlImage {
        /// The image's number, counting from 1.
        number: u32,
    },
    /// The XML data, or a part of it, is not used.
    #[error("XML data at {at:#x}: {problem}")]
    Xml {
        /// Bytes from the start of the XML data as text in UTF-8.
        at: u64,
        /// Which rule is broken.
        problem: String,
    },
    /// The XML data could not be read.
    #[error("XML data is left out: {0}")]
    XmlUnreadable(Error),
    /// A blob, or an image's metadata, cannot be read.
    #[error("blob {hash} cannot be read: {problem}")]
    Blob {
        /// Its SHA-1.
        hash: BlobHash,
        /// The fault of its entry in the blob table.
        problem: Error,
    },
    /// A solid resource cannot be read, with all its blobs.
    #[error("{blobs} blobs in the solid resource at {at:#x} cannot be read: {problem}")]
    Solid {
        /// Where it begins.
        at: u64,
        /// How many blobs there are.
        blobs: u64,
        /// The fault of its header.
        problem: Error,
    },
    /// Blobs of a kind that is not read, as solid ones.
    #[error("{count} blobs cannot be read: their kind of resource is not supported")]
    UnsupportedBlobs {
        /// How many.
        count: u64,
    },
    /// The blob table does not end where an entry does.
    #[error("blob table ends with {bytes} bytes that are no entry")]
    BlobTableRest {
        /// How many, less than 50.
        bytes: u64,
    },
    /// An entry of the blob table has no data; it is left out.
    #[error("blob table entry {entry} is for an empty blob")]
    BlobEmpty {
        /// Its index in the table.
        entry: u64,
    },
    /// An entry of the blob table is another part's; it is left out.
    #[error("blob table entry {entry} is for part {part}, not for this part {own}")]
    BlobPart {
        /// Its index in the table.
        entry: u64,
        /// The part that it names.
        part: u16,
        /// The archive's own.
        own: u16,
    },
    /// An entry of the blob table repeats a hash; the first entry counts.
    #[error("blob table entry {entry} repeats blob {hash}")]
    BlobTwice {
        /// Its index in the table.
        entry: u64,
        /// The hash of both.
        hash: BlobHash,
    },
    /// A metadata resource in a part other than the first; it is left out.
    #[error("blob table entry {entry} is metadata in part {part}")]
    MetadataPart {
        /// Its index in the table.
        entry: u64,
        /// The archive's part number.
        part: u16,
    },
    /// A metadata resource that claims to be used more than once.
    #[error("blob table entry {entry} is metadata with {references} references")]
    MetadataReferences {
        /// Its index in the table.
        entry: u64,
        /// As stored.
        references: u32,
    },
    /// The security data is longer than its descriptors.
    #[error("security data states {stated} bytes, but its descriptors take {used}")]
    SecurityDataLength {
        /// The bytes that it claims.
        stated: u64,
        /// The bytes that are used.
        used: u64,
    },
    /// An image without even a root directory; it is shown as an empty one.
    #[error("the image has no root directory at {at:#x}, and is shown empty")]
    EmptyImage {
        /// Where the root's entry should be.
        at: u64,
    },
    /// Something about one directory entry.
    #[error("directory entry at {at:#x} {problem}")]
    Entry {
        /// Where it is.
        at: u64,
        /// The directory that it is in, or for a problem with a list of children the one whose list
        /// it is.
        directory: NodeId,
        /// Which rule is broken.
        problem: EntryProblem,
    },
    /// So many warnings that the rest are only counted.
    #[error("{count} more warnings are not listed")]
    More {
        /// How many.
        count: u64,
    },
}

/// The fault of a directory entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryProblem {
    /// Its lengths contradict each other; it is left out.
    #[error("is left out: {0}")]
    Broken(Error),
    /// It has no name; it is left out.
    #[error("is left out: it has no name")]
    NameEmpty,
    /// It is named `.` or `..`; it is left out.
    #[error("is left out: it is named `.` or `..`")]
    NameDots,
    /// Its name is longer than a filesystem can offer; it is left out. The length is in UTF-16
    /// units.
    #[error("is left out: its name has {0} units, more than 1024 bytes")]
    NameLength(u32),
    /// Its name is another's in the same directory; it is left out.
    #[error("is left out: an entry before it has the same name")]
    NameTwice,
    /// Its name holds `/` or NUL, for which stand-ins are shown.
    #[error("has `/` or NUL in its name, shown as U+F02F and U+F000")]
    NameStandIns,
    /// It is the root's, but has a name; the name is left out.
    #[error("is the root's, but has a name")]
    RootName,
    /// It refers to a security descriptor that does not exist.
    #[error("has security id {0}, which no descriptor has")]
    SecurityId(u32),
    /// It is no directory, but has a list of children; they are left out.
    #[error("is no directory, but has children: they are left out")]
    Children,
    /// Its list of children is where none can be; they are left out.
    #[error("has its children at {0:#x}, where no list can be: they are left out")]
    ListPlace(u64),
    /// It is nested too deep; its children are left out.
    #[error("is nested too deep: its children are left out")]
    TooDeep,
    /// It was already read as another directory's, or overlaps such an entry; it and all after it
    /// are left out.
    #[error("is left out with those behind it: it has been read before")]
    ListTwice,
    /// The list cannot be followed from here; the entries before it are kept.
    #[error("is left out with those behind it: {0}")]
    ListDamaged(Error),
}

/// The most warnings of one structure that are kept. Archives made to be bad can have one for each
/// entry.
const MOST: usize = 1000;

/// Collects warnings, and only counts them when there are too many.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    list: Vec<Warning>,
    more: u64,
}

impl Warnings {
    pub(crate) fn push(&mut self, warning: Warning) {
        if self.list.len() < MOST {
            self.list.push(warning);
        } else {
            self.more += 1;
        }
    }

    /// Everything collected.
    pub(crate) fn into_vec(mut self) -> Vec<Warning> {
        if self.more > 0 {
            self.list.push(Warning::More { count: self.more });
        }
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_it_does_not_keep() {
        let mut warnings = Warnings::default();
        (0..MOST as u64 + 3).for_each(|entry| warnings.push(Warning::BlobEmpty { entry }));
        let list = warnings.into_vec();
        assert_eq!(list.len(), MOST + 1);
        assert_eq!(list[MOST].to_string(), "3 more warnings are not listed");
    }
}
