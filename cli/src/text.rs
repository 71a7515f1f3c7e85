//! How names, times, sizes and modes are written for people.

use std::borrow::Cow;
use std::fmt::Write;

use fs_core::Kind;
pub(crate) use report::text::{bytes, count, human, is_harmful, time};

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
