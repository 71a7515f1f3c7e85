//! Windows' time stamps.

/// The seconds from 1601-01-01 to 1970-01-01.
const UNIX_EPOCH: i64 = 11_644_473_600;
const TICKS_PER_SECOND: u64 = 10_000_000;

/// A point in time: units of 100 ns since 1601-01-01 UTC.
///
/// 0 is common and means "not set".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileTime(pub u64);

impl FileTime {
    /// The latest meaningful time; stored values above it are garbage and are taken as this one.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Seconds since 1970-01-01 UTC, rounded down and negative before it, and the remaining
    /// nanoseconds.
    #[must_use]
    pub fn to_unix(self) -> (i64, u32) {
        let ticks = self.min(Self::MAX).0;
        let nanoseconds = (ticks % TICKS_PER_SECOND) as u32 * 100;
        ((ticks / TICKS_PER_SECOND) as i64 - UNIX_EPOCH, nanoseconds)
    }

    /// The time `seconds` and `nanoseconds` after 1970-01-01 UTC, rounded down to 100 ns and
    /// clamped to the format's range: 1601-01-01 up to [`FileTime::MAX`].
    #[must_use]
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        let seconds = seconds.saturating_add(UNIX_EPOCH);
        let Ok(seconds) = u64::try_from(seconds) else { return Self(0) };
        let ticks = seconds.saturating_mul(TICKS_PER_SECOND).saturating_add(u64::from(nanoseconds / 100));
        Self(ticks).min(Self::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_to_unix_time() {
        let cases: &[(u64, (i64, u32))] = &[
            (0, (-UNIX_EPOCH, 0)),
            (1, (-UNIX_EPOCH, 100)),
            (116_444_736_000_000_000, (0, 0)),
            (116_444_735_999_999_999, (-1, 999_999_900)),
            (132_500_000_000_000_001, (1_605_526_400, 100)),
            (i64::MAX as u64, (910_692_730_085, 477_580_700)),
            (u64::MAX, (910_692_730_085, 477_580_700)),
        ];
        for &(ticks, want) in cases {
            assert_eq!(FileTime(ticks).to_unix(), want, "{ticks}");
        }
    }

    #[test]
    fn converts_from_unix_time() {
        for ticks in [0, 1, 116_444_735_999_999_999, 116_444_736_000_000_000, 132_500_000_000_000_001, i64::MAX as u64]
        {
            let (seconds, nanoseconds) = FileTime(ticks).to_unix();
            assert_eq!(FileTime::from_unix(seconds, nanoseconds), FileTime(ticks));
        }
        assert_eq!(FileTime::from_unix(0, 199), FileTime(116_444_736_000_000_001), "rounds down");
        assert_eq!(FileTime::from_unix(i64::MIN, 0), FileTime(0), "before 1601");
        assert_eq!(FileTime::from_unix(i64::MAX, 999_999_999), FileTime::MAX, "after the last");
    }
}
