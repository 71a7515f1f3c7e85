//! What is wrong with an archive and was put up with.

use crate::{BlobHash, Error};

/// Something wrong that did not keep the rest from being used. Offsets as in [`Error`].
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
        /// What the header says.
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
    /// The XML data, or a part of it, is not used.
    #[error("XML data at {at:#x}: {problem}")]
    Xml {
        /// Bytes from the start of the XML data as text in UTF-8.
        at: u64,
        /// What is wrong.
        problem: String,
    },
    /// The XML data could not be read.
    #[error("XML data is left out: {0}")]
    XmlUnreadable(#[source] Error),
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
    /// So many warnings that the rest are only counted.
    #[error("{count} more warnings are not listed")]
    More {
        /// How many.
        count: u64,
    },
}

/// The most warnings of one structure that are kept. Archives made to be bad can have one for each entry.
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
