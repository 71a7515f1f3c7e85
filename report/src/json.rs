//! Writes JSON as text that a terminal shows and does not obey.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::text;

/// An object as one line, with its line feed.
///
/// # Errors
/// JSON cannot hold the object.
pub fn line(object: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::new();
    object.serialize(&mut Serializer::with_formatter(&mut line, Harmless))?;
    line.push(b'\n');
    Ok(line)
}

/// Escapes the characters that JSON would allow and a terminal would obey.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| text::is_harmful(c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_character_survives_and_none_is_obeyed() {
        for c in '\0'..=char::MAX {
            let object = json!({format!("k{c}"): format!("{c}{c} v")});
            let line = String::from_utf8(line(&object).unwrap()).unwrap();
            assert!(line.trim_end_matches('\n').chars().all(|c| !text::is_harmful(c)), "{c:?}: {line:?}");
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), object, "{c:?}");
        }
    }

    #[test]
    fn harmless_text_is_not_escaped() {
        let object = json!({"größe": "日本 \u{1f600} \"\\ \u{9b}31m\u{7f}\u{202e}"});
        let want = "{\"größe\":\"日本 \u{1f600} \\\"\\\\ \\u009b31m\\u007f\\u202e\"}\n";
        assert_eq!(String::from_utf8(line(&object).unwrap()).unwrap(), want);
    }
}
