//! Numbers, times and characters as text, the same for people and in JSON.

use fs_core::wim::FileTime;

/// Whether a terminal, or another program that shows text, may obey the character instead of
/// showing it.
pub fn is_harmful(c: char) -> bool {
    c.is_control() || turns_text(c)
}

/// Whether the character changes the direction of the text around it, so that `txt.exe` can look
/// like `exe.txt`.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Year, month, day, hour, minute, second of a time of the proleptic Gregorian calendar, UTC; and
/// 100 ns units.
fn civil(time: FileTime) -> (u64, u64, u64, u64, u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let ticks = time.min(FileTime::MAX).0;
    let (seconds, fraction) = (ticks / 10_000_000, ticks % 10_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // 1601-01-01 begins a cycle of 400 years; inside it, years are counted one by one from an
    // estimate that is never too large: no year is longer than 366 days.
    let (cycle, day) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let days_before = |year: u64| year * 365 + year / 4 - year / 100 + year / 400;
    let mut year = day / 366;
    while days_before(year + 1) <= day {
        year += 1;
    }
    let full_year = 1601 + cycle * 400 + year;
    let leap = full_year.is_multiple_of(4) && (!full_year.is_multiple_of(100) || full_year.is_multiple_of(400));
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let (mut month, mut rest) = (1, day - days_before(year));
    for length in lengths {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (full_year, month, rest + 1, second / 3600, second / 60 % 60, second % 60, fraction)
}

/// `2026-11-23 06:12:22`, UTC.
pub fn time(time: FileTime) -> String {
    let (year, month, day, hour, minute, second, _) = civil(time);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// `2026-11-23T06:12:22.1234567Z`: RFC 3339 with the format's full 100 ns.
pub fn exact_time(time: FileTime) -> String {
    let (year, month, day, hour, minute, second, fraction) = civil(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
}

/// A size as `ls -h` writes it: powers of 1024, rounded up, at most four characters.
pub fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut unit = 1024;
    for letter in ['K', 'M', 'G', 'T', 'P'] {
        let tenths = (u128::from(bytes) * 10).div_ceil(unit);
        if tenths < 100 {
            return format!("{}.{}{letter}", tenths / 10, tenths % 10);
        }
        if tenths <= 10_230 {
            return format!("{}{letter}", tenths.div_ceil(10));
        }
        unit *= 1024;
    }
    format!("{}E", u128::from(bytes).div_ceil(unit))
}

/// `1 image`, `2 images`.
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `12345678 bytes (12M)`.
pub fn bytes(bytes: u64) -> String {
    let exact = count(bytes, "byte");
    if bytes < 1024 { exact } else { format!("{exact} ({})", human(bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_civil() {
        // Worked out with `date -u -d @SECONDS`, SECONDS = ticks / 10^7 - 11644473600.
        let cases: &[(u64, &str)] = &[
            (0, "1601-01-01T00:00:00.0000000Z"),
            (116_444_736_000_000_000, "1970-01-01T00:00:00.0000000Z"),
            (116_444_735_999_999_999, "1969-12-31T23:59:59.9999999Z"),
            (125_963_423_999_999_999, "2000-02-29T23:59:59.9999999Z"),
            (125_963_424_000_000_000, "2000-03-01T00:00:00.0000000Z"),
            (132_500_000_000_000_001, "2020-11-16T11:33:20.0000001Z"),
            (i64::MAX as u64, "30828-09-14T02:48:05.4775807Z"),
            (u64::MAX, "30828-09-14T02:48:05.4775807Z"),
        ];
        for &(ticks, want) in cases {
            assert_eq!(exact_time(FileTime(ticks)), want, "{ticks}");
        }
        assert_eq!(time(FileTime(132_500_000_000_000_001)), "2020-11-16 11:33:20");
    }

    #[test]
    fn every_day_follows_its_eve() {
        // Four centuries and a year, day by day, against a calendar that only counts.
        let (mut year, mut month, mut day) = (1601, 1, 1);
        for days in 0..146_097 + 366 {
            let seen = civil(FileTime(days * 86_400 * 10_000_000));
            assert_eq!((seen.0, seen.1, seen.2), (year, month, day));
            let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            let length = match month {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }

    #[test]
    fn sizes_are_short() {
        // As `ls -lh` prints them.
        let cases: &[(u64, &str)] = &[
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1025, "1.1K"),
            (10_137, "9.9K"),
            (10_138, "10K"),
            (10_240, "10K"),
            (10_241, "11K"),
            (1_047_552, "1023K"),
            (1_047_553, "1.0M"),
            (1_048_576, "1.0M"),
            (5_000_000_000, "4.7G"),
            (u64::MAX, "16E"),
        ];
        for &(size, want) in cases {
            assert_eq!(human(size), want, "{size}");
        }
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(7), "7 bytes");
        assert_eq!(bytes(2048), "2048 bytes (2.0K)");
    }
}
