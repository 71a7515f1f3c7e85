//! Archives that supply data, named with `--ref` or found by their names: every command takes them
//! alike.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use testkit::{Built, Packing, Wim, Xml, content, file, root, sha1};
use wimstore_tests::{Mount, Said, say};

/// Reads `path` of the archive through every command, with these arguments more; what is wrong with
/// the first that does not give `data`. Exit codes are 0, or `code` of those commands that look at
/// the whole source.
fn read_by_all(archive: &Path, path: &str, data: &[u8], more: &[&str], code: i32) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let run = |command: &str, paths: &[&str]| {
        say(&[&[command, archive.to_str().unwrap(), "--image=1"], more, paths].concat())
    };
    let expect = |command: &str, said: &Said, is_right: bool, want: i32| {
        let is_right = is_right && said.code == want;
        if is_right { Ok(()) } else { Err(format!("{command}: {said:?}")) }
    };
    let text = String::from_utf8_lossy(data);
    let said = run("cat", &[path]);
    expect("cat", &said, said.out == text, code)?;
    let said = run("ls", &["-l", path]);
    expect("ls", &said, said.out.contains(&format!(" {} ", data.len())), code)?;
    let said = run("extract", &[path, out.to_str().unwrap()]);
    expect("extract", &said, fs::read(out.join(path)).is_ok_and(|read| read == data), code)?;
    let said = run("info", &[]);
    expect("info", &said, said.out.contains("complete\n") && !said.out.contains("incomplete"), code)?;
    let said = run("verify", &[]);
    expect("verify", &said, !said.out.contains("no archive supplies"), code)?;
    let mount = Mount::new(archive, &[&["--image=1"], more].concat());
    let read = fs::read(mount.path().join(path)).map_err(|error| format!("mount: {error}"))?;
    if read == data { Ok(()) } else { Err("mount: other bytes".to_owned()) }
}

/// An archive `a.wim` without the data of `file`, and where references to it can be saved.
struct Place {
    folder: TempDir,
    data: Vec<u8>,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), data: content::text(3000) };
        place.wim(|wim| Wim { without: vec![sha1(&place.data)], ..wim }).save(&place.archive());
        place
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("a.wim")
    }

    fn wim(&self, change: impl FnOnce(Wim) -> Wim) -> Built {
        change(Wim::new(Packing::Lzx(32768), root([file("file", &self.data), file("other", "other")]))).build()
    }

    /// Reads the file by all commands, with a reference.
    fn with(&self, reference: &Built) -> Result<(), String> {
        let path = self.folder.path().join("reference.wim");
        reference.save(&path);
        read_by_all(&self.archive(), "file", &self.data, &["--ref", path.to_str().unwrap()], 0)
    }
}

#[test]
fn every_command_takes_references() {
    let place = Place::new();
    assert!(read_by_all(&place.archive(), "file", &place.data, &[], 0).is_err(), "the data is not in the archive");
    place.with(&place.wim(|wim| wim)).unwrap();
    let pattern = place.folder.path().join("[q-s]eferenc?.*");
    read_by_all(&place.archive(), "file", &place.data, &["--ref", pattern.to_str().unwrap()], 0).unwrap();
}

#[test]
fn a_reference_need_not_be_sound_but_for_its_data() {
    let place = Place::new();
    for (what, xml) in [("no XML", Xml::None), ("other XML", Xml::Text("<WIM><IMAGE INDEX=\"7\"/></WIM>".into()))] {
        place.with(&place.wim(|wim| Wim { xml, guid: Some([3; 16]), ..wim })).expect(what);
    }
    place.with(&place.wim(|wim| Wim { xml: Xml::Text("no XML at all <".into()), ..wim })).unwrap();
    let mut built = place.wim(|wim| wim);
    built.flip(built.places.metadata[0].range.start + 9, 3);
    place.with(&built).expect("metadata is not needed");
    place.with(&place.wim(|wim| wim).tables_first()).unwrap();
    place.with(&place.wim(|wim| wim.solid(Packing::Lzms(65536)))).unwrap();
    place.with(&place.wim(|wim| Wim { pipable: true, ..wim })).unwrap();
    let (_, resources) = Wim::new(Packing::Stored, root([file("file", &place.data)])).pair();
    place.with(&resources).unwrap();
}

/// A set of three parts: where each is, and the data of files of which one is in each part.
struct Set {
    folder: TempDir,
    parts: Vec<Built>,
    wim: Wim,
}

impl Set {
    fn new() -> Self {
        let files = ["in 1", "in 2", "in 3"].map(|name| file(name, name));
        let wim = Wim::new(Packing::Stored, root(files));
        Self { folder: tempfile::tempdir().unwrap(), parts: wim.split(3), wim }
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.path().join(if number == 1 { "x.swm".to_owned() } else { format!("x{number}.swm") })
    }

    fn save(&self, numbers: &[usize]) {
        numbers.iter().for_each(|&number| self.parts[number - 1].save(&self.path(number)));
    }

    fn reads(&self, name: &str, code: i32) -> Result<(), String> {
        read_by_all(&self.path(1), name, name.as_bytes(), &[], code)
    }

    fn say(&self, command: &str) -> Said {
        say(&[command.as_ref(), self.path(1).as_os_str()])
    }
}

#[test]
fn parts_are_found_by_their_names() {
    let set = Set::new();
    set.save(&[1, 2, 3]);
    for name in ["in 1", "in 2", "in 3"] {
        set.reads(name, 0).unwrap();
    }
    let refused = say(&["ls".as_ref(), set.path(2).as_os_str()]);
    assert!(refused.code == 2 && refused.err.contains("name the first part"), "{refused:?}");
}

#[test]
fn a_missing_part_costs_only_what_is_in_it() {
    let set = Set::new();
    set.save(&[1, 3]);
    let first = set.path(1);
    for name in ["in 1", "in 3"] {
        let said = say(&["cat", "--image=1", first.to_str().unwrap(), name]);
        assert_eq!((said.code, &*said.out), (0, name), "{said:?}");
    }
    let said = say(&["cat", "--image=1", first.to_str().unwrap(), "in 2"]);
    assert!(said.code == 1 && said.err.contains("no archive supplies"), "{said:?}");
    let said = set.say("info");
    assert!(said.code == 0 && said.out.contains("Parts missing     2; "), "{said:?}");
    assert!(said.out.contains("incomplete: no archive has 1 blob; "), "{said:?}");
    let said = set.say("verify");
    assert!(said.code == 1 && said.out.contains("/testkit/in 2\n"), "{said:?}");
    assert!(!said.out.contains("/testkit/in 1\n") && !said.out.contains("/testkit/in 3\n"), "{said:?}");
}

#[test]
fn a_part_of_another_set_is_left_out_and_told() {
    let set = Set::new();
    set.save(&[1, 3]);
    let others = [
        ("another GUID", Wim { guid: Some([7; 16]), ..set.wim.clone() }.split(3).swap_remove(1)),
        ("another number of parts", set.wim.split(4).swap_remove(1)),
        ("the first part once more", set.parts[0].clone()),
    ];
    for (what, other) in others {
        other.save(&set.path(2));
        for command in ["info", "ls", "verify"] {
            let said = set.say(command);
            let text = format!("{}{}", said.out, said.err);
            assert!(
                said.code == 1 && text.contains("x2.swm: called as a part of the archive, but of another set"),
                "{what}: {said:?}"
            );
        }
        assert!(set.say("info").out.contains("Parts missing     2; "), "{what}");
        let said = say(&["cat", "--image=1", set.path(1).to_str().unwrap(), "in 3"]);
        assert_eq!((said.code, &*said.out), (1, "in 3"), "{what}: {said:?}");
    }
    // Named by the user it supplies what it has.
    Wim { guid: Some([7; 16]), ..set.wim.clone() }.split(3)[1].save(&set.path(2));
    read_by_all(&set.path(1), "in 2", b"in 2", &["--ref", set.path(2).to_str().unwrap()], 1).unwrap();
}
