//! The same archive read by wimlib, and where the two results differ.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::judge::{Disagreement, EIO, Image};
use super::look::{Node, Seen, content_of, look};
use crate::limited::{Ended, limited};

/// How long wimlib may take with one archive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Files that are read one by one where wimlib cannot apply an image.
const FILES: usize = 3;

/// Compares one image.
pub(super) struct Peer<'a> {
    pub(super) image: &'a Image,
    pub(super) wimlib: &'a Wimlib<'a>,
    /// The tree that the mount of the store shows.
    pub(super) ours: &'a Seen,
    /// Whether we say nothing against the archive.
    pub(super) is_sound: bool,
    /// Whether we say that something of the archive is not supported, or kept elsewhere.
    pub(super) is_unsupported: bool,
}

/// wimlib's program with an archive.
pub(super) struct Wimlib<'a> {
    pub(super) archive: &'a Path,
    /// Where it finds data that the archive lacks.
    pub(super) reference: Option<PathBuf>,
}

/// Exit codes of wimlib's verify for a bad check block, and for metadata and data of other hashes.
/// Others tell of what it alone asks for, such as hashes of directories, a chunk size where nothing
/// is compressed, and no byte after the last chunk of a solid resource.
const DAMAGE: [i32; 3] = [13, 21, 28];

impl Wimlib<'_> {
    /// Runs a command on the archive. None: it hangs or crashes, which is not our fault.
    fn run(&self, command: &str, arguments: &[&OsStr]) -> Option<Ended> {
        let mut line = Command::new("wimlib-imagex");
        line.arg(command).arg(self.archive).args(arguments);
        line.args(self.reference.iter().flat_map(|reference| ["--ref".as_ref(), reference.as_os_str()]));
        limited(&line, PATIENCE).ok()
    }

    /// Whether wimlib finds damage in the archive.
    pub(super) fn finds_damage(&self) -> bool {
        self.run("verify", &[]).is_some_and(|ended| DAMAGE.contains(&ended.code))
    }
}

impl Peer<'_> {
    /// Applies the image with wimlib into `folder`, which is made and removed, and compares every
    /// file. Also whether wimlib applies it.
    pub(super) fn compare(&self, folder: &Path) -> (bool, Vec<Disagreement>) {
        let number = self.image.number.to_string();
        let applied = self.wimlib.run("apply", &[number.as_ref(), folder.as_os_str()]);
        let seen = look(folder);
        let _ = fs::remove_dir_all(folder);
        match (applied, seen) {
            (Some(Ended { code: 0, err, .. }), Ok(seen)) => (true, self.whole(&seen, &err)),
            _ => (false, self.some_files()),
        }
    }

    fn disagree(&self, rule: &'static str, what: impl std::fmt::Debug) -> Disagreement {
        Disagreement { archive: self.image.archive.clone(), rule, what: format!("{what:?}") }
    }

    /// Our part of the store, by paths from the image's root.
    fn files(&self) -> BTreeMap<PathBuf, &Node> {
        let inside = |path: &PathBuf| path.strip_prefix(&self.image.directory).ok().map(Path::to_owned);
        self.ours.iter().filter_map(|(path, node)| Some((inside(path)?, node))).collect()
    }

    fn whole(&self, theirs: &Seen, complaints: &str) -> Vec<Disagreement> {
        let ours = self.files();
        let mut found = Vec::new();
        for (path, node) in theirs {
            let here = (path, ours.get(path), node);
            match (ours.get(path), node) {
                (Some(Node::File { content: Ok(one), .. }), Node::File { content: Ok(other), .. }) => {
                    found.extend((one != other).then(|| self.disagree("wimlib reads other bytes", here)));
                }
                (Some(Node::File { content: Err(EIO), .. }), Node::File { .. }) if !self.is_unsupported => {
                    found.push(self.disagree("wimlib reads what we call bad", here));
                }
                (None, _) if self.is_sound => found.push(self.disagree("wimlib shows what we do not", here)),
                // Directories that are reparse points of an unknown kind are files here.
                (Some(Node::Directory(_)), Node::File { .. } | Node::Link(_)) => {
                    found.push(self.disagree("wimlib shows another kind of file", here));
                }
                _ => {}
            }
        }
        let more = ours.keys().filter(|path| !theirs.contains_key(*path)).collect::<Vec<_>>();
        if self.is_sound && complaints.is_empty() && !more.is_empty() {
            found.push(self.disagree("we show what wimlib does not", more));
        }
        found
    }

    /// Where wimlib does not apply the image: some files that we read.
    fn some_files(&self) -> Vec<Disagreement> {
        let files = self.files();
        let read = files.iter().filter_map(|(path, node)| match node {
            Node::File { content: Ok(content @ (_, 1..)), .. } => Some((path, content)),
            _ => None,
        });
        let mut found = Vec::new();
        for (path, content) in read.take(FILES) {
            let number = self.image.number.to_string();
            let [stdout, no_globs] = ["--to-stdout", "--no-globs"].map(OsStr::new);
            let arguments = [number.as_ref(), path.as_os_str(), stdout, no_globs];
            let Some(ended) = self.wimlib.run("extract", &arguments) else { continue };
            if ended.code == 0 && content_of(&ended.out) != *content {
                found.push(self.disagree("wimlib reads other bytes", (path, content, content_of(&ended.out))));
            }
        }
        found
    }
}
