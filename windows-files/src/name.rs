//! Names as Windows accepts them.
//!
//! Windows refuses some characters in names. They are shown by stand-ins, as Samba and others do:
//! U+F000 and their code.

/// The longest name that Windows accepts, in UTF-16 units.
const MAX: usize = 255;

/// First of the stand-ins.
const STAND_IN: u16 = 0xF000;

fn is_refused(unit: u16) -> bool {
    (1..0x20).contains(&unit) || br#""*:<>?|\"#.iter().any(|&c| unit == u16::from(c))
}

/// A name (WTF-8) as Windows accepts it, in UTF-16; `None` if it is too long for Windows.
pub fn shown_name(name: &[u8]) -> Option<Vec<u16>> {
    let mut units = wim::utf16_from_wtf8(name)?;
    for unit in &mut units {
        if is_refused(*unit) {
            *unit += STAND_IN;
        }
    }
    (units.len() <= MAX).then_some(units)
}

/// The names (WTF-8) that a name from Windows can mean, the likeliest first: with stand-ins replaced
/// by their characters, and unchanged.
pub fn meant_names(units: &[u16]) -> Vec<Vec<u8>> {
    let back = |&unit: &u16| if unit >= STAND_IN && is_refused(unit - STAND_IN) { unit - STAND_IN } else { unit };
    let restored: Vec<u16> = units.iter().map(back).collect();
    let mut names = vec![wim::wtf8_from_utf16(units.iter().copied())];
    if restored != units {
        names.insert(0, wim::wtf8_from_utf16(restored));
    }
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_windows_refuses_gets_a_stand_in() {
        let cases: &[(&str, &str)] = &[
            ("plain.txt", "plain.txt"),
            ("a:b*c?\"<>|\\", "a\u{f03a}b\u{f02a}c\u{f03f}\u{f022}\u{f03c}\u{f03e}\u{f07c}\u{f05c}"),
            ("tab\there", "tab\u{f009}here"),
            ("\u{f02f}\u{f000}", "\u{f02f}\u{f000}"), // the filesystem's own stand-ins
            (". ", ". "),
        ];
        for (name, want) in cases {
            let shown = shown_name(name.as_bytes()).unwrap();
            assert_eq!(String::from_utf16(&shown).unwrap(), *want, "{name:?}");
            assert_eq!(meant_names(&shown)[0], name.as_bytes(), "{name:?}");
        }
        assert_eq!(meant_names(&[0xF03A]), [b":".to_vec(), "\u{f03a}".into()]);
    }

    #[test]
    fn names_have_at_most_255_units() {
        assert_eq!(shown_name("é".repeat(255).as_bytes()).unwrap().len(), 255);
        assert_eq!(shown_name("é".repeat(256).as_bytes()), None);
        assert_eq!(shown_name("😀".repeat(127).as_bytes()).unwrap().len(), 254);
        assert_eq!(shown_name("😀".repeat(128).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn every_name_is_found_by_what_is_shown_of_it(units in prop::collection::vec(any::<u16>(), 1..20)) {
            let name = wim::wtf8_from_utf16(units.iter().copied());
            let shown = shown_name(&name).unwrap();
            prop_assert!(!shown.iter().copied().any(is_refused));
            // A name that contains stand-ins itself is the second guess or, with replaced
            // characters in it, none.
            let has_stand_ins = units.iter().any(|&unit| unit >= STAND_IN && is_refused(unit - STAND_IN));
            prop_assert!(meant_names(&shown).contains(&name) || has_stand_ins && units.iter().copied().any(is_refused));
        }
    }
}
