//! Changes of XML data: other texts in place of its own, and a bit.

use super::specimen::Specimen;
use super::value::{one_in, pick};
use crate::bytes::units;
use crate::content::Random;

/// The text to find, and the replacement for its first occurrence.
const TEXTS: [(&str, &str); 22] = [
    ("INDEX=\"1\"", "INDEX=\"2\""),
    ("INDEX=\"1\"", "INDEX=\"0\""),
    ("INDEX=\"1\"", "INDEX=\"4294967296\""),
    ("INDEX=\"1\"", ""),
    ("<IMAGE", "<IMAGE INDEX=\"1\"></IMAGE><IMAGE"),
    ("<NAME>", "<NAME>../../"),
    ("<NAME>", "<NAME>/"),
    ("<NAME>", "<NAME>.."),
    ("<NAME>", "<NAME></NAME><NAME>"),
    ("<NAME>", "<NAME>two"),
    ("<NAME>", "<NAME>&#x0;&#xD800;&lt;&unknown;"),
    ("<NAME>", "<NAME>\u{202e}\u{1b}[2J\n"),
    ("</NAME>", ""),
    ("</IMAGE>", ""),
    ("</WIM>", ""),
    ("<WIM>", "<WIM><WIM>"),
    ("<WIM>", "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><WIM>"),
    ("<WIM>", "<wim>"),
    ("\u{feff}", ""),
    ("<CREATIONTIME>", "<CREATIONTIME><HIGHPART>0xFFFFFFFFFFFFFFFF</HIGHPART>"),
    ("<TOTALBYTES>", "<TOTALBYTES>-1"),
    ("<IMAGE", "</IMAGE><IMAGE"),
];

pub(super) fn change(draft: &mut Specimen, random: &mut Random) -> String {
    if draft.xml.is_empty() {
        return "no XML data".to_owned();
    }
    if one_in(random, 4) {
        let at = random.below(draft.xml.len() as u64) as usize;
        draft.xml[at] ^= 1 << random.below(8);
        return format!("a bit of byte {at:#x} of the XML data");
    }
    let (from, to) = pick(random, &TEXTS);
    let xml: Vec<u16> = draft.xml.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16_lossy(&xml);
    draft.xml = units(&text.replacen(from, to, 1).encode_utf16().collect::<Vec<_>>());
    format!("XML data: {from:?} becomes {to:?}")
}
