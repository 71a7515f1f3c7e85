//! A directory entry's streams: which hash is the hash of what.

use zerocopy::little_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Attributes;
use super::dentry::ListFault;
use super::seen::Seen;
use crate::{BlobHash, Error, Name};

/// The fixed part of an extra stream entry as stored; its name follows.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawStream {
    length: U64,     // 0x00
    unused: [u8; 8], // 0x08
    hash: [u8; 20],  // 0x10
    name_bytes: U16, // 0x24
}
const FIXED: usize = size_of::<RawStream>();
const _: () = assert!(FIXED == 38);

impl RawStream {
    /// An entry of `length` bytes, a multiple of 8, with a name of `name_bytes` without its end.
    pub(crate) fn new(length: u64, hash: BlobHash, name_bytes: u16) -> Self {
        Self { length: length.into(), unused: [0; 8], hash: hash.0, name_bytes: name_bytes.into() }
    }
}

/// The streams of a directory entry. A stream's size is its blob's.
#[derive(Debug, Clone, Copy)]
pub struct Streams<'a> {
    /// The file's data; `None` is an empty file. Always `None` for directories.
    pub unnamed: Option<BlobHash>,
    /// The reparse data without its head; `None` if it is empty or there is no reparse point.
    pub reparse: Option<BlobHash>,
    /// The raw encrypted file of EFS, which holds all streams. An encrypted file shows no others.
    pub efs: Option<BlobHash>,
    /// The extra entries whose names are streams, and what follows them.
    entries: &'a [u8],
    count: u16,
}

/// A named data stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedStream<'a> {
    /// The place of the stream among the directory entry's extra streams, which is what tells it
    /// from others: from 0, below 65535, and not always consecutive.
    pub index: u16,
    /// Its name, not empty.
    pub name: Name<'a>,
    /// Its data; `None` is an empty stream.
    pub hash: Option<BlobHash>,
}

impl<'a> Streams<'a> {
    /// The streams of an entry with this main hash and `count` extra streams at the start of
    /// `entries`.
    pub(super) fn new(attributes: Attributes, main: BlobHash, entries: &'a [u8], count: u16) -> Self {
        let mut streams = Self { unnamed: None, reparse: None, efs: None, entries, count };
        let extra = streams.extra().filter(|stream| stream.name.is_empty()).map(|stream| stream.hash);
        let mut unnamed = some(main).map(Some).into_iter().chain(extra);
        if attributes.contains(Attributes::ENCRYPTED) {
            streams.efs = unnamed.flatten().next();
            streams.count = 0;
            return streams;
        }
        if attributes.contains(Attributes::REPARSE_POINT) {
            streams.reparse = unnamed.next().flatten();
        }
        if !attributes.contains(Attributes::DIRECTORY) {
            streams.unnamed = unnamed.next().flatten();
        }
        streams
    }

    /// The named streams in the order of their entries.
    pub fn named(&self) -> impl Iterator<Item = NamedStream<'a>> + use<'a> {
        self.extra().filter(|stream| !stream.name.is_empty())
    }

    /// The hashes of all extra entries at the start of `entries`, whatever they are for.
    pub(super) fn extra_hashes(entries: &'a [u8], count: u16) -> impl Iterator<Item = BlobHash> + use<'a> {
        let all = Self { unnamed: None, reparse: None, efs: None, entries, count };
        all.extra().filter_map(|stream| stream.hash)
    }

    /// All extra entries, unnamed ones too. [`skip_streams`] has found them to be sound.
    fn extra(&self) -> impl Iterator<Item = NamedStream<'a>> + use<'a> {
        let mut rest = self.entries;
        (0..self.count).map_while(move |index| {
            let (raw, tail) = RawStream::ref_from_prefix(rest).ok()?;
            rest = rest.get((raw.length.get() as usize).next_multiple_of(8)..)?;
            let name = Name::new(tail.get(..usize::from(raw.name_bytes.get()))?);
            Some(NamedStream { index, name, hash: some(BlobHash(raw.hash)) })
        })
    }
}

/// The hash, unless it stands for no data.
fn some(hash: BlobHash) -> Option<BlobHash> {
    Some(hash).filter(|hash| !hash.is_zero())
}

/// Finds the end of `count` extra stream entries at `at`, and what keeps them, but not what
/// follows, from being used. Claims their bytes.
pub(super) fn skip_streams(
    bytes: &[u8],
    at: usize,
    count: u16,
    seen: &mut Seen,
) -> Result<(usize, Option<Error>), ListFault> {
    let (mut at, mut fault) = (at, None);
    for _ in 0..count {
        let rest = bytes.get(at..).unwrap_or_default();
        let truncated =
            |need| Error::Truncated { what: "extra stream entry", at: at as u64, need, have: rest.len() as u64 };
        let (raw, _) = RawStream::ref_from_prefix(rest).map_err(|_| truncated(FIXED as u64))?;
        let length = raw.length.get();
        let rounded = length.checked_next_multiple_of(8).filter(|&rounded| rounded <= rest.len() as u64);
        let rounded = rounded.ok_or(truncated(length))?;
        let invalid = |what, at, value, rule| Error::Invalid { what, at, value, rule };
        if rounded < FIXED as u64 {
            let rule = "shorter than its fixed part";
            return Err(invalid("length of an extra stream entry", at as u64, length, rule).into());
        }
        if !seen.claim(at..at + rounded as usize) {
            return Err(ListFault::Twice);
        }
        let name = u64::from(raw.name_bytes.get());
        if name % 2 != 0 || FIXED as u64 + name > rounded {
            let rule = "odd, or more than its entry has room for";
            fault.get_or_insert(invalid("length of a stream's name", at as u64 + 0x24, name, rule));
        }
        at += rounded as usize;
    }
    Ok((at, fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An extra entry; hash 0 is no data.
    fn entry(name: &str, hash: u8) -> Vec<u8> {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = (FIXED + name.len() + 2).next_multiple_of(8);
        let mut bytes = (length as u64).to_le_bytes().to_vec();
        bytes.extend([0; 8]);
        bytes.extend([hash; 20]);
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend(name);
        bytes.resize(length, 0);
        bytes
    }

    const FILE: u32 = 0x20;
    const DIRECTORY: u32 = 0x10;
    const LINK: u32 = 0x400;
    const ENCRYPTED: u32 = 0x4020;

    fn skip(bytes: &[u8], at: usize, count: u16) -> Result<(usize, Option<Error>), ListFault> {
        skip_streams(bytes, at, count, &mut Seen::new(bytes.len()).unwrap())
    }

    fn damage(bytes: &[u8], at: usize, count: u16) -> String {
        match skip(bytes, at, count).unwrap_err() {
            ListFault::Damaged(error) => error.to_string(),
            ListFault::Twice => "twice".into(),
        }
    }

    /// One line for attributes, main hash and extra entries: unnamed, reparse, EFS, and the named
    /// streams.
    fn resolve(attributes: u32, main: u8, extra: &[(&str, u8)]) -> String {
        let bytes: Vec<u8> = extra.iter().flat_map(|(name, hash)| entry(name, *hash)).collect();
        let (end, fault) = skip(&bytes, 0, extra.len() as u16).unwrap();
        assert!(fault.is_none());
        assert_eq!(end, bytes.len());
        let streams = Streams::new(Attributes(attributes), BlobHash([main; 20]), &bytes, extra.len() as u16);
        let number = |hash: Option<BlobHash>| hash.map_or(0, |hash| hash.0[0]);
        let mut line = format!("{} {} {}", number(streams.unnamed), number(streams.reparse), number(streams.efs));
        for stream in streams.named() {
            line += &format!(" {}:{}={}", stream.index, stream.name, number(stream.hash));
        }
        line
    }

    #[test]
    fn assigns_hashes_by_order_and_attributes() {
        type Case = (&'static str, u32, u8, &'static [(&'static str, u8)], &'static str);
        let cases: &[Case] = &[
            ("file", FILE, 1, &[], "1 0 0"),
            ("empty file", FILE, 0, &[], "0 0 0"),
            ("link", LINK, 1, &[], "0 1 0"),
            ("empty link", LINK, 0, &[], "0 0 0"),
            ("junction", DIRECTORY | LINK, 1, &[], "0 1 0"),
            ("directory", DIRECTORY, 0, &[], "0 0 0"),
            ("directory with a hash", DIRECTORY, 1, &[], "0 0 0"),
            ("named", FILE, 0, &[("", 1), ("a", 2), ("b", 0)], "1 0 0 1:a=2 2:b=0"),
            ("named, data last", FILE, 0, &[("a", 2), ("", 1)], "1 0 0 0:a=2"),
            ("named, data in the main hash", FILE, 1, &[("a", 2)], "1 0 0 0:a=2"),
            ("named, empty data", FILE, 0, &[("", 0), ("a", 2)], "0 0 0 1:a=2"),
            ("first of several unnamed", FILE, 1, &[("", 2)], "1 0 0"),
            ("deduplicated", FILE | LINK, 0, &[("", 1), ("", 2), ("", 3)], "2 1 0"),
            ("deduplicated, empty data", FILE | LINK, 1, &[("", 0), ("", 3)], "0 1 0"),
            ("empty reparse data", FILE | LINK, 0, &[("", 0), ("", 2)], "2 0 0"),
            ("directory with a stream", DIRECTORY, 0, &[("a", 1)], "0 0 0 0:a=1"),
            ("junction with a stream", DIRECTORY | LINK, 0, &[("", 1), ("a", 2)], "0 1 0 1:a=2"),
            ("encrypted", ENCRYPTED, 1, &[], "0 0 1"),
            ("encrypted, in an extra entry", ENCRYPTED, 0, &[("", 0), ("", 2), ("a", 3)], "0 0 2"),
        ];
        for (name, attributes, main, extra, want) in cases {
            assert_eq!(resolve(*attributes, *main, extra), *want, "{name}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let length = |bytes: &mut Vec<u8>, length: u64| bytes[..8].copy_from_slice(&length.to_le_bytes());
        let good = entry("ab", 1);
        let cases: &[(&str, u64, &str)] = &[
            ("too short", 32, "length of an extra stream entry at 0x8 is 0x20, shorter than its fixed part"),
            ("too long", 49, "extra stream entry at 0x8 needs 49 bytes, but only 48 are there"),
            ("wraps", u64::MAX, "extra stream entry at 0x8 needs 18446744073709551615 bytes, but only 48 are there"),
        ];
        for (name, value, want) in cases {
            let mut bytes = good.clone();
            length(&mut bytes, *value);
            assert_eq!(damage(&[vec![0; 8], bytes].concat(), 8, 1), *want, "{name}");
        }
        assert_eq!(damage(&good, 0, 2), "extra stream entry at 0x30 needs 38 bytes, but only 0 are there");
    }

    #[test]
    fn a_bad_name_does_not_hide_what_follows() {
        for name_bytes in [5, 12] {
            let mut bytes = entry("ab", 1);
            bytes[0x24] = name_bytes;
            bytes.extend(entry("c", 2));
            let (end, fault) = skip(&bytes, 0, 2).unwrap();
            assert_eq!(end, bytes.len());
            let want = format!(
                "length of a stream's name at 0x24 is {name_bytes:#x}, odd, or more than its entry has room for"
            );
            assert_eq!(fault.unwrap().to_string(), want);
        }
    }
}
