//! Several files change as one: the steps are written down, and from then on they happen.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use write::{Disk, Existing, Kind};

use crate::folders::{ensure, make_durable, read_file, remove_all, sync_parent, write_file};
use crate::layout::{GroupFolder, OURS};
use crate::{Error, Result};

/// The largest intent that is read: a group of 100,000 images changes as one.
const MOST: u64 = 64 << 20;

/// A step, which can be applied any number of times. Paths are relative to the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// Puts a file or folder in the place of another one.
    Rename(String, String),
    /// Removes a file, or a folder with all that is in it.
    Remove(String),
    /// Creates a folder unless it is there.
    Mkdir(String),
}

/// What was decided.
#[derive(Debug, Serialize, Deserialize)]
struct Intent {
    v: u32,
    verb: String,
    steps: Vec<Step>,
}

/// Decides on `steps`, which then are done. All that they rename is durable but for its name.
///
/// # Errors
/// Before the decision the disk's; after it [`Error::Unfinished`].
pub(crate) fn commit(disk: &dyn Disk, group: &GroupFolder, verb: &str, steps: Vec<Step>) -> Result<()> {
    let ours = group.ours();
    disk.sync_dir(&ours).map_err(Error::disk("syncing", &ours))?;
    if let [Step::Rename(from, to)] = &steps[..] {
        return commit_rename(disk, group, from, to);
    }
    let temporary = ours.join("~intent.tmp");
    let intent = Intent { v: 1, verb: verb.into(), steps };
    let text = serde_json::to_vec(&intent).map_err(|error| Error::disk("writing", &temporary)(error.into()))?;
    write_file(disk, &temporary, &text)?;
    let path = path_of(group);
    disk.rename(&temporary, &path, Existing::Keep).map_err(Error::disk("renaming", &temporary))?;
    let unfinished = |error| Error::Unfinished { path: path.clone(), source: Box::new(error) };
    disk.sync_dir(&ours).map_err(Error::disk("syncing", &ours)).map_err(unfinished)?;
    finish(disk, group, &intent).map_err(unfinished)
}

/// A verb of exactly one rename needs no intent: it is the decision itself.
fn commit_rename(disk: &dyn Disk, group: &GroupFolder, from: &str, to: &str) -> Result<()> {
    let [from, to] = [from, to].map(|name| group.join(name));
    disk.rename(&from, &to, Existing::Replace).map_err(Error::disk("renaming", &to))?;
    make_durable(disk, &to, &[&to, &from])
}

/// Finishes what was decided before a crash; returns its verb.
///
/// # Errors
/// [`Error::Intent`], and the disk's.
pub(crate) fn recover(disk: &dyn Disk, group: &GroupFolder) -> Result<Option<String>> {
    let path = path_of(group);
    let Some(text) = read_file(disk, &path, MOST)? else { return Ok(None) };
    let broken = |reason: String| Error::Intent { path: path.clone(), reason };
    let intent: Intent = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    if intent.v != 1 {
        return Err(broken(format!("of version {}, which a later wimstore wrote", intent.v)));
    }
    if let Some(outside) = intent.steps.iter().flat_map(Step::paths).find(|path| !is_inside(path)) {
        return Err(broken(format!("{outside:?} is not in the group")));
    }
    finish(disk, group, &intent)?;
    Ok(Some(intent.verb))
}

/// The intent of a group.
pub(crate) fn path_of(group: &GroupFolder) -> PathBuf {
    group.ours().join("intent.json")
}

/// Applies all steps, makes that durable, and forgets the intent.
fn finish(disk: &dyn Disk, group: &GroupFolder, intent: &Intent) -> Result<()> {
    intent.steps.iter().try_for_each(|step| step.apply(disk, group))?;
    let mut folders: Vec<PathBuf> = intent.steps.iter().flat_map(Step::paths).map(|path| parent(group, path)).collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        // A folder that was removed has no names to be made durable.
        if disk.exists(&folder).map_err(Error::disk("looking for it", &folder))? {
            disk.sync_dir(&folder).map_err(Error::disk("syncing", &folder))?;
        }
    }
    let path = path_of(group);
    disk.remove(&path).map_err(Error::disk("removing", &path))?;
    // An intent that came back would remove what a later verb has put there.
    sync_parent(disk, &path)
}

fn parent(group: &GroupFolder, path: &str) -> PathBuf {
    group.join(path).parent().map(Path::to_owned).unwrap_or_default()
}

impl Step {
    fn paths(&self) -> Vec<&str> {
        match self {
            Self::Rename(from, to) => vec![from, to],
            Self::Remove(path) | Self::Mkdir(path) => vec![path],
        }
    }

    fn apply(&self, disk: &dyn Disk, group: &GroupFolder) -> Result<()> {
        match self {
            Self::Remove(path) => remove_all(disk, &group.join(path)),
            Self::Mkdir(path) => ensure(disk, &group.join(path)),
            Self::Rename(from, to) => {
                let [from, to] = [from, to].map(|name| group.join(name));
                let kind = |path: &Path| disk.kind(path).map_err(Error::disk("looking for it", path));
                match (kind(&from)?, kind(&to)?) {
                    (None, Some(_)) => return Ok(()), // done before a crash
                    (Some(Kind::Folder), Some(_)) => remove_all(disk, &to)?,
                    _ => {}
                }
                disk.rename(&from, &to, Existing::Replace).map_err(Error::disk("renaming", &from))
            }
        }
    }
}

/// Whether a path of an intent stays in the group.
fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    let is_ours = parts.peek() == Some(&Component::Normal(OURS.as_ref()));
    let count = parts.clone().count();
    let temporary = path.starts_with(&format!("{OURS}/~"));
    !path.contains(['\\', ':'])
        && parts.all(|part| matches!(part, Component::Normal(_)))
        && count > 0
        && (!is_ours || temporary)
}

#[cfg(test)]
mod tests {
    use write::sim::{Image, SimDisk};

    use super::*;

    fn group() -> GroupFolder {
        GroupFolder::new(Path::new("Images"), "G")
    }

    fn recovered(intent: &str) -> (Result<Option<String>>, Vec<String>) {
        let image = Image::default()
            .with_folder("Images")
            .with_folder("Images/G")
            .with_folder("Images/G/.wimstore")
            .with("Images/G/.wimstore/~0.tmp", "new")
            .with("Images/G/a.wim", "old")
            .with("Images/x.wim", "of another group")
            .with("Images/G/.wimstore/intent.json", intent);
        let disk = SimDisk::new(image);
        let result = recover(&disk, &group());
        (result, disk.image().names().into_iter().map(Into::into).collect())
    }

    #[test]
    fn what_was_decided_is_finished() {
        let intent = r#"{"v":1,"verb":"image replace","later":1,
            "steps":[{"mkdir":"a"},{"rename":[".wimstore/~0.tmp","a/b"]},{"remove":"a.wim"},{"remove":"never there"}]}"#;
        let (result, names) = recovered(intent);
        assert_eq!(result.unwrap().as_deref(), Some("image replace"));
        assert_eq!(names, ["Images/G/a/b", "Images/x.wim"]);
    }

    #[test]
    fn an_intent_that_is_not_understood_changes_nothing() {
        for (intent, reason) in [
            ("{", "EOF"),
            (r#"{"v":2,"verb":"x","steps":[]}"#, "version 2"),
            (r#"{"v":1,"verb":"x","steps":[{"burn":"a.wim"}]}"#, "unknown variant"),
            (r#"{"v":1,"verb":"x","steps":[{"remove":"a.wim"},{"remove":"../x.wim"}]}"#, "not in the group"),
            (r#"{"v":1,"verb":"x","steps":[{"remove":"a.wim"},{"remove":"/Images/x.wim"}]}"#, "not in the group"),
            (r#"{"v":1,"verb":"x","steps":[{"rename":[".wimstore/~0.tmp","b\\..\\..\\x.wim"]}]}"#, "not in the group"),
            (r#"{"v":1,"verb":"x","steps":[{"remove":"."}]}"#, "not in the group"),
            (r#"{"v":1,"verb":"x","steps":[{"remove":""}]}"#, "not in the group"),
            (r#"{"v":1,"verb":"x","steps":[{"remove":".wimstore/lock"}]}"#, "not in the group"),
            (r#"{"v":1,"verb":"x","steps":[{"remove":".wimstore"}]}"#, "not in the group"),
        ] {
            let (result, names) = recovered(intent);
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Intent { .. }) && error.to_string().contains(reason), "{intent}: {error}");
            assert_eq!(names.len(), 4, "{intent}");
        }
    }
}
