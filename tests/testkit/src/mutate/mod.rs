//! Mutants: archives with a few fields changed, and mostly what covers those fields (hashes, sizes,
//! the integrity table) made right again, so that a reader's first check passes and its later ones
//! are reached.
//!
//! A mutant depends on its seed and on the specimens alone. See [`Specimen`] for the archives that
//! mutants are made from.

mod body;
mod ends;
mod image;
mod metadata;
#[cfg(unix)] // they capture folders with links
mod peers;
mod rows;
mod specimen;
mod value;
mod xml;

#[cfg(unix)]
pub use peers::peers;
pub use specimen::{Specimen, specimens, supplier};

use crate::content::Random;
use specimen::Checks;
use value::{one_in, pick};

/// An archive made by [`mutant`].
#[derive(Clone, Debug, PartialEq)]
pub struct Mutant {
    /// Makes the same mutant again.
    pub seed: u64,
    /// All of the file.
    pub bytes: Vec<u8>,
    /// The specimen, then each change in words.
    pub changes: Vec<String>,
}

/// A structure of an archive that is changed, in the order in which changes are made: an earlier
/// one is covered by what a later one lays out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Structure {
    Image,
    Metadata,
    Rows,
    ChunkTable,
    Data,
    Xml,
    Header,
    Integrity,
    Length,
}

/// Each as often as it is to be chosen.
const STRUCTURES: [Structure; 24] = {
    use Structure::*;
    [
        Image, Image, Image, Image, Metadata, Metadata, Metadata, Metadata, Metadata, Rows, Rows, Rows, Rows,
        ChunkTable, ChunkTable, Data, Data, Data, Xml, Header, Header, Integrity, Integrity, Length,
    ]
};

/// The mutant of this seed, made from one of `specimens`.
///
/// # Panics
/// There are no specimens.
pub fn mutant(specimens: &[Specimen], seed: u64) -> Mutant {
    let random = &mut Random::new(seed.wrapping_add(1));
    // The first numbers of neighbouring seeds are alike.
    for _ in 0..8 {
        random.below(2);
    }
    let mut draft = pick(random, specimens).clone();
    let mut changes = vec![draft.name.clone()];
    let count = [1, 1, 1, 1, 2, 3][random.below(6) as usize];
    let mut structures: Vec<Structure> = (0..count).map(|_| pick(random, &STRUCTURES)).copied().collect();
    structures.sort();
    let stale = draft.table();
    let (tree, rest): (Vec<_>, Vec<_>) = structures.into_iter().partition(|&one| one <= Structure::Metadata);
    for structure in tree {
        changes.push(change_tree(&mut draft, structure, random));
    }
    let keeps_hashes = one_in(random, 12);
    draft.store_trees(!keeps_hashes);
    changes.extend(keeps_hashes.then(|| "metadata hashes left".to_owned()));
    let (parts, late): (Vec<_>, Vec<_>) = rest.into_iter().partition(|&one| one <= Structure::Xml);
    for structure in parts {
        changes.push(change_part(&mut draft, structure, random));
    }
    draft.checks = match random.below(6) {
        0 if draft.has_checks() => Checks::Are(stale),
        1 => Checks::None,
        2 => Checks::Blocks(*pick(random, &[512, 4096, 65536, 10 << 20])),
        _ => draft.checks,
    };
    changes.push(draft.checks.in_words());
    let mut bytes = draft.lay_out();
    for structure in late {
        changes.push(change_bytes(&mut bytes, structure, random));
    }
    Mutant { seed, bytes, changes }
}

/// Changes an image before its metadata is stored.
fn change_tree(draft: &mut Specimen, structure: Structure, random: &mut Random) -> String {
    match structure {
        Structure::Image => image::change(draft, random).unwrap_or_else(|| metadata::change(draft, random)),
        _ => metadata::change(draft, random),
    }
}

/// Changes what lies between the header and the integrity table.
fn change_part(draft: &mut Specimen, structure: Structure, random: &mut Random) -> String {
    match structure {
        Structure::Rows => rows::change(draft, random),
        Structure::ChunkTable => body::change_table(draft, random),
        Structure::Xml => xml::change(draft, random),
        _ => body::change_data(draft, random),
    }
}

/// Changes the archive after it is laid out, which nothing covers.
fn change_bytes(bytes: &mut Vec<u8>, structure: Structure, random: &mut Random) -> String {
    match structure {
        Structure::Header => ends::change_header(bytes, random),
        Structure::Integrity => ends::change_integrity(bytes, random),
        _ => ends::change_length(bytes, random),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::run::wimlib;
    use std::collections::HashSet;
    use std::process::Command;

    #[test]
    fn a_seed_always_gives_the_same_mutant() {
        let specimens = specimens();
        for seed in 0..50 {
            assert_eq!(mutant(&specimens, seed), mutant(&specimens, seed));
        }
        let distinct: HashSet<Vec<u8>> = (0..200).map(|seed| mutant(&specimens, seed).bytes).collect();
        assert!(distinct.len() > 150, "{} of 200 are distinct", distinct.len());
    }

    #[test]
    fn a_specimen_laid_out_again_is_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder for archives");
        let peers = peers(folder.path());
        assert_eq!(peers.len(), 7);
        let reference = folder.path().join("Res.rwm");
        std::fs::write(&reference, supplier()).expect("an archive to write");
        for mut specimen in specimens().into_iter().chain(peers) {
            let path = folder.path().join("again.wim");
            specimen.store_trees(true);
            std::fs::write(&path, specimen.lay_out()).expect("an archive to write");
            wimlib(["verify".as_ref(), path.as_os_str(), "--ref".as_ref(), reference.as_os_str()]);
        }
    }

    #[test]
    fn peers_are_captured_alike_each_time() {
        let folders = [0; 2].map(|_| tempfile::tempdir().expect("a folder for archives"));
        let [first, second] = folders.each_ref().map(|folder| peers(folder.path()));
        for (first, second) in first.iter().zip(&second) {
            assert!(first.lay_out() == second.lay_out(), "{}", first.name);
        }
    }

    #[test]
    fn many_mutants_pass_the_first_check() {
        let folder = tempfile::tempdir().expect("a folder for archives");
        let (specimens, path) = (specimens(), folder.path().join("mutant.wim"));
        let opens = (0..100).filter(|&seed| {
            std::fs::write(&path, mutant(&specimens, seed).bytes).expect("an archive to write");
            crate::output(Command::new("wimlib-imagex").args(["dir".as_ref(), path.as_os_str()])).status.success()
        });
        let opens = opens.count();
        assert!((40..100).contains(&opens), "wimlib lists {opens} of 100");
    }
}
