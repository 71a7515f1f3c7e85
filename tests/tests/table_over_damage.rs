//! Integrity tables that real tools wrote over damage: the table then covers the damage, and vouches for
//! nothing unless the user says that it suffices.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::content;
use testkit::{hex, sha1};
use wimstore_tests::{Mount, run};

/// `EIO` of Linux.
const EIO: i32 = 5;

/// A file too large for its check block to be more work than itself, one that is not, and two of one chunk.
fn files() -> [(&'static str, Vec<u8>); 4] {
    let small = content::random(20_000);
    let sound = content::text(20_000);
    [("large", content::random(3_000_000)), ("sound", sound.clone()), ("small", small), ("text", sound[..9000].into())]
}

/// The files with a flipped bit.
const DAMAGED: [&str; 2] = ["large", "small"];

/// Runs wimlib-imagex.
fn wimlib(arguments: &[&dyn AsRef<std::ffi::OsStr>]) {
    let mut command = Command::new("wimlib-imagex");
    arguments.iter().for_each(|argument| _ = command.arg(argument.as_ref()));
    let output = command.output().expect("wimlib-imagex starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Captures the files with wimlib, flips a bit of each of [`DAMAGED`], and lets `renew` write an integrity table.
fn damaged(folder: &Path, compression: &str, renew: &dyn Fn(&Path, &Path)) -> PathBuf {
    let (source, more, archive) = (folder.join("source"), folder.join("more"), folder.join("damaged.wim"));
    fs::create_dir_all(&source).expect("a folder");
    fs::create_dir_all(&more).expect("a folder");
    fs::write(more.join("new"), "new").expect("a file");
    files().iter().for_each(|(name, data)| fs::write(source.join(name), data).expect("a file"));
    wimlib(&[&"capture", &source, &archive, &"one", &format!("--compress={compression}")]);
    let mut bytes = fs::read(&archive).expect("the archive");
    for (_, data) in files().iter().filter(|(name, _)| DAMAGED.contains(name)) {
        // What is random is stored as it is, also in archives that are compressed.
        let part = &data[10_000..10_100];
        let at = bytes.windows(part.len()).position(|window| window == part).expect("random data is stored raw");
        bytes[at + 50] ^= 4;
    }
    fs::write(&archive, bytes).expect("writing the archive");
    renew(&archive, &more);
    archive
}

/// Reads a window from the mount and not from the kernel's memory.
fn read_window(path: &Path, offset: u64) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    let mut window = vec![0; 4096];
    file.read_exact_at(&mut window, offset)?;
    Ok(window)
}

type Renew = (&'static str, fn(&Path, &Path));

const TOOLS: [Renew; 3] = [
    ("append", |archive, more| wimlib(&[&"append", &more, &archive, &"two", &"--check"])),
    ("update", |archive, more| {
        let add = format!("--command=add '{}' /added", more.display());
        wimlib(&[&"update", &archive, &"1", &add, &"--check"]);
    }),
    ("info", |archive, _| wimlib(&[&"info", &archive, &"1", &"renamed", &"--check"])),
];

#[test]
fn every_way_to_read_refuses_damage_that_a_table_covers() {
    for compression in ["LZX", "none"] {
        for (tool, renew) in TOOLS {
            let folder = tempfile::tempdir().unwrap();
            let archive = damaged(folder.path(), compression, &renew);
            let what = format!("{compression} {tool}");
            let mount = Mount::new(&archive, &["--image", "1"]);
            for (name, data) in files() {
                let path = mount.path().join(name);
                let (is_damaged, ends) = (DAMAGED.contains(&name), [0, data.len() as u64 - 4096]);
                // Twice, since what other files made known must not change the answer.
                for offset in ends.into_iter().cycle().take(4) {
                    match read_window(&path, offset) {
                        Ok(window) => {
                            assert!(!is_damaged, "{what} {name}");
                            assert!(data[offset as usize..].starts_with(&window), "{what} {name}");
                        }
                        Err(error) => {
                            assert!(is_damaged, "{what} {name}: {error}");
                            assert_eq!(error.raw_os_error(), Some(EIO), "{what} {name}");
                        }
                    }
                }
                let hash = xattr::get(&path, "user.wim.sha1").unwrap().unwrap();
                assert_eq!(hash, hex(&sha1(&data)).into_bytes(), "{what} {name}: the hash and the bytes agree");
                let cat = run(["cat", archive.to_str().unwrap(), "--image=1", name]);
                assert_eq!(
                    (cat.status.code(), cat.stdout == data),
                    (Some(i32::from(is_damaged)), !is_damaged),
                    "{what}"
                );
            }
            drop(mount);
            let out = folder.path().join("out");
            let extract = run(["extract".as_ref(), archive.as_os_str(), "--image=1".as_ref(), out.as_os_str()]);
            assert_eq!(extract.status.code(), Some(1), "{what}");
            for (name, data) in files() {
                let extracted = fs::read(out.join(name)).ok();
                assert_eq!(extracted, (!DAMAGED.contains(&name)).then_some(data), "{what} {name}");
            }
            let verify = run(["verify".as_ref(), archive.as_os_str()]);
            assert_eq!(verify.status.code(), Some(1), "{what}");
        }
    }
}

/// What `verify=blocks` means: the file is as it was when its table was written, which is damaged.
#[test]
fn blocks_suffice_where_the_user_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let archive = damaged(folder.path(), "none", &TOOLS[0].1);
    let mount = Mount::new(&archive, &["--image", "1", "--verify", "blocks"]);
    let [(large, data), ..] = files();
    let window = read_window(&mount.path().join(large), 8192).unwrap();
    let different = window.iter().zip(&data[8192..]).filter(|(read, written)| read != written).count();
    assert_eq!(different, 1, "the flipped bit is served");
}
