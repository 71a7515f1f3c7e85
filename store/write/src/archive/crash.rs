//! Kills, power cuts and failing calls, at every step: afterwards there is the old archive or the
//! new one, and doing it again works.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use testkit::{Packing, Wim, content, file, root};
use wim::Compression;

use crate::sim::{Fault, FaultKind, Image, SimDisk};
use crate::testing::{Shown, archive, options, shown, source};
use crate::{
    Destination, Error, ImageSettings, ImageSource, Options, Rebuild, Result, Settings, SourceArchive, Summary, export,
    rebuild, set,
};

fn dest() -> PathBuf {
    "d/a.wim".into()
}

/// A way to change a disk.
struct Verb {
    name: &'static str,
    /// The archive before; none if it is created.
    old: Option<Vec<u8>>,
    run: fn(&SimDisk) -> Result<Summary>,
}

fn small(name: &str) -> testkit::Image {
    let files = [file("a", content::random(700)), file("b", content::text(900)), file(name, name)];
    testkit::Image::new(name, root(files))
}

fn old() -> Vec<u8> {
    let wim = Wim { integrity: Some(512), ..archive(Packing::Stored, vec![small("old"), small("other")]) };
    let mut built = wim.build().bytes;
    // References as the writer counts them, so that it finds nothing to correct.
    built = normal(&built);
    built
}

/// The same archive as the writer writes it.
fn normal(bytes: &[u8]) -> Vec<u8> {
    let disk = SimDisk::default();
    let source = source(bytes.to_vec());
    let images: Vec<_> = (0..source.wim.image_count()).map(|index| ImageSource::new(&source, index)).collect();
    export(&disk, &images, &dest(), Destination::New, None, tested()).unwrap();
    disk.image().get(&dest()).unwrap().to_vec()
}

fn tested() -> Options<'static> {
    Options { integrity: true, block_size: 512, ..options(Compression::Xpress) }
}

fn new_source() -> SourceArchive {
    source(archive(Packing::Xpress(32768), vec![small("new")]).build().bytes)
}

fn export_new(disk: &SimDisk, destination: Destination) -> Result<Summary> {
    export(disk, &[ImageSource::new(&new_source(), 0)], &dest(), destination, None, tested())
}

fn verbs() -> [Verb; 5] {
    let old = old();
    [
        Verb { name: "create", old: None, run: |disk| export_new(disk, Destination::New) },
        Verb { name: "replace", old: Some(old.clone()), run: |disk| export_new(disk, Destination::Replace) },
        Verb { name: "append", old: Some(old.clone()), run: |disk| export_new(disk, Destination::Append) },
        Verb {
            name: "delete",
            old: Some(old.clone()),
            run: |disk| {
                let bytes = disk.image().get(&dest()).unwrap().to_vec();
                let archive = SourceArchive { path: dest(), ..source(bytes) };
                rebuild(disk, &Rebuild { archive: &archive, images: &[0] }, tested())
            },
        },
        Verb {
            name: "set",
            old: Some(old),
            run: |disk| {
                let settings = ImageSettings { name: Some("renamed".into()), ..ImageSettings::default() };
                set(disk, &dest(), &Settings { images: vec![(1, settings)], boot: Some(2) }, tested())
            },
        },
    ]
}

/// What an archive shows, with the image to boot.
fn state(bytes: &[u8]) -> (Vec<Shown>, u32) {
    (shown(bytes), wim::Header::parse(bytes).unwrap().boot_index)
}

struct Checked {
    verb: Verb,
    start: Image,
    before: Option<(Vec<Shown>, u32)>,
    after: (Vec<Shown>, u32),
    size: usize,
    seen: HashSet<Vec<(PathBuf, Vec<u8>)>>,
}

impl Checked {
    fn new(verb: Verb) -> (Self, SimDisk) {
        let start = match &verb.old {
            Some(old) => Image::default().with("d/a.wim", old.clone()),
            None => Image::default(),
        };
        let disk = SimDisk::new(start.clone());
        (verb.run)(&disk).unwrap();
        let image = disk.image();
        let new = image.get(&dest()).unwrap();
        let (before, after) = (verb.old.as_deref().map(state), state(new));
        assert_ne!(before.as_ref(), Some(&after), "the verb changes something");
        (Self { verb, start, before, after, size: new.len(), seen: HashSet::new() }, disk)
    }

    /// Whether the new state is there; the old one is else.
    fn is_new(&self, image: &Image, when: &str) -> bool {
        let name = self.verb.name;
        match image.get(&dest()) {
            None => assert!(self.before.is_none(), "{name}, {when}: the archive is gone"),
            Some(bytes) => {
                let state = state(bytes);
                if state == self.after {
                    return true;
                }
                assert_eq!(Some(&state), self.before.as_ref(), "{name}, {when}: neither old nor new");
            }
        }
        false
    }

    /// After a crash there is the old state or the new one, and the verb can be repeated.
    fn check(&mut self, image: &Image, when: &str) {
        let content: Vec<_> = image.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect();
        if !self.seen.insert(content) || self.is_new(image, when) {
            return;
        }
        let disk = SimDisk::new(image.clone());
        (self.verb.run)(&disk).unwrap_or_else(|error| panic!("{}, {when}: again: {error}", self.verb.name));
        let again = disk.image();
        assert!(self.is_new(&again, when), "{}, {when}: repeated", self.verb.name);
        assert_eq!(again.get(&dest()).unwrap().len(), self.size, "{}, {when}: nothing is there twice", self.verb.name);
    }
}

#[test]
fn a_kill_leaves_the_old_or_the_new_archive() {
    for verb in verbs() {
        let (mut checked, disk) = Checked::new(verb);
        for changes in 0..=disk.changes() {
            checked.check(&disk.killed_after(changes), &format!("killed after {changes} changes"));
        }
    }
}

#[test]
fn a_power_cut_leaves_the_old_or_the_new_archive() {
    for verb in verbs() {
        let (mut checked, disk) = Checked::new(verb);
        let mut states = 0;
        for changes in 0..=disk.changes() {
            for image in disk.cut_after(changes) {
                checked.check(&image, &format!("power cut after {changes} changes"));
                states += 1;
            }
        }
        assert!(states > 400, "{} states of {}", states, checked.verb.name);
        let last = disk.cut_after(disk.changes());
        assert!(last.iter().all(|image| checked.is_new(image, "at the end")), "what was reported as done is durable");
    }
}

#[test]
fn a_failing_call_leaves_the_old_archive() {
    let kinds = [
        FaultKind::Error(ErrorKind::Other),
        FaultKind::Error(ErrorKind::PermissionDenied),
        FaultKind::Short(ErrorKind::StorageFull),
        FaultKind::Short(ErrorKind::QuotaExceeded),
        FaultKind::Flip,
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
    let disk = SimDisk::new(checked.start.clone());
    disk.fail(fault);
    let result = (checked.verb.run)(&disk);
    let (image, when) = (disk.image(), format!("{fault:?}: {result:?}"));
    match result {
        Ok(_) | Err(Error::NotDurable { .. }) => assert!(checked.is_new(&image, &when), "{when}"),
        Err(_) if fault.forever => checked.check(&image, &when),
        Err(_) => assert!(
            image.iter().eq(checked.start.iter()),
            "{}, {when}: the folder is as before: {:?}",
            checked.verb.name,
            image.names()
        ),
    }
}

#[test]
fn a_full_disk_leaves_the_old_archive() {
    for verb in verbs() {
        let (checked, whole) = Checked::new(verb);
        let (old, new): (u64, u64) = (size(&checked.start), size(&whole.image()));
        for bytes in (old..old + new).step_by(97) {
            let disk = SimDisk::new(checked.start.clone());
            disk.limit(bytes);
            match (checked.verb.run)(&disk) {
                Ok(_) => assert!(checked.is_new(&disk.image(), "enough")),
                Err(error) => {
                    let Error::Disk { source, .. } = &error else { panic!("{error}") };
                    assert_eq!(source.kind(), ErrorKind::StorageFull);
                    assert!(disk.image().iter().eq(checked.start.iter()), "{bytes} bytes: as before");
                }
            }
        }
    }
}

fn size(image: &Image) -> u64 {
    image.iter().map(|(_, bytes)| bytes.len() as u64).sum()
}

#[test]
fn stopping_leaves_the_old_archive() {
    use std::sync::atomic::AtomicUsize;
    let stop = AtomicUsize::new(2);
    let control = crate::Control { stop: &stop, ..crate::Control::NONE };
    let start = Image::default().with("d/a.wim", old());
    for destination in [Destination::Replace, Destination::Append] {
        let disk = SimDisk::new(start.clone());
        let options = Options { control, ..tested() };
        let result = export(&disk, &[ImageSource::new(&new_source(), 0)], &dest(), destination, None, options);
        assert!(matches!(result, Err(Error::Stopped)));
        assert!(disk.image().iter().eq(start.iter()));
    }
    assert!(start.get(Path::new("d/a.wim")).is_some());
}
