//! The output of every command of the program for a store.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use serde_json::Value;
use testkit::PATIENCE;

use super::look::{Content, Node, Seen, content_of, look};
use crate::limited::{Ended, limited};
use crate::mount::Mount;
use crate::program::wimstore;

/// The most resident memory that a mount may ever need, in KiB.
const MEMORY: u64 = 2 << 20;

/// Bytes of paths on one command line.
const LINE: usize = 400_000;

/// Everything that was learnt of a store.
#[derive(Debug)]
pub(super) struct Ours {
    pub(super) mount: Seen,
    pub(super) extract: Seen,
    pub(super) extract_ended: Ended,
    pub(super) info: Vec<Value>,
    pub(super) verify: Vec<Value>,
    pub(super) codes: BTreeMap<&'static str, i32>,
    /// What `cat` gives for the files that the mount reads.
    pub(super) cat: BTreeMap<PathBuf, Option<Content>>,
    /// How `cat` ends that is given all others, and how many these are.
    pub(super) cat_bad: Option<(Ended, usize)>,
}

/// Asks every command. `work` is a folder beside the store.
///
/// # Errors
/// A command hangs, crashes or needs too much memory.
pub(super) fn ask(store: &Path, work: &Path) -> Result<Ours, String> {
    let (info, info_code) = json("info", store)?;
    let (verify, verify_code) = json("verify", store)?;
    let mount = mounted(store, &work.join("log"))?;
    let destination = work.join("extracted");
    let extract_ended = run(&["extract".as_ref(), "--streams".as_ref(), store.as_os_str(), destination.as_os_str()])?;
    let extract = look(&destination).map_err(|what| format!("extracted: {what}"))?;
    fs::remove_dir_all(&destination).map_err(|error| format!("what was extracted: {error}"))?;
    let cat = cat_good(store, &mount)?;
    let cat_bad = cat_bad(store, &mount)?;
    let codes = BTreeMap::from([("info", info_code), ("verify", verify_code)]);
    Ok(Ours { mount, extract, extract_ended, info, verify, codes, cat, cat_bad })
}

fn run(arguments: &[&OsStr]) -> Result<Ended, String> {
    limited(Command::new(wimstore()).args(arguments), PATIENCE)
}

fn json(command: &str, store: &Path) -> Result<(Vec<Value>, i32), String> {
    let ended = run(&[command.as_ref(), "--json".as_ref(), store.as_os_str()])?;
    let text = String::from_utf8(ended.out).map_err(|error| format!("{command} --json: {error}"))?;
    let objects = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    Ok((objects.map_err(|error| format!("{command} --json: {error}"))?, ended.code))
}

/// Mounts the store and reads all of it.
fn mounted(store: &Path, log: &Path) -> Result<Seen, String> {
    let mount = Mount::new(store, &["--log-file".as_ref(), log.as_os_str()]);
    let (sender, receiver) = channel();
    let root = mount.path().to_owned();
    let reader = thread::spawn(move || sender.send(look(&root)));
    let seen = match receiver.recv_timeout(PATIENCE) {
        Ok(seen) => seen.map_err(|what| format!("mounted: {what}")),
        Err(RecvTimeoutError::Disconnected) => Err("the reader of the mount panicked".to_owned()),
        Err(RecvTimeoutError::Timeout) => {
            // Its reader waits for an answer, and gets an error when the server dies.
            let _ = Command::new("kill").arg("-9").arg(mount.process().to_string()).status();
            Err(format!("a read of the mount is not answered within {PATIENCE:?}"))
        }
    };
    let _ = reader.join();
    let memory = peak(mount.process());
    drop(mount);
    let log = fs::read_to_string(log).unwrap_or_default();
    match memory {
        _ if log.contains("panicked") => Err(format!("the mount panicked: {log}")),
        Some(memory) if memory > MEMORY => Err(format!("the mount took {memory} KiB")),
        None if seen.is_ok() => Err("the mount's server is gone".to_owned()),
        _ => seen,
    }
}

/// The most resident memory that a process ever had, in KiB.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

/// Everything that can be read: files and their streams by the paths that `cat` takes.
pub(super) fn readable(seen: &Seen) -> Vec<(PathBuf, Content)> {
    let mut all = Vec::new();
    for (path, node) in seen {
        let Node::File { content, streams, .. } = node else { continue };
        all.extend(content.clone().ok().map(|content| (path.clone(), content)));
        // The kernel opens `file:stream`, and so does `cat`, only where the file's own name has no
        // colon.
        if !path.as_os_str().as_bytes().contains(&b':') {
            let stream = |name: &OsStr| name.as_bytes().strip_prefix(b"user.").map(<[u8]>::to_vec);
            let whole = |name: Vec<u8>| [path.as_os_str().as_bytes(), b":", &name].concat();
            let named = streams.iter().filter_map(|(name, content)| Some((stream(name)?, content.clone().ok()?)));
            let named = named.filter(|(name, _)| !name.contains(&b':'));
            all.extend(named.map(|(name, content)| (PathBuf::from(OsString::from_vec(whole(name))), content)));
        }
    }
    all
}

/// What `cat` gives for all that the mount reads. None: not what the mount gives.
fn cat_good(store: &Path, mount: &Seen) -> Result<BTreeMap<PathBuf, Option<Content>>, String> {
    let mut all = BTreeMap::new();
    for batch in batches(readable(mount)) {
        let joined = cat(store, batch.iter().map(|(path, _)| path.as_path()))?;
        let lens = batch.iter().map(|(_, (_, len))| *len as usize);
        let parts = parts(&joined.out, lens).map(|parts| parts.into_iter().map(content_of).collect::<Vec<_>>());
        let is_right = parts.is_some_and(|parts| parts.iter().eq(batch.iter().map(|(_, content)| content)));
        for (path, content) in batch {
            // Where something is wrong, each by itself.
            let same = is_right || content_of(&cat(store, [path.as_path()])?.out) == content;
            all.insert(path, same.then_some(content));
        }
    }
    Ok(all)
}

/// Cuts bytes into parts of these lengths, unless there are more or fewer.
fn parts(mut bytes: &[u8], lens: impl Iterator<Item = usize>) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    for len in lens {
        let (part, rest) = bytes.split_at_checked(len)?;
        parts.push(part);
        bytes = rest;
    }
    bytes.is_empty().then_some(parts)
}

fn cat_bad(store: &Path, mount: &Seen) -> Result<Option<(Ended, usize)>, String> {
    let bad = |node: &Node| matches!(node, Node::File { content: Err(_), .. });
    let paths: BTreeSet<&Path> = mount.iter().filter(|(_, node)| bad(node)).map(|(path, _)| path.as_path()).collect();
    if paths.is_empty() {
        return Ok(None);
    }
    let count = paths.len();
    Ok(Some((cat(store, paths)?, count)))
}

fn cat<'a>(store: &'a Path, paths: impl IntoIterator<Item = &'a Path>) -> Result<Ended, String> {
    let mut arguments = vec!["cat".as_ref(), store.as_os_str(), "--".as_ref()];
    arguments.extend(paths.into_iter().map(Path::as_os_str));
    run(&arguments)
}

/// Parts that fit on a command line.
fn batches(all: Vec<(PathBuf, Content)>) -> Vec<Vec<(PathBuf, Content)>> {
    let mut batches = vec![Vec::new()];
    let mut len = 0;
    for one in all {
        len += one.0.as_os_str().len() + 1;
        if len > LINE {
            len = 0;
            batches.push(Vec::new());
        }
        batches.last_mut().expect("there is one").push(one);
    }
    batches
}
