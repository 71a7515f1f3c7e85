//! Specimens that wimlib writes.

use super::metadata;
use super::specimen::Specimen;
use super::value::read;
use crate::bytes::{Bytes, sha1, utf16};
use crate::header::GUID;
use crate::offset;
use crate::run::{capture, run, wimlib};
use crate::{content, pipe};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// One archive for each of these options of `wimlib-imagex capture`.
const OPTIONS: [(&str, &[&str]); 7] = [
    ("XPRESS, checked", &["--compress=xpress", "--chunk-size=4096", "--check"]),
    ("LZX", &["--compress=lzx"]),
    ("LZMS, checked", &["--compress=lzms", "--chunk-size=32768", "--check"]),
    ("solid LZMS, checked", &["--solid", "--solid-chunk-size=65536", "--check"]),
    ("pipable LZX", &["--compress=lzx", "--pipable"]),
    ("none", &["--compress=none"]),
    ("none with Unix data, checked", &["--compress=none", "--unix-data", "--check"]),
];

/// Archives that wimlib writes, the same each time. `folder` is used for files.
///
/// # Panics
/// wimlib is missing or fails.
pub fn peers(folder: &Path) -> Vec<Specimen> {
    let source = folder.join("source");
    write_source(&source);
    let made = OPTIONS.iter().enumerate().map(|(number, (name, options))| {
        let archive = folder.join(format!("{number}.wim"));
        if *name == "none" {
            // Link ids, which are not the same each time, can be replaced where nothing is
            // compressed.
            fs::hard_link(source.join("code"), source.join("docs/code too")).expect("a hard link");
            set_times(&source);
        }
        capture(&source, &archive, &[&["one", "--threads=1"], *options].concat());
        if number % 2 == 1 {
            wimlib(["append".as_ref(), source.join("docs").as_os_str(), archive.as_os_str(), "two".as_ref()]);
            wimlib(["optimize".as_ref(), archive.as_os_str()]); // without the XML data of before
        }
        let bytes = fs::read(&archive).expect("wimlib just wrote it");
        same_each_time(Specimen::read(&format!("wimlib's {name}"), &bytes))
    });
    made.collect()
}

fn write_source(root: &Path) {
    let write = |name: &str, data: &[u8]| fs::write(root.join(name), data).expect("a file to capture");
    fs::create_dir_all(root.join("docs/deeper/empty")).expect("folders to capture");
    write("docs/hello.txt", b"hello");
    write("docs/text", &content::text(70_000));
    write("docs/deeper/inner", b"inner");
    write("code", &content::code(40_000));
    write("noise", &content::random(9000));
    write("empty", b"");
    write("hello again", b"hello");
    write("Straße-文件-🦀", b"unicode");
    // One only: wimlib stores the targets of several in any order.
    symlink("docs/hello.txt", root.join("link")).expect("a link");
    set_times(root);
}

fn set_times(root: &Path) {
    // The time of the last access is to come, and so reading does not change it.
    for (kind, time) in [("-m", "@1000000000"), ("-a", "@4000000000")] {
        run(Command::new("find").arg(root).args(["-exec", "touch", "-h", kind, "-d", time, "{}", "+"]));
    }
}

/// Replaces what differs each time: the GUID, link ids, and times in the XML data.
fn same_each_time(mut specimen: Specimen) -> Specimen {
    specimen.header.poke(offset::GUID, &GUID);
    for tree in &mut specimen.trees {
        tree.put(metadata::with_link_ids(tree.bytes.clone(), 1));
    }
    specimen.store_trees(true);
    specimen.xml = with_times(&specimen.xml);
    if specimen.is_pipable() {
        // It begins with a copy, before which are its length and hash.
        let start = pipe::resource_prefix(0, [0; 20], 0).len();
        let copy = start..start + read(&specimen.body[8..16]) as usize;
        let xml = with_times(&specimen.body[copy.clone()]);
        specimen.body.poke(16, &sha1(&xml));
        specimen.body.poke(start, &xml);
    }
    specimen
}

/// XML data with the same time wherever there is one.
fn with_times(xml: &[u8]) -> Vec<u8> {
    let text: Vec<u16> = xml.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16_lossy(&text);
    let parts = text.split("PART>0x").enumerate().map(|(number, part)| match part.split_once('<') {
        Some((_, rest)) if number > 0 => format!("01D70CEA<{rest}"),
        _ => part.to_owned(),
    });
    utf16(&parts.collect::<Vec<_>>().join("PART>0x"))
}
