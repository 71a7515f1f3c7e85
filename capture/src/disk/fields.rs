//! Reading structures of a disk: every access is checked, and errors say where.

use wim::ReadAt;

use super::{Error, Result};

/// The bytes of a structure, with the place that errors give.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    what: &'static str,
    at: u64,
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    /// A structure called `what`, which is stored at `at`.
    pub(crate) fn new(what: &'static str, at: u64, bytes: &'a [u8]) -> Self {
        Self { what, at, bytes }
    }

    /// `len` bytes from `offset` on.
    pub(crate) fn slice(&self, offset: usize, len: usize) -> Result<&'a [u8]> {
        let end = offset.checked_add(len);
        end.and_then(|end| self.bytes.get(offset..end)).ok_or(Error::Truncated {
            what: self.what,
            at: self.at,
            need: (offset as u64).saturating_add(len as u64),
            have: self.bytes.len() as u64,
        })
    }

    /// Everything from `offset` on.
    #[cfg(unix)]
    pub(crate) fn rest(&self, offset: usize) -> Result<&'a [u8]> {
        self.slice(offset, self.bytes.len().saturating_sub(offset))
    }

    /// A part as a structure of its own.
    pub(crate) fn part(&self, what: &'static str, offset: usize, len: usize) -> Result<Self> {
        let bytes = self.slice(offset, len)?;
        Ok(Self { what, at: self.at + offset as u64, bytes })
    }

    fn array<const N: usize>(&self, offset: usize) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.slice(offset, N)?);
        Ok(array)
    }

    pub(crate) fn u8(&self, offset: usize) -> Result<u8> {
        self.array(offset).map(|[byte]| byte)
    }

    pub(crate) fn u16(&self, offset: usize) -> Result<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&self, offset: usize) -> Result<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&self, offset: usize) -> Result<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// A number with its most significant byte first.
    pub(crate) fn u32_be(&self, offset: usize) -> Result<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }

    /// A number with its most significant byte first.
    pub(crate) fn u64_be(&self, offset: usize) -> Result<u64> {
        self.array(offset).map(u64::from_be_bytes)
    }

    pub(crate) fn guid(&self, offset: usize) -> Result<[u8; 16]> {
        self.array(offset)
    }

    /// The error for a number at `offset` that breaks a rule.
    pub(crate) fn invalid(&self, what: &'static str, offset: usize, value: u64, rule: &'static str) -> Error {
        Error::Invalid { what, at: self.at + offset as u64, value, rule }
    }
}

/// Reads `len` bytes, which the caller has held against a limit.
pub(crate) fn read_bytes(disk: &dyn ReadAt, what: &'static str, at: u64, len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    read_exact(disk, what, at, &mut bytes)?;
    Ok(bytes)
}

/// Fills `buf` from `at`.
pub(crate) fn read_exact(disk: &dyn ReadAt, what: &'static str, at: u64, buf: &mut [u8]) -> Result<()> {
    let need = buf.len() as u64;
    let have = disk.read_at(at, buf).map_err(|source| Error::Io { at, len: need, source })? as u64;
    if have < need { Err(Error::Truncated { what, at, need, have }) } else { Ok(()) }
}

/// A GUID that is written as text here: 32 digits with dashes.
pub(crate) const fn guid(text: &str) -> [u8; 16] {
    let digits = text.as_bytes();
    let (mut bytes, mut at, mut half) = ([0; 16], 0, 0);
    while at < digits.len() {
        let value = match digits[at] {
            b'-' => {
                at += 1;
                continue;
            }
            digit @ b'0'..=b'9' => digit - b'0',
            digit => digit - b'A' + 10,
        };
        bytes[GUID_ORDER[half / 2]] |= if half % 2 == 0 { value << 4 } else { value };
        (at, half) = (at + 1, half + 1);
    }
    bytes
}

/// Where each byte of a GUID's text is stored.
const GUID_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_say_what_is_missing() {
        let fields = Fields::new("thing", 0x100, b"\x01\x02\x03\x04");
        assert_eq!((fields.u16(1).unwrap(), fields.u32_be(0).unwrap()), (0x0302, 0x0102_0304));
        for error in [fields.u32(1).unwrap_err(), fields.part("part", 4, 1).unwrap_err()] {
            assert_eq!(error.to_string(), "thing at 0x100 needs 5 bytes, but only 4 are there");
        }
        assert!(fields.slice(usize::MAX, 2).is_err());
    }

    #[test]
    fn guids_have_their_text() {
        let text = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";
        let bytes = guid(text);
        assert_eq!(&bytes[..8], b"\xA2\xA0\xD0\xEB\xE5\xB9\x33\x44");
        assert_eq!(&bytes[8..], b"\x87\xC0\x68\xB6\xB7\x26\x99\xC7");
    }
}
