//! One target per parser and codec, and two that open an archive and read everything in it: as the
//! format's library does, and as a mount does.
//!
//! The law of all of them: errors are fine; panics, hangs and allocations that the input cannot
//! back are bugs. Targets are plain functions, so the ordinary tests replay inputs on stable Rust
//! (`tests/replay.rs`); `scripts/fuzz` lets libFuzzer find new ones.

mod archive;
mod store;

use access::users::Users;
use access::{Descriptor, Security, Sid, Stored, Token, sddl};
use wim::codec::{lzms, lzx, xpress};
use wim::{BlobTable, Compression, Encoder, Header, IntegrityTable, Level, Metadata, XmlData, reparse};

pub use archive::resource_input;
pub use store::store_input;

/// A target: its name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("header", |data| drop(Header::parse(data))),
    ("blob_table", |data| drop(BlobTable::parse(data, 1, true))),
    ("integrity", |data| drop(IntegrityTable::parse(data, 0, 208..208 + data.len() as u64))),
    ("xml", |data| drop(XmlData::parse(data))),
    ("reparse", |data| {
        for tag in [reparse::SYMLINK, reparse::MOUNT_POINT] {
            drop(reparse::parse_link(tag, data));
        }
    }),
    ("descriptor", descriptor),
    ("sddl", sddl),
    ("ntacl", |data| ask(&Security::of_stored(&Stored::Ntacl(data.into()), None))),
    ("users", users),
    ("metadata", metadata),
    ("xpress", xpress),
    ("lzx", lzx),
    ("lzms", lzms),
    ("encode_lzms", encode_lzms),
    ("resource", archive::resource),
    ("archive", archive::archive),
    ("store", store::store),
];

/// What is parsed is written and parsed again.
fn descriptor(data: &[u8]) {
    let Some(parsed) = Descriptor::parse(data) else { return };
    for entry in [parsed.sacl, parsed.dacl].into_iter().flatten().flat_map(|list| list.entries()) {
        let _ = (entry.kind(), entry.mask(), entry.sid(), entry.data());
    }
    let written = parsed.to_bytes();
    let again = Descriptor::parse(&written).expect("what was written is valid");
    assert_eq!((again.owner, again.group), (parsed.owner, parsed.group));
    assert_eq!((again.sacl, again.dacl), (parsed.sacl, parsed.dacl));
    ask(&Security::of_stored(&Stored::Bytes(access::Source::Ntfs, data.into()), None));
}

/// What is parsed is written and parsed again.
fn sddl(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(bytes) = sddl::parse(text, Sid::new(5, &[21, 1, 2, 3])) else { return };
    let parsed = Descriptor::parse(&bytes).expect("what was parsed is valid");
    let written = sddl::write(&parsed).expect("what was parsed can be written");
    assert_eq!(sddl::parse(&written, None).as_ref(), Ok(&bytes), "{written}");
    ask(&Security::of_stored(&Stored::Text(text.into()), None));
}

/// Checks access for somebody, also to a file that inherits, and finds text.
fn ask(security: &Security) {
    let token = Token::exact(Sid::SYSTEM, &[Sid::EVERYONE, Sid::USERS], &[Sid::ADMINISTRATORS]);
    let granted = security.check(&token, access::MAXIMUM_ALLOWED).granted.unwrap_or(0);
    assert_eq!(security.check(&token, access::READ_DATA).is_granted(), granted & access::READ_DATA != 0);
    let _ = security.sddl();
    if let Some(inherited) = Security::inherited(security) {
        let _ = inherited.check(&token, access::READ_DATA);
    }
}

fn users(data: &[u8]) {
    let Ok(users) = std::str::from_utf8(data).map_err(drop).and_then(|text| Users::parse(text).map_err(drop)) else {
        return;
    };
    for user in users.users() {
        let _ = users.token(&user.name, std::time::SystemTime::UNIX_EPOCH);
    }
}

fn metadata(data: &[u8]) {
    if let Ok(tree) = Metadata::parse(data.to_vec()) {
        archive::walk(&tree);
    }
}

/// The chunk size is taken from the first byte, so that all sizes are met.
fn xpress(data: &[u8]) {
    if let Some((&size, src)) = data.split_first() {
        let mut dst = vec![0; 1 << (size % 17)];
        let _ = xpress::Decoder::default().decode(src, &mut dst);
    }
}

fn lzx(data: &[u8]) {
    if let Some((&size, src)) = data.split_first() {
        let chunk_size = 1 << (15 + size % 3);
        let mut dst = vec![0; (chunk_size as usize) >> (size >> 4)];
        let _ = lzx::Decoder::default().decode(src, &mut dst, chunk_size);
    }
}

fn lzms(data: &[u8]) {
    if let Some((&size, src)) = data.split_first() {
        let mut dst = vec![0; 1 << (size % 20)];
        let _ = lzms::Decoder::default().decode(src, &mut dst);
    }
}

/// Level and chunk size are taken from the first byte. What is encoded must decode to the same.
fn encode_lzms(data: &[u8]) {
    let Some((&options, chunk)) = data.split_first() else { return };
    let level = [Level::Fast, Level::Default, Level::Max][usize::from(options % 3)];
    let chunk_size = 1 << (15 + options / 3 % 7);
    let chunk = &chunk[..chunk.len().min(chunk_size as usize)];
    let mut dst = vec![0; chunk.len()];
    let mut encoder = Encoder::new(Compression::Lzms, level, chunk_size).expect("a chunk size that LZMS has");
    if let Some(size) = encoder.encode(chunk, &mut dst) {
        assert!(size < chunk.len(), "an encoded chunk is smaller");
        let mut decoded = vec![0; chunk.len()];
        lzms::Decoder::default().decode(&dst[..size], &mut decoded).expect("what was encoded can be decoded");
        assert!(decoded == chunk, "decoded to other bytes");
    }
}
