//! How names, times, sizes and modes are written for people.

use std::borrow::Cow;
use std::fmt::Write;

use fs_core::Kind;
use fs_core::wim::FileTime;

/// A name as a terminal may get it: what is not [`harmless`] and bytes that are not UTF-8 become escapes as in C, and
/// so does the backslash, so that two names never look alike.
pub(crate) fn escaped(name: &[u8]) -> Cow<'_, [u8]> {
    if name.iter().all(|&b| (b' '..=b'~').contains(&b) && b != b'\\') {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 8);
    for chunk in name.utf8_chunks() {
        out.push_str(&harmless(&chunk.valid().replace('\\', "\\\\")));
        chunk.invalid().iter().for_each(|&byte| push_escape(&mut out, byte.into()));
    }
    Cow::Owned(out.into_bytes())
}

/// Text that does nothing to a terminal: control characters and bidirectional overrides become escapes as in C.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.extend(c.escape_default()),
            c if is_harmful(c) => push_escape(&mut out, c.into()),
            c => out.push(c),
        }
    }
    out
}

/// Likewise text of many lines, whose ends and tabs stay.
pub(crate) fn harmless_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words = line.trim_end_matches('\n');
        let words = if words.len() < line.len() { words.trim_end_matches('\r') } else { words };
        let words: Vec<String> = words.split('\t').map(harmless).collect();
        out.push_str(&words.join("\t"));
        out.push_str(if line.ends_with('\n') { "\n" } else { "" });
    }
    out
}

/// Whether a terminal, or whatever shows text, may do something else with the character than show it.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control() || turns_text(c)
}

fn push_escape(out: &mut String, code: u32) {
    // Writing to a String does not fail.
    let _ = if code <= 0xff { write!(out, "\\x{code:02x}") } else { write!(out, "\\u{{{code:x}}}") };
}

/// Bytes as people write them: a number, with K, M, G or T behind it for powers of 1024.
///
/// # Errors
/// It is not that, or too large; in words.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().next_back() {
        Some((at, unit)) if !unit.is_ascii_digit() => (&text[..at], "KMGT".find(unit.to_ascii_uppercase())),
        _ => (text, None),
    };
    let shift = if digits.len() == text.len() { Some(0) } else { shift.map(|place| 10 * (place + 1)) };
    let bytes = shift.and_then(|shift| digits.parse::<u64>().ok()?.checked_mul(1 << shift));
    bytes.ok_or_else(|| format!("{text} is not a size such as 512M or 2G"))
}

/// Whether the character changes the direction of the text around it, so that `txt.exe` can look like `exe.txt`.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Year, month, day, hour, minute, second of a time of the proleptic Gregorian calendar, UTC; and 100 ns units.
fn civil(time: FileTime) -> (u64, u64, u64, u64, u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let ticks = time.min(FileTime::MAX).0;
    let (seconds, fraction) = (ticks / 10_000_000, ticks % 10_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // 1601-01-01 begins a cycle of 400 years; inside it, years are counted one by one from an estimate that is never
    // too large: no year is longer than 366 days.
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
pub(crate) fn time(time: FileTime) -> String {
    let (year, month, day, hour, minute, second, _) = civil(time);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// `2026-11-23T06:12:22.1234567Z`: RFC 3339 with the format's full 100 ns.
pub(crate) fn exact_time(time: FileTime) -> String {
    let (year, month, day, hour, minute, second, fraction) = civil(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
}

/// A size as `ls -h` writes it: powers of 1024, rounded up, at most four characters.
pub(crate) fn human(bytes: u64) -> String {
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
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `12345678 bytes (12M)`.
pub(crate) fn bytes(bytes: u64) -> String {
    let exact = count(bytes, "byte");
    if bytes < 1024 { exact } else { format!("{exact} ({})", human(bytes)) }
}

/// The ten characters with which `ls -l` begins: `drwxr-xr-x`.
pub(crate) fn mode(kind: Kind, mode: u16) -> String {
    let mut text = String::with_capacity(10);
    text.push(match kind {
        Kind::Directory => 'd',
        Kind::File => '-',
        Kind::Symlink => 'l',
        Kind::Fifo => 'p',
        Kind::Socket => 's',
        Kind::CharDevice => 'c',
        Kind::BlockDevice => 'b',
    });
    // Shift of the three bits, the special bit that shows in their last place, and how it is written with and without
    // x.
    for (shift, special, with, without) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => with,
            (true, false) => without,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_drive_a_terminal() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain name.txt", "plain name.txt"),
            ("größe 日本".as_bytes(), "größe 日本"),
            (b"\x1b[31mred", "\\x1b[31mred"),
            (b"two\nlines\ttab\r", "two\\nlines\\ttab\\r"),
            (b"a\\b", "a\\\\b"),
            ("\u{9b}31m \u{7f}".as_bytes(), "\\x9b31m \\x7f"),
            ("exe.\u{202e}txt".as_bytes(), "exe.\\u{202e}txt"),
            (b"lone \xed\xa0\x80 surrogate", "lone \\xed\\xa0\\x80 surrogate"),
        ];
        for (name, want) in cases {
            assert_eq!(String::from_utf8_lossy(&escaped(name)), *want);
        }
    }

    #[test]
    fn lines_stay_lines() {
        let cases = [
            ("", ""),
            ("<a>\r\n\t<b/>\n</a>", "<a>\n\t<b/>\n</a>"),
            ("a\rb\r\r\n\r", "a\\rb\n\\r"),
            ("\u{1b}[2J\n\n\u{9b}\u{61c}\u{7f}\n", "\\x1b[2J\n\n\\x9b\\u{61c}\\x7f\n"),
        ];
        for (text, want) in cases {
            assert_eq!(harmless_lines(text), want, "{text:?}");
        }
    }

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

    #[test]
    fn modes_are_those_of_ls() {
        let cases = [
            (Kind::Directory, 0o755, "drwxr-xr-x"),
            (Kind::File, 0o444, "-r--r--r--"),
            (Kind::Symlink, 0o777, "lrwxrwxrwx"),
            (Kind::File, 0o4755, "-rwsr-xr-x"),
            (Kind::File, 0o6644, "-rwSr-Sr--"),
            (Kind::Directory, 0o1777, "drwxrwxrwt"),
            (Kind::Directory, 0o1770, "drwxrwx--T"),
            (Kind::Fifo, 0o600, "prw-------"),
            (Kind::Socket, 0, "s---------"),
            (Kind::CharDevice, 0o622, "crw--w--w-"),
            (Kind::BlockDevice, 0o660, "brw-rw----"),
        ];
        for (kind, bits, want) in cases {
            assert_eq!(mode(kind, bits), want);
        }
    }
}
