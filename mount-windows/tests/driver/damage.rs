//! Damage and panics under a drive: the rest goes on.

use std::fs;
use std::sync::{Arc, Mutex};

use fs_core::{Filesystem, Options, StreamInterface};
use mount_windows::{DriveOptions, Security, Status};
use testkit::{Image, Packing, Wim, file, root};

use crate::fsd::{self, units};
use crate::walk::{compare, open_itself};
use crate::{everything, mount, open, save};

#[test]
fn damage_is_an_error_and_the_rest_is_served() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let built = Wim::of(
        Packing::Stored,
        [Image::new("i", root([file("good", vec![1; 50_000]), file("bad", vec![2; 50_000])]))],
    )
    .build();
    let path = folder.path().join("a.wim");
    built.save(&path);
    let place = built.resource(&[2; 50_000]).range.clone();
    let mut bytes = built.bytes.clone();
    bytes[place.start + 5] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let fs = open(&path, Some(1));
    let mounted = mount(&fs, DriveOptions::default());
    let bad = fsd::open(r"\bad").ok().unwrap();
    assert_eq!(bad.read(0, 100), Err(Status::DATA_ERROR.0));
    let good = fsd::open(r"\good").ok().unwrap();
    assert_eq!(good.read(49_990, 100).unwrap(), [1; 10]);
    assert_eq!(good.read(50_000, 100), Err(Status::END_OF_FILE.0));

    // Cut under the mount: only the data that is gone is an error.
    let cut = built.resource(&[1; 50_000]).range.start.min(place.start) as u64 + 1;
    fs::File::options().write(true).open(&path).unwrap().set_len(cut).unwrap();
    let other = fsd::open(r"\good").ok().unwrap();
    assert_eq!(other.read(0, 100), Err(Status::DATA_ERROR.0));
    assert_eq!(fsd::open(r"\").ok().unwrap().list(4096), ["bad", "good"]);
    drop((bad, good, other, mounted));
}

#[test]
fn archives_with_every_fault_are_walked() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fault.wim");
    let mut opened = 0;
    for fault in testkit::faults::all() {
        (fault.build)().save(&path);
        let options = Options { ignore_case: true, streams: StreamInterface::None, ..Options::default() };
        let Ok(fs) = Filesystem::open(&path, options) else { continue };
        let fs = Arc::new(fs);
        let mounted = mount(&fs, DriveOptions::default());
        compare(&fs, DriveOptions::default());
        opened += 1;
        drop(mounted);
    }
    assert!(opened > 20, "{opened} of them open");
}

/// Panics at a chosen request: the drive logs each request before it handles it.
struct Panics;

static PANIC_AT: Mutex<Option<&'static str>> = Mutex::new(None);

impl tracing::Subscriber for Panics {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Op(bool);
        impl tracing::field::Visit for Op {
            fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
                self.0 |= field.name() == "op" && *PANIC_AT.lock().unwrap() == Some(value);
            }
            fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
        }
        let mut op = Op(false);
        event.record(&mut op);
        assert!(!op.0, "this panic is part of a test");
    }
}

#[test]
fn a_panic_is_a_status_and_the_drive_goes_on() {
    const PANICKED: u32 = 0xC000_0025; // STATUS_NONCONTINUABLE_EXCEPTION
    let _driver = fsd::driver();
    tracing::subscriber::set_global_default(Panics).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let fs = open(&save(folder.path(), everything()), Some(1));
    let options = DriveOptions { security: Security::Image, ..DriveOptions::default() };
    let mounted = mount(&fs, options);
    let file = fsd::open(r"\Docs\ReadMe.txt").ok().unwrap();
    let folder = fsd::open(r"\Docs").ok().unwrap();
    let link = open_itself(&units(r"\link")).ok().unwrap();
    type Question<'a> = &'a dyn Fn() -> u32;
    let questions: [(&str, Question<'_>); 6] = [
        ("attributes", &|| fsd::open(r"\Docs\ReadMe.txt").err().map_or(0, |reply| reply.status())),
        ("security", &|| fsd::open(r"\Docs\ReadMe.txt").err().map_or(0, |reply| reply.status())),
        ("read", &|| file.read(0, 10).err().unwrap_or(0)),
        ("list", &|| folder.list_status()),
        ("streams", &|| fsd::open(r"\Docs\ReadMe.txt:origin").err().map_or(0, |reply| reply.status())),
        ("reparse point", &|| link.reparse(r"\link").err().unwrap_or(0)),
    ];
    for (op, ask) in questions {
        assert_eq!(ask(), 0, "{op}");
        *PANIC_AT.lock().unwrap() = Some(op);
        let statuses: Vec<u32> = (0..30).map(|_| ask()).collect(); // more often than there are threads
        *PANIC_AT.lock().unwrap() = None;
        assert_eq!(statuses, [PANICKED; 30], "{op}");
        assert_eq!(ask(), 0, "{op}, once more");
    }
    assert_eq!(compare(&fs, options), 717);
    drop((file, folder, link, mounted));
}
