//! What a crash left is finished or swept up, before anything else is done in the group.

use std::path::Path;

use write::{ArchiveWriter, Disk, Options};

use crate::folders::{remove_all, sync_parent};
use crate::layout::{GroupFolder, OURS, is_append_note, is_temporary};
use crate::{Error, Result, intent};

/// What was found after a crash, and done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The group; empty for the store.
    pub group: String,
    /// What was done, in words.
    pub what: String,
}

/// Recovers a group, whose lock is held. Returns what was done.
///
/// # Errors
/// [`Error::Intent`], and the disk's.
pub(crate) fn recover_group(disk: &dyn Disk, group: &GroupFolder) -> Result<Vec<Repaired>> {
    let mut done = Vec::new();
    let mut note = |what: String| {
        tracing::info!(group = %group.path.display(), what, "recovered");
        done.push(Repaired { group: group.name.clone(), what });
    };
    if let Some(verb) = intent::recover(disk, group)? {
        note(format!("finished an interrupted {verb}"));
    }
    let names = disk.list(&group.path).map_err(Error::disk("listing", &group.path))?;
    let names: Vec<String> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
    for name in names.iter().filter(|name| is_temporary(name)) {
        remove_all(disk, &group.join(name))?;
        note(format!("removed the temporary file {name}"));
    }
    if let Some(name) = names.iter().find(|name| is_append_note(name)) {
        end_append(disk, group, &names, name)?;
        note("cut off what an interrupted command had appended to Res.rwm".into());
    }
    for what in sweep(disk, &group.path)? {
        note(what);
    }
    Ok(done)
}

/// Cuts off what was appended to `Res.rwm`. The writer knows which bytes are its own.
fn end_append(disk: &dyn Disk, group: &GroupFolder, names: &[String], note: &str) -> Result<()> {
    match names.iter().find(|name| name.eq_ignore_ascii_case("Res.rwm")) {
        Some(resources) => drop(ArchiveWriter::append(disk, &group.join(resources), Options::default())?),
        None => remove_all(disk, &group.join(note))?,
    }
    Ok(())
}

/// Removes the temporary files in the folder that is ours of a store or a group, and returns what
/// was done.
///
/// # Errors
/// The disk's.
pub(crate) fn sweep(disk: &dyn Disk, folder: &Path) -> Result<Vec<String>> {
    let ours = folder.join(OURS);
    let names = disk.list(&ours).map_err(Error::disk("listing", &ours))?;
    let stray = names.into_iter().filter(|name| name.as_encoded_bytes().starts_with(b"~"));
    let mut done = Vec::new();
    for name in stray {
        let path = ours.join(&name);
        remove_all(disk, &path)?;
        sync_parent(disk, &path)?;
        done.push(format!("removed {OURS}/{}", name.to_string_lossy()));
    }
    Ok(done)
}
