//! Names: UTF-16 as stored, and the form that is shown.

use std::cmp::Ordering;
use std::fmt;

use crate::upcase;

/// Stands for `/`, which no name may hold on Unix: the same code in Unicode's private use area, as
/// other systems map it.
const SHOWN_SLASH: u16 = 0xF02F;
/// Stands for NUL.
const SHOWN_NUL: u16 = 0xF000;

/// A name as stored: UTF-16LE units in any order, including unpaired surrogates, `/` and NUL.
///
/// The *shown* form is what a filesystem offers: the same units with `/` as U+F02F and NUL as
/// U+F000. Every other unit is passed through.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// The name made of UTF-16LE `bytes`; a single byte at the end is no part of it.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(&bytes[..bytes.len() & !1])
    }

    /// The stored bytes, UTF-16LE.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The length in UTF-16 units.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.len() / 2
    }

    /// Whether there is no unit at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The units as stored.
    pub fn units(self) -> impl ExactSizeIterator<Item = u16> + Clone + use<'a> {
        self.0.as_chunks().0.iter().map(|&unit| u16::from_le_bytes(unit))
    }

    /// The units as shown.
    pub fn shown_units(self) -> impl ExactSizeIterator<Item = u16> + Clone + use<'a> {
        self.units().map(shown)
    }

    /// Whether the shown form differs from the stored one.
    #[must_use]
    pub fn has_stand_ins(self) -> bool {
        self.units().any(|unit| shown(unit) != unit)
    }

    /// The stored name in WTF-8: UTF-8, with unpaired surrogates encoded like other code points.
    #[must_use]
    pub fn to_wtf8(self) -> Vec<u8> {
        wtf8_from_utf16(self.units())
    }

    /// The shown name in WTF-8; it holds neither `/` nor NUL.
    #[must_use]
    pub fn to_shown_wtf8(self) -> Vec<u8> {
        wtf8_from_utf16(self.shown_units())
    }

    /// Appends the shown name in WTF-8 to `out`.
    pub fn push_shown_wtf8(self, out: &mut Vec<u8>) {
        push_wtf8(self.shown_units(), out);
    }

    /// Whether the name is `.` or `..`.
    #[must_use]
    pub fn is_dots(self) -> bool {
        matches!(self.0, b".\0" | b".\0.\0")
    }

    /// Compares shown names without regard to case, and names that are then equal by their units.
    ///
    /// Directories are kept in this order: names that differ only in case are neighbours, and exact
    /// ones can be found.
    #[must_use]
    pub fn cmp_shown(self, other: Self) -> Ordering {
        self.cmp_folded(other).then_with(|| self.shown_units().cmp(other.shown_units()))
    }

    /// Compares shown names without regard to case.
    #[must_use]
    pub fn cmp_folded(self, other: Self) -> Ordering {
        let same = self.equal_bytes(other);
        let rest = |name: Self| Name(&name.0[same..]).shown_units().map(upcase);
        rest(self).cmp(rest(other))
    }

    /// The number of units at the start that are the same except for case.
    pub(crate) fn common_units(self, other: Self) -> usize {
        let pairs = self.shown_units().zip(other.shown_units());
        pairs.take_while(|&(ours, theirs)| upcase(ours) == upcase(theirs)).count()
    }

    /// The number of bytes at the start that are the same, rounded down to a multiple of eight:
    /// names of siblings often begin alike.
    #[inline]
    fn equal_bytes(self, other: Self) -> usize {
        let (ours, theirs) = (self.0.as_chunks::<8>().0, other.0.as_chunks::<8>().0);
        8 * ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count()
    }
}

/// The name, with U+FFFD for unpaired surrogates. Control characters are not escaped.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        char::decode_utf16(self.units()).try_for_each(|c| f.write_char(c.unwrap_or(char::REPLACEMENT_CHARACTER)))
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// The unit shown for a stored one.
#[inline]
fn shown(unit: u16) -> u16 {
    match unit {
        0 => SHOWN_NUL,
        0x2F => SHOWN_SLASH,
        _ => unit,
    }
}

/// `units` in WTF-8. Pairs of surrogates become one code point, unpaired ones stay what they are.
#[must_use]
pub fn wtf8_from_utf16(units: impl IntoIterator<Item = u16>) -> Vec<u8> {
    let mut out = Vec::new();
    push_wtf8(units, &mut out);
    out
}

fn push_wtf8(units: impl IntoIterator<Item = u16>, out: &mut Vec<u8>) {
    let units = units.into_iter();
    out.reserve(units.size_hint().0);
    for result in char::decode_utf16(units) {
        match result {
            Ok(c) if c.is_ascii() => out.push(c as u8),
            Ok(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(error) => out.extend_from_slice(&encode_surrogate(error.unpaired_surrogate())),
        }
    }
}

/// The three bytes that UTF-8 would have for a surrogate if it allowed them.
fn encode_surrogate(unit: u16) -> [u8; 3] {
    [0xE0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3F) as u8, 0x80 | (unit & 0x3F) as u8]
}

/// The UTF-16 units of WTF-8 text, or `None` when `bytes` are not WTF-8.
///
/// Surrogates encoded one by one are accepted, since that is how unpaired ones are written. A
/// *pair* written so is refused: the same units have another spelling, and no name may have two.
#[must_use]
pub fn utf16_from_wtf8(bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        // The valid text up to the next surrogate, if there is one.
        let error = match std::str::from_utf8(rest) {
            Ok(text) => {
                units.extend(text.encode_utf16());
                return Some(units);
            }
            Err(error) => error,
        };
        let (valid, invalid) = rest.split_at(error.valid_up_to());
        units.extend(std::str::from_utf8(valid).ok()?.encode_utf16());
        let (head, tail) = invalid.split_first_chunk()?;
        let surrogate = decode_surrogate(*head)?;
        let is_pair = surrogate >= 0xDC00 && units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit));
        if is_pair {
            return None;
        }
        units.push(surrogate);
        rest = tail;
    }
}

/// The surrogate that [`encode_surrogate`] made `bytes` of.
fn decode_surrogate(bytes: [u8; 3]) -> Option<u16> {
    let [first, second, third] = bytes.map(u16::from);
    let unit = (first & 0xF) << 12 | (second & 0x3F) << 6 | third & 0x3F;
    (first == 0xED && second & 0xE0 == 0xA0 && third & 0xC0 == 0x80).then_some(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(units: &[u16]) -> Vec<u8> {
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    fn utf16(text: &str) -> Vec<u8> {
        bytes(&text.encode_utf16().collect::<Vec<_>>())
    }

    #[test]
    fn shows_stand_ins() {
        let stored = utf16("a/b\0c\\:");
        let name = Name::new(&stored);
        assert_eq!(name.to_wtf8(), b"a/b\0c\\:");
        assert_eq!(name.to_shown_wtf8(), "a\u{F02F}b\u{F000}c\\:".as_bytes());
        assert!(name.has_stand_ins());
        assert!(!Name::new(&utf16("a\u{F02F}")).has_stand_ins());
    }

    #[test]
    fn keeps_surrogates() {
        let cases: &[(&[u16], &[u8])] = &[
            (&[0xD83D, 0xDE00], "😀".as_bytes()),
            (&[0xD83D], b"\xED\xA0\xBD"),
            (&[0xDE00, 0xD83D], b"\xED\xB8\x80\xED\xA0\xBD"),
            (&[0x61, 0xD83D, 0x62], b"a\xED\xA0\xBDb"),
            (&[0xD83D, 0xD83D, 0xDE00], b"\xED\xA0\xBD\xF0\x9F\x98\x80"),
        ];
        for (units, want) in cases {
            assert_eq!(Name::new(&bytes(units)).to_wtf8(), *want, "{units:x?}");
            assert_eq!(utf16_from_wtf8(want).as_deref(), Some(*units), "{units:x?}");
        }
    }

    #[test]
    fn refuses_what_is_not_wtf8() {
        let cases: &[&[u8]] = &[
            b"\xFF",
            b"a\x80",
            b"\xED\xA0",
            b"\xED\x20\x80",
            b"\xC0\x80",
            b"\xF5\x80\x80\x80",
            b"\xED\xA0\xBD\xED\xB8\x80", // a pair
        ];
        for bad in cases {
            assert_eq!(utf16_from_wtf8(bad), None, "{bad:x?}");
        }
    }

    #[test]
    fn orders_by_case_last() {
        let mut names = ["b", "B", "a", "_", "ab", "A", "aB", "é", "É", "", "z"].map(utf16);
        names.sort_by(|a, b| Name::new(a).cmp_shown(Name::new(b)));
        let sorted: Vec<_> = names.iter().map(|name| Name::new(name).to_string()).collect();
        // `_` (0x5F) sorts after the upper-case letters, with which lower-case ones are compared.
        assert_eq!(sorted, ["", "A", "a", "aB", "ab", "B", "b", "z", "_", "É", "é"]);
    }

    #[test]
    fn knows_dots() {
        for (name, want) in [(".", true), ("..", true), ("...", false), ("", false), ("a", false), (". ", false)] {
            assert_eq!(Name::new(&utf16(name)).is_dots(), want, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn wtf8_holds_every_name(units in prop::collection::vec(prop_oneof![any::<u16>(), 0xD700..0xE100u16], 0..40)) {
            let stored = bytes(&units);
            let wtf8 = Name::new(&stored).to_wtf8();
            prop_assert_eq!(utf16_from_wtf8(&wtf8), Some(units));
        }

        #[test]
        fn no_two_spellings_of_one_name(text in prop::collection::vec(prop_oneof![
            any::<u8>(), Just(0xED), Just(0xA0), Just(0xB8), Just(0x80)], 0..12)) {
            if let Some(units) = utf16_from_wtf8(&text) {
                prop_assert_eq!(wtf8_from_utf16(units), text);
            }
        }
    }
}
