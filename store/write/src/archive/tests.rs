use std::fs;
use std::path::{Path, PathBuf};

use testkit::{Packing, Solid, Wim, Xml};
use wim::{Compression, HeaderFlags};

use crate::sim::{Image, SimDisk};
use crate::testing::{archive, encoder, images, options, peers_accept, shown, shown_of, source};
use crate::{
    Destination, Disk, Error, Existing, ImageSettings, ImageSource, Options, RealDisk, Rebuild, Settings,
    SourceArchive, export, join, rebuild, set, split,
};

const COMPRESSIONS: [Compression; 4] = [Compression::None, Compression::Xpress, Compression::Lzx, Compression::Lzms];

fn all_images(source: &SourceArchive) -> Vec<ImageSource> {
    (0..source.wim.image_count()).map(|index| ImageSource::new(source, index)).collect()
}

fn dest() -> PathBuf {
    "d/a.wim".into()
}

/// Exports all images on a simulated disk, and returns the archive.
fn exported(source: &SourceArchive, options: Options<'_>) -> Vec<u8> {
    let disk = SimDisk::default();
    export(&disk, &all_images(source), &dest(), Destination::New, None, options).unwrap();
    let image = disk.image();
    assert_eq!(image.names(), ["d/a.wim"], "no temporary file is left");
    image.get(&dest()).unwrap().to_vec()
}

/// Everything but the GUID, which is random.
fn without_guid(mut archive: Vec<u8>) -> Vec<u8> {
    archive[0x18..0x28].fill(0);
    archive
}

#[test]
fn exports_show_the_same_from_every_kind_to_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let kinds = Packing::USUAL.map(|packing| archive(packing, images()));
    let solid = Wim { solid: Some(Solid::new(Packing::Lzms(1 << 16))), ..archive(Packing::Lzx(32768), images()) };
    let pipable = Wim { pipable: true, ..archive(Packing::Xpress(32768), images()) };
    for (number, kind) in kinds.into_iter().chain([solid, pipable]).enumerate() {
        let built = kind.build().bytes;
        let source = source(built.clone());
        let want: Vec<_> = source_shown(&built);
        for compression in COMPRESSIONS {
            for integrity in [false, true] {
                let archive = exported(&source, Options { integrity, ..options(compression) });
                assert_eq!(shown(&archive), want, "source {number} to {compression}");
                let path = folder.path().join("a.wim");
                fs::write(&path, &archive).unwrap();
                peers_accept(&path);
            }
        }
    }
}

/// What a source of testkit shows; it writes no numbers of references for contents shared by links.
fn source_shown(built: &[u8]) -> Vec<crate::testing::Shown> {
    let source = source(built.to_vec());
    let plain = exported(&source, options(Compression::None));
    let shown = shown(&plain);
    assert_eq!(shown.len(), source.wim.image_count());
    for (index, image) in shown.iter().enumerate() {
        let bytes = source.wim.metadata_resource(index).unwrap();
        assert_eq!(image.metadata, wim::BlobHash::of(&bytes));
        assert!(image.contents.len() >= 2);
    }
    shown
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_memory() {
    let source = source(archive(Packing::Stored, images()).build().bytes);
    for compression in COMPRESSIONS {
        let one = exported(&source, Options { threads: 1, ..options(compression) });
        for (threads, memory) in [(2, 0), (8, 0), (8, 1)] {
            let many = exported(&source, Options { threads, memory, ..options(compression) });
            assert!(without_guid(one.clone()) == without_guid(many), "{compression}, {threads} threads");
        }
    }
}

#[test]
fn equal_kinds_are_copied_as_they_are() {
    for (packing, compression) in [(Packing::Xpress(32768), Compression::Xpress), (Packing::Stored, Compression::None)]
    {
        let built = archive(packing, images()).build();
        let source = source(built.bytes.clone());
        let never = |_, _, _| -> Option<crate::ChunkEncoder> { Some(Box::new(|_, _| panic!("nothing is encoded"))) };
        let copy = exported(&source, Options { encoder: never, ..options(compression) });
        for place in built.places.resources.iter().chain(&built.places.metadata) {
            let stored = &built.bytes[place.range.clone()];
            assert!(copy.windows(stored.len()).any(|window| window == stored));
        }
    }
}

#[test]
fn an_encoder_that_errs_costs_only_size() {
    let source = source(archive(Packing::Stored, images()).build().bytes);
    let wrong = |_, _, _| -> Option<crate::ChunkEncoder> {
        Some(Box::new(|_, dst| {
            dst.get_mut(..10)?.fill(0x5A);
            Some(10)
        }))
    };
    let right = exported(&source, options(Compression::Lzx));
    let archive = exported(&source, Options { encoder: wrong, ..options(Compression::Lzx) });
    assert_eq!(shown(&archive), shown(&right));
    assert!(archive.len() > right.len());
}

#[test]
fn appended_images_follow_the_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    for packing in Packing::USUAL {
        for integrity in [None, Some(4096)] {
            let old = Wim { integrity, ..archive(packing, images()) };
            let one =
                testkit::Image::new("three", testkit::root([testkit::file("new", testkit::content::text(50_000))]));
            let more: Vec<_> =
                images().into_iter().map(|image| testkit::Image { name: image.name + "+", ..image }).collect();
            let new = archive(Packing::Stored, [more, vec![one]].concat());
            let base = exported(&source(old.build().bytes), options(compression_of(packing)));
            let disk = SimDisk::new(Image::default().with("d/a.wim", base.clone()));
            let new = source(new.build().bytes);
            let boot = Some(1);
            let keep = Options { integrity: integrity.is_some(), ..options(Compression::None) };
            export(&disk, &all_images(&new), &dest(), Destination::Append, boot, keep).unwrap();
            let image = disk.image();
            assert_eq!(image.names(), ["d/a.wim"], "the note is gone");
            let all = image.get(&dest()).unwrap();
            assert!(all[208..base.len()] == base[208..], "old bytes stay");
            let names: Vec<_> = shown(all).into_iter().map(|image| image.name.unwrap()).collect();
            assert_eq!(names, ["one", "two", "one+", "two+", "three"]);
            assert_eq!(shown(all)[..2], shown(&base)[..]);
            let header = wim::Header::parse(all).unwrap();
            assert_eq!((header.boot_index, header.integrity.is_absent()), (4, integrity.is_none()));
            assert!(all.len() < base.len() + 80_000, "contents are there once");
            fs::write(&path, all).unwrap();
            peers_accept(&path);
        }
    }
}

fn compression_of(packing: Packing) -> Compression {
    match packing {
        Packing::Stored => Compression::None,
        Packing::Xpress(_) => Compression::Xpress,
        Packing::Lzx(_) => Compression::Lzx,
        Packing::Lzms(_) => Compression::Lzms,
    }
}

#[test]
fn rebuilding_drops_images_and_dead_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let built = Wim { gap: 5000, ..archive(Packing::Lzx(32768), images()) }.build();
    let path = folder.path().join("a.wim");
    for (keep, names, boot) in [(&[0, 1][..], &["one", "two"][..], 2), (&[1], &["two"], 1), (&[0], &["one"], 0)] {
        built.save(&path);
        let archive = SourceArchive { path: path.clone(), ..source(built.bytes.clone()) };
        rebuild(&RealDisk, &Rebuild { archive: &archive, images: keep }, options(Compression::Lzx)).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(shown(&bytes).into_iter().map(|image| image.name.unwrap()).collect::<Vec<_>>(), names);
        let header = wim::Header::parse(&bytes).unwrap();
        assert_eq!((header.boot_index, header.guid), (boot, archive.wim.header().guid));
        assert!(bytes.len() + 40_000 < built.bytes.len());
        peers_accept(&path);
        assert_eq!(RealDisk.list(folder.path()).unwrap(), ["a.wim"]);
    }
}

#[test]
fn split_parts_are_joined_again() {
    let folder = tempfile::tempdir().unwrap();
    let whole =
        source(exported(&source(archive(Packing::Stored, images()).build().bytes), options(Compression::Xpress)));
    let first = folder.path().join("a.swm");
    let paths = split(&RealDisk, &whole, &first, 50_000, options(Compression::None)).unwrap();
    assert!(paths.len() > 2, "{paths:?}");
    let bytes: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let want = shown(&read_all(&whole));
    assert_eq!(shown_of(&bytes.iter().map(Vec::as_slice).collect::<Vec<_>>()), want);
    for (path, bytes) in paths.iter().zip(&bytes) {
        let header = wim::Header::parse(bytes).unwrap();
        assert!(header.flags.contains(HeaderFlags::SPANNED) && header.image_count == 2);
        assert!(bytes.len() < 60_000 || header.part.number > 1, "{}", path.display());
    }
    let reference = format!("--ref={}/a*.swm", folder.path().display());
    testkit::wimlib(["verify", first.to_str().unwrap(), &reference]);
    // Not 7-Zip: it takes data of other parts that ends behind the first part's end for cut off.

    let mut parts: Vec<_> = bytes.iter().map(|bytes| source(bytes.clone())).collect();
    parts.reverse();
    let joined = folder.path().join("joined.wim");
    join(&RealDisk, &parts, &joined, Existing::Keep, options(Compression::None)).unwrap();
    let joined_bytes = fs::read(&joined).unwrap();
    assert_eq!(shown(&joined_bytes), want);
    peers_accept(&joined);
    let error = join(&RealDisk, &parts[1..], &joined, Existing::Replace, options(Compression::None)).unwrap_err();
    assert!(error.to_string().ends_with("is missing"), "{error}");
    assert_eq!(fs::read(&joined).unwrap(), joined_bytes);
}

fn read_all(source: &SourceArchive) -> Vec<u8> {
    let archive = source.wim.source();
    let mut bytes = vec![0; archive.size() as usize];
    wim::read_exact_at(archive, "archive", 0, &mut bytes).unwrap();
    bytes
}

#[test]
fn settings_change_nothing_but_the_xml_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    archive(Packing::Lzx(32768), images()).build().save(&path);
    let old = fs::read(&path).unwrap();
    let settings = Settings {
        images: vec![(2, ImageSettings { name: Some("zwei & <2>".into()), description: Some("größer".into()) })],
        boot: Some(1),
    };
    set(&RealDisk, &path, &settings, options(Compression::None)).unwrap();
    let new = fs::read(&path).unwrap();
    let parsed = source(new.clone());
    let image = parsed.wim.xml().image(2).unwrap();
    assert_eq!(
        (image.name.as_deref(), image.description.as_deref(), parsed.wim.header().boot_index),
        (Some("zwei & <2>"), Some("größer"), 1)
    );
    assert!(new[208..old.len()] == old[208..], "old bytes stay");
    peers_accept(&path);
    let error = set(&RealDisk, &path, &Settings { boot: Some(3), ..Settings::default() }, options(Compression::None));
    assert!(error.unwrap_err().to_string().ends_with("has no image 3, only 2"));
    assert_eq!(fs::read(&path).unwrap(), new);
    assert_eq!(RealDisk.list(folder.path()).unwrap(), ["a.wim"]);
}

#[test]
fn xml_data_stays_where_no_setting_concerns_it() {
    let text = "<!-- head --><WIM a='>'>\n<X/><TOTALBYTES>0</TOTALBYTES><!-- one -->\
        <IMAGE Y=\"INDEX='3'\" INDEX='1'><Z><NAME>z</NAME></Z><NAME>one</NAME> </IMAGE>\
        <IMAGE INDEX=\"2\"><NAME>two</NAME></IMAGE><End/></WIM>\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let with_xml = |text: &str| Wim { xml: Xml::Text(text.into()), ..archive(Packing::Lzx(32768), images()) };
    with_xml(text).build().save(&path);
    let one = ImageSettings { name: Some("1".into()), description: None };
    let settings = Settings { images: vec![(1, one)], boot: None };
    set(&RealDisk, &path, &settings, options(Compression::None)).unwrap();
    let new = source(fs::read(&path).unwrap());
    let table = new.wim.header().blob_table;
    let total = format!("<TOTALBYTES>{}<", table.offset + table.stored_size);
    let want = text.replace("<NAME>one<", "<NAME>1<").replace("<TOTALBYTES>0<", &total);
    assert_eq!(new.wim.xml().text(), want);
    peers_accept(&path);

    for text in ["<WIM><IMAGE INDEX='1'>", "<!DOCTYPE WIM><WIM></WIM>", "<WIM><IMAGE INDEX='2'/></WIM>"] {
        with_xml(text).build().save(&path);
        let old = fs::read(&path).unwrap();
        let error = set(&RealDisk, &path, &settings, options(Compression::None)).unwrap_err();
        assert!(error.to_string().contains("cannot grow: XML data at"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), old, "{text}");
    }
}

#[test]
fn damaged_sources_leave_nothing_at_the_destination() {
    for (packing, compression) in [
        (Packing::Lzx(32768), Compression::Lzx),
        (Packing::Stored, Compression::None),
        (Packing::Xpress(4096), Compression::Lzx),
    ] {
        let mut built = archive(packing, images()).build();
        let place = built.resource(&testkit::content::text(100_000)).range.clone();
        built.flip(place.end - 20, 3);
        let source = source(built.bytes);
        let disk = SimDisk::default();
        let options = Options { encoder, ..options(compression) };
        let error = export(&disk, &all_images(&source), &dest(), Destination::New, None, options).unwrap_err();
        assert!(matches!(error, Error::Source { .. }), "{error}");
        assert_eq!(disk.image().names(), Vec::<&str>::new());
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let source = source(archive(Packing::Stored, images()).build().bytes);
    type Case<'a> = (&'a str, fn(&mut Vec<u8>), &'a str);
    let named: &[Case<'_>] = &[
        ("read-only", |bytes| bytes[0x10] |= 4, "d/a.wim: marked as read-only"),
        ("in progress", |bytes| bytes[0x10] |= 0x40, "d/a.wim: another program is writing to it, or was interrupted"),
        (
            "spanned",
            |bytes| bytes[0x10] |= 8,
            "d/a.wim: part of a split archive, which cannot grow; join the parts first",
        ),
        ("tail", |bytes| bytes.extend([7; 9]), "another program is writing to it, or was interrupted"),
        ("no archive", |bytes| bytes[0] = 0, "d/a.wim: reading the destination"),
    ];
    let base = archive(Packing::Stored, vec![testkit::Image::new("base", testkit::root([]))]).build().bytes;
    for (name, damage, want) in named {
        let mut bytes = base.clone();
        damage(&mut bytes);
        let disk = SimDisk::new(Image::default().with("d/a.wim", bytes.clone()));
        let options = options(Compression::None);
        let error = export(&disk, &all_images(&source), &dest(), Destination::Append, None, options).expect_err(name);
        assert!(error.to_string().ends_with(want), "{name}: {error}");
        assert_eq!(disk.image().iter().collect::<Vec<_>>(), [(Path::new("d/a.wim"), &*bytes)], "{name}");
    }
    let disk = SimDisk::new(Image::default().with("d/a.wim", base.clone()));
    let to = |destination| export(&disk, &all_images(&source), &dest(), destination, None, options(Compression::None));
    assert_eq!(to(Destination::New).unwrap_err().to_string(), "d/a.wim: exists; --overwrite replaces it");
    let writer = disk.open(&dest(), crate::Access::Write).unwrap();
    assert!(writer.try_lock().unwrap());
    assert!(matches!(to(Destination::Append), Err(Error::Locked { .. })));
    drop(writer);
    assert_eq!(disk.image().get(&dest()), Some(&*base));
    to(Destination::Append).unwrap();
    let again = to(Destination::Append).unwrap_err();
    assert_eq!(again.to_string(), "d/a.wim: has an image named \"one\"; --name gives another");
    to(Destination::Replace).unwrap();
    assert_eq!(shown(disk.image().get(&dest()).unwrap()).len(), 2);
}
