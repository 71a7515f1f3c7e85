//! Tagged items: what newer writers add to a directory entry.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// An item after a directory entry's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaggedItem<'a> {
    /// Its kind.
    pub tag: u32,
    /// Its content, without padding.
    pub data: &'a [u8],
}

impl TaggedItem<'_> {
    /// An NTFS object id.
    pub const OBJECT_ID: u32 = 1;
    /// Extended attributes.
    pub const EXTENDED_ATTRIBUTES: u32 = 2;
    /// wimlib's Unix data.
    pub const UNIX_DATA: u32 = 0x337D_D873;
    /// wimlib's older form of Linux extended attributes.
    pub const LINUX_XATTRS: u32 = 0x337D_D874;

    /// The kinds for which a [`File`](crate::write::File) has fields.
    pub(crate) const WRITTEN_BY_NAME: [u32; 3] = [Self::OBJECT_ID, Self::EXTENDED_ATTRIBUTES, Self::UNIX_DATA];
}

/// Unix attributes of a file, as wimlib stores them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnixData {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// File type and permissions, as `st_mode`.
    pub mode: u32,
    /// The device's number, as Linux packs it, for device nodes.
    pub rdev: u32,
}

/// An extended attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedAttribute<'a> {
    /// Its name: ASCII, compared without case on Windows.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// 0x80: who does not understand it must not use the file.
    pub flags: u8,
}

impl ExtendedAttribute<'_> {
    /// Whether it has a name as Linux's have.
    pub(super) fn is_linux(&self) -> bool {
        let prefixes: [&[u8]; 4] = [b"user.", b"security.", b"system.", b"trusted."];
        prefixes.iter().any(|prefix| self.name.starts_with(prefix))
    }
}

/// The head of a tagged item as stored.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawItem {
    tag: U32,
    length: U32,
}

impl RawItem {
    /// The head of an item whose data has `length` bytes without padding.
    pub(crate) fn new(tag: u32, length: u32) -> Self {
        Self { tag: tag.into(), length: length.into() }
    }
}

/// The items at the start of `bytes`, each padded to 8, up to the first that does not fit.
pub(super) fn tagged_items(bytes: &[u8]) -> impl Iterator<Item = TaggedItem<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (raw, tail) = RawItem::ref_from_prefix(rest).ok()?;
        let data = tail.get(..raw.length.get() as usize)?;
        rest = tail.get(data.len().next_multiple_of(8)..).unwrap_or_default();
        Some(TaggedItem { tag: raw.tag.get(), data })
    })
}

/// The Unix data in an item of that kind.
pub(super) fn parse_unix_data(data: &[u8]) -> Option<UnixData> {
    let (&[uid, gid, mode, rdev], _) = <[U32; 4]>::ref_from_prefix(data).ok()?;
    Some(UnixData { uid: uid.get(), gid: gid.get(), mode: mode.get(), rdev: rdev.get() })
}

/// The head of an extended attribute as Windows packs it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawEa {
    value_bytes: U16,
    name_bytes: u8,
    flags: u8,
}

impl RawEa {
    /// The head of an attribute; lengths in bytes, without the NUL after the name.
    pub(crate) fn new(value_bytes: u16, name_bytes: u8, flags: u8) -> Self {
        Self { value_bytes: value_bytes.into(), name_bytes, flags }
    }
}

/// The extended attributes in an item of that kind: all of them, or none if the last one does not
/// end with the item.
pub(super) fn windows_eas(data: &[u8]) -> impl Iterator<Item = ExtendedAttribute<'_>> {
    all_or_none(data, |data| {
        let (raw, tail) = RawEa::ref_from_prefix(data).ok()?;
        let (name, tail) = tail.split_at_checked(raw.name_bytes.into())?;
        let (value, rest) = tail.get(1..)?.split_at_checked(raw.value_bytes.get().into())?;
        Some((ExtendedAttribute { name, value, flags: raw.flags }, rest))
    })
}

/// The head of an extended attribute in wimlib's older form.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawXattr {
    name_bytes: U16,
    reserved: U16,
    value_bytes: U32,
}

/// The extended attributes in an item of that kind: all of them, or none if one does not fit.
pub(super) fn linux_xattrs(data: &[u8]) -> impl Iterator<Item = ExtendedAttribute<'_>> {
    all_or_none(data, |data| {
        let (raw, tail) = RawXattr::ref_from_prefix(data).ok()?;
        let (name, tail) = tail.split_at_checked(raw.name_bytes.get().into())?;
        let (value, _) = tail.split_at_checked(raw.value_bytes.get() as usize)?;
        let size = (size_of::<RawXattr>() + name.len() + value.len()).next_multiple_of(4);
        Some((ExtendedAttribute { name, value, flags: 0 }, data.get(size..).unwrap_or_default()))
    })
}

/// Applies `parse` to `data` until nothing is left; empty if one step fails.
fn all_or_none<'a, T>(data: &'a [u8], parse: impl Fn(&'a [u8]) -> Option<(T, &'a [u8])>) -> impl Iterator<Item = T> {
    let step = move |rest: &mut &'a [u8]| {
        let (value, tail) = parse(rest)?;
        *rest = tail;
        Some(value)
    };
    let mut left = data;
    while !left.is_empty() && step(&mut left).is_some() {}
    let mut rest = if left.is_empty() { data } else { &[] };
    std::iter::from_fn(move || if rest.is_empty() { None } else { step(&mut rest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(tag: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [tag.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn items_follow_each_other() {
        let bytes = [item(7, b"abc"), item(8, b""), item(9, b"12345678")].concat();
        let items: Vec<_> = tagged_items(&bytes).map(|item| (item.tag, item.data)).collect();
        assert_eq!(items, [(7, &b"abc"[..]), (8, b""), (9, b"12345678")]);
    }

    #[test]
    fn the_first_item_that_does_not_fit_ends_them() {
        let mut bytes = [item(7, b"abc"), item(8, b"abc"), item(9, b"")].concat();
        bytes[20] = 200;
        assert_eq!(tagged_items(&bytes).count(), 1);
        assert_eq!(tagged_items(&bytes[..16 + 7]).count(), 1, "less than a head is left");
        assert_eq!(tagged_items(&item(7, b"abc")[..11]).count(), 1, "padding may be missing");
    }

    #[test]
    fn unix_data_is_four_numbers() {
        let data = [1000u32, 100, 0o100_644, 0x0801].map(u32::to_le_bytes).concat();
        let want = UnixData { uid: 1000, gid: 100, mode: 0o100_644, rdev: 0x0801 };
        assert_eq!(parse_unix_data(&data), Some(want));
        assert_eq!(parse_unix_data(&data[..15]), None);
    }

    #[test]
    fn extended_attributes_in_both_forms() {
        let packed = b"\x03\0\x06\x80user.a\0xyz\0\0\x01\0b\0";
        let all: Vec<_> = windows_eas(packed).map(|ea| (ea.name, ea.value, ea.flags)).collect();
        assert_eq!(all, [(&b"user.a"[..], &b"xyz"[..], 0x80), (b"b", b"", 0)]);
        let older = b"\x06\0\0\0\x03\0\0\0user.axyz\0\0\0\x06\0\0\0\0\0\0\0user.b\0\0";
        for data in [&older[..], &older[..older.len() - 2]] {
            let all: Vec<_> = linux_xattrs(data).map(|ea| (ea.name, ea.value)).collect();
            assert_eq!(all, [(&b"user.a"[..], &b"xyz"[..]), (b"user.b", b"")]);
        }
        assert!(linux_xattrs(older).all(|ea| ea.is_linux()));
        assert_eq!(windows_eas(packed).filter(ExtendedAttribute::is_linux).count(), 1);
    }

    #[test]
    fn bad_lengths_cost_the_whole_item() {
        let packed = b"\x03\0\x06\x80user.a\0xyz\0\0\x01\0b\0";
        for cut in 1..packed.len() {
            let whole = if cut == 14 { 1 } else { 0 };
            assert_eq!(windows_eas(&packed[..cut]).count(), whole, "cut at {cut}");
        }
        let older = b"\x06\0\0\0\x03\0\0\0user.axyz\0\0\0\x06\0\0\0\0\0\0\0user.b";
        for cut in (1..older.len()).filter(|cut| !(17..=20).contains(cut)) {
            assert_eq!(linux_xattrs(&older[..cut]).count(), 0, "cut at {cut}");
        }
    }
}
