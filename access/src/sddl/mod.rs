//! Descriptors as text: the security descriptor definition language of \[MS-DTYP\] 2.5.1.

mod condition;
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
            "S:NO_ACCESS_CONTROL",
            "O:SYD:(A;;;;;WD)",
            "D:(SP;;0x1000000;;;S-1-17-1)",
            "D:(XA;;FR;;;WD;(Member_of {SID(BA), SID(S-1-5-21-1-2-3-1100)}))(A;;FA;;;BA)",
            "D:(XD;OICI;FA;;;AU;(!Member_of SID(BU) && (Not_Member_of_Any {SID(BA)} || Exists @User.a)))",
            "D:(XA;;FR;;;WD;(@User.Title == \"PM;)\" && (@User.b == {1, -0x2, +017} || c != #00ff) && d))",
            "D:(XA;;FR;;;WD;(a || b || (c || !!(d && e))))",
            "D:(XA;;FR;;;WD;(%004dember_of Any_of @Resource.x%0020y || @Device.z >= 00))",
            "D:(ZA;;FR;bf967aba-0de6-11d0-a285-00aa003049e2;;WD;(Device_Member_of SID(AU)))",
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
            ("D:(XA;;FR;;;WD;( (a)&&((b||c)) ))", "D:(XA;;FR;;;WD;(a && (b || c)))"),
            ("D:(XA;;FR;;;WD;(member_OF{ sid( BA ),SID(WD) }))", "D:(XA;;FR;;;WD;(Member_of {SID(BA), SID(WD)}))"),
            ("D:(XA;;FR;;;WD;(@user.x%0041==0X1F))", "D:(XA;;FR;;;WD;(@User.xA == 0x1f))"),
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
            ("D:(XA;;FA;;;WD)", "at byte 3: an entry without its end"),
            ("D:(XA;;FA;;;WD;)", "at byte 15: a condition is in parentheses"),
            ("D:(XA;;FA;;;WD;(Member_of))", "at byte 25: not SID(…)"),
            ("D:(XA;;FA;;;WD;(Member_of {SID(BA) SID(WD)}))", "at byte 35: not a comma or a closing brace"),
            ("D:(XA;;FA;;;WD;(@User.))", "at byte 22: not an attribute"),
            ("D:(XA;;FA;;;WD;(a == 08))", "at byte 21: not a number of 64 bits"),
            ("D:(XA;;FA;;;WD;(a == #123))", "at byte 21: half a byte"),
            ("D:(XA;;FA;;;WD;(a == \"x))", "at byte 21: a text without its end"),
            ("D:(XA;;FA;;;WD;(%00e))", "at byte 17: not four hexadecimal digits"),
            ("D:(XA;;FA;;;WD;(a b))", "at byte 18: not an operator or a closing parenthesis"),
            ("D:(XA;;FA;;;WD;(a)", "at byte 18: an entry without its end"),
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

    /// The code of a condition with operators up to so deep in each other.
    fn condition(depth: u32) -> impl Strategy<Value = Vec<u8>> {
        let sized = |code: u8, value: &[u8]| [&[code], &(value.len() as u32).to_le_bytes()[..], value].concat();
        let attribute = (0xF8..=0xFB_u8, prop::collection::vec(prop_oneof![0x20..0x7F_u16, any::<u16>()], 1..6))
            .prop_map(move |(code, name)| {
                sized(code, &name.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>())
            });
        let principal = sid().prop_map(move |sid| sized(0x51, &sid.to_bytes())).boxed();
        let principals = prop::collection::vec(principal.clone(), 1..4).prop_map(move |all| sized(0x50, &all.concat()));
        let number = (any::<i64>(), any::<bool>(), 1..=3_u8).prop_map(|(value, plus, base)| {
            let sign = if value < 0 {
                2
            } else if plus {
                1
            } else {
                3
            };
            [&[0x04][..], &value.to_le_bytes(), &[sign, base]].concat()
        });
        let text = "[^\"]{0,5}"
            .prop_map(move |text| sized(0x10, &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()));
        let octets = prop::collection::vec(any::<u8>(), 0..4).prop_map(move |bytes| sized(0x18, &bytes));
        let operand = prop_oneof![attribute.clone(), principal.clone(), principals.clone(), number, text, octets];
        let relation =
            (attribute.clone(), operand, prop::sample::select(vec![0x80..=0x86_u8, 0x88..=0x88, 0x8E..=0x8F]))
                .prop_flat_map(|(left, right, codes)| {
                    codes.prop_map(move |code| [&left[..], &right, &[code]].concat())
                });
        let membership = (prop_oneof![principal, principals], prop_oneof![0x89..=0x8C_u8, 0x90..=0x93_u8])
            .prop_map(|(principals, code)| [&principals[..], &[code]].concat());
        let existence = (attribute.clone(), prop_oneof![Just(0x87_u8), Just(0x8D)])
            .prop_map(|(attribute, code)| [&attribute[..], &[code]].concat());
        prop_oneof![attribute, relation, membership, existence].prop_recursive(depth, 32, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone(), 0xA0..=0xA1_u8).prop_map(|(left, right, code)| [
                    &left[..],
                    &right,
                    &[code]
                ]
                .concat()),
                inner.prop_map(|operand| [&operand[..], &[0xA2]].concat()),
            ]
        })
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
        fn any_condition_has_a_result(
            tokens in prop::collection::vec(prop::sample::select(vec![
                "(", ")", "!", "&&", "||", "==", "<", "a", "Member_of", "Exists", "@User.b", "{", "}", ",", "SID(BA)",
                "SID(", "Any_of", "7", "-0x1", "\"t\"", "#0a", " ", "%00e4", ";",
            ]), 0..24),
        ) {
            let text = format!("D:(XA;;FR;;;WD;({}))", tokens.concat());
            if let Ok(bytes) = parse(&text, None) {
                let again = write(&Descriptor::parse(&bytes).unwrap()).unwrap();
                prop_assert_eq!(parse(&again, None), Ok(bytes), "{}", again);
            }
        }

        #[test]
        fn conditions_lead_back(code in condition(5)) {
            let ace = AceParts { data: [&b"artx"[..], &code].concat(), ..AceParts::new(AceKind::AllowCallback, AceFlags(0), 1, Sid::EVERYONE) };
            let entries = list(&[ace]).unwrap();
            let made = Descriptor::of_parts(Control::DACL_PRESENT, None, None, None, Acl::parse(&entries));
            let text = write(&made).unwrap();
            prop_assert_eq!(parse(&text, None), Ok(made.to_bytes()), "{}", text);
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
