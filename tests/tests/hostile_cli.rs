//! Every fault of testkit's through the program, in a group with a sound archive: `info`, `ls`,
//! `verify`, `extract` and `cat` tell what is wrong and give all the rest, within bounds of memory
//! and time that the kernel keeps.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testkit::faults::{self, Fault, Outcome, Tree};
use testkit::{
    Bytes, Children, Data, Dentry, Entry, Image, Packing, ResourceHeader, Wim, dir, file, offset, reparse, root,
};
use wimstore_tests::wimstore;

/// The most address space of one command, in KiB. Stacks and heaps of threads are in it, whether
/// they are used or not.
const MAX_MEMORY: &str = "1000000";

/// The most seconds of processor time of one command.
const MAX_TIME: &str = "20";

/// The longest name that the file systems of tests take, in bytes.
const NAME_MAX: usize = 255;

struct Said {
    code: i32,
    out: Vec<u8>,
    err: String,
}

impl Said {
    fn objects(&self) -> Vec<Value> {
        let text = String::from_utf8(self.out.clone()).expect("JSON is UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
    }
}

/// A tree that is gone when this is dropped, however deep it is: what std removes by recursion.
struct Gone<'a>(&'a Path);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let _ = Command::new("rm").arg("-rf").arg(self.0).status();
    }
}

/// A shell command within the bounds. An allocator with a heap for each processor would break them
/// where there are many, though none of that address space is used.
fn bounded(command: &str) -> String {
    format!("(export MALLOC_ARENA_MAX=2; ulimit -v {MAX_MEMORY}; ulimit -t {MAX_TIME}; {command})")
}

/// Runs the program within its bounds; it must end by itself.
fn say<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Said, String> {
    let mut command = Command::new("sh");
    command.args(["-c", &bounded("exec \"$@\""), "sh"]).arg(wimstore()).args(arguments);
    let output = command.output().expect("sh starts");
    let err = String::from_utf8_lossy(&output.stderr).into_owned(); // names need not be text
    match output.status.code() {
        Some(code @ 0..=2) if !err.contains("panicked") => Ok(Said { code, out: output.stdout, err }),
        _ => Err(format!("{:?}: {} {err}", command.get_args().collect::<Vec<_>>(), output.status)),
    }
}

fn expect(condition: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(what()) }
}

/// A fault's archive in a group of two.
struct Place {
    folder: tempfile::TempDir,
    fault: &'static Fault,
    /// The directories of the images of the faulty archive, by number.
    directories: BTreeMap<u64, String>,
    /// What `info` says of entries of the faulty archive's images.
    warnings: Vec<String>,
}

impl Place {
    fn new(fault: &'static Fault) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("group")).unwrap();
        let place = Self { folder, fault, directories: BTreeMap::new(), warnings: Vec::new() };
        (fault.build)().save(&place.archive());
        Wim::new(Packing::Lzx(32768), root([file("file", "sound")])).build().save(&place.group().join("sound.wim"));
        place
    }

    fn group(&self) -> PathBuf {
        self.folder.path().join("group")
    }

    fn archive(&self) -> PathBuf {
        self.group().join("fault.wim")
    }

    /// The required state of each image, with its directory.
    fn trees(&self) -> impl Iterator<Item = (&String, Tree)> {
        let trees = self.fault.outcome.images().unwrap_or_default();
        (1..).zip(trees).map(|(number, tree)| (&self.directories[&number], *tree))
    }

    /// Paths from the group down of what is `chosen` of each image that can be read.
    fn paths(&self, chosen: impl Fn(Tree) -> &'static [&'static str]) -> Vec<(String, &'static str)> {
        let of = |(directory, tree): (&String, Tree)| {
            let directory = directory.clone();
            chosen(tree).iter().map(move |path| (format!("{directory}/{path}"), *path)).collect::<Vec<_>>()
        };
        self.trees().flat_map(of).collect()
    }

    fn intact(&self) -> Vec<(String, &'static str)> {
        self.paths(|tree| if let Tree::Shows { intact, .. } = tree { intact } else { &[] })
    }

    fn unreadable(&self) -> Vec<(String, &'static str)> {
        self.paths(|tree| if let Tree::Shows { unreadable, .. } = tree { unreadable } else { &[] })
    }

    fn absent(&self) -> Vec<(String, &'static str)> {
        self.paths(|tree| if let Tree::Shows { absent, .. } = tree { absent } else { &[] })
    }

    fn is_refused(&self) -> bool {
        self.fault.outcome == Outcome::Refused
    }

    fn fails(&self) -> bool {
        self.trees().any(|(_, tree)| tree == Tree::Fails)
    }

    /// Everything that is told of a refused archive or a bad image names the file or the directory.
    fn told(&self, said: &Said) -> Result<(), String> {
        let all = format!("{}{}", said.err, String::from_utf8_lossy(&said.out));
        expect(!self.is_refused() || all.contains("fault.wim"), || format!("does not tell of the archive: {all}"))?;
        let mut failing = self.trees().filter(|(_, tree)| *tree == Tree::Fails);
        expect(failing.all(|(directory, _)| all.contains(directory)), || format!("does not tell of the image: {all}"))
    }

    fn all(&mut self) -> Result<(), String> {
        self.info().map_err(|what| format!("info: {what}"))?;
        self.ls().map_err(|what| format!("ls: {what}"))?;
        self.verify().map_err(|what| format!("verify: {what}"))?;
        self.cat().map_err(|what| format!("cat: {what}"))?;
        self.extract().map_err(|what| format!("extract: {what}"))?;
        self.alone().map_err(|what| format!("alone: {what}"))
    }

    fn info(&mut self) -> Result<(), String> {
        let said = say(["info".as_ref(), "--json".as_ref(), self.group().as_os_str()])?;
        let archive = self.archive();
        for image in said.objects().iter().filter(|object| object["type"] == "image") {
            if image["path"] == archive.to_str().unwrap() {
                let directory = image["directory"].as_str().unwrap().to_owned();
                self.directories.insert(image["number"].as_u64().unwrap(), directory);
                let warnings = image["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap());
                self.warnings.extend(warnings.filter(|text| text.starts_with("directory entry")).map(str::to_owned));
            }
        }
        let want = self.fault.outcome.images().unwrap_or_default().len();
        expect(self.directories.len() == want, || format!("{} images", self.directories.len()))?;
        expect(said.code == i32::from(self.is_refused() || self.fails()) || said.code == 1, || {
            format!("exit {}: {}", said.code, said.err)
        })?;
        expect(!self.fault.name.starts_with("undamaged") || said.code == 0, || said.err.clone())?;
        if let Outcome::Warns(_) = self.fault.outcome {
            let warns = |object: &Value| {
                let list = object["warnings"].as_array().is_some_and(|list| !list.is_empty());
                list || object["integrity_error"].is_string()
            };
            expect(said.objects().iter().any(warns), || "does not warn".to_owned())?;
        }
        self.told(&said)?;
        let text = say(["info".as_ref(), self.group().as_os_str()])?;
        expect(text.code == said.code, || format!("exit {} as text", text.code))
    }

    fn ls(&self) -> Result<(), String> {
        // Paths of directories nested 16,384 deep would be hundreds of megabytes.
        let depth = if self.fault.name == "deep" { "-l" } else { "-R" };
        let said = say(["ls".as_ref(), depth.as_ref(), self.group().as_os_str()])?;
        if depth == "-R" {
            let lines: Vec<&[u8]> = said.out.split(|&byte| byte == b'\n').collect();
            let is_listed = |path: &str| lines.contains(&format!("/{path}").as_bytes());
            for (path, _) in self.intact().iter().chain(&self.unreadable()) {
                expect(is_listed(path), || format!("{path} is not listed"))?;
            }
            for (path, _) in self.absent() {
                expect(!is_listed(&path), || format!("{path} is listed"))?;
            }
            expect(is_listed("testkit/file") || is_listed("testkit (sound.wim 1)/file"), || "no neighbour".to_owned())?;
            let bad = self.is_refused() || self.fails();
            expect(said.code == i32::from(bad), || format!("exit {}: {}", said.code, said.err))?;
            self.warned(&said)?;
        }
        self.told(&said)
    }

    fn verify(&self) -> Result<(), String> {
        let said = say(["verify".as_ref(), "--json".as_ref(), self.group().as_os_str()])?;
        let objects = said.objects();
        let is_used = |path: &str, object: &Value| {
            let users = object["used_by"].as_array();
            users.is_some_and(|users| users.iter().any(|user| user["path"] == format!("/{path}")))
        };
        for (path, _) in self.unreadable() {
            expect(objects.iter().any(|object| is_used(&path, object)), || format!("{path} is not named"))?;
        }
        for (path, _) in self.intact() {
            let named = objects.iter().find(|object| is_used(&path, object));
            expect(named.is_none(), || format!("{path} is named in {named:?}"))?;
        }
        let lost = self.is_refused() || self.fails() || !self.unreadable().is_empty();
        expect(said.code == 1 || said.code == 0 && !lost, || format!("exit {}: {}", said.code, said.err))?;
        let silent = objects.len() == 1;
        expect(silent || !self.fault.name.starts_with("undamaged"), || format!("{objects:?}"))?;
        expect(!silent || !matches!(self.fault.outcome, Outcome::Warns(_)), || "warns of nothing".to_owned())?;
        self.told(&said)
    }

    fn cat(&self) -> Result<(), String> {
        let intact = self.intact();
        let command = |paths: &[&str]| {
            let group = self.group();
            say(["cat".as_ref(), group.as_os_str()].into_iter().chain(paths.iter().map(OsStr::new)))
        };
        let paths: Vec<&str> = intact.iter().map(|(path, _)| path.as_str()).collect();
        let want: Vec<u8> = intact.iter().flat_map(|(_, path)| faults::content(path)).collect();
        if !paths.is_empty() {
            let said = command(&paths)?;
            expect(said.code == i32::from(self.is_refused()), || format!("exit {}: {}", said.code, said.err))?;
            expect(said.out == want, || "other bytes".to_owned())?;
        }
        for (path, name) in self.unreadable() {
            let said = command(&[&path])?;
            expect(said.code == 1 && said.err.contains(&path), || format!("{path}: exit {}: {}", said.code, said.err))?;
            expect(faults::content(name).starts_with(&said.out), || format!("{path}: wrong bytes"))?;
        }
        Ok(())
    }

    fn extract(&self) -> Result<(), String> {
        let outside = self.folder.path().join("a/b/c");
        fs::create_dir_all(&outside).unwrap();
        let out = outside.join("out");
        let _gone = Gone(&out);
        let said = say(["extract".as_ref(), self.group().as_os_str(), out.as_os_str()])?;
        let names =
            |folder: &Path| -> Vec<PathBuf> { fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect() };
        expect(names(&outside) == [out.clone()], || format!("{:?}", names(&outside)))?;
        for (folder, only) in [("", vec!["a", "group"]), ("a", vec!["b"]), ("a/b", vec!["c"])] {
            let mut found: Vec<_> = names(&self.folder.path().join(folder))
                .iter()
                .map(|path| path.file_name().unwrap().to_owned())
                .collect();
            found.sort();
            expect(found == only, || format!("{folder}: {found:?}"))?;
        }
        let mut too_long = false;
        for (path, name) in self.intact() {
            if path.split('/').any(|name| name.len() > NAME_MAX) {
                too_long = true;
                continue;
            }
            let data = fs::read(out.join(&path)).map_err(|error| format!("{path}: {error}"))?;
            expect(data == faults::content(name), || format!("{path} has other bytes"))?;
        }
        for (path, _) in self.unreadable() {
            expect(fs::symlink_metadata(out.join(&path)).is_err(), || format!("{path} is there"))?;
            expect(said.err.contains(&path), || format!("{path} is not named: {}", said.err))?;
        }
        let sound = ["testkit/file", "testkit (sound.wim 1)/file"].map(|path| fs::read(out.join(path)).ok());
        expect(sound.contains(&Some(b"sound".to_vec())), || "the neighbour is not there".to_owned())?;
        let lost = self.is_refused() || self.fails() || !self.unreadable().is_empty();
        let bad_links = self.fault.name.starts_with("reparse_");
        let want = if too_long { 2 } else { i32::from(lost || bad_links) };
        expect(said.code == want, || format!("exit {}: {}", said.code, said.err))?;
        self.warned(&said)?;
        self.told(&said)
    }

    /// A walk through all directories reports the same about their entries as `info`.
    fn warned(&self, said: &Said) -> Result<(), String> {
        let silent = self.warnings.iter().find(|warning| !said.err.contains(warning.as_str()));
        expect(silent.is_none(), || format!("does not say {silent:?}"))
    }

    /// The archive named by itself: what is refused is refused, with exit code 2, or by `verify`
    /// found bad.
    fn alone(&self) -> Result<(), String> {
        for command in ["info", "ls", "verify"] {
            let said = say([command.as_ref(), self.archive().as_os_str()])?;
            let refused = if command == "verify" { 1 } else { 2 };
            expect(!self.is_refused() || said.code == refused, || {
                format!("{command}: exit {}: {}", said.code, said.err)
            })?;
            self.told(&said)?;
        }
        Ok(())
    }
}

#[test]
fn every_fault_through_every_command() {
    let mut wrong = Vec::new();
    for fault in faults::all() {
        wrong.extend(
            Place::new(fault).all().err().map(|what| format!("{}: {what} (must be: {})", fault.name, fault.must)),
        );
    }
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn xml_data_of_500_mb_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.wim");
    let mut built = Wim::new(Packing::Stored, root([file("file", "data")])).build();
    let (at, size) = (built.bytes.len() as u64, 500 << 20);
    built.bytes.poke(offset::XML, &u64::to_le_bytes(size)[..7]);
    built.bytes.poke_u64(offset::XML + offset::RESOURCE_OFFSET, at);
    built.bytes.poke_u64(offset::XML + offset::RESOURCE_SIZE, size);
    built.save(&archive);
    File::options().write(true).open(&archive).unwrap().set_len(at + size).unwrap();
    let said = say(["info".as_ref(), archive.as_os_str()]).unwrap();
    let text = String::from_utf8(said.out).unwrap();
    assert!(said.code == 0 && text.contains("XML data is left out") && text.contains("Image 1: a.wim 1"), "{text}");
    let said = say(["cat".as_ref(), archive.as_os_str(), "a.wim 1/file".as_ref()]).unwrap();
    assert_eq!((said.code, said.out), (0, b"data".to_vec()));
}

#[test]
fn deep_directories_of_long_names_take_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.wim");
    let name = "n".repeat(1020);
    let level = |inner| dir(&name, [inner, file("z", "")]);
    let tree = (0..1500).fold(dir("top", [file("victim", Data::Hash([7; 20]))]), |inner, _| level(inner));
    Wim::new(Packing::Stored, root([tree])).build().save(&archive);
    // The paths on the way take more than a gigabyte.
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{} | tail -n 1", bounded("exec \"$@\"")), "sh"]).arg(wimstore()).args(["ls", "-R"]);
    let output = command.arg(&archive).output().unwrap();
    let last = format!("/testkit/{name}/z\n");
    assert!(output.stdout == last.as_bytes(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = say(["verify".as_ref(), archive.as_os_str()]).unwrap();
    assert!(said.code == 1 && said.out.len() < 200_000, "exit {}, {} bytes", said.code, said.out.len());
}

/// The paths of the 64,000 files, as strings, are a gigabyte and more.
#[test]
fn a_finding_names_a_hundred_of_its_paths() {
    const DEPTH: usize = 16_000;
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.wim");
    let missing = ["a", "b", "c", "e"].map(|name| file(name, Data::Hash([7; 20])));
    let level = |next| {
        let inner = Dentry { children: Children::Shared(next), ..dir("d", []) };
        [&missing[..], &[inner]].concat()
    };
    let mut lists: Vec<Vec<Dentry>> = (1..DEPTH).map(level).collect();
    lists.push(missing.to_vec());
    let top = Dentry { children: Children::Shared(0), ..dir("d", []) };
    Wim::of(Packing::Stored, [Image { lists, ..Image::new("image", root([top])) }]).build().save(&archive);
    let said = say(["verify".as_ref(), archive.as_os_str()]).unwrap();
    let text = String::from_utf8(said.out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((said.code, lines.len()), (1, 103), "a line, 100 paths, how many more, the sums");
    assert!(lines[1..101].iter().all(|line| line.starts_with("    /image/d/")), "{:.300}", lines[1]);
    assert_eq!(lines[101], "    and 63900 more");
    let found = &say(["verify".as_ref(), "--json".as_ref(), archive.as_os_str()]).unwrap().objects()[0];
    assert_eq!((&found["type"], &found["more"]), (&"missing_blob".into(), &63_900.into()));
    assert_eq!(found["used_by"].as_array().unwrap().len(), 100);
}

#[test]
fn millions_of_bad_rows_are_reported_one_by_one() {
    const ROWS: u64 = 2_000_000;
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.wim");
    let mut built = Wim::new(Packing::Stored, root([file("file", "sound")])).build();
    let (at, table) = (built.bytes.len() as u64, built.bytes[built.places.blob_table.clone()].to_vec());
    let row = |number: u64| {
        let mut hash = [0xBB; 20];
        hash[..8].copy_from_slice(&number.to_le_bytes());
        let place = ResourceHeader { stored_size: 100, flags: 0, offset: 1 << 40, size: 100 };
        Entry { place, part: 1, references: 1, hash }.bytes()
    };
    built.bytes.extend(table);
    built.bytes.extend((0..ROWS).flat_map(row));
    let size = built.bytes.len() as u64 - at;
    built.bytes.poke(offset::BLOB_TABLE, &size.to_le_bytes()[..7]);
    built.bytes.poke_u64(offset::BLOB_TABLE + offset::RESOURCE_OFFSET, at);
    built.bytes.poke_u64(offset::BLOB_TABLE + offset::RESOURCE_SIZE, size);
    built.save(&archive);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{} | tail -n 1", bounded("exec \"$@\"")), "sh"]).arg(wimstore());
    let output = command.arg("verify").arg(&archive).output().unwrap();
    let last = String::from_utf8_lossy(&output.stdout);
    assert!(last.contains(&format!(": {ROWS} bad, ")), "{last}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn links_of_thousands_of_names_are_read_in_linear_time() {
    const DEPTH: usize = 4000;
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.wim");
    let nested = |next| vec![Dentry { children: Children::Shared(next), ..dir("a", []) }];
    let mut lists: Vec<Vec<Dentry>> = (1..DEPTH).map(nested).collect();
    lists.push(vec![dir("a", [])]);
    let target = reparse::symlink(&[r"A"; DEPTH].join(r"\"), "", true);
    let link = |number: usize| file(&number.to_string(), "").reparse(reparse::SYMLINK, &target);
    let mut children: Vec<Dentry> = (0..100).map(link).collect();
    children.push(Dentry { children: Children::Shared(0), ..dir("a", []) });
    let image = Image { lists, ..Image::new("image", root(children)) };
    Wim::of(Packing::Stored, [image]).build().save(&archive);
    let said = say(["ls", "-l", "--image=1", archive.to_str().unwrap()]).unwrap();
    let text = String::from_utf8(said.out).unwrap();
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(
        text.matches(&format!(" -> {}\n", ["a"; DEPTH].join("/"))).count(),
        100,
        "in the case of the directories"
    );
}
