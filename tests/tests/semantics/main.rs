//! docs/semantics.md, sentence by sentence: a test for each heading, through a real mount.

#![expect(clippy::unwrap_used, reason = "a test")]

mod changes;
mod damage;
mod files;
mod shown;
mod sources;

/// Makes a test of each heading; the last test holds the list against the document.
macro_rules! semantics {
    ($($heading:literal => $module:ident::$test:ident;)*) => {
        const TESTED: &[&str] = &[$($heading),*];
        $(
            #[test]
            fn $test() {
                $module::$test();
            }
        )*
    };
}

semantics! {
    "A store shows its groups, a group its images, an image its tree" => sources::stores_groups_images;
    "Only wim files directly in a group are images" => sources::first_level_only;
    "A hidden archive is disabled and left out" => sources::hidden_archives;
    "A link in a store leads out of it only if it can be trusted" => sources::store_links;
    "An image's directory is called by its name" => sources::image_names;
    "Each archive has its share of the images of a group" => sources::shares;
    "Data comes from the archive itself, then Res.rwm, then references" => sources::suppliers;
    "Every kind of archive shows the same" => sources::kinds_of_archives;
    "One bad archive does not hide its neighbours" => sources::bad_archives;
    "A file has the content, size and times of its dentry" => files::attributes;
    "Hard links share an inode" => files::hard_links;
    "Names are UTF-16 without loss" => files::names;
    "Names are found in exactly their case" => files::case;
    "Everything belongs to the mounter and cannot be written" => files::owner_and_writes;
    "Unix data is shown on demand" => files::unix_data;
    "Links stay inside their image" => files::links;
    "Named streams are extended attributes or files" => files::streams;
    "Windows' own attributes answer by name" => files::windows_attributes;
    "An image's directory tells where it comes from" => files::image_facts;
    "Wrong bytes are never returned" => damage::wrong_bytes;
    "A file whose data is missing can be seen but not read" => damage::missing_data;
    "An encrypted file is read raw on demand" => damage::encrypted_files;
    "An archive that changes under the mount is checked again" => damage::changing_archives;
    "A store that fails gives errors until it is whole" => damage::failing_stores;
    "What comes and goes is shown within two seconds" => changes::comes_and_goes;
    "Numbers of untouched images stay" => changes::numbers;
    "Who has a file open goes on" => changes::open_files;
    "An archive being written appears when it is whole" => changes::half_written;
    "A file or image mounted by itself is never missing" => changes::mounted_alone;
}

#[test]
fn every_heading_has_its_test() {
    let document = include_str!("../../../docs/semantics.md");
    let headings: Vec<&str> = document.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(TESTED, headings, "the list above is that of docs/semantics.md");
}
