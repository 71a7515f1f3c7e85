//! Records of `$MFT` and the attributes in them.

use crate::disk::Result;
use crate::disk::fields::Fields;

/// The bytes between two fixups, whatever the sector size.
const STRIDE: usize = 512;
const HEADER: usize = 0x30;
const END: u32 = u32::MAX;

/// Numbers of attributes.
pub(super) mod kind {
    pub(in crate::ntfs) const STANDARD_INFORMATION: u32 = 0x10;
    pub(in crate::ntfs) const ATTRIBUTE_LIST: u32 = 0x20;
    pub(in crate::ntfs) const FILE_NAME: u32 = 0x30;
    pub(in crate::ntfs) const OBJECT_ID: u32 = 0x40;
    pub(in crate::ntfs) const SECURITY_DESCRIPTOR: u32 = 0x50;
    pub(in crate::ntfs) const VOLUME_INFORMATION: u32 = 0x70;
    pub(in crate::ntfs) const DATA: u32 = 0x80;
    pub(in crate::ntfs) const REPARSE_POINT: u32 = 0xC0;
    pub(in crate::ntfs) const EA: u32 = 0xE0;
}

/// A record's number with the sequence number that distinguishes its uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Reference {
    pub(super) number: u64,
    pub(super) sequence: u16,
}

impl From<u64> for Reference {
    fn from(stored: u64) -> Self {
        Self { number: stored & 0xFFFF_FFFF_FFFF, sequence: (stored >> 48) as u16 }
    }
}

/// A record in use, with its fixups undone.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) reference: Reference,
    pub(super) is_directory: bool,
    /// The record that it extends; number 0 for a base record.
    pub(super) base: Reference,
    at: u64,
    first: usize,
    bytes: Vec<u8>,
}

impl Record {
    /// The record `number`, stored at `at`; `None` if it is not in use.
    pub(super) fn parse(number: u64, at: u64, stored: &[u8]) -> Result<Option<Self>> {
        let fields = Fields::new("record of $MFT", at, stored);
        let magic = fields.slice(0, 4)?;
        if magic == b"BAAD" {
            let rule = "the sign of a record that was not written as a whole";
            return Err(fields.invalid("magic of a record", 0, fields.u32(0)?.into(), rule));
        }
        let flags = fields.u16(0x16)?;
        if magic != b"FILE" || flags & 1 == 0 {
            return Ok(None);
        }
        let bytes = fixed_up(fields, stored)?;
        let fields = Fields::new("record of $MFT", at, &bytes);
        let first = fields.u16(0x14)?.into();
        if first < HEADER - 8 {
            return Err(fields.invalid("first attribute of a record", 0x14, first as u64, "inside of the header"));
        }
        let reference = Reference { number, sequence: fields.u16(0x10)? };
        let base = fields.u64(0x20)?.into();
        Ok(Some(Self { reference, is_directory: flags & 2 != 0, base, at, first, bytes }))
    }

    /// Its attributes in the order in which they are stored.
    pub(super) fn attributes(&self) -> Result<Vec<Attribute<'_>>> {
        let record = Fields::new("record of $MFT", self.at, &self.bytes);
        let (mut found, mut at) = (Vec::new(), self.first);
        loop {
            if record.u32(at)? == END {
                return Ok(found);
            }
            let len = record.u32(at + 4)?;
            if len < 0x18 || len % 8 != 0 {
                return Err(record.invalid(
                    "length of an attribute",
                    at + 4,
                    len.into(),
                    "no multiple of 8 from 24 on",
                ));
            }
            found.push(Attribute::parse(record.part("attribute", at, len as usize)?)?);
            at += len as usize;
        }
    }
}

/// A copy of a record in which the last two bytes of each 512 are those of its data.
fn fixed_up(fields: Fields<'_>, stored: &[u8]) -> Result<Vec<u8>> {
    let (offset, count) = (usize::from(fields.u16(4)?), usize::from(fields.u16(6)?));
    if count == 0 || (count - 1) * STRIDE != stored.len() {
        return Err(fields.invalid("number of fixups", 6, count as u64, "not one for every 512 bytes"));
    }
    let list = fields.slice(offset, 2 * count)?;
    let mut bytes = stored.to_vec();
    let (check, replaced) = list.split_at(2);
    for (block, original) in bytes.chunks_exact_mut(STRIDE).zip(replaced.chunks_exact(2)) {
        let end = &mut block[STRIDE - 2..];
        if end != check {
            let value = u64::from(u16::from_le_bytes([end[0], end[1]]));
            return Err(fields.invalid("end of a sector", 0, value, "not the mark that a whole record has"));
        }
        end.copy_from_slice(original);
    }
    Ok(bytes)
}

/// An attribute, or a part of one whose runs are in several records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) kind: u32,
    /// Its name in UTF-16 as stored; empty for the main one of its kind.
    pub(super) name: &'a [u8],
    pub(super) flags: u16,
    pub(super) body: Body<'a>,
}

/// Where the value of an attribute is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body<'a> {
    Resident(&'a [u8]),
    Clusters(Clusters<'a>),
}

/// A value in clusters. The sizes are those of the whole value, and only in its first part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clusters<'a> {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) pairs: &'a [u8],
    /// The logarithm of the clusters of a unit of compression; 0 for none.
    pub(super) unit: u16,
    pub(super) size: u64,
    /// The bytes that were ever written: the rest are zeros, whatever the clusters hold.
    pub(super) valid: u64,
}

impl<'a> Attribute<'a> {
    pub(super) const COMPRESSED: u16 = 0xFF;
    pub(super) const ENCRYPTED: u16 = 0x4000;

    fn parse(fields: Fields<'a>) -> Result<Self> {
        let name = fields.slice(fields.u16(0xA)?.into(), usize::from(fields.u8(9)?) * 2)?;
        let body = if fields.u8(8)? == 0 {
            Body::Resident(fields.slice(fields.u16(0x14)?.into(), fields.u32(0x10)? as usize)?)
        } else {
            let offset = usize::from(fields.u16(0x20)?);
            let (first, last) = (fields.u64(0x10)?, fields.u64(0x18)?);
            let (size, valid) = if first == 0 { (fields.u64(0x30)?, fields.u64(0x38)?) } else { (0, 0) };
            let unit = fields.u16(0x22)?;
            Body::Clusters(Clusters { first, last, pairs: fields.rest(offset)?, unit, size, valid: valid.min(size) })
        };
        Ok(Self { kind: fields.u32(0)?, name, flags: fields.u16(0xC)?, body })
    }

    /// The number of the first cluster in the value; 0 for a resident one.
    pub(super) fn first_cluster(&self) -> u64 {
        match self.body {
            Body::Resident(_) => 0,
            Body::Clusters(clusters) => clusters.first,
        }
    }
}
