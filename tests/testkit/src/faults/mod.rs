//! Archives with one fault each, and what a reader must make of them.
//!
//! Every fault is a function that builds the archive, named as the file would be, and a row of
//! [`ALL`]. The archives are small and sound but for the fault, and hold neighbours that must stay
//! readable: see [`content`].

mod blobs;
mod chunks;
mod damage;
mod header;
mod metadata;
mod names;
mod solid;
mod tables;
mod tree;

pub use blobs::*;
pub use chunks::*;
pub use damage::*;
pub use header::*;
pub use metadata::*;
pub use names::*;
pub use solid::*;
pub use tables::*;
pub use tree::*;

use crate::dentry::{Dentry, file, root};
use crate::resource::Packing;
use crate::wim::{Built, Wim};

/// One fault.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The fault's name, which is its function's and the file's (`cyclic` of `cyclic.wim`).
    pub name: &'static str,
    /// Builds the archive.
    pub build: fn() -> Built,
    /// The required behaviour in words.
    pub must: &'static str,
    /// The required behaviour for a test to check.
    pub outcome: Outcome,
    /// How `wimlib-imagex verify` ends, where that shows that the archive has this fault and no
    /// other.
    pub wimlib: Option<i32>,
}

/// The required result of opening.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The archive as a whole is refused with an error.
    Refused,
    /// It opens with exactly these images.
    Opens(&'static [Tree]),
    /// As [`Outcome::Opens`], and a warning tells of the fault.
    Warns(&'static [Tree]),
}

/// The required state of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tree {
    /// Its tree cannot be had; other images can.
    Fails,
    /// Its tree is there.
    Shows {
        /// Files that read as [`content`] says.
        intact: &'static [&'static str],
        /// Files that are listed with their attributes, and whose reading fails.
        unreadable: &'static [&'static str],
        /// Paths that are not there.
        absent: &'static [&'static str],
    },
}

impl Outcome {
    /// The images, unless the archive is refused.
    pub fn images(self) -> Option<&'static [Tree]> {
        match self {
            Self::Refused => None,
            Self::Opens(images) | Self::Warns(images) => Some(images),
        }
    }
}

/// All faults.
pub static ALL: &[&[Fault]] = &[
    header::ROWS,
    tables::ROWS,
    blobs::ROWS,
    chunks::ROWS,
    solid::ROWS,
    damage::ROWS,
    metadata::ROWS,
    tree::ROWS,
    names::ROWS,
];

/// Every fault of [`ALL`].
pub fn all() -> impl Iterator<Item = &'static Fault> {
    ALL.iter().copied().flatten()
}

/// The content of a file of these archives: `text…` has 100,000 bytes of text, all others their own
/// name.
pub fn content(path: &str) -> Vec<u8> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with("text") { crate::content::text(100_000) } else { name.as_bytes().to_vec() }
}

/// The files that nothing is wrong with.
const NEIGHBOURS: Tree = shows(&["before", "behind"]);

const fn shows(intact: &'static [&'static str]) -> Tree {
    Tree::Shows { intact, unreadable: &[], absent: &[] }
}

const fn unreadable(intact: &'static [&'static str], unreadable: &'static [&'static str]) -> Tree {
    Tree::Shows { intact, unreadable, absent: &[] }
}

const fn absent(intact: &'static [&'static str], absent: &'static [&'static str]) -> Tree {
    Tree::Shows { intact, unreadable: &[], absent }
}

const fn row(name: &'static str, build: fn() -> Built, must: &'static str, outcome: Outcome) -> Fault {
    Fault { name, build, must, outcome, wimlib: None }
}

impl Fault {
    const fn wimlib(self, exit: i32) -> Self {
        Self { wimlib: Some(exit), ..self }
    }
}

/// A file that holds what [`content`] says.
fn good(name: &str) -> Dentry {
    file(name, content(name))
}

/// The root of a tree with these entries between two neighbours.
fn between(entries: impl Into<Vec<Dentry>>) -> Dentry {
    let mut all = vec![good("before")];
    all.extend(entries.into());
    all.push(good("behind"));
    root(all)
}

/// A stored archive with these entries between two neighbours.
fn wim(entries: impl Into<Vec<Dentry>>) -> Wim {
    Wim::new(Packing::Stored, between(entries))
}

/// A sound archive, changed after it was built.
fn changed(wim: &Wim, change: impl FnOnce(&mut Built)) -> Built {
    let mut built = wim.build();
    change(&mut built);
    built
}
