//! The drive through WinFsp's own DLL: its answers are those of the filesystem.
#![cfg(windows)]
#![expect(unsafe_code, reason = "stands in for a driver")]
#![expect(clippy::unwrap_used, reason = "a test")]

mod answers;
mod damage;
mod descriptor;
mod everywhere;
#[path = "../fsd/mod.rs"]
mod fsd;
mod live;
mod load;
mod meter;
mod seen;
mod soak;
mod walk;

use std::path::Path;
use std::sync::Arc;

use fs_core::{Filesystem, ImageChoice, Options, StreamInterface};
use mount_windows::{DriveOptions, Mounted};
use testkit::{Data, Dentry, Packing, Stream, Wim, content, dir, file, reparse, root, utf16};

/// A store as the program would mount it.
fn open(path: &Path, image: Option<u32>) -> Arc<Filesystem> {
    let image = image.map(ImageChoice::Number);
    let options = Options { image, ignore_case: true, streams: StreamInterface::None, ..Options::default() };
    Arc::new(Filesystem::open(path, options).unwrap())
}

fn mount(fs: &Arc<Filesystem>, options: DriveOptions) -> Mounted {
    mount_windows::mount(Arc::clone(fs), "R:".as_ref(), options).unwrap()
}

fn save(folder: &Path, tree: Dentry) -> std::path::PathBuf {
    let path = folder.join("a.wim");
    Wim::new(Packing::Lzx(32768), tree).build().save(&path);
    path
}

fn with_stream(mut dentry: Dentry, name: &str, data: &[u8]) -> Dentry {
    dentry.streams.push(Stream { name: utf16(name), data: data.into(), length: None });
    dentry
}

fn with_attributes(mut dentry: Dentry, attributes: u32) -> Dentry {
    dentry.attributes |= attributes;
    dentry
}

fn link(name: &str, target: &str, relative: bool) -> Dentry {
    file(name, Data::Empty).reparse(reparse::SYMLINK, reparse::symlink(target, target, relative))
}

/// An image with everything that the drive answers in a way of its own.
fn everything() -> Dentry {
    let many = (0..700).map(|n| file(&format!("entry-{n:04}.dat"), vec![b'a'; n % 13]));
    root([
        dir(
            "Docs",
            [
                with_stream(file("ReadMe.txt", "hello from a read-only volume\n"), "origin", b"pkg:1"),
                file("big.bin", content::of_kind("exe", 1_000_000)),
                with_attributes(file("locked", "x"), 0x1 | 0x2),
            ],
        ),
        link("link", "Docs", true),
        link("out", r"..\..\Docs", true),
        link("absolute", r"\??\C:\docs\README.TXT", false),
        file("junction", Data::Empty).reparse(reparse::JUNCTION, reparse::junction(r"\??\C:\Docs", r"C:\Docs")),
        with_stream(file("wof", "").reparse(0x8000_0017, vec![1, 0, 0, 0, 2, 0, 0, 0]), "", b"its data"),
        file("Ünïcode ß.txt", "x"),
        file("colon:star*", "y"),
        file("case", "lower"),
        file("CASE", "upper"),
        file(&"n".repeat(255), "long"),
        dir("many", many.collect::<Vec<_>>()),
        dir("empty", []),
    ])
}
