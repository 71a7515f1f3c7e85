//! The security descriptors of an image.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::warning::Warnings;
use crate::{Error, Result, Warning, memory};

/// The fixed part as stored; sizes and descriptors follow.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawSecurityData {
    length: U32,
    count: U32,
}
const FIXED: usize = size_of::<RawSecurityData>();
const _: () = assert!(FIXED == 8);

impl RawSecurityData {
    /// The head of a block of `length` bytes with `count` descriptors.
    pub(crate) fn new(length: u32, count: u32) -> Self {
        Self { length: length.into(), count: count.into() }
    }
}

/// Where the security descriptors lie at the start of a metadata resource.
#[derive(Debug)]
pub(super) struct SecurityData {
    /// Where each descriptor begins, and where the last one ends.
    bounds: Box<[u32]>,
    /// Where the block ends and the root directory's entry begins.
    pub(super) end: u64,
}

impl SecurityData {
    /// Parses the block at the start of `bytes`, which are fewer than 4 GiB.
    pub(super) fn parse(bytes: &[u8], warnings: &mut Warnings) -> Result<Self> {
        let (what, have) = ("security data", bytes.len() as u64);
        let truncated = |need| Error::Truncated { what, at: 0, need, have };
        let (raw, _) = RawSecurityData::ref_from_prefix(bytes).map_err(|_| truncated(FIXED as u64))?;
        let stated = raw.length.get();
        let length = if stated == 0 { FIXED } else { stated as usize };
        let block = bytes.get(..length).ok_or(truncated(u64::from(stated)))?;
        let invalid = |at, value, rule| Error::Invalid { what, at, value, rule };
        let count = raw.count.get() as usize;
        let (sizes, _) = block
            .get(FIXED..)
            .and_then(|rest| <[U64]>::ref_from_prefix_with_elems(rest, count).ok())
            .ok_or(invalid(4, count as u64, "more descriptors than there is room for"))?;

        let mut end = FIXED + size_of_val(sizes);
        let mut bounds = memory::list(0, count + 1)?;
        bounds.push(end as u32);
        for (at, size) in (FIXED as u64..).step_by(8).zip(sizes) {
            let fits = usize::try_from(size.get()).ok().and_then(|size| end.checked_add(size));
            end = fits.filter(|&end| end <= length).ok_or(invalid(at, size.get(), "more bytes than are left"))?;
            bounds.push(end as u32);
        }
        let (used, stated) = (end.next_multiple_of(8) as u64, length.next_multiple_of(8) as u64);
        if used < stated {
            warnings.push(Warning::SecurityDataLength { stated, used });
        }
        Ok(Self { bounds: bounds.into(), end: stated })
    }

    /// How many descriptors there are, counting empty slots.
    pub(super) fn count(&self) -> u32 {
        self.bounds.len() as u32 - 1
    }

    /// The descriptor with this id in `bytes`, which are those that were parsed; empty for a slot
    /// that is not used.
    pub(super) fn get<'a>(&self, bytes: &'a [u8], id: u32) -> Option<&'a [u8]> {
        let start = *self.bounds.get(id as usize)?;
        let end = *self.bounds.get(id as usize + 1)?;
        bytes.get(start as usize..end as usize)
    }

    /// The bytes of memory that this value holds.
    pub(super) fn memory_size(&self) -> usize {
        size_of_val(&*self.bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(length: u32, count: u32, sizes: &[u64], descriptors: &[u8]) -> Vec<u8> {
        let mut bytes = [length.to_le_bytes(), count.to_le_bytes()].concat();
        sizes.iter().for_each(|size| bytes.extend(size.to_le_bytes()));
        bytes.extend(descriptors);
        bytes
    }

    #[test]
    fn finds_descriptors() {
        let bytes = block(40, 3, &[3, 0, 2], b"abcde\0\0\0the root");
        let mut warnings = Warnings::default();
        let security = SecurityData::parse(&bytes, &mut warnings).unwrap();
        let all: Vec<_> = (0..4).map(|id| security.get(&bytes, id)).collect();
        assert_eq!(all, [Some(&b"abc"[..]), Some(b""), Some(b"de"), None]);
        assert_eq!(security.get(&bytes, u32::MAX), None);
        assert_eq!((security.count(), security.end), (3, 40));
        assert!(warnings.into_vec().is_empty());
    }

    #[test]
    fn may_be_absent() {
        for length in [0, 8] {
            let security = SecurityData::parse(&block(length, 0, &[], b""), &mut Warnings::default()).unwrap();
            assert_eq!((security.count(), security.end), (0, 8), "{length}");
        }
    }

    #[test]
    fn ends_where_it_says() {
        let bytes = block(45, 1, &[3], &[0; 40]);
        let mut warnings = Warnings::default();
        assert_eq!(SecurityData::parse(&bytes, &mut warnings).unwrap().end, 48);
        let want = "security data states 48 bytes, but its descriptors take 24";
        assert_eq!(warnings.into_vec()[0].to_string(), want);
    }

    #[test]
    fn says_what_is_wrong() {
        let cases: &[(&str, Vec<u8>, &str)] = &[
            ("cut short", vec![8, 0, 0, 0], "security data at 0x0 needs 8 bytes, but only 4 are there"),
            ("longer than all", block(17, 0, &[0], b""), "security data at 0x0 needs 17 bytes, but only 16 are there"),
            (
                "no room for sizes",
                block(16, 2, &[0, 0], b""),
                "security data at 0x4 is 0x2, more descriptors than there is room for",
            ),
            (
                "most descriptors",
                block(16, u32::MAX, &[0, 0], b""),
                "security data at 0x4 is 0xffffffff, more descriptors than there is room for",
            ),
            (
                "shorter than its head",
                block(7, 0, &[], b""),
                "security data at 0x4 is 0x0, more descriptors than there is room for",
            ),
            ("past the end", block(24, 1, &[9], &[0; 8]), "security data at 0x8 is 0x9, more bytes than are left"),
            (
                "wraps",
                block(32, 2, &[8, u64::MAX], &[0; 8]),
                "security data at 0x10 is 0xffffffffffffffff, more bytes than are left",
            ),
        ];
        for (name, bytes, want) in cases {
            let error = SecurityData::parse(bytes, &mut Warnings::default()).expect_err(name).to_string();
            assert_eq!(error, *want, "{name}");
        }
    }
}
