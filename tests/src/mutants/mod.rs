//! Mutants of archives, read by every command and by wimlib: all agree, or it is a finding.
//!
//! What `verify` calls good is read by the mount, `cat` and `extract`, and everywhere the same;
//! what it calls bad is an error everywhere; what is read has the SHA-1 that its dentry says. Where
//! wimlib reads a file, it reads the same. Nothing crashes, hangs or takes more memory than it
//! should, whatever is beside it.

mod judge;
mod look;
mod ours;
mod peer;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use testkit::mutate::{Mutant, supplier};
use testkit::{Packing, Store, Wim, file, root};

use judge::Disagreement;
use look::{Node, content_of};
use ours::Ours;
use peer::{Peer, Wimlib};

/// The groups of a store: one in which archives have only what is in them, and one with a supplier.
const PLAIN: &str = "plain";
const SUPPLIED: &str = "supplied";

/// File name of the archive that supplies data to the others of its group.
const SUPPLIER: &str = "Res.rwm";

/// File name of the archive beside the mutants of which nothing is wrong.
const SOUND: &str = "sound.wim";

/// Something that does not agree about a mutant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Makes the mutant again. None: only several mutants together show it.
    pub seed: Option<u64>,
    /// Which rule is broken.
    pub rule: &'static str,
    /// Where, and what is there.
    pub what: String,
    /// How the mutant was made.
    pub changes: Vec<String>,
}

/// How much was compared, so that a test can require enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Images that are listed.
    pub images: usize,
    /// Files and links that are read.
    pub read: usize,
    /// Files and links that cannot be read.
    pub refused: usize,
    /// Images that wimlib applies.
    pub applied: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.images += other.images;
        self.read += other.read;
        self.refused += other.refused;
        self.applied += other.applied;
    }
}

/// Puts mutants into one store, and compares what every command and wimlib make of them. Archives
/// of which there is something to tell are kept in `kept`.
///
/// # Panics
/// There is no folder for the store.
pub fn compare(mutants: &[Mutant], kept: &Path) -> (Counts, Vec<Finding>) {
    let folder = tempfile::tempdir().expect("a folder for archives");
    let (counts, found) = match ask(mutants, folder.path()) {
        Ok(ours) => disagreements(&ours, mutants, folder.path()),
        Err(what) => return (Counts::default(), crashes(mutants, &what, kept)),
    };
    let of = |one: Disagreement| {
        let mutant = mutants.iter().find(|mutant| name(mutant) == one.archive);
        Finding {
            seed: mutant.map(|mutant| mutant.seed),
            rule: one.rule,
            what: one.what,
            changes: mutant.map(|mutant| mutant.changes.clone()).unwrap_or_default(),
        }
    };
    let found: Vec<Finding> = found.into_iter().map(of).collect();
    if found.iter().any(|finding| finding.seed.is_none()) && mutants.len() > 1 {
        return (counts, halves(mutants, kept)); // to know of which
    }
    for mutant in mutants {
        if found.iter().any(|finding| finding.seed == Some(mutant.seed)) {
            keep(mutant, kept);
        }
    }
    (counts, found)
}

fn keep(mutant: &Mutant, kept: &Path) {
    fs::create_dir_all(kept).expect("a folder for mutants");
    fs::write(kept.join(name(mutant)), &mutant.bytes).expect("a mutant to keep");
}

fn name(mutant: &Mutant) -> String {
    format!("m{}.wim", mutant.seed)
}

/// Writes the store, and asks every command about it.
fn ask(mutants: &[Mutant], folder: &Path) -> Result<Ours, String> {
    let store = Store::new(&folder.join("store"));
    let sound = Wim::new(Packing::Lzx(32768), root([file("file", "sound")]));
    store.add(PLAIN, SOUND, &sound.build());
    store.group(SUPPLIED);
    fs::write(path(folder, SUPPLIED, SUPPLIER), supplier()).map_err(|error| error.to_string())?;
    for mutant in mutants {
        fs::write(path_of(mutant, folder), &mutant.bytes).map_err(|error| error.to_string())?;
    }
    let ask = || ours::ask(store.path(), folder);
    catch_unwind(ask).unwrap_or_else(|_| Err("a test helper panicked".to_owned()))
}

fn path(folder: &Path, group: &str, archive: &str) -> PathBuf {
    folder.join("store/Images").join(group).join(archive)
}

/// Every fourth mutant finds data that it lacks.
fn path_of(mutant: &Mutant, folder: &Path) -> PathBuf {
    path(folder, if is_supplied(mutant) { SUPPLIED } else { PLAIN }, &name(mutant))
}

fn is_supplied(mutant: &Mutant) -> bool {
    mutant.seed % 4 == 3
}

fn disagreements(ours: &Ours, mutants: &[Mutant], folder: &Path) -> (Counts, Vec<Disagreement>) {
    let (mut counts, mut found) = (ours.counts(), ours.disagreements());
    let sound = ours.images().into_iter().find(|image| image.archive == SOUND);
    let is_read = sound.is_some_and(|image| {
        let node = ours.mount.get(&image.directory.join("file"));
        matches!(node, Some(Node::File { content: Ok(content), .. }) if *content == content_of(b"sound"))
    });
    if !is_read {
        let rule = "a sound archive is read beside others";
        found.push(Disagreement { archive: String::new(), rule, what: String::new() });
    }
    let half = mutants.len().div_ceil(2).max(1);
    thread::scope(|scope| {
        let parts = mutants.chunks(half).enumerate();
        let threads = parts.map(|(number, part)| scope.spawn(move || peers(ours, part, folder, number)));
        for thread in threads.collect::<Vec<_>>() {
            let (applied, theirs) = thread.join().expect("a comparison does not panic");
            counts.applied += applied;
            found.extend(theirs);
        }
    });
    (counts, found)
}

/// Asks wimlib about these mutants; also how many images it applies.
fn peers(ours: &Ours, mutants: &[Mutant], folder: &Path, number: usize) -> (usize, Vec<Disagreement>) {
    let (mut applied, mut found) = (0, Vec::new());
    for mutant in mutants {
        let (archive, path) = (name(mutant), path_of(mutant, folder));
        let reference = is_supplied(mutant).then(|| self::path(folder, SUPPLIED, SUPPLIER));
        let wimlib = Wimlib { archive: &path, reference };
        let is_sound = ours.is_sound(&archive);
        if is_sound && wimlib.finds_damage() {
            let rule = "wimlib's verify finds damage that ours does not";
            found.push(Disagreement { archive: archive.clone(), rule, what: String::new() });
        }
        for image in ours.images().iter().filter(|image| image.archive == archive) {
            let is_unsupported = ours.is_unsupported(&archive);
            let peer = Peer { image, wimlib: &wimlib, ours: &ours.mount, is_sound, is_unsupported };
            let (is_applied, theirs) = peer.compare(&folder.join(format!("applied {number}")));
            applied += usize::from(is_applied);
            found.extend(theirs);
        }
    }
    (applied, found)
}

/// Finds out which mutants make a command crash or hang.
fn crashes(mutants: &[Mutant], what: &str, kept: &Path) -> Vec<Finding> {
    let rule = "no command crashes, hangs, takes too much memory or contradicts itself";
    let finding = |seed, changes| vec![Finding { seed, rule, what: what.to_owned(), changes }];
    match mutants {
        [one] => {
            keep(one, kept);
            finding(Some(one.seed), one.changes.clone())
        }
        _ => {
            let found = halves(mutants, kept);
            if found.is_empty() { finding(None, Vec::new()) } else { found }
        }
    }
}

fn halves(mutants: &[Mutant], kept: &Path) -> Vec<Finding> {
    let (first, second) = mutants.split_at(mutants.len() / 2);
    [first, second].into_iter().flat_map(|half| compare(half, kept).1).collect()
}
