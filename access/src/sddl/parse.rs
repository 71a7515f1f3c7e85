//! Parses the text of a descriptor.

use std::fmt;

use super::names;
use crate::{AceFlags, AceKind, AceParts, Acl, Control, Descriptor, Sid, list};

/// Names of the control bits about a DACL; those about a SACL are one bit higher.
pub(super) const CONTROL: [(u16, &str); 3] = [(0x1000, "P"), (0x0100, "AR"), (0x0400, "AI")];

/// What is wrong with a text, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SddlError {
    /// The offset of the byte at which what is wrong begins.
    pub at: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for SddlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.at, self.what)
    }
}

impl std::error::Error for SddlError {}

pub(super) type Result<T> = std::result::Result<T, SddlError>;

/// The bytes of the descriptor that a text describes.
///
/// Names of accounts that are relative to a domain, such as `DA` for its administrators, need
/// `domain`.
///
/// # Errors
/// Where the text is wrong.
pub fn parse(text: &str, domain: Option<Sid>) -> Result<Vec<u8>> {
    let mut parser = Parser { text, at: 0, domain };
    let (mut owner, mut group, mut dacl, mut sacl) = (None, None, None, None);
    let mut control = Control::default();
    while !parser.rest().is_empty() {
        let at = parser.at;
        let once = |is_there: bool| {
            let again = SddlError { at, what: "a part that is there already" };
            if is_there { Err(again) } else { Ok(()) }
        };
        if parser.take("O:") {
            once(owner.is_some())?;
            owner = Some(parser.sid()?);
        } else if parser.take("G:") {
            once(group.is_some())?;
            group = Some(parser.sid()?);
        } else if parser.take("D:") {
            once(control.has(Control::DACL_PRESENT))?;
            let bits;
            (bits, dacl) = parser.list()?;
            control = control | Control(bits) | Control::DACL_PRESENT;
        } else if parser.take("S:") {
            once(control.has(Control::SACL_PRESENT))?;
            let bits;
            (bits, sacl) = parser.list()?;
            control = control | Control(bits << 1) | Control::SACL_PRESENT;
        } else {
            return parser.error("not O:, G:, D: or S:");
        }
    }
    let (dacl, sacl) = (dacl.as_deref().and_then(Acl::parse), sacl.as_deref().and_then(Acl::parse));
    Ok(Descriptor::of_parts(control, owner, group, sacl, dacl).to_bytes())
}

/// A text and the offset up to which it has been parsed.
pub(super) struct Parser<'a> {
    text: &'a str,
    pub(super) at: usize,
    domain: Option<Sid>,
}

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn error<T>(&self, what: &'static str) -> Result<T> {
        Err(SddlError { at: self.at, what })
    }

    /// Whether the next characters are these, which are then passed over.
    pub(super) fn take(&mut self, start: &str) -> bool {
        let is_next = self.rest().starts_with(start);
        self.at += if is_next { start.len() } else { 0 };
        is_next
    }

    /// A principal: two letters, or `S-1-…`.
    pub(super) fn sid(&mut self) -> Result<Sid> {
        let rest = self.rest();
        if rest.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("S-1-")) {
            let len = sid_len(rest);
            let Ok(sid) = rest[..len].parse() else { return self.error("not a security identifier") };
            self.at += len;
            return Ok(sid);
        }
        let name = rest.get(..2).unwrap_or_default().to_ascii_uppercase();
        match names::principal(&name, self.domain) {
            Some(sid) => {
                self.at += 2;
                Ok(sid)
            }
            None if names::is_of_domain(&name) => self.error("a principal of a domain, which is not known"),
            None => self.error("no principal of this name"),
        }
    }

    /// The control bits and the entries of a list; without entries, where access is not controlled.
    fn list(&mut self) -> Result<(u16, Option<Vec<u8>>)> {
        let start = self.at;
        let mut bits = 0;
        while let Some((bit, _)) = CONTROL.iter().find(|(_, name)| self.take(name)) {
            bits |= bit;
        }
        if self.take("NO_ACCESS_CONTROL") {
            return Ok((bits, None));
        }
        let mut entries = Vec::new();
        while self.take("(") {
            entries.push(self.entry()?);
        }
        match list(&entries) {
            Some(list) => Ok((bits, Some(list))),
            None => Err(SddlError { at: start, what: "more than 64 KiB of entries" }),
        }
    }

    /// An entry after its opening parenthesis.
    fn entry(&mut self) -> Result<AceParts> {
        let rest = self.rest();
        let is_conditional = rest.split(';').next().and_then(names::kind).is_some_and(AceKind::is_conditional);
        let len = if is_conditional { rest.match_indices(';').nth(5).map(|found| found.0) } else { rest.find(')') };
        let Some(len) = len else { return self.error("an entry without its end") };
        let fields: Vec<&str> = rest[..len].split(';').collect();
        let end = self.at + len;
        let Ok([kind, flags, rights, object, inherited, _]) = <[&str; 6]>::try_from(fields) else {
            return self.error("not six fields between semicolons");
        };
        let kind = self.field(kind, names::kind(kind), "no kind of entry")?;
        let flags = self.field(flags, names::bits(flags, &[names::FLAGS]), "no flags")?;
        let mask = self.field(rights, rights_of(kind, rights), "no rights")?;
        let guids = [self.guid(kind, object)?, self.guid(kind, inherited)?];
        let sid = self.sid()?;
        if self.at != end {
            return self.error("more than a principal");
        }
        self.at += 1;
        let data = if is_conditional { self.condition()? } else { Vec::new() };
        if is_conditional && !self.take(")") {
            return self.error("an entry without its end");
        }
        Ok(AceParts { guids, data, ..AceParts::new(kind, AceFlags(flags as u8), mask, sid) })
    }

    /// Passes over a field and its semicolon if it has a value.
    fn field<T>(&mut self, text: &str, value: Option<T>, what: &'static str) -> Result<T> {
        let Some(value) = value else { return self.error(what) };
        self.at += text.len() + 1;
        Ok(value)
    }

    fn guid(&mut self, kind: AceKind, text: &str) -> Result<Option<[u8; 16]>> {
        let value = if text.is_empty() { Some(None) } else { guid(text).filter(|_| kind.is_of_object()).map(Some) };
        self.field(text, value, "not a GUID, or not of an entry about objects")
    }
}

/// The length of the security identifier at the start of a text that begins with `S-1-`.
fn sid_len(text: &str) -> usize {
    let hexadecimal = text[4..].strip_prefix("0x").or_else(|| text[4..].strip_prefix("0X"));
    let authority = match hexadecimal {
        Some(digits) => 6 + digits.bytes().take(12).take_while(u8::is_ascii_hexdigit).count(),
        None => 4,
    };
    authority + text[authority..].bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'-').count()
}

/// A mask: names of rights, or a number.
fn rights_of(kind: AceKind, text: &str) -> Option<u32> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
    }
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return text.parse().ok();
    }
    if kind == AceKind::Label {
        return names::bits(text, &[names::LABEL_RIGHTS]);
    }
    names::bits(text, &[names::RIGHTS, names::FILE_RIGHTS, names::KEY_RIGHTS])
}

/// The bytes of a GUID: three little-endian numbers, then bytes.
fn guid(text: &str) -> Option<[u8; 16]> {
    let fields: Vec<&str> = text.split('-').collect();
    let is_shaped = fields.iter().map(|field| field.len()).eq([8, 4, 4, 4, 12]);
    if !is_shaped || !text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u128::from_str_radix(&fields.concat(), 16).ok()?;
    let mut bytes = number.to_be_bytes();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    Some(bytes)
}
