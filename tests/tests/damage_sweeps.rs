//! Damage in every place of an archive, through real mounts of many copies at once: wrong bytes are
//! never returned, neighbours stay readable, the log says where.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use tempfile::TempDir;
use testkit::content::{self, Random};
use testkit::{Built, Data, Image, Packing, Wim, capture, dir, file, hex, mounts, offset, root};
use wimstore_tests::Mount;

/// The required content of files, by path.
type Contents = BTreeMap<String, Vec<u8>>;

/// Many archives in one group, and beside it the log of its mounts.
struct Group {
    folder: TempDir,
}

impl Group {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("group")).unwrap();
        let group = Self { folder };
        let sound = Wim::of(Packing::Lzx(32768), [Image::new("sound", root([file("file", "sound")]))]);
        group.add("sound.wim", &sound.build().bytes);
        group
    }

    fn path(&self, archive: &str) -> PathBuf {
        self.folder.path().join("group").join(archive)
    }

    fn add(&self, archive: &str, bytes: &[u8]) {
        fs::write(self.path(archive), bytes).unwrap();
    }

    fn mount(&self) -> Mount {
        let log = self.folder.path().join("log");
        Mount::new(&self.path(""), &["--log-file", log.to_str().unwrap()])
    }

    /// The lines of the log that tell of an archive.
    fn log(&self, archive: &str) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains(&format!("/{archive}"))).map(str::to_owned).collect()
    }
}

/// The directories of the images in a mounted group by their archives, in the order of their
/// numbers.
fn images(mount: &Mount) -> BTreeMap<String, Vec<PathBuf>> {
    let mut found: BTreeMap<String, BTreeMap<u32, PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(mount.path()).unwrap() {
        let path = entry.unwrap().path();
        let fact = |name| String::from_utf8(xattr::get(&path, name).ok()??).ok();
        let number = fact("user.wim.index").unwrap().parse().unwrap();
        found.entry(fact("user.wim.file").unwrap()).or_default().insert(number, path);
    }
    found.into_iter().map(|(archive, images)| (archive, images.into_values().collect())).collect()
}

/// Reads a file in pieces in any order, and then all of it. What is read is right; whether all of
/// it was.
fn is_whole(path: &Path, want: &[u8], random: &mut Random) -> bool {
    let Ok(opened) = File::open(path) else {
        panic!("{}: cannot be opened", path.display());
    };
    is_whole_open(&opened, path, want, random)
}

/// As [`is_whole`], of a file that is open.
fn is_whole_open(mut opened: &File, path: &Path, want: &[u8], random: &mut Random) -> bool {
    for _ in 0..4 {
        let at = random.below(want.len() as u64 + 1);
        let mut piece = vec![0xAA; 1 + random.below(40_000) as usize];
        match opened.read_at(&mut piece, at) {
            Ok(len) => assert!(want[at as usize..].starts_with(&piece[..len]), "{}: wrong bytes", path.display()),
            Err(error) => assert_eq!(Errno::from_io_error(&error), Some(Errno::IO), "{}", path.display()),
        }
    }
    let mut read = Vec::new();
    match opened.rewind().and_then(|()| opened.read_to_end(&mut read)) {
        Ok(_) => {
            assert!(read == want, "{}: wrong bytes", path.display());
            true
        }
        Err(error) => {
            assert_eq!(Errno::from_io_error(&error), Some(Errno::IO), "{}", path.display());
            false
        }
    }
}

/// The files of an image that cannot be read; `None` if it cannot be listed.
fn lost(image: &Path, contents: &Contents, random: &mut Random) -> Option<Vec<String>> {
    match fs::read_dir(image).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => assert!(!entries.is_empty(), "{}: nothing is shown", image.display()),
        Err(error) => {
            assert_eq!(Errno::from_io_error(&error), Some(Errno::IO), "{}", image.display());
            return None;
        }
    }
    let lost = contents.iter().filter(|(name, want)| !is_whole(&image.join(name), want, random));
    Some(lost.map(|(name, _)| name.clone()).collect())
}

/// Some files: of several chunks, of one, and one that is stored since nothing makes it shorter.
fn contents() -> Contents {
    let files = [
        ("text", content::text(150_000)),
        ("code", content::code(70_000)),
        ("noise", content::random(40_000)),
        ("short", content::text(3000)),
        ("tiny", b"tiny".to_vec()),
    ];
    files.into_iter().map(|(name, data)| (name.to_owned(), data)).collect()
}

fn wim(packing: Packing, integrity: Option<usize>) -> Wim {
    let files: Vec<_> = contents().iter().map(|(name, data)| file(name, data)).collect();
    Wim { integrity, ..Wim::new(packing, root(files)) }
}

/// Flips a bit in each place of `places` (a copy of the archive for each), and expects just the
/// file `lost` to be lost, in every copy. Gives what the log says of the first copy.
fn flips_lose(what: &str, built: &Built, places: &[usize], lost_file: &str) -> Vec<String> {
    let group = Group::new();
    let name = |place: usize| format!("at-{place}.wim");
    for &place in places {
        let mut copy = built.clone();
        copy.flip(place, (place % 8) as u32);
        group.add(&name(place), &copy.bytes);
    }
    let mount = group.mount();
    let shown = images(&mount);
    assert_eq!(shown.len(), places.len() + 1, "{what}");
    let (contents, mut random) = (contents(), Random::new(5));
    for &place in places {
        let lost = lost(&shown[&name(place)][0], &contents, &mut random);
        assert_eq!(lost, Some(vec![lost_file.to_owned()]), "{what}, flipped at {place:#x}");
    }
    assert_eq!(fs::read(mount.path().join("sound/file")).unwrap(), b"sound");
    group.log(&name(places[0]))
}

#[test]
fn a_flipped_bit_loses_one_file_and_the_log_says_where() {
    for (packing, integrity) in [
        (Packing::Stored, None),
        (Packing::Xpress(4096), None),
        (Packing::Xpress(32768), Some(4096)),
        (Packing::Lzx(32768), None),
        (Packing::Lzx(32768), Some(10 << 20)),
        (Packing::Lzms(131_072), None),
        (Packing::Lzms(32768), Some(4096)),
        (Packing::Stored, Some(4096)),
    ] {
        let built = wim(packing, integrity).build();
        for (name, data) in &contents() {
            let place = built.resource(data);
            let what = format!("{packing:?} {integrity:?} {name}");
            let last = place.chunks.last().cloned().unwrap_or(place.range.clone());
            // Not the last byte of a compressed chunk, some of whose bits mean nothing.
            let mut places = vec![place.range.start, place.range.start + place.range.len() / 2, last.start];
            places.extend(place.chunks.is_empty().then_some(place.range.end - 1));
            places.sort_unstable();
            places.dedup();
            let log = flips_lose(&what, &built, &places, name);
            assert!(!log.is_empty(), "{what}");
            for part in [format!("{:#x}", place.range.start), hex(&place.hash)] {
                assert!(log.iter().any(|line| line.contains(&part)), "{what}: {part} in {log:?}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_the_blob_table_loses_one_file() {
    for integrity in [None, Some(4096)] {
        let built = wim(Packing::Lzx(32768), integrity).build();
        let place = built.resource(&contents()["code"]);
        // Not the reference count, which means nothing.
        let fields = [0, offset::RESOURCE_FLAGS, offset::RESOURCE_OFFSET, offset::RESOURCE_SIZE, offset::BLOB_HASH];
        let places = fields.map(|field| place.entry + field);
        let log = flips_lose(&format!("{integrity:?}"), &built, &places, "code");
        assert!(log.iter().any(|line| line.contains(&hex(&place.hash))), "{log:?}");
    }
}

#[test]
fn a_flipped_bit_in_metadata_loses_one_image() {
    for integrity in [None, Some(4096)] {
        let trees = ["one", "two"].map(|name| Image::new(name, root([file("file", name), dir(name, [])])));
        let built = Wim { integrity, ..Wim::of(Packing::Xpress(32768), trees) }.build();
        let group = Group::new();
        let range = built.places.metadata[0].range.clone();
        let name = |place: usize| format!("at-{place}.wim");
        for place in range.clone() {
            let mut copy = built.clone();
            copy.flip(place, (place % 8) as u32);
            group.add(&name(place), &copy.bytes);
        }
        let mount = group.mount();
        let shown = images(&mount);
        for place in range {
            let [one, two] = &shown[&name(place)][..] else { panic!("both images of {} are shown", name(place)) };
            assert_eq!(lost(one, &Contents::new(), &mut Random::new(1)), None, "{}", one.display());
            assert_eq!(fs::read(two.join("file")).unwrap(), b"two", "{}", two.display());
            let log = group.log(&name(place));
            assert_eq!(log.len(), 1, "{log:?}");
            let blob = &built.places.metadata[0];
            for part in ["ERROR one", &format!("{:#x}", blob.range.start), &hex(&blob.hash)] {
                assert!(log[0].contains(part), "{part} in {log:?}");
            }
        }
    }
}

#[test]
fn no_flipped_bit_in_header_or_tables_gives_wrong_bytes() {
    let contents: Contents = [("a", "the first file"), ("b", "the second file")]
        .map(|(name, data)| (name.to_owned(), data.repeat(400).into_bytes()))
        .into();
    let tree = root(contents.iter().map(|(name, data)| file(name, data)).collect::<Vec<_>>());
    let built = Wim::new(Packing::Xpress(4096), tree).integrity(1024).build();
    let group = Group::new();
    let tables = [built.places.blob_table.clone(), built.places.xml.clone(), built.places.integrity.clone()];
    let chunk_tables = built.places.resources.iter().map(|place| place.table.clone());
    let places: Vec<usize> = (0..offset::END).chain(tables.into_iter().chain(chunk_tables).flatten()).collect();
    for place in &places {
        let mut copy = built.clone();
        copy.flip(*place, (*place % 8) as u32);
        group.add(&format!("at-{place}.wim"), &copy.bytes);
    }
    let mount = group.mount();
    let shown = images(&mount);
    let mut random = Random::new(3);
    for place in &places {
        let archive = format!("at-{place}.wim");
        let Some(images) = shown.get(&archive) else {
            assert!(!group.log(&archive).is_empty(), "{archive} is left out and told");
            continue;
        };
        let lost = images.first().map(|image| lost(image, &contents, &mut random));
        let vouched_for = built.places.xml.contains(place) || built.places.integrity.contains(place);
        assert!(!vouched_for || lost == Some(Some(Vec::new())), "{archive}: {lost:?} is lost");
    }
    assert!(shown.len() > places.len() / 2, "most are shown: {} of {}", shown.len(), places.len());
    assert_eq!(fs::read(mount.path().join("sound/file")).unwrap(), b"sound");
}

/// An archive of wimlib's with the files of [`contents`].
fn captured(folder: &Path, options: &[&str]) -> Vec<u8> {
    let source = folder.join("source");
    fs::create_dir_all(&source).unwrap();
    for (name, data) in &contents() {
        fs::write(source.join(name), data).unwrap();
    }
    let archive = folder.join("captured.wim");
    capture(&source, &archive, &[&["NAME"], options].concat());
    fs::read(archive).unwrap()
}

#[test]
fn random_damage_to_wimlibs_archives_gives_no_wrong_bytes() {
    let mut random = Random::new(17);
    for options in [["--compress=lzx", "--nocheck"], ["--compress=xpress", "--check"], ["--compress=none", "--check"]] {
        let group = Group::new();
        let bytes = captured(group.folder.path(), &options);
        for number in 0..60 {
            let mut copy = bytes.clone();
            for _ in 0..=number % 4 {
                let at = random.below(bytes.len() as u64) as usize;
                copy[at] ^= 1 << random.below(8);
            }
            group.add(&format!("{number}.wim"), &copy);
        }
        let mount = group.mount();
        let shown = images(&mount);
        assert!(shown.len() > 40, "{options:?}: {} are shown", shown.len());
        let contents = contents();
        let readable = shown.iter().filter(|(archive, _)| *archive != "sound.wim").flat_map(|(_, images)| images);
        let lost: usize = readable.filter_map(|image| lost(image, &contents, &mut random)).map(|lost| lost.len()).sum();
        assert!(lost > 10, "{options:?}: the damage is seen");
        assert_eq!(fs::read(mount.path().join("sound/file")).unwrap(), b"sound");
    }
}

#[test]
fn archives_cut_anywhere_give_no_wrong_bytes() {
    let group = Group::new();
    let built = wim(Packing::Lzx(32768), Some(4096)).build();
    let whole = built.bytes.len();
    let (table, xml) = (built.places.blob_table.clone(), built.places.xml.clone());
    let edges = [0, 1, 207, 208, 209, table.start, table.end, xml.start, xml.end, whole - 1];
    let steps = (0..whole).step_by(whole / 60);
    let mut points: Vec<usize> = edges.iter().copied().chain(steps).collect();
    points.sort_unstable();
    points.dedup();
    for point in &points {
        group.add(&format!("cut-{point}.wim"), &built.bytes[..*point]);
    }
    let mount = group.mount();
    let shown = images(&mount);
    let (contents, mut random) = (contents(), Random::new(9));
    for point in points {
        let archive = format!("cut-{point}.wim");
        assert!(!group.log(&archive).is_empty(), "{archive} is in the log");
        match shown.get(&archive) {
            Some(images) => assert_eq!(lost(&images[0], &contents, &mut random), Some(vec![]), "{archive}"),
            None => assert!(point < table.end, "{archive} has all that files need"),
        }
    }
    assert_eq!(fs::read(mount.path().join("sound/file")).unwrap(), b"sound");
}

#[test]
fn an_archive_cut_under_the_mount_gives_no_wrong_bytes() {
    for (packing, integrity) in
        [(Packing::Lzx(32768), None), (Packing::Xpress(32768), Some(4096)), (Packing::Stored, None)]
    {
        let built = wim(packing, integrity).build();
        let group = Group::new();
        let count = 12;
        for number in 0..count {
            group.add(&format!("{number}.wim"), &built.bytes);
        }
        let mount = group.mount();
        let shown = images(&mount);
        let (contents, mut random) = (contents(), Random::new(21));
        for number in 0..count {
            let (archive, what) = (format!("{number}.wim"), format!("{packing:?} {integrity:?} {number}"));
            let image = &shown[&archive][0];
            if number % 2 == 0 {
                assert!(is_whole(&image.join("short"), &contents["short"], &mut random), "{what}");
            }
            if number % 3 == 0 {
                fs::read_dir(image).unwrap().for_each(drop); // the tree is in memory
            }
            let point = random.below(built.bytes.len() as u64);
            File::options().write(true).open(group.path(&archive)).unwrap().set_len(point).unwrap();
            let Some(lost) = lost(image, &contents, &mut random) else {
                assert!(number % 2 != 0 && number % 3 != 0, "{what}: the tree was there before");
                continue;
            };
            for (name, data) in &contents {
                let inside = built.resource(data).range.end as u64 <= point;
                assert!(!inside || !lost.contains(name), "{what}: {name} is wholly in what is left");
                let was_read = name == "short" && number % 2 == 0;
                assert!(inside || was_read || lost.contains(name), "{what}: {name} is cut");
            }
            assert!(lost.is_empty() || !group.log(&archive).is_empty(), "{what}");
        }
        assert_eq!(fs::read(mount.path().join("sound/file")).unwrap(), b"sound");
    }
}

#[test]
fn an_archive_replaced_under_the_mount_gives_no_wrong_bytes() {
    for integrity in [None, Some(4096)] {
        let old = wim(Packing::Xpress(32768), integrity).build();
        let others: Vec<_> =
            contents().keys().map(|name| file(name, [name.as_bytes(), &content::text(90_000)].concat())).collect();
        let new = Wim { integrity, ..Wim::new(Packing::Xpress(32768), root(others)) }.build();
        let group = Group::new();
        for archive in ["in place.wim", "renamed.wim", "removed.wim"] {
            group.add(archive, &old.bytes);
        }
        let mount = group.mount();
        let shown = images(&mount);
        let (contents, mut random) = (contents(), Random::new(2));
        assert!(is_whole(&shown["in place.wim"][0].join("text"), &contents["text"], &mut random));
        // The names may soon be those of the new image, so the files are open before.
        let open = |archive: &str| -> Vec<(String, PathBuf, File)> {
            let paths = contents.keys().map(|name| (name.clone(), shown[archive][0].join(name)));
            paths.map(|(name, path)| (name, path.clone(), File::open(path).unwrap())).collect()
        };
        let [in_place, renamed, removed] = ["in place.wim", "renamed.wim", "removed.wim"].map(open);
        let mut lost = |files: &[(String, PathBuf, File)]| -> Vec<String> {
            let is_lost = |(name, path, file): &&(String, PathBuf, File)| {
                !is_whole_open(file, path, &contents[name], &mut random)
            };
            files.iter().filter(is_lost).map(|(name, ..)| name.clone()).collect()
        };

        fs::write(group.path("in place.wim"), &new.bytes).unwrap();
        group.add("new", &new.bytes);
        fs::rename(group.path("new"), group.path("renamed.wim")).unwrap();
        fs::remove_file(group.path("removed.wim")).unwrap();

        // Of the file written over nothing is right any more, but for what the kernel still has.
        assert_eq!(lost(&in_place), ["code", "noise", "short", "tiny"], "integrity {integrity:?}");
        assert_eq!([lost(&renamed), lost(&removed)], [vec![], Vec::<String>::new()], "integrity {integrity:?}");
    }
}

/// Faults of our peer's mount, by their numbers in the survey of it: here the result is right.
#[test]
fn what_wimlibs_mount_does_wrong_is_right_here() {
    let folder = tempfile::tempdir().unwrap();
    let data = content::random(100_000); // stored, so that what is changed decodes
    let tree = root([
        dir("changed", [file("data", &data), file("neighbour", "neighbour")]),
        dir("slashes", [file("a/b", "odd"), file("neighbour", "neighbour")]),
        dir("missing", [file("data", Data::Hash([7; 20])), file("neighbour", "neighbour")]),
    ]);
    let mut built = Wim::new(Packing::Xpress(32768), tree).build();
    let changed = built.resource(&data).range.start + 50_000;
    built.flip(changed, 0);
    let archive = folder.path().join("a.wim");
    built.save(&archive);

    let theirs = mounts::wimlib_mount(&archive, 1, &folder.path().join("theirs"), &[]);
    let ours = Mount::new(&archive, &["--image", "1"]);
    let read =
        |root: &Path, name: &str| fs::read(root.join(name)).map_err(|error| Errno::from_io_error(&error).unwrap());
    let list = |root: &Path, name: &str| fs::read_dir(root.join(name)).and_then(Iterator::collect::<Result<Vec<_>, _>>);

    // Changed data that decodes is served.
    assert!(read(theirs.path(), "changed/data").is_ok_and(|read| read != data), "the peer is as it was");
    assert_eq!(read(ours.path(), "changed/data"), Err(Errno::IO));
    // A name with a slash takes its whole directory away.
    assert!(list(theirs.path(), "slashes").is_err(), "the peer is as it was");
    assert_eq!(list(ours.path(), "slashes").unwrap().len(), 2);
    // A file whose data is missing cannot even be looked at.
    assert!(fs::metadata(theirs.path().join("missing/data")).is_err(), "the peer is as it was");
    assert!(fs::metadata(ours.path().join("missing/data")).unwrap().is_file());
    assert_eq!(read(ours.path(), "missing/data"), Err(Errno::IO));
    for directory in ["changed", "slashes", "missing"] {
        assert_eq!(read(ours.path(), &format!("{directory}/neighbour")).unwrap(), b"neighbour", "{directory}");
    }
    drop(theirs);

    // Data that does not decode is an invalid argument to it.
    let data = content::text(100_000);
    let mut built = Wim::new(Packing::Xpress(32768), root([file("data", &data)])).build();
    let chunk = built.resource(&data).chunks[1].clone();
    built.bytes[chunk].fill(0xFF);
    built.save(&archive);
    let theirs = mounts::wimlib_mount(&archive, 1, &folder.path().join("theirs"), &[]);
    assert_eq!(read(theirs.path(), "data"), Err(Errno::INVAL), "the peer is as it was");
    let ours = Mount::new(&archive, &["--image", "1"]);
    assert_eq!(read(ours.path(), "data"), Err(Errno::IO));
}
