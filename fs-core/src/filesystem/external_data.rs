//! Reparse points with which Windows says that a file's data is stored in another way or in another place.
//!
//! Programs that capture an image usually read through them, and store the data. Where they did not, the image has the
//! pointer only: such a file is not empty, and its data cannot be had.

use wim::{Attributes, Dentry, reparse};

/// The tags, by what Windows keeps the data in.
const KEEPERS: [(u32, &str); 13] = [
    (reparse::WOF, "compressed or in another WIM (WOF)"),
    (reparse::DEDUP, "in the store of deduplication"),
    (0x8000_0007, "in the single instance store"),
    (0x8000_0008, "in a mounted WIM"),
    (0x8000_0018, "in another container layer"),
    (0x9000_1018, "in another container layer"),
    (0x8000_001E, "in storage sync"),
    (0x9000_0027, "in storage sync"),
    (0x8000_0021, "in OneDrive"),
    (0x9000_001A, "in the cloud"), // with a number in bits 12 to 15
    (0x9000_001C, "in a projected file system"),
    (0xC000_0004, "in hierarchical storage"),
    (0x8000_0006, "in hierarchical storage"),
];

/// Where Windows keeps the data of a file with this tag; `None` for tags of another meaning.
pub(crate) fn keeper(tag: u32) -> Option<&'static str> {
    let known = |tag| KEEPERS.iter().find(|(known, _)| *known == tag).map(|(_, keeper)| *keeper);
    known(tag).or_else(|| known(tag & !0xF000))
}

/// Whether a tag says how a file's data is stored, and so is no business of who reads it.
pub(crate) fn is_storage(tag: u32) -> bool {
    keeper(tag).is_some()
}

/// Where Windows keeps the data of a file of which the image has none; `None` for all other files.
pub(crate) fn without_data(dentry: &Dentry<'_>) -> Option<&'static str> {
    let has_data = || {
        let streams = dentry.streams();
        streams.unnamed.is_some() || streams.efs.is_some()
    };
    let keeper = keeper(dentry.reparse()?.tag)?;
    let is_folder = dentry.attributes().contains(Attributes::DIRECTORY);
    (!is_folder && !has_data()).then_some(keeper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_storage_are_known_with_their_numbers() {
        for tag in [0x8000_0017, 0x8000_0013, 0x9000_001A, 0x9000_F01A, 0x9000_1018, 0xC000_0004] {
            assert!(is_storage(tag), "{tag:#x}");
        }
        for tag in [reparse::SYMLINK, reparse::MOUNT_POINT, 0x8000_001B, 0x8000_0014, 0] {
            assert!(!is_storage(tag), "{tag:#x}");
        }
    }
}
