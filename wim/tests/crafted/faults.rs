//! Archives with one fault each: what is refused, what is left out, what is said, and what stays
//! readable beside it.

use std::panic::catch_unwind;
use std::time::Duration;

use testkit::faults::{self, Fault, Outcome, Tree};
use testkit::processor_time;
use wim::{Archive, Metadata};

use crate::reading::{find, look_at, open, read_file};
use crate::says::SAYS;

/// Far more processor time than any of these archives needs, and far less than one takes whose
/// reading explodes.
const MAX_TIME: Duration = Duration::from_secs(20);

#[test]
fn every_fault_ends_as_it_must() {
    let mut wrong = Vec::new();
    for fault in faults::all() {
        let bytes = (fault.build)().bytes;
        let (said, time) = processor_time(|| catch_unwind(|| check(fault, &bytes)));
        let said = said.unwrap_or_else(|_| Err("panicked".to_owned()));
        let outcome = said.and_then(|said| says(fault, &said));
        if let Err(what) = outcome {
            wrong.push(format!("{}: {what} (must be: {})", fault.name, fault.must));
        }
        if time > MAX_TIME {
            wrong.push(format!("{}: took {time:?}", fault.name));
        }
    }
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// Of all that is said one is what the fault's row says, if it has one; nothing is said of what is
/// sound.
fn says(fault: &Fault, said: &[String]) -> Result<(), String> {
    match SAYS.iter().find(|(name, _)| *name == fault.name) {
        Some((_, want)) if said.iter().any(|line| line.contains(want)) => Ok(()),
        None if said.is_empty() => Ok(()),
        _ => Err(format!("says {said:?}")),
    }
}

/// Holds an archive against the fault's outcome; returns all errors and warnings on the way.
fn check(fault: &Fault, bytes: &[u8]) -> Result<Vec<String>, String> {
    let archive = match (open(bytes), fault.outcome.images()) {
        (Err(error), None) => return Ok(vec![error.to_string()]),
        (Ok(_), None) => return Err("opens".to_owned()),
        (Err(error), Some(_)) => return Err(format!("is refused: {error}")),
        (Ok(archive), Some(_)) => archive,
    };
    let mut said: Vec<String> = archive.warnings().map(ToString::to_string).collect();
    said.extend(archive.integrity().err().map(ToString::to_string));
    let (images, mut errors) = (fault.outcome.images().unwrap_or_default(), Vec::new());
    if archive.image_count() != images.len() {
        return Err(format!("has {} images", archive.image_count()));
    }
    for (index, tree) in images.iter().enumerate() {
        match (archive.metadata(index), *tree) {
            (Err(error), Tree::Fails) => errors.push(error.to_string()),
            (Ok(_), Tree::Fails) => return Err(format!("image {} has a tree", index + 1)),
            (Err(error), Tree::Shows { .. }) => return Err(format!("image {}: {error}", index + 1)),
            (Ok(tree), want) => {
                said.extend(tree.warnings().iter().map(ToString::to_string));
                look_at(&tree);
                errors
                    .extend(check_files(&archive, &tree, want).map_err(|what| format!("image {}: {what}", index + 1))?);
            }
        }
    }
    if matches!(fault.outcome, Outcome::Warns(_)) && said.is_empty() {
        return Err("nothing warns".to_owned());
    }
    said.extend(errors);
    Ok(said)
}

/// Returns what is said where a file is read that cannot be.
fn check_files(archive: &Archive, tree: &Metadata, want: Tree) -> Result<Vec<String>, String> {
    let Tree::Shows { intact, unreadable, absent } = want else { return Ok(Vec::new()) };
    for path in intact {
        let node = find(tree, path).ok_or_else(|| format!("{path} is not there"))?;
        if tree.path(node) != path.as_bytes() || read_file(archive, tree, node)? != faults::content(path) {
            return Err(format!("{path} is another file"));
        }
    }
    if let Some(path) = absent.iter().find(|path| find(tree, path).is_some()) {
        return Err(format!("{path} is there"));
    }
    let mut errors = Vec::new();
    for path in unreadable {
        let node = find(tree, path).ok_or_else(|| format!("{path} is not there"))?;
        let error = read_file(archive, tree, node).err().ok_or_else(|| format!("{path} can be read"))?;
        errors.push(format!("{path}: {error}"));
    }
    Ok(errors)
}

/// With a bit of the metadata flipped and its hash made to agree, everything that is left can be
/// walked.
#[test]
fn flipped_metadata_can_be_walked() {
    let archive = open(&faults::undamaged().bytes).expect("a sound archive");
    let metadata = archive.metadata_resource(0).expect("a sound image");
    for at in 0..metadata.len() {
        for bit in 0..8 {
            let mut bytes = metadata.clone();
            bytes[at] ^= 1 << bit;
            if let Ok(tree) = Metadata::parse(bytes) {
                look_at(&tree);
            }
        }
    }
}
