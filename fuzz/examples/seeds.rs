//! Writes inputs to start from, made by testkit, into FOLDER/TARGET: `cargo run --example seeds FOLDER`.
#![expect(clippy::unwrap_used, reason = "a failure here is a fault of the script that calls it")]

use std::fs;
use std::path::Path;

use testkit::{Image, Packing, Wim, dir, file, reparse, root};

fn main() {
    let folder = std::env::args_os().nth(1).expect("usage: seeds FOLDER");
    let save = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    };
    for fault in testkit::faults::all() {
        let built = (fault.build)();
        if built.bytes.len() > 64 << 10 {
            continue;
        }
        save("archive", fault.name, &built.bytes);
        let tables = [
            ("blob_table", &built.places.blob_table),
            ("xml", &built.places.xml),
            ("integrity", &built.places.integrity),
        ];
        for (target, range) in tables {
            save(target, fault.name, built.bytes.get(range.clone()).unwrap_or_default());
        }
        save("header", fault.name, &built.bytes[..built.bytes.len().min(208)]);
        for tree in &built.places.trees {
            save("metadata", fault.name, &tree.bytes);
        }
    }
    let tree = root([dir("d", [file("f", "x").stream("s", "y").unix(1, 2, 0o100_644, 0).object_id(&[7; 16]).link(3)])]);
    save("metadata", "rich", &Image::new("i", tree).metadata().bytes);
    save("reparse", "symlink", &reparse::symlink(r"..\a", r"..\a", true));
    save("reparse", "junction", &reparse::junction(r"\??\C:\a", r"C:\a"));
    for kind in ["text", "exe", "random"] {
        for (target, size) in [("xpress", 15_u8), ("lzx", 0), ("lzms", 15)] {
            let (src, _) = testkit::chunk(target, kind);
            save(target, kind, &[&[size], &src[..]].concat());
        }
    }
    for packing in Packing::all() {
        let text = testkit::content::text(70_000);
        save(
            "archive",
            &format!("{packing:?}"),
            &Wim::new(packing, root([file("t", text)])).integrity(4096).build().bytes,
        );
    }
}
