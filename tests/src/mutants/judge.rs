//! Where what the program says of a store does not agree with itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Counts;
use super::look::{Answer, Content, Node};
use super::ours::Ours;

/// `EIO` of Linux: something is damaged or missing.
pub(super) const EIO: i32 = 5;

/// The longest name of other file systems, in bytes.
const LONGEST_NAME: usize = 255;

/// The largest stream that extract is expected to restore, in bytes.
const LARGEST_STREAM: u64 = 1500;

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Disagreement {
    /// The archive's file name; empty if it is not known.
    pub(super) archive: String,
    /// Which rule is broken.
    pub(super) rule: &'static str,
    /// Where, and what is there.
    pub(super) what: String,
}

/// An image's directory from the root of the store, its archive's file name and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) directory: PathBuf,
    pub(super) archive: String,
    pub(super) number: u64,
}

/// A path of JSON output.
fn path_of(object: &Value) -> PathBuf {
    let byte = |two: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(two), 16).expect("hexadecimal digits");
    let bytes = match object["path_hex"].as_str() {
        Some(hex) => hex.as_bytes().chunks(2).map(byte).collect(),
        None => object["path"].as_str().unwrap_or_default().as_bytes().to_vec(),
    };
    PathBuf::from(OsString::from_vec(bytes))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Ours {
    /// The images that `info` lists.
    pub(super) fn images(&self) -> Vec<Image> {
        let images = self.info.iter().filter(|object| object["type"] == "image");
        let image = |object: &Value| Image {
            directory: ["group", "directory"].iter().map(|part| object[part].as_str().unwrap_or_default()).collect(),
            archive: name_of(&path_of(object)),
            number: object["number"].as_u64().unwrap_or_default(),
        };
        images.map(image).collect()
    }

    /// Whether `verify` finds nothing to say of an archive, not even a warning.
    pub(super) fn is_sound(&self, archive: &str) -> bool {
        self.verify_of(archive).next().is_none()
    }

    /// Whether `verify` says that something of an archive is not supported, or kept elsewhere.
    pub(super) fn is_unsupported(&self, archive: &str) -> bool {
        let is_kind = |object: &Value| object["error"].as_str().is_some_and(|error| error.contains("unsupported"));
        self.verify_of(archive).any(|object| object["type"] == "data_elsewhere" || is_kind(object))
    }

    /// What `verify` says of an archive.
    fn verify_of(&self, archive: &str) -> impl Iterator<Item = &Value> {
        let objects = self.verify.iter().filter(|object| object["type"] != "summary");
        objects.filter(move |object| name_of(&path_of(object)) == archive)
    }

    /// How much there is to compare.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts { images: self.images().len(), ..Counts::default() };
        for node in self.mount.values() {
            match node {
                Node::File { content: Ok(_), .. } | Node::Link(Ok(_)) => counts.read += 1,
                Node::File { .. } | Node::Link(_) => counts.refused += 1,
                Node::Directory(_) | Node::Special => {}
            }
        }
        counts
    }

    /// Everything that breaks a rule.
    pub(super) fn disagreements(&self) -> Vec<Disagreement> {
        let archives: BTreeMap<PathBuf, String> =
            self.images().into_iter().map(|image| (image.directory, image.archive)).collect();
        let mut judge = Judge { ours: self, archives, found: Vec::new(), bad: self.bad() };
        judge.images();
        judge.files();
        judge.extracted();
        judge.cat();
        judge.codes();
        judge.found
    }

    /// Paths of files and streams, from the root of the store, that `verify` calls bad.
    fn bad(&self) -> BTreeSet<PathBuf> {
        let users = self.verify.iter().filter_map(|object| object["used_by"].as_array()).flatten().map(path_of);
        users.map(|path| path.strip_prefix("/").map(Path::to_owned).unwrap_or(path)).collect()
    }
}

struct Judge<'a> {
    ours: &'a Ours,
    archives: BTreeMap<PathBuf, String>,
    found: Vec<Disagreement>,
    bad: BTreeSet<PathBuf>,
}

impl Judge<'_> {
    fn say(&mut self, path: &Path, rule: &'static str, what: impl std::fmt::Debug) {
        let directory: PathBuf = path.components().take(2).collect();
        let archive = self.archives.get(&directory).cloned().unwrap_or_default();
        self.found.push(Disagreement { archive, rule, what: format!("{path:?}: {what:?}") });
    }

    /// The mount shows the images that `info` lists, and those whose metadata is bad cannot be
    /// listed.
    fn images(&mut self) {
        let is_image = |path: &&PathBuf| path.components().count() == 2;
        let shown: BTreeSet<PathBuf> = self.ours.mount.keys().filter(is_image).cloned().collect();
        let listed: BTreeSet<PathBuf> = self.archives.keys().cloned().collect();
        for directory in shown.symmetric_difference(&listed) {
            self.say(directory, "info lists what is mounted", listed.contains(directory));
        }
        let bad = self.ours.verify.iter().filter(|object| object["type"] == "bad_metadata");
        let bad: Vec<_> = bad.map(|object| (name_of(&path_of(object)), object["image"].as_u64())).collect();
        for Image { directory, archive, number } in self.ours.images() {
            let can_list = self.ours.mount.get(&directory).map(|node| node == &Node::Directory(Ok(())));
            if can_list == Some(bad.contains(&(archive, Some(number)))) {
                self.say(&directory, "an image is listed unless verify calls its metadata bad", can_list);
            }
        }
    }

    /// What is read has the SHA-1 that the mount says, and cannot be read if and only if `verify`
    /// calls it bad.
    fn files(&mut self) {
        for (path, node) in &self.ours.mount {
            let read = match node {
                Node::Link(target) => target.as_ref().map(|_| ()).map_err(|error| *error),
                Node::File { content, .. } => content.as_ref().map(|_| ()).map_err(|error| *error),
                Node::Directory(Err(error)) if *error != EIO => {
                    self.say(path, "a directory cannot be listed", error);
                    continue;
                }
                Node::Special => {
                    self.say(path, "nothing but files, directories and links is shown", node);
                    continue;
                }
                Node::Directory(_) => continue,
            };
            // Other errors are documented refusals, which say nothing about the data.
            let is_bad = self.bad.contains(path);
            if read == Ok(()) && is_bad && !has_hidden_data(node) || read == Err(EIO) && !is_bad {
                self.say(path, "verify calls bad what cannot be read, and nothing else", node);
            }
            if let Node::File { content: Ok((sha1, 1..)), hash, .. } = node
                && hash.as_ref() != Some(sha1)
            {
                self.say(path, "user.wim.sha1 is the SHA-1 of what is read", node);
            }
            if let Node::File { streams, .. } = node {
                self.streams(path, streams);
            }
        }
    }

    fn streams(&mut self, path: &Path, streams: &BTreeMap<OsString, Answer<Content>>) {
        for (name, content) in streams {
            let Some(name) = name.as_bytes().strip_prefix(b"user.") else { continue };
            let whole: PathBuf = OsString::from_vec([path.as_os_str().as_bytes(), b":", name].concat()).into();
            let is_bad = self.bad.contains(&whole);
            if content.is_ok() && is_bad || content == &Err(EIO) && !is_bad {
                self.say(&whole, "verify calls bad what cannot be read, and nothing else", content);
            }
        }
    }

    /// `extract` restores what the mount shows, without the files that cannot be read.
    fn extracted(&mut self) {
        let (mount, extract) = (&self.ours.mount, &self.ours.extract);
        for path in mount.keys().chain(extract.keys()).filter(|path| fits(path)).collect::<BTreeSet<_>>() {
            let wanted = match mount.get(path) {
                Some(Node::File { content, streams, .. }) => {
                    content.clone().ok().map(|content| format!("{content:?} {:?}", restored(streams)))
                }
                Some(Node::Link(target)) => target.clone().ok().map(|target| format!("{target:?}")),
                // Nobody can tell what is in an image that cannot be listed.
                Some(Node::Directory(Err(_))) => continue,
                Some(Node::Directory(Ok(()))) => Some("directory".to_owned()),
                Some(Node::Special) | None => None,
            };
            let got = match extract.get(path) {
                Some(Node::File { content, streams, .. }) => {
                    Some(format!("{:?} {:?}", content.clone().unwrap_or_default(), restored(streams)))
                }
                Some(Node::Link(target)) => Some(format!("{:?}", target.clone().unwrap_or_default())),
                Some(Node::Directory(_)) => Some("directory".to_owned()),
                Some(Node::Special) => Some("special".to_owned()),
                None => None,
            };
            if wanted != got {
                self.say(path, "extract gives what is mounted", (got, wanted));
            }
        }
    }

    /// `cat` gives what is mounted, and complains of each file that cannot be read.
    fn cat(&mut self) {
        let differs = self.ours.cat.iter().filter(|(_, content)| content.is_none()).map(|(path, _)| path);
        for path in differs.collect::<Vec<_>>() {
            self.say(path, "cat gives what is mounted", path);
        }
        if let Some((ended, count)) = &self.ours.cat_bad {
            let complaints = ended.err.lines().filter(|line| line.starts_with("wimstore: ")).count();
            if complaints < *count || ended.code == 0 {
                self.say(Path::new(""), "cat complains of what cannot be read", (complaints, count, ended.code));
            }
        }
    }

    /// Whether there are streams that extract need not be able to restore.
    fn has_large_streams(&self) -> bool {
        let small = |node: &Node| match node {
            Node::File { streams, .. } => restored(streams).len() == streams.len(),
            _ => true,
        };
        !self.ours.mount.values().all(small)
    }

    /// Exit codes are 0 if all is well, 1 if something is bad, 2 only if something could not be
    /// done.
    fn codes(&mut self) {
        let has = |objects: &[Value], kinds: &[&str]| {
            objects.iter().any(|object| kinds.contains(&object["type"].as_str().unwrap_or_default()))
        };
        let is_bad = self.ours.verify.iter().any(|object| object["type"] != "warning" && object["type"] != "summary");
        if self.ours.codes["verify"] != i32::from(is_bad) {
            self.say(Path::new(""), "verify ends with 1 if something is bad", self.ours.codes["verify"]);
        }
        let has_problem = has(&self.ours.info, &["problem"]);
        if self.ours.codes["info"] > 1 || has_problem && self.ours.codes["info"] != 1 {
            self.say(Path::new(""), "info ends with 1 if something is bad", self.ours.codes["info"]);
        }
        let errors = self.ours.mount.values().filter_map(|node| match node {
            Node::Directory(Err(error)) | Node::Link(Err(error)) | Node::File { content: Err(error), .. } => {
                Some(*error)
            }
            _ => None,
        });
        let errors: BTreeSet<i32> = errors.collect();
        // Reports that are no damage but name what this system cannot restore.
        let others = errors.iter().any(|&error| error != EIO)
            || !self.ours.mount.keys().all(|path| fits(path))
            || self.ours.extract_ended.err.contains("Linux cannot hold this stream");
        let wanted = if others { 2 } else { i32::from(has_problem || !errors.is_empty()) };
        if self.ours.extract_ended.code != wanted && !self.has_large_streams() {
            let what = (self.ours.extract_ended.code, wanted, &self.ours.extract_ended.err);
            self.say(Path::new(""), "extract's exit code", format!("{:.1000}", format!("{what:?}")));
        }
    }
}

/// Whether `verify` checks other data of a file than is read: a link may have an unnamed stream;
/// other reparse points are empty files.
fn has_hidden_data(node: &Node) -> bool {
    matches!(node, Node::Link(Ok(_)) | Node::File { size: 0, content: Ok(_), .. })
}

/// Streams that extract can restore as extended attributes of an ordinary file system.
fn restored(streams: &BTreeMap<OsString, Answer<Content>>) -> Vec<(&OsString, &Content)> {
    let streams = streams.iter().filter_map(|(name, content)| Some((name, content.as_ref().ok()?)));
    // Those that begin so are not of the archive.
    let streams = streams.filter(|(name, _)| !name.as_bytes().starts_with(b"user.wim."));
    streams.filter(|(name, (_, len))| name.len() <= LONGEST_NAME && *len <= LARGEST_STREAM).collect()
}

/// Whether other file systems can have a path.
fn fits(path: &Path) -> bool {
    path.components().all(|name| name.as_os_str().len() <= LONGEST_NAME) && path.as_os_str().len() < 3000
}
