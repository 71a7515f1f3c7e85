//! Descriptors as text: the security descriptor definition language of \[MS-DTYP\] 2.5.1.

mod names;
mod parse;
mod write;

pub use parse::{SddlError, parse};
pub use write::{write, write_entry};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{AceFlags, AceKind, AceParts, Acl, Control, Descriptor, Sid, list};

    fn domain() -> Sid {
        "S-1-5-21-1-2-3".parse().unwrap()
    }

    #[test]
    fn texts_lead_back() {
        for text in [
            "",
            "O:BAG:SYD:",
            "O:BAG:BAD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;OICIIO;0x1200a9;;;AU)",
            "D:NO_ACCESS_CONTROL",
            "D:PARAINO_ACCESS_CONTROL",
            "O:S-1-5-21-1-2-3-500D:(D;;CCDC;;;S-1-22-1-0)(A;ID;GR;;;WD)",
            "D:(OA;CI;RP;bf967aba-0de6-11d0-a285-00aa003049e2;;PS)",
            "D:(OD;CI;RP;;bf967aba-0de6-11d0-a285-00aa003049e2;OW)",
            "G:S-1-0x000100000000-7",
            "S:AI(AU;SAFA;FA;;;WD)(ML;;NWNR;;;HI)",
            "O:SYD:(A;;;;;WD)",
            "D:(SP;;0x1000000;;;S-1-17-1)",
        ] {
            let bytes = parse(text, None).unwrap_or_else(|error| panic!("{text}: {error}"));
            let parsed = Descriptor::parse(&bytes).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(write(&parsed).as_deref(), Some(text));
        }
    }

    #[test]
    fn other_ways_to_write_the_same() {
        for (text, want) in [
            ("S:D:O:BAG:BA", "O:BAG:BAD:S:"),
            ("D:(A;;0X1F01FF;;;S-1-5-32-544)", "D:(A;;FA;;;BA)"),
            ("D:(A;;17;;;wd)", "D:(A;;CCRP;;;WD)"),
            ("D:(A;CIOI;RPCC;;;WD)", "D:(A;OICI;CCRP;;;WD)"),
            ("D:AIP(A;;KR;;;DA)", "D:PAI(A;;CCSWRPRC;;;S-1-5-21-1-2-3-512)"),
            ("O:DAD:", "O:S-1-5-21-1-2-3-512D:"),
        ] {
            let found = parse(text, Some(domain()));
            let found = found.ok().and_then(|bytes| write(&Descriptor::parse(&bytes)?));
            assert_eq!(found.as_deref().unwrap_or_default(), want, "{text}");
        }
    }

    #[test]
    fn errors_say_where() {
        for (text, want) in [
            ("X:", "at byte 0: not O:, G:, D: or S:"),
            ("O:BAO:BA", "at byte 4: a part that is there already"),
            ("O:XX", "at byte 2: no principal of this name"),
            ("O:DA", "at byte 2: a principal of a domain, which is not known"),
            ("O:S-1-5-x", "at byte 2: not a security identifier"),
            ("D:(A;;FA;;;WD", "at byte 3: an entry without its end"),
            ("D:(A;;FA;;WD)", "at byte 3: not six fields between semicolons"),
            ("D:(Q;;FA;;;WD)", "at byte 3: no kind of entry"),
            ("D:(A;QQ;FA;;;WD)", "at byte 5: no flags"),
            ("D:(A;;FAQ;;;WD)", "at byte 6: no rights"),
            ("D:(A;;FA;1-2;;WD)", "at byte 9: not a GUID, or not of an entry about objects"),
            ("D:(XA;;FA;;;WD;(Member_of))", "at byte 3: conditions have no text here"),
            ("D:(A;;FA;;;WDx)", "at byte 13: more than a principal"),
        ] {
            assert_eq!(parse(text, None).unwrap_err().to_string(), want, "{text}");
        }
    }

    fn sid() -> impl Strategy<Value = Sid> {
        let parts = prop::collection::vec(prop_oneof![0..600_u32, any::<u32>()], 0..8);
        (prop_oneof![0..20_u64, 0..1_u64 << 48], parts)
            .prop_map(|(authority, parts)| Sid::new(authority, &parts).unwrap())
    }

    fn ace() -> impl Strategy<Value = AceParts> {
        let kinds = vec![AceKind::Allow, AceKind::Deny, AceKind::Audit, AceKind::AllowObject, AceKind::Label];
        let mask = prop_oneof![any::<u32>(), Just(0x001F_01FF), 0..0x200_u32];
        (prop::sample::select(kinds), any::<u8>(), mask, any::<[Option<[u8; 16]>; 2]>(), sid()).prop_map(
            |(kind, flags, mask, guids, sid)| AceParts {
                guids: if kind.is_of_object() { guids } else { [None; 2] },
                ..AceParts::new(kind, AceFlags(flags), mask, sid)
            },
        )
    }

    proptest! {
        #[test]
        fn descriptors_lead_back(
            owner in prop::option::of(sid()),
            group in prop::option::of(sid()),
            dacl in prop::option::of(prop::collection::vec(ace(), 0..5)),
            sacl in prop::option::of(prop::collection::vec(ace(), 0..5)),
            bits in any::<u16>(),
        ) {
            let mut control = Control(bits & 0x3F00);
            let present = |list: &Option<_>, bit| if list.is_some() { bit } else { Control::default() };
            control = control | present(&dacl, Control::DACL_PRESENT) | present(&sacl, Control::SACL_PRESENT);
            if dacl.is_none() { control.0 &= !0x1500 }
            if sacl.is_none() { control.0 &= !0x2A00 }
            let stored = |entries: Option<Vec<_>>| entries.map(|entries| list(&entries).unwrap());
            let (dacl, sacl) = (stored(dacl), stored(sacl));
            let (dacl, sacl) = (dacl.as_deref().and_then(Acl::parse), sacl.as_deref().and_then(Acl::parse));
            let made = Descriptor::of_parts(control, owner, group, sacl, dacl);
            let text = write(&made).unwrap();
            let parsed = parse(&text, None);
            prop_assert_eq!(parsed, Ok(made.to_bytes()), "{}", text);
        }

        #[test]
        fn any_text_has_a_result(text in "[OGDS]:(S-1-|[A-Z]{2}|[(;)]|0x|P|[0-9a-f]|.){0,40}") {
            if let Ok(bytes) = parse(&text, Some(domain())) {
                let parsed = Descriptor::parse(&bytes).unwrap();
                let again = write(&parsed).unwrap();
                prop_assert_eq!(parse(&again, None), Ok(bytes));
            }
        }
    }
}
