//! The rules that archives which we write must obey (`tests/rules`, in Python, without any of our
//! code): they accept wimlib's archives, and each rule finds its own fault.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{capture, need};

/// Rules that wimlib does not obey: its GUIDs have no version, and TOTALBYTES comes last.
const NOT_OF_WIMLIB: [&str; 2] = ["guid", "xml"];

/// Damages an archive.
type Fault = fn(&mut Vec<u8>);

/// The flag of a row of the blob table that is an image's metadata.
const METADATA: u8 = 0x02;

/// The rules that an archive breaks, and what is printed about them.
fn broken(archive: &Path, left_out: &[&str]) -> (Vec<String>, String) {
    let mut command = Command::new(need("python3", "python3"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["-B", "-m", "rules"]).arg(archive);
    for rule in left_out {
        command.args(["--except", rule]);
    }
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rules: Vec<String> = text.lines().filter_map(|line| Some(line.split(": ").nth(1)?.to_owned())).collect();
    assert_eq!(output.status.success(), rules.is_empty(), "{text}");
    (rules, text)
}

#[test]
fn archives_of_wimlib_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path());
    let kinds: [(&str, &[&str]); 6] = [
        ("none.wim", &["--compress=none", "--check"]),
        ("xpress.wim", &["--compress=xpress", "--check"]),
        ("lzx.wim", &["--compress=lzx"]),
        ("lzx-fast.wim", &["--compress=lzx:20"]),
        ("lzms.wim", &["--compress=lzms"]),
        ("solid.esd", &["--solid", "--check"]),
    ];
    for (name, options) in kinds {
        let archive = folder.path().join(name);
        capture(&tree, &archive, &[&["NAME"], options].concat());
        let (rules, text) = broken(&archive, &NOT_OF_WIMLIB);
        assert!(rules.is_empty(), "{text}");
    }
}

#[test]
fn each_rule_finds_its_fault() {
    let folder = tempfile::tempdir().unwrap();
    let tree = tree(folder.path());
    for compression in ["none", "xpress", "lzx"] {
        let options = ["NAME", "--check", &format!("--compress={compression}")];
        capture(&tree, &folder.path().join(compression), &options);
    }

    let cases: &[(&str, &str, Fault)] = &[
        ("header_flags", "xpress", |wim| wim[0x10] |= 0x04), // read-only
        ("header_flags", "xpress", |wim| wim[0x12] |= 0x04), // LZX, too
        ("header_flags", "none", |wim| wim[0x15] = 0x80),    // a chunk size without chunks
        ("chunk_size", "lzx", |wim| wim[0x14..0x18].copy_from_slice(&65536_u32.to_le_bytes())),
        ("version", "xpress", |wim| wim[0x0C..0x10].copy_from_slice(&0xE00_u32.to_le_bytes())),
        ("guid", "xpress", |wim| wim[0x1F] = 0),
        ("boot", "xpress", |wim| wim[0x78] = 1),
        ("layout", "xpress", |wim| wim.push(0)),
        ("layout", "xpress", |wim| row(wim, 0)[8] += 1),
        ("tables_are_plain", "xpress", |wim| wim[0x37] |= 0x04),
        ("rows", "xpress", |wim| row(wim, 0)[24] = 2), // another part
        ("rows", "none", |wim| row(wim, 0)[16] += 1),  // another size than stored
        ("reference_counts", "xpress", |wim| row(wim, 0)[26] += 1),
        ("xml", "xpress", |wim| {
            let byte_order_mark = le(&wim[0x50..0x58]);
            wim[byte_order_mark] = 0;
        }),
        ("integrity", "xpress", |wim| wim[208] ^= 1),
        ("chunks", "xpress", |wim| wim[208] ^= 0x11),
        ("chunks", "lzx", |wim| wim[212] ^= 0x11),
        ("metadata", "none", |wim| {
            let start = metadata(wim);
            let at = start + le(&wim[start..start + 4]).max(8); // the root, after the security data
            wim[at + 0x0C] = 77; // a descriptor that is not there
        }),
    ];
    for (rule, compression, fault) in cases {
        let mut wim = fs::read(folder.path().join(compression)).unwrap();
        fault(&mut wim);
        let archive = folder.path().join("damaged");
        fs::write(&archive, wim).unwrap();
        let (rules, text) = broken(&archive, if NOT_OF_WIMLIB.contains(rule) { &[] } else { &NOT_OF_WIMLIB });
        assert!(rules.iter().any(|found| found == rule), "{rule}: {text}");
    }
}

/// A tree with a program, texts, a hard link, an empty file and an empty folder.
fn tree(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("folder/empty")).unwrap();
    let text: String = (0..8000).map(|number| format!("line {number}\n")).collect();
    fs::write(tree.join("text"), &text).unwrap();
    fs::write(tree.join("other"), &text[1000..9000]).unwrap();
    fs::write(tree.join("nothing"), "").unwrap();
    fs::copy("/bin/true", tree.join("folder/program")).unwrap();
    fs::hard_link(tree.join("text"), tree.join("folder/link")).unwrap();
    tree
}

/// A number of eight little-endian bytes or fewer.
fn le(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

/// A row of the blob table.
fn row(wim: &mut [u8], index: usize) -> &mut [u8] {
    let at = le(&wim[0x38..0x40]) + 50 * index;
    &mut wim[at..at + 50]
}

/// Where the metadata of the first image lies.
fn metadata(wim: &mut [u8]) -> usize {
    let index = (0..).find(|&index| row(wim, index)[7] & METADATA != 0).unwrap();
    le(&row(wim, index)[8..16])
}
