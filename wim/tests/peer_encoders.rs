//! wimlib and 7-Zip read what the encoders write, at every level and at chunk sizes from the
//! smallest to large ones.
#![cfg(unix)] // the programs asked are
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;

use testkit::{Blob, Packed, Packing, Wim, chunked, content, file, root, sha1, tool, wimlib};
use wim::{Compression, Encoder, Level};

/// Files of all kinds: text, code, noise, tables, a program, and sizes that no chunk has.
fn contents() -> Vec<(String, Vec<u8>)> {
    let mut files = vec![
        ("text".into(), content::text(400_001)),
        ("code".into(), content::code(300_000)),
        ("random".into(), content::random(70_000)),
        ("zeros".into(), vec![0; 1_100_000]),
        ("counter".into(), (0..60_000_u32).flat_map(u32::to_le_bytes).collect()),
        ("waves".into(), (0..90_000_u32).flat_map(|at| ((at % 3000).pow(2) as u16 / 7).to_le_bytes()).collect()),
        ("program".into(), fs::read(std::env::current_exe().unwrap()).unwrap()[..2_500_000].to_vec()),
    ];
    files.extend((1..40).map(|size| (format!("{size}-bytes"), b"ab".repeat(20)[..size].to_vec())));
    files.extend([4095, 32_767, 32_769, 131_071, 131_073].map(|size| (format!("{size}-bytes"), content::text(size))));
    files
}

/// A resource of chunks that an encoder made; as it is, if that is no larger.
fn pack(encoder: &mut Encoder, chunk_size: usize, data: &[u8]) -> Packed {
    let chunks = data.chunks(chunk_size).map(|chunk| {
        let mut dst = vec![0; chunk.len()];
        encoder.encode(chunk, &mut dst).map_or_else(|| chunk.to_vec(), |size| dst[..size].to_vec())
    });
    let packed = chunked(data.len() as u64, &chunks.collect::<Vec<_>>());
    if packed.bytes.len() < data.len() { packed } else { testkit::stored(data) }
}

/// Writes an archive of `files` and has both programs check it.
fn check(compression: Compression, level: Level, order: u32, files: &[(String, Vec<u8>)]) {
    let mut encoder = Encoder::new(compression, level, 1 << order).unwrap();
    let packing = match compression {
        Compression::Xpress => Packing::Xpress(1 << order),
        Compression::Lzx => Packing::Lzx(1 << order),
        _ => Packing::Lzms(1 << order),
    };
    let blob = |data: &Vec<u8>| Blob { hash: sha1(data), packed: pack(&mut encoder, 1 << order, data) };
    let blobs = files.iter().map(|(_, data)| data).map(blob).collect();
    let entries: Vec<_> = files.iter().map(|(name, data)| file(name, data)).collect();
    let wim = Wim { blobs, ..Wim::new(packing, root(entries)) };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{compression}-{level:?}-{order}.wim"));
    wim.build().save(&path);
    verify(&path);
}

fn verify(archive: &Path) {
    wimlib(["verify".as_ref(), archive.as_os_str()]);
    tool("7zip", "7zz", ["t".as_ref(), archive.as_os_str()]);
}

fn check_all(compression: Compression, orders: &[u32]) {
    let files = contents();
    for &order in orders {
        for level in [Level::Fast, Level::Default, Level::Max] {
            check(compression, level, order, &files);
        }
    }
}

#[test]
fn xpress() {
    check_all(Compression::Xpress, &[12, 15, 16]);
}

#[test]
fn lzx() {
    check_all(Compression::Lzx, &[15, 18, 21]);
}

#[test]
fn lzms() {
    check_all(Compression::Lzms, &[15, 17, 20]);
}

/// Chunks as in solid resources, which are searched in another way.
#[test]
fn lzms_in_large_chunks() {
    check_all(Compression::Lzms, &[21, 26]);
}
