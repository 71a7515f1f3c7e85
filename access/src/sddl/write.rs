//! Writes a descriptor as text.

use std::fmt::Write;

use super::{condition, names};
use crate::{Ace, AceKind, Acl, Control, Descriptor, Sid};

/// The text of a descriptor, in the one way in which Windows writes it; `None` if an entry has none
/// here: its kind or flags are unknown, or its principal is invalid.
///
/// Accounts of domains are written with all their numbers, so that the text means the same anywhere.
///
/// ```
/// use access::{Control, Descriptor, Sid, allow, sddl};
///
/// let dacl = allow(&[(0x001F_01FF, Sid::ADMINISTRATORS), (0x0012_00A9, Sid::EVERYONE)]);
/// let owner = Sid::ADMINISTRATORS;
/// let made = Descriptor::new(Control::DACL_PROTECTED, owner, owner, &dacl);
/// let text = made.and_then(|made| sddl::write(&made));
/// assert_eq!(text.as_deref(), Some("O:BAG:BAD:P(A;;FA;;;BA)(A;;0x1200a9;;;WD)"));
/// ```
pub fn write(descriptor: &Descriptor<'_>) -> Option<String> {
    let mut text = String::new();
    for (tag, sid) in [("O:", descriptor.owner), ("G:", descriptor.group)] {
        if let Some(sid) = sid {
            text += tag;
            text += &principal(sid);
        }
    }
    let control = descriptor.control.0;
    if descriptor.has_dacl() {
        text += "D:";
        list(&mut text, control, descriptor.dacl)?;
    }
    if descriptor.control.has(Control::SACL_PRESENT) {
        text += "S:";
        list(&mut text, control >> 1, descriptor.sacl)?;
    }
    Some(text)
}

/// Writes a list and the control bits about it, which those about a SACL are after a shift.
fn list(text: &mut String, control: u16, list: Option<Acl<'_>>) -> Option<()> {
    for (bit, name) in super::parse::CONTROL {
        if control & bit != 0 {
            *text += name;
        }
    }
    match list {
        Some(list) => list.entries().try_for_each(|ace| entry(text, &ace)),
        None => {
            *text += "NO_ACCESS_CONTROL";
            Some(())
        }
    }
}

/// The text of one entry, in parentheses; `None` as for [`write()`].
pub fn write_entry(ace: &Ace<'_>) -> Option<String> {
    let mut text = String::new();
    entry(&mut text, ace)?;
    Some(text)
}

fn entry(text: &mut String, ace: &Ace<'_>) -> Option<()> {
    let kind = names::of_kind(ace.kind())?;
    let flags = names::of_bits(ace.flags().0.into(), names::FLAGS)?;
    let [object, inherited] = ace.guids().map(|guid| guid.map_or_else(String::new, |bytes| guid_text(&bytes)));
    let (rights, sid) = (rights(ace.kind(), ace.mask()), principal(ace.sid()?));
    write!(text, "({kind};{flags};{rights};{object};{inherited};{sid}").ok()?;
    if ace.kind().is_conditional() {
        text.push(';');
        *text += &condition::write(ace.data()?)?;
    }
    text.push(')');
    Some(())
}

pub(super) fn principal(sid: Sid) -> String {
    names::of_principal(sid).map_or_else(|| sid.to_string(), String::from)
}

fn rights(kind: AceKind, mask: u32) -> String {
    let of_label = kind == AceKind::Label;
    let whole = names::FILE_RIGHTS.iter().find(|known| known.1 == mask && !of_label);
    let table = if of_label { names::LABEL_RIGHTS } else { names::RIGHTS };
    let names = whole.map(|known| known.0.to_owned()).or_else(|| names::of_bits(mask, table));
    names.unwrap_or_else(|| format!("{mask:#x}"))
}

fn guid_text(bytes: &[u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
    let first = u32::from_le_bytes([a, b, c, d]);
    let (second, third) = (u16::from_le_bytes([e, f]), u16::from_le_bytes([g, h]));
    let mut text = format!("{first:08x}-{second:04x}-{third:04x}-");
    for (index, byte) in rest.iter().enumerate() {
        let dash = if index == 2 { "-" } else { "" };
        let _ = write!(text, "{dash}{byte:02x}"); // a String takes everything
    }
    text
}
