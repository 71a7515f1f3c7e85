//! SHA-1, which identifies blobs.

use std::fmt;
use std::str::FromStr;

use sha1::{Digest, Sha1};

/// The SHA-1 of a blob's uncompressed data: its name in the archive.
///
/// All zero means "no data" wherever a hash is stored. Here SHA-1 identifies data and detects
/// damage; it is no defence against deliberate collisions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BlobHash(pub [u8; 20]);

impl BlobHash {
    /// The hash that stands for "no data".
    pub const ZERO: Self = Self([0; 20]);

    /// The hash of `data`.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        Self(Sha1::digest(data).into())
    }

    /// Whether this is [`BlobHash::ZERO`].
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

/// Forty lower-case hexadecimal digits.
impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({self})")
    }
}

/// The text is not forty hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a blob hash is 40 hexadecimal digits")]
pub struct ParseBlobHashError;

/// Reads forty hexadecimal digits of either case.
impl FromStr for BlobHash {
    type Err = ParseBlobHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        if digits.len() != 40 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(ParseBlobHashError);
        }
        let mut hash = [0; 20];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let nibble = |digit: u8| (digit as char).to_digit(16).map_or(0, |n| n as u8);
            *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
        }
        Ok(Self(hash))
    }
}

/// Hashes a blob piece by piece.
///
/// ```
/// let mut hasher = wim::BlobHasher::default();
/// hasher.update(b"ab");
/// hasher.update(b"c");
/// assert_eq!(hasher.finish(), wim::BlobHash::of(b"abc"));
/// ```
#[derive(Clone, Default)]
pub struct BlobHasher(Sha1);

impl BlobHasher {
    /// Appends `data` to the bytes hashed so far.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash of everything added.
    #[must_use]
    pub fn finish(self) -> BlobHash {
        BlobHash(self.0.finalize().into())
    }
}

impl fmt::Debug for BlobHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobHasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // FIPS 180-4's example messages.
    const ABC: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";

    #[test]
    fn hashes_and_prints() {
        assert_eq!(BlobHash::of(b"abc").to_string(), ABC);
        assert_eq!(BlobHash::of(b"").to_string(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert!(BlobHash::default().is_zero());
        assert!(!BlobHash::of(b"").is_zero());
    }

    #[test]
    fn reads_its_own_text_in_either_case() {
        assert_eq!(ABC.parse(), Ok(BlobHash::of(b"abc")));
        assert_eq!(ABC.to_uppercase().parse(), Ok(BlobHash::of(b"abc")));
    }

    #[test]
    fn refuses_other_text() {
        for bad in ["", &ABC[1..], &format!("{ABC}0"), &ABC.replace('9', "g"), &ABC.replace('9', "+")] {
            assert_eq!(bad.parse::<BlobHash>(), Err(ParseBlobHashError), "{bad}");
        }
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        let data: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for cut in [0, 1, 63, 64, 65, 999, 1000] {
            let mut hasher = BlobHasher::default();
            hasher.update(&data[..cut]);
            hasher.update(&data[cut..]);
            assert_eq!(hasher.finish(), BlobHash::of(&data), "cut at {cut}");
        }
    }
}
