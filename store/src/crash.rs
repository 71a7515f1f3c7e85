//! Kills, power cuts and failing calls, at every step of every verb: after the repair there is the old
//! store or the new one, no temporary file, and doing it again works.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

use wim::Compression;
use write::Destination;
use write::sim::{Fault, FaultKind, Image, SimDisk};

use crate::requests::{
    AddImages, CompactGroup, CopyImage, CreateGroup, ExportImage, RemoveGroup, RemoveImage, ReplaceImage, Selector,
    SetGroup, SetImage,
};
use crate::testing::{StoreShown, empty_group, empty_store, files_of, opened, run, shown, source};
use crate::{Error, Request, Store, Work};

/// A verb, and the disk before it.
struct Verb {
    request: Request,
    start: Image,
}

fn verbs() -> Vec<Verb> {
    [group_verbs(), image_verbs()].into_iter().flatten().collect()
}

fn group_verbs() -> Vec<Verb> {
    let group = |name: &str| empty_store().with_folder("Images/G").with_folder(name).with("Images/H/x/y", "content");
    vec![
        Verb { request: Request::CreateGroup(CreateGroup { group: "G".into() }), start: empty_store() },
        Verb {
            request: Request::SetGroup(SetGroup { group: "H".into(), name: Some("I".into()), ..SetGroup::default() }),
            start: group("Images/H"),
        },
        Verb {
            request: Request::RemoveGroup(RemoveGroup { group: "H".into(), force: true }),
            start: group("Images/H"),
        },
    ]
}

fn image_verbs() -> Vec<Verb> {
    let selected = |text: &str| text.parse().unwrap();
    vec![
        Verb { request: Request::AddImages(add("one")), start: empty_group() },
        Verb { request: Request::AddImages(add("two")), start: with_images(&["one"]) },
        Verb {
            request: Request::AddImages(AddImages {
                unattend: Some("src/unattend.xml".into()),
                disabled: true,
                order: Some(7),
                ..add("two")
            }),
            start: with_images(&["one"]),
        },
        Verb {
            request: Request::RemoveImage(RemoveImage { image: selected("G/one.wim") }),
            start: with_images(&["one", "two"]),
        },
        Verb {
            request: Request::ReplaceImage(ReplaceImage {
                image: selected("G/one.wim"),
                file: "src/two.wim".into(),
                unattend: Some("src/other.xml".into()),
                ..ReplaceImage::default()
            }),
            start: with_images(&["one"]).with("src/other.xml", "<other/>"),
        },
        Verb {
            request: Request::CopyImage(CopyImage {
                image: selected("G/one.wim"),
                name: "copy".into(),
                file_name: "copy.wim".into(),
                description: None,
            }),
            start: with_images(&["one"]),
        },
        Verb {
            request: Request::SetImage(SetImage {
                image: Selector { group: Some("G".into()), number: Some(1), ..Selector::default() },
                name: Some("renamed".into()),
                file_name: Some("renamed.wim".into()),
                order: Some(3),
                ..SetImage::default()
            }),
            start: with_images(&["one"]),
        },
        Verb {
            request: Request::SetImage(SetImage {
                image: selected("G/one.wim"),
                enabled: Some(true),
                ..SetImage::default()
            }),
            start: with_images(&["one"]),
        },
        Verb {
            request: Request::CompactGroup(CompactGroup { group: "G".into(), force: true }),
            start: with_dead_bytes(),
        },
        Verb {
            request: Request::SetGroup(SetGroup {
                group: "G".into(),
                compression: Some(Compression::Lzx),
                ..SetGroup::default()
            }),
            start: with_images(&["one", "two"]),
        },
        Verb { request: export("one.wim", Destination::New), start: with_images(&["one"]) },
        Verb {
            request: export("one.wim", Destination::Append),
            start: with_images(&["one"]).with("Images/G/kept", "").with("out.wim", plain()),
        },
    ]
}

fn export(file: &str, destination: Destination) -> Request {
    Request::ExportImage(ExportImage {
        image: format!("G/{file}").parse().unwrap(),
        path: "out.wim".into(),
        destination,
        name: None,
        description: None,
    })
}

/// An archive of another image.
fn plain() -> Vec<u8> {
    source("two", testkit::Packing::Stored).build().bytes
}

/// A group with contents that no image uses.
fn with_dead_bytes() -> Image {
    let disk = SimDisk::new(with_images(&["one", "two"]));
    let request = RemoveImage { image: "G/one.wim".parse().unwrap() };
    run(&disk, &Request::RemoveImage(request)).unwrap();
    disk.image()
}

fn add(name: &str) -> AddImages {
    AddImages { group: "G".into(), file: format!("src/{name}.wim").into(), ..AddImages::default() }
}

/// A store whose group `G` has these images, and their sources.
fn with_images(names: &[&str]) -> Image {
    let disk = SimDisk::new(empty_group());
    for name in names {
        let unattend = Some("src/unattend.xml".into());
        let request = AddImages { unattend, disabled: true, ..add(name) };
        run(&disk, &Request::AddImages(request)).unwrap();
    }
    disk.image()
}

struct Checked {
    verb: Verb,
    before: (StoreShown, usize),
    after: (StoreShown, usize),
    seen: HashSet<Vec<(String, Vec<u8>)>>,
    states: usize,
}

impl Checked {
    fn new(verb: Verb) -> (Self, SimDisk) {
        let disk = SimDisk::new(verb.start.clone());
        run(&disk, &verb.request).unwrap();
        let (before, after) = (state(&verb.start, &verb.request), state(&disk.image(), &verb.request));
        assert_ne!(before, after, "{} changes something", verb.request.verb());
        (Self { verb, before, after, seen: HashSet::new(), states: 0 }, disk)
    }

    /// Whether a store that was repaired is the new one.
    fn is_new(&self, image: &Image, when: &str) -> bool {
        let state = state(image, &self.verb.request);
        let verb = self.verb.request.verb();
        if state != self.after {
            assert!(state == self.before, "{verb}, {when}: neither old nor new: {state:?}");
        }
        state == self.after
    }

    /// After the repair there is the old store or the new one, and nothing else.
    fn check(&mut self, image: &Image, when: &str) {
        self.states += 1;
        if !self.seen.insert(files_of(image)) {
            return;
        }
        let verb = self.verb.request.verb();
        let disk = SimDisk::new(image.clone());
        let store = Store::open(&disk, Path::new("Images"), Work::default()).unwrap();
        store.repair().unwrap_or_else(|error| panic!("{verb}, {when}: repair: {error}"));
        let status = store.status().unwrap();
        assert_eq!(status.left, Vec::<String>::new(), "{verb}, {when}: is left");
        if self.is_new(&disk.image(), when) {
            return;
        }
        run(&disk, &self.verb.request).unwrap_or_else(|error| panic!("{verb}, {when}: again: {error}"));
        assert!(self.is_new(&disk.image(), when), "{verb}, {when}: repeated");
    }
}

#[test]
fn a_kill_leaves_the_old_or_the_new_store() {
    for verb in verbs() {
        let (mut checked, disk) = Checked::new(verb);
        for changes in 0..=disk.changes() {
            checked.check(&disk.killed_after(changes), &format!("killed after {changes} changes"));
        }
    }
}

#[test]
fn a_power_cut_leaves_the_old_or_the_new_store() {
    for verb in verbs() {
        let (mut checked, disk) = Checked::new(verb);
        for changes in 0..=disk.changes() {
            for image in disk.cut_after(changes) {
                checked.check(&image, &format!("power cut after {changes} changes"));
            }
        }
        for image in disk.cut_after(disk.changes()) {
            assert!(checked.is_new(&image, "at the end"), "what was reported as done is durable");
        }
        println!("{}: {} states, {} of them distinct", checked.verb.request.verb(), checked.states, checked.seen.len());
    }
}

#[test]
fn a_failing_call_leaves_the_old_or_the_new_store() {
    let kinds = [
        FaultKind::Error(ErrorKind::Other),
        FaultKind::Error(ErrorKind::PermissionDenied),
        FaultKind::Short(ErrorKind::StorageFull),
        FaultKind::Short(ErrorKind::QuotaExceeded),
    ];
    for verb in verbs() {
        let (mut checked, whole) = Checked::new(verb);
        for call in 0..whole.calls() {
            for (kind, forever) in kinds.iter().flat_map(|&kind| [(kind, false), (kind, true)]) {
                fail(&mut checked, Fault { call, forever, kind });
            }
        }
    }
}

fn fail(checked: &mut Checked, fault: Fault) {
    let disk = SimDisk::new(checked.verb.start.clone());
    disk.fail(fault);
    let result = run(&disk, &checked.verb.request);
    let (image, when) = (disk.image(), format!("{fault:?}: {result:?}"));
    match result {
        Ok(_) => checked.check(&image, &when),
        Err(Error::Unfinished { .. } | Error::Write(write::Error::NotDurable { .. })) => checked.check(&image, &when),
        Err(_) if fault.forever => checked.check(&image, &when),
        // Contents that were published before the images are found again by their hashes.
        Err(_) if shared(&image) != shared(&checked.verb.start) => assert!(!checked.is_new(&image, &when), "{when}"),
        Err(_) => {
            let verb = checked.verb.request.verb();
            assert!(files_of(&image) == files_of(&checked.verb.start), "{verb}, {when}: {:?}", image.names());
        }
    }
}

/// What a store shows; where that is to be compacted, with the number of contents in `Res.rwm`.
fn state(image: &Image, request: &Request) -> (StoreShown, usize) {
    let counts = matches!(request, Request::CompactGroup(_));
    let contents = shared(image).filter(|_| counts).map_or(0, |bytes| opened(bytes).blobs().iter().count());
    (shown(image), contents)
}

/// The bytes of `Res.rwm`.
fn shared(image: &Image) -> Option<&[u8]> {
    image.get(Path::new("Images/G/Res.rwm"))
}

/// Another program's state is not touched.
#[test]
fn the_lock_of_another_program_is_respected() {
    use write::{Access, Disk};
    let start = empty_store()
        .with_folder("Images/G")
        .with_folder("Images/G/.wimstore")
        .with("Images/G/.wimstore/lock", r#"{"host":"other","pid":7,"verb":"image add","since":0}"#);
    let disk = SimDisk::new(start);
    let lock = disk.open(Path::new("Images/G/.wimstore/lock"), Access::Write).unwrap();
    assert!(lock.try_lock().unwrap());
    let request = Request::RemoveGroup(RemoveGroup { group: "G".into(), force: true });
    let error = run(&disk, &request).unwrap_err();
    assert!(error.to_string().contains("wimstore image add (host other, pid 7)"), "{error}");
    assert_eq!(error.code(), "locked");
    drop(lock);
    run(&disk, &request).unwrap();
}
