//! Security identifiers: users, groups and other principals.

use std::fmt;
use std::str::FromStr;

use crate::u32_at;

/// The most sub-authorities that an identifier has, by \[MS-DTYP\] 2.4.2.2.
const MAX_PARTS: usize = 15;

/// Bytes before the sub-authorities: revision, their count, authority.
const HEAD: usize = 8;

/// A security identifier: an authority and up to 15 numbers below it.
///
/// Ordered by authority, then number by number; a value of its own, without borrowed bytes, so that
/// sets of them can be kept.
///
/// ```
/// use access::Sid;
///
/// assert_eq!(Sid::ADMINISTRATORS.to_string(), "S-1-5-32-544");
/// assert_eq!("S-1-1-0".parse(), Ok(Sid::EVERYONE));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    /// Big-endian, as stored.
    authority: [u8; 6],
    /// Those after `count` are 0.
    parts: [u32; MAX_PARTS],
    count: u8,
}

impl Sid {
    /// `S-1-1-0`, everyone but anonymous users.
    pub const EVERYONE: Self = Self::known(1, &[0]);
    /// `S-1-5-32-544`, the built-in group of administrators.
    pub const ADMINISTRATORS: Self = Self::known(5, &[32, 544]);
    /// `S-1-5-32-545`, the built-in group of users.
    pub const USERS: Self = Self::known(5, &[32, 545]);
    /// `S-1-3-4`, a placeholder for the owner, whose implied rights entries about it replace.
    pub const OWNER_RIGHTS: Self = Self::known(3, &[4]);
    /// `S-1-5-2`, everyone who logs on over a network.
    pub const NETWORK: Self = Self::known(5, &[2]);
    /// `S-1-5-11`, everyone but guests and anonymous users.
    pub const AUTHENTICATED_USERS: Self = Self::known(5, &[11]);
    /// `S-1-5-15`, everyone of the organization that the domain belongs to.
    pub const THIS_ORGANIZATION: Self = Self::known(5, &[15]);
    /// `S-1-5-18`, the operating system itself.
    pub const SYSTEM: Self = Self::known(5, &[18]);
    /// `S-1-3-0`, a placeholder for the owner of a new object.
    pub const CREATOR_OWNER: Self = Self::known(3, &[0]);
    /// `S-1-3-1`, a placeholder for the primary group of a new object.
    pub const CREATOR_GROUP: Self = Self::known(3, &[1]);
    /// `S-1-5-10`, a placeholder for the object itself.
    const SELF: Self = Self::known(5, &[10]);

    const fn known(authority: u8, parts: &[u32]) -> Self {
        let mut all = [0; MAX_PARTS];
        let (used, _) = all.split_at_mut(parts.len());
        used.copy_from_slice(parts);
        Self { authority: [0, 0, 0, 0, 0, authority], parts: all, count: parts.len() as u8 }
    }

    /// An identifier of these numbers; `None` if there are more than 15, or the authority has more
    /// than 48 bits.
    pub fn new(authority: u64, parts: &[u32]) -> Option<Self> {
        let [0, 0, authority @ ..] = authority.to_be_bytes() else { return None };
        let mut all = [0; MAX_PARTS];
        all.get_mut(..parts.len())?.copy_from_slice(parts);
        Some(Self { authority, parts: all, count: parts.len() as u8 })
    }

    /// A user of a Unix system, as Samba names it.
    pub const fn unix_user(uid: u32) -> Self {
        Self::known(22, &[1, uid])
    }

    /// A group of a Unix system, as Samba names it.
    pub const fn unix_group(gid: u32) -> Self {
        Self::known(22, &[2, gid])
    }

    /// The identifier with one more number, such as an account of this domain; `None` if there are
    /// 15 already.
    pub fn child(&self, relative: u32) -> Option<Self> {
        Self::new(self.authority(), &[self.parts(), &[relative]].concat())
    }

    /// Whether it is an account of a domain: `S-1-5-21-A-B-C-R`.
    pub fn is_of_domain(&self) -> bool {
        self.authority() == 5 && matches!(self.parts(), [21, _, _, _, _])
    }

    /// Whether it stands for others, and nobody is it: creator, owner rights, the object itself.
    pub fn is_placeholder(&self) -> bool {
        self.authority() == 3 || *self == Self::SELF
    }

    /// The identifier at the start of `bytes`, which may be longer; `None` if it is invalid or cut
    /// short.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [1, count, ..] = *bytes else { return None };
        let authority = *bytes.get(2..)?.first_chunk()?;
        let mut parts = [0; MAX_PARTS];
        for (index, part) in parts.get_mut(..count.into())?.iter_mut().enumerate() {
            *part = u32_at(bytes, HEAD + 4 * index)?;
        }
        Some(Self { authority, parts, count })
    }

    /// The authority that issued it, such as 5 for Windows NT.
    pub fn authority(&self) -> u64 {
        self.authority.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    /// The numbers below the authority, the relative identifier last.
    pub fn parts(&self) -> &[u32] {
        &self.parts[..self.count.into()]
    }

    /// Size in bytes, as stored.
    pub fn size(&self) -> usize {
        HEAD + 4 * self.parts().len()
    }

    /// The bytes that [`Sid::parse`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1, self.count];
        bytes.extend(self.authority);
        bytes.extend(self.parts().iter().flat_map(|part| part.to_le_bytes()));
        bytes
    }
}

/// `S-1-AUTHORITY-PART-PART`; an authority of more than 32 bits is hexadecimal (\[MS-DTYP\] 2.4.2.1).
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.authority() {
            large @ 0x1_0000_0000.. => write!(f, "S-1-0x{large:012X}")?,
            small => write!(f, "S-1-{small}")?,
        }
        self.parts().iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

/// The text is no security identifier such as `S-1-5-32-544`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseSidError;

impl fmt::Display for ParseSidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a security identifier such as S-1-5-32-544")
    }
}

impl std::error::Error for ParseSidError {}

impl FromStr for Sid {
    type Err = ParseSidError;

    fn from_str(text: &str) -> Result<Self, ParseSidError> {
        parse_text(text).ok_or(ParseSidError)
    }
}

fn parse_text(text: &str) -> Option<Sid> {
    let mut numbers = text.strip_prefix("S-1-").or_else(|| text.strip_prefix("s-1-"))?.split('-');
    let authority = numbers.next()?;
    let authority = match authority.strip_prefix("0x").or_else(|| authority.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()?
        }
        Some(_) => return None,
        None => decimal(authority)?,
    };
    let parts = numbers.map(|part| u32::try_from(decimal(part)?).ok()).collect::<Option<Vec<u32>>>()?;
    Sid::new(authority, &parts)
}

/// A decimal number without a sign, which `parse` would accept.
fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_have_a_text() {
        let cases: &[(&str, u64, &[u32])] = &[
            ("S-1-1-0", 1, &[0]),
            ("S-1-5-32-544", 5, &[32, 544]),
            ("S-1-5-21-1-2-4294967295-500", 5, &[21, 1, 2, u32::MAX, 500]),
            ("S-1-4294967295-7", 0xFFFF_FFFF, &[7]),
            ("S-1-0x000100000000-7", 0x1_0000_0000, &[7]),
            ("S-1-5", 5, &[]),
        ];
        for (text, authority, parts) in cases {
            let sid = Sid::new(*authority, parts).unwrap();
            assert_eq!(sid.to_string(), *text);
            assert_eq!(text.parse(), Ok(sid));
        }
        assert_eq!("s-1-0XF-1".parse::<Sid>().unwrap().to_string(), "S-1-15-1");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "S-1-",
            "S-2-5-1",
            "S-1-5-",
            "S-1-5--1",
            "S-1-+5-1",
            "S-1-5-+1",
            "S-1-5-4294967296",
            "S-1-0x+5-1",
            "S-1-0x1000000000000-1",
            "S-1-5-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1",
            " S-1-1-0",
        ] {
            assert_eq!(text.parse::<Sid>(), Err(ParseSidError), "{text:?}");
        }
    }

    #[test]
    fn bytes_are_the_stored_ones() {
        let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        assert_eq!(Sid::ADMINISTRATORS.to_bytes(), administrators);
        assert_eq!(Sid::EVERYONE.to_bytes(), [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        for len in 0..administrators.len() {
            assert_eq!(Sid::parse(&administrators[..len]), None, "cut to {len}");
        }
        assert_eq!(Sid::parse(&[&[1, 16, 0, 0, 0, 0, 0, 5][..], &[0; 64]].concat()), None, "16 parts");
        assert_eq!(Sid::new(1 << 48, &[]), None);
    }

    proptest! {
        #[test]
        fn bytes_and_text_lead_back(
            authority in 0..1_u64 << 48,
            parts in prop::collection::vec(any::<u32>(), 0..=MAX_PARTS),
            more in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let sid = Sid::new(authority, &parts).unwrap();
            prop_assert_eq!((sid.authority(), sid.parts()), (authority, &parts[..]));
            prop_assert_eq!(Sid::parse(&[sid.to_bytes(), more].concat()), Some(sid));
            prop_assert_eq!(sid.to_bytes().len(), sid.size());
            prop_assert_eq!(sid.to_string().parse(), Ok(sid));
        }
    }
}
