//! Files larger than 4 GiB, whose chunk tables have entries of 8 bytes.

use std::fs::File;
use std::os::unix::fs::FileExt;

use testkit::{Data, Packing, Wim, file, huge, root};
use wimstore_tests::{Mount, answer};

#[test]
fn a_file_of_more_than_4_gib() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("huge.wim");
    let packing = Packing::Xpress(65536);
    let tree = root([file("huge", Data::Hash(huge::HASH)), file("small", "small")]);
    Wim { blobs: vec![huge::blob(packing)], ..Wim::new(packing, tree) }.build().save(&archive);
    let listed = answer(&["ls".as_ref(), "-l".as_ref(), archive.as_os_str(), "testkit/huge".as_ref()]);
    assert!(listed.contains(&format!(" {} ", huge::SIZE)), "{listed}");

    let mount = Mount::new(&archive, &["--image", "1"]);
    assert_eq!(std::fs::read(mount.path().join("small")).unwrap(), b"small");
    let file = File::open(mount.path().join("huge")).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.len(), huge::SIZE);
    let end = huge::SIZE - huge::END.len() as u64;
    for (offset, len, want) in [
        (end - 5, 100, [&[0; 5], huge::END].concat()), // the first read hashes all of it
        ((1 << 32) - 3, 6, vec![0; 6]),
        (1 << 31, 70_000, vec![0; 70_000]),
        (0, 1, vec![0]),
        (huge::SIZE, 10, vec![]),
    ] {
        let mut buf = vec![0xAA; len];
        let read = file.read_at(&mut buf, offset).unwrap();
        assert!(buf[..read] == want, "{read} bytes at {offset}");
    }
}
