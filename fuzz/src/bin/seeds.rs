//! Writes inputs to start from, made by testkit, into FOLDER/TARGET: `cargo run --bin seeds FOLDER`.
#![expect(clippy::unwrap_used, reason = "a failure here is a fault of the script that calls it")]

use std::fs;
use std::path::Path;

use access::{Control, Descriptor, Sid, allow};
use testkit::{Image, Packing, Solid, Wim, dir, file, pack, pipe, reparse, root};
use wimstore_fuzz::{resource_input, store_input};

/// A file of users with every field.
const USERS: &str = r#"version = 1
domain = "S-1-5-21-1-2-3"
[[user]]
name = "alice"
rid = 1000
password = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
groups = ["All"]
admin = true
disabled = true
expires = 2027-01-01T01:02:03+01:00
principal = ["alice@EXAMPLE.ORG"]
[[group]]
name = "All"
sid = "S-1-5-21-9-9-9-1100"
groups = ["All"]
[map]
"unix:deploy" = "all"
"#;

fn main() {
    let folder = std::env::args_os().nth(1).expect("usage: seeds FOLDER");
    let save = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    };
    let supplier = Wim::new(Packing::Lzx(32768), root([file("victim", "victim")])).build().bytes;
    for fault in testkit::faults::all() {
        let built = (fault.build)();
        if built.bytes.len() > 64 << 10 {
            continue;
        }
        save("archive", fault.name, &built.bytes);
        save("store", fault.name, &store_input(&built.bytes, &supplier));
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
    let list = allow(&[(0x001f_01ff, Sid::ADMINISTRATORS), (0x0012_00a9, Sid::EVERYONE)]);
    let made = Descriptor::new(Control::DACL_PROTECTED, Sid::ADMINISTRATORS, Sid::EVERYONE, &list).unwrap();
    save("descriptor", "uniform", &made.to_bytes());
    save("descriptor", "ntfs", &testkit::ntfs::DESCRIPTOR);
    let text = "O:BAG:S-1-5-21-1-2-3-513D:PAI(A;OICIIO;FR;;;WD)(OD;;GRCC;bf967aba-0de6-11d0-a285-00aa003049e2;;DA)S:(ML;;NR;;;HI)";
    save("sddl", "lists", text.as_bytes());
    save("sddl", "none", b"O:S-1-0x000100000000-7D:NO_ACCESS_CONTROL");
    save("users", "all", USERS.as_bytes());
    for kind in ["text", "exe", "random"] {
        for (target, size) in [("xpress", 15_u8), ("lzx", 0), ("lzms", 15)] {
            let (src, _) = testkit::chunk(target, kind);
            save(target, kind, &[&[size], &src[..]].concat());
        }
    }
    for (options, kind) in ["text", "exe", "random", "zeros", "text", "exe"].into_iter().enumerate() {
        let data = testkit::content::of_kind(kind, 3000);
        save("encode_lzms", &format!("{kind}-{options}"), &[&[options as u8 * 4], &data[..]].concat());
    }
    for packing in Packing::all() {
        let text = testkit::content::text(70_000);
        let built = Wim::new(packing, root([file("t", &text)])).integrity(4096).build().bytes;
        save("archive", &format!("{packing:?}"), &built);
        save("store", &format!("{packing:?}"), &store_input(&built, &[]));
        let text = &text[..40_000];
        let packed = pack(text, packing);
        let compression = match packing {
            Packing::Stored => 0,
            Packing::Xpress(_) => 1,
            Packing::Lzx(_) => 2,
            Packing::Lzms(_) => 3,
        };
        let exponent = packing.chunk_size().checked_ilog2().unwrap_or(15) as u8 - 12;
        let resource = |kind, name: &str, stored: &[u8]| {
            let input = resource_input(kind, exponent, text.len() as u32, stored);
            save("resource", &format!("{packing:?}{name}"), &input);
        };
        resource(compression, "", &packed.bytes);
        resource(compression | 8, "-pipable", &pipe::piped(&packed).bytes);
        resource(compression | 4, "-solid", &Solid::new(packing).pack(text).bytes);
    }
}
