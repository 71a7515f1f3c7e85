//! Verifies a source before anything of it is used.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_core::check::{CheckOptions, Event, Finding, check};
use fs_core::{Chain, OpenArchive};
use wim::{BlobHash, IntegrityTable, NodeId, read_exact_at};
use write::{Access, Disk, Options, SourceArchive};

use crate::requests::Verification;
use crate::source::Opened;
use crate::{Error, Result};

/// The most files that are named for a blob.
const NAMED: usize = 3;

/// Verifies an archive and all that supply its data.
///
/// # Errors
/// [`Error::Corrupt`] names all that is wrong.
pub(crate) fn verify(disk: &dyn Disk, opened: &Opened, how: Verification, options: &Options<'_>) -> Result<()> {
    if how == Verification::Skip {
        return Ok(());
    }
    for archive in opened.all() {
        let findings = match archive.wim.integrity() {
            Err(error) => vec![format!("its integrity table cannot be read: {}", Chain(error))],
            Ok(Some(table)) if how == Verification::Usual => by_table(opened, archive, table, options)?,
            Ok(_) => by_contents(disk, opened, archive, options)?,
        };
        if !findings.is_empty() {
            return Err(Error::Corrupt { path: archive.path.clone(), findings });
        }
    }
    Ok(())
}

/// Every block of the integrity table and every metadata resource. Nothing else is decoded.
fn by_table(
    opened: &Opened,
    archive: &SourceArchive,
    table: &IntegrityTable,
    options: &Options<'_>,
) -> Result<Vec<String>> {
    let next = AtomicUsize::new(0);
    let stop = options.control.stop;
    let work = || {
        let mut bad = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= table.len() || stop.load(Ordering::Relaxed) != 0 {
                return bad;
            }
            let range = table.block_range(index);
            let mut block = vec![0; (range.end - range.start) as usize];
            let read = read_exact_at(archive.wim.source(), "check block", range.start, &mut block);
            if read.is_err() || BlobHash::of(&block) != table.hash(index) {
                bad.push(index);
            }
        }
    };
    let mut bad: Vec<usize> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..options.threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = others.into_iter().flat_map(|other| other.join().expect("it does not panic"));
        own.into_iter().chain(others).collect()
    });
    check_stop(options)?;
    bad.sort_unstable();
    let mut findings: Vec<String> = bad
        .into_iter()
        .map(|index| {
            let range = table.block_range(index);
            let inside = archive.wim.blobs().iter().filter(|blob| {
                let start = archive.wim.resource_offset(blob);
                start < range.end && start + blob.place.stored_size > range.start
            });
            let users = users(opened, &inside.map(|blob| blob.hash).collect());
            format!("check block at {:#x} does not match its SHA-1{users}", range.start)
        })
        .collect();
    for index in 0..archive.wim.image_count() {
        if let Err(error) = archive.wim.metadata_resource(index) {
            findings.push(format!("the metadata of image {}: {}", index + 1, Chain(&error)));
        }
    }
    Ok(findings)
}

/// Everything that is in the archive, decoded and hashed.
fn by_contents(
    disk: &dyn Disk,
    opened: &Opened,
    archive: &SourceArchive,
    options: &Options<'_>,
) -> Result<Vec<String>> {
    let file = disk.open(&archive.path, Access::Read).map_err(Error::disk("opening", &archive.path))?;
    let damaged = |error: fs_core::Error| Error::Corrupt {
        path: archive.path.clone(),
        findings: vec![Chain(&error).to_string()],
    };
    let archive = OpenArchive::from_source(&archive.path, Arc::new(file)).map_err(damaged)?;
    let mut findings = Vec::new();
    let checking = CheckOptions { threads: options.threads, ..CheckOptions::default() };
    let checked = check::<Option<Infallible>>(&archive, &checking, |event| {
        if options.control.stop.load(Ordering::Relaxed) != 0 {
            return Err(None);
        }
        if let Event::Found(finding) = event {
            findings.extend(in_words(opened, &finding));
        }
        Ok(())
    });
    match checked {
        Ok(_) => Ok(findings),
        Err(_) => Err(write::Error::Stopped.into()),
    }
}

/// What was found, unless it is only a warning.
fn in_words(opened: &Opened, finding: &Finding) -> Option<String> {
    Some(match finding {
        Finding::BadBlock { offset, .. } => format!("check block at {offset:#x} does not match its SHA-1"),
        Finding::BadIntegrityTable { error } => format!("its integrity table cannot be read: {error}"),
        Finding::BadMetadata { image, error, .. } => format!("the metadata of image {image}: {}", Chain(&**error)),
        Finding::BadBlob { blob, error, .. } => {
            format!("{}{}", Chain(&**error), users(opened, &HashSet::from([*blob])))
        }
        Finding::BadLink { .. }
        | Finding::MissingBlob { .. }
        | Finding::DataElsewhere { .. }
        | Finding::Warning { .. } => return None,
    })
}

/// The first files that use one of these contents: `, used by Windows\x.dll`.
fn users(opened: &Opened, hashes: &HashSet<BlobHash>) -> String {
    let archive = &opened.archive.wim;
    let mut found = Vec::new();
    for index in 0..archive.image_count() {
        let Ok(tree) = archive.metadata(index) else { continue };
        for node in (0..tree.node_count()).map(NodeId) {
            if tree.dentry(node).hashes().any(|hash| hashes.contains(&hash)) {
                found.push(String::from_utf8_lossy(&tree.path(node)).replace('/', "\\"));
            }
        }
    }
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    match (found.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(", used by {}", found.join(", ")),
        (false, more) => format!(", used by {} and {more} more", found.join(", ")),
    }
}

fn check_stop(options: &Options<'_>) -> Result<()> {
    if options.control.stop.load(Ordering::Relaxed) == 0 { Ok(()) } else { Err(write::Error::Stopped.into()) }
}
