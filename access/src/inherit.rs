//! What a new file or folder inherits, by \[MS-DTYP\] 2.5.3.4.

use crate::check::map_generic;
use crate::{AceFlags, AceKind, AceParts, Acl, Control, Descriptor, Sid, list};

/// The bytes of the descriptor that a new child gets which brings none of its own, below `parent`,
/// created by `owner` with the primary group `group`.
///
/// Entries about the creator become entries about `owner` and `group`, and generic rights those to
/// files. Where nothing is inherited the child has `default` as its DACL. `None` if an entry is
/// invalid, or the list gets longer than lists are.
pub fn inherit(
    parent: &Descriptor<'_>,
    is_folder: bool,
    owner: Sid,
    group: Sid,
    default: &[AceParts],
) -> Option<Vec<u8>> {
    let inherited = |of: Option<Acl<'_>>| match of {
        Some(of) => inherited_entries(of, is_folder, owner, group),
        None => Some(Vec::new()),
    };
    let (sacl, dacl) = (inherited(parent.sacl)?, inherited(parent.dacl)?);
    let mut control = Control::DACL_PRESENT;
    if !dacl.is_empty() {
        control = control | Control::DACL_AUTO_INHERITED;
    }
    if !sacl.is_empty() {
        control = control | Control::SACL_PRESENT | Control::SACL_AUTO_INHERITED;
    }
    let sacl = list(&sacl)?;
    let dacl = list(if dacl.is_empty() { default } else { &dacl })?;
    let sacl = Acl::parse(&sacl).filter(|_| control.has(Control::SACL_PRESENT));
    Some(Descriptor::of_parts(control, Some(owner), Some(group), sacl, Acl::parse(&dacl)).to_bytes())
}

fn inherited_entries(of: Acl<'_>, is_folder: bool, owner: Sid, group: Sid) -> Option<Vec<AceParts>> {
    let mut all = Vec::new();
    for ace in of.entries() {
        let passes = if is_folder {
            ace.flags().inherited_by_folders() || ace.flags().inherited_by_files() && !ace.flags().no_propagate()
        } else {
            ace.flags().inherited_by_files()
        };
        if passes {
            all.extend(children_of(&ace.parts()?, is_folder, owner, group));
        }
    }
    Some(all)
}

/// The one or two entries that a child gets from an entry which it inherits.
fn children_of(entry: &AceParts, is_folder: bool, owner: Sid, group: Sid) -> Vec<AceParts> {
    let passed_on = is_folder && !entry.flags.no_propagate();
    let applies = !is_folder || entry.flags.inherited_by_folders();
    let effective_sid = match entry.sid {
        Sid::CREATOR_OWNER => owner,
        Sid::CREATOR_GROUP => group,
        other => other,
    };
    // A central policy's bits and a label's policy are no rights, and stay.
    let is_of_rights = !matches!(entry.kind, AceKind::Label | AceKind::ScopedPolicy | AceKind::ResourceAttribute);
    let effective_mask = if is_of_rights { map_generic(entry.mask) } else { entry.mask };
    let kept = entry.flags.0 & (AceFlags::INHERITANCE ^ 0xFF) | AceFlags::INHERITED.0;
    let propagation = entry.flags.0 & AceFlags::FILES_AND_FOLDERS;
    let effective = AceParts { sid: effective_sid, mask: effective_mask, flags: AceFlags(kept), ..entry.clone() };
    let for_children = AceParts { flags: AceFlags(kept | propagation | AceFlags::INHERIT_ONLY), ..entry.clone() };
    let is_the_same = effective.sid == entry.sid && effective.mask == entry.mask;
    match (applies, passed_on) {
        (true, true) if is_the_same => {
            vec![AceParts { flags: AceFlags(kept | propagation), ..effective }]
        }
        (true, true) => vec![effective, for_children],
        (true, false) => vec![effective],
        (false, true) => vec![for_children],
        (false, false) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sddl;

    /// The text of what a child of a parent with this text inherits.
    fn child(parent: &str, is_folder: bool) -> String {
        let bytes = sddl::parse(parent, None).unwrap();
        let owner = "S-1-5-21-1-2-3-1000".parse().unwrap();
        let default = [AceParts::allow(0x001F_01FF, Sid::SYSTEM)];
        let parent = Descriptor::parse(&bytes).unwrap();
        let made = inherit(&parent, is_folder, owner, Sid::USERS, &default).unwrap();
        let text = sddl::write(&Descriptor::parse(&made).unwrap()).unwrap();
        text.strip_prefix("O:S-1-5-21-1-2-3-1000G:BU").unwrap().into()
    }

    #[test]
    fn a_child_inherits_by_the_flags_of_each_entry() {
        const NOTHING: &str = "D:(A;;FA;;;SY)"; // the default
        for (parent, file, folder) in [
            ("D:(A;;FA;;;BA)", NOTHING, NOTHING),
            ("D:(A;OI;FR;;;WD)", "D:AI(A;ID;FR;;;WD)", "D:AI(A;OIIOID;FR;;;WD)"),
            ("D:(A;CI;FR;;;WD)", NOTHING, "D:AI(A;CIID;FR;;;WD)"),
            ("D:(A;OICI;FR;;;WD)", "D:AI(A;ID;FR;;;WD)", "D:AI(A;OICIID;FR;;;WD)"),
            ("D:(A;OICINP;FR;;;WD)", "D:AI(A;ID;FR;;;WD)", "D:AI(A;ID;FR;;;WD)"),
            ("D:(A;OINP;FR;;;WD)", "D:AI(A;ID;FR;;;WD)", NOTHING),
            ("D:(D;OICIIO;FR;;;WD)", "D:AI(D;ID;FR;;;WD)", "D:AI(D;OICIID;FR;;;WD)"),
            (
                "D:PAI(A;OICIIO;GA;;;CO)",
                "D:AI(A;ID;FA;;;S-1-5-21-1-2-3-1000)",
                "D:AI(A;ID;FA;;;S-1-5-21-1-2-3-1000)(A;OICIIOID;GA;;;CO)",
            ),
            ("D:(A;OI;FR;;;CG)", "D:AI(A;ID;FR;;;BU)", "D:AI(A;OIIOID;FR;;;CG)"),
            ("D:NO_ACCESS_CONTROL", NOTHING, NOTHING),
            (
                "D:(A;OICI;FA;;;BA)S:(ML;OICI;NR;;;HI)(AU;SA;FA;;;WD)",
                "D:AI(A;ID;FA;;;BA)S:AI(ML;ID;NR;;;HI)",
                "D:AI(A;OICIID;FA;;;BA)S:AI(ML;OICIID;NR;;;HI)",
            ),
        ] {
            assert_eq!(child(parent, false), file, "a file below {parent}");
            assert_eq!(child(parent, true), folder, "a folder below {parent}");
        }
    }
}
