//! The conditions of callback entries, by \[MS-DTYP\] 2.4.4.17.
//!
//! A condition is stored in postfix order, operands before their operator. Only the operators about
//! membership in groups have an answer here: attributes of users, resources and devices, and the
//! groups of devices, are not known, and whatever depends on them is unknown.

use crate::{Sid, Token, u32_at};

/// What begins a condition.
pub(crate) const SIGNATURE: &[u8] = b"artx";

/// The result of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It depends on something that is not known, or is invalid.
    Unknown,
}

impl Truth {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// What an operator takes from the stack.
enum Operand<'a> {
    Truth(Truth),
    /// Principals: stored elements of a composite, or a single one.
    Principals(&'a [u8]),
    /// Something whose value has no bearing on membership.
    Other,
}

/// Evaluates the condition in the [data](crate::Ace::data) of a callback entry for a token.
///
/// Membership in a group that the token has for denials only is unknown: so an entry that grants by
/// such a condition does not apply, and one that denies by it does.
pub fn evaluate(condition: &[u8], token: &Token) -> Truth {
    run(condition, token).unwrap_or(Truth::Unknown)
}

/// `None` if the condition is invalid.
fn run(condition: &[u8], token: &Token) -> Option<Truth> {
    let mut rest = condition.strip_prefix(SIGNATURE)?;
    let mut stack = Vec::new();
    while let Some((&code, after)) = rest.split_first() {
        rest = after;
        if code == 0 {
            continue; // padding to a multiple of four bytes
        }
        if let Some(len) = operand_len(code, after) {
            let (operand, after) = after.split_at_checked(len)?;
            stack.push(match code {
                0x51 => Operand::Principals(&rest_with_code(condition, rest)[..1 + len]),
                0x50 => Operand::Principals(operand.get(4..)?),
                _ => Operand::Other,
            });
            rest = after;
            continue;
        }
        let result = match code {
            // Comparisons need an attribute, and whether one exists is not known either.
            0x80..=0x86 | 0x88 | 0x8E | 0x8F => {
                stack.pop()?;
                stack.pop()?;
                Truth::Unknown
            }
            0x87 | 0x8D => {
                stack.pop()?;
                Truth::Unknown
            }
            0x89 | 0x8B | 0x90 | 0x92 => {
                let Operand::Principals(elements) = stack.pop()? else { return None };
                let found = membership(elements, token, matches!(code, 0x8B | 0x92))?;
                if code >= 0x90 { !found } else { found }
            }
            0x8A | 0x8C | 0x91 | 0x93 => {
                let Operand::Principals(_) = stack.pop()? else { return None };
                Truth::Unknown
            }
            0xA0 => truth(stack.pop()?)?.and(truth(stack.pop()?)?),
            0xA1 => !(!truth(stack.pop()?)?).and(!truth(stack.pop()?)?),
            0xA2 => !truth(stack.pop()?)?,
            _ => return None,
        };
        stack.push(Operand::Truth(result));
    }
    match <[Operand<'_>; 1]>::try_from(stack) {
        Ok([operand]) => truth(operand),
        Err(_) => None,
    }
}

/// The bytes from the operand's code on, of which `rest` are those after it.
fn rest_with_code<'a>(condition: &'a [u8], rest: &[u8]) -> &'a [u8] {
    &condition[condition.len() - rest.len() - 1..]
}

/// The bytes of an operand after its code; `None` if the code is no operand's or they are cut short.
pub(crate) fn operand_len(code: u8, after: &[u8]) -> Option<usize> {
    match code {
        0x01..=0x04 => Some(10), // a number of eight bytes, its sign and its base
        0x10 | 0x18 | 0x50 | 0x51 | 0xF8..=0xFB => (u32_at(after, 0)? as usize).checked_add(4),
        _ => None,
    }
}

/// An attribute that stands alone is a condition, too; its value is not known.
fn truth(operand: Operand<'_>) -> Option<Truth> {
    match operand {
        Operand::Truth(truth) => Some(truth),
        Operand::Other => Some(Truth::Unknown),
        Operand::Principals(_) => None,
    }
}

/// Whether the token has all of the principals, or `any` of them; `None` if an element is no
/// principal or there are none.
fn membership(mut elements: &[u8], token: &Token, any: bool) -> Option<Truth> {
    let mut all = None;
    while !elements.is_empty() {
        let (sid, rest) = split_sid(elements)?;
        elements = rest;
        let one = match (token.has(sid), token.is_denied_as(sid)) {
            (true, _) => Truth::True,
            (_, true) => Truth::Unknown,
            _ => Truth::False,
        };
        let one = if any { !one } else { one };
        all = Some(all.map_or(one, |all: Truth| all.and(one)));
    }
    Some(if any { !all? } else { all? })
}

/// The principal at the start of stored elements, and what follows it.
pub(crate) fn split_sid(elements: &[u8]) -> Option<(Sid, &[u8])> {
    let after = elements.strip_prefix(&[0x51])?;
    let (stored, rest) = after.get(4..)?.split_at_checked(u32_at(after, 0)? as usize)?;
    let sid = Sid::parse(stored).filter(|sid| sid.size() == stored.len())?;
    Some((sid, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(relative: u32) -> Sid {
        Sid::new(5, &[21, 1, 2, 3, relative]).unwrap()
    }

    fn token() -> Token {
        Token::exact(group(1), &[group(2)], &[group(3)])
    }

    fn stored(code: u8, bytes: &[u8]) -> Vec<u8> {
        [&[code][..], &(bytes.len() as u32).to_le_bytes(), bytes].concat()
    }

    fn sids(relative: &[u32]) -> Vec<u8> {
        let elements: Vec<u8> =
            relative.iter().flat_map(|&relative| stored(0x51, &group(relative).to_bytes())).collect();
        stored(0x50, &elements)
    }

    fn of(tokens: &[&[u8]]) -> Truth {
        evaluate(&[SIGNATURE, &tokens.concat()].concat(), &token())
    }

    #[test]
    fn membership_is_known() {
        use Truth::{False, True, Unknown};
        let cases: &[(&[u32], u8, Truth)] = &[
            (&[1], 0x89, True),
            (&[1, 2], 0x89, True),
            (&[1, 4], 0x89, False),
            (&[1, 3], 0x89, Unknown),
            (&[3, 4], 0x89, False),
            (&[4, 2], 0x8B, True),
            (&[4, 5], 0x8B, False),
            (&[4, 3], 0x8B, Unknown),
            (&[1, 2], 0x90, False),
            (&[1, 4], 0x90, True),
            (&[1, 3], 0x90, Unknown),
            (&[4, 5], 0x92, True),
            (&[4, 1], 0x92, False),
            (&[1], 0x8A, Unknown),
            (&[], 0x89, Unknown),
        ];
        for (relative, code, want) in cases {
            assert_eq!(of(&[&sids(relative), &[*code]]), *want, "{relative:?} {code:#x}");
        }
        let single = stored(0x51, &group(2).to_bytes());
        assert_eq!(of(&[&single, &[0x89], &[0, 0]]), True, "one principal without a composite, and padding");
    }

    #[test]
    fn attributes_are_unknown_and_logic_has_three_values() {
        use Truth::{False, True, Unknown};
        let (yes, no) = ([sids(&[1]), vec![0x89]].concat(), [sids(&[4]), vec![0x89]].concat());
        let attribute = stored(0xF9, b"d\0e\0");
        let number = [&[0x04][..], &7_u64.to_le_bytes(), &[3, 2]].concat();
        let equal = [&attribute[..], &number, &[0x80]].concat();
        let cases: &[(&[&[u8]], Truth)] = &[
            (&[&equal], Unknown),
            (&[&attribute], Unknown),
            (&[&attribute, &[0x87]], Unknown),
            (&[&yes, &equal, &[0xA0]], Unknown),
            (&[&no, &equal, &[0xA0]], False),
            (&[&yes, &equal, &[0xA1]], True),
            (&[&no, &equal, &[0xA1]], Unknown),
            (&[&equal, &[0xA2]], Unknown),
            (&[&yes, &[0xA2]], False),
            (&[&no, &[0xA2]], True),
            (&[&yes, &no, &[0xA0]], False),
            (&[&yes, &no, &[0xA1]], True),
            // Invalid ones.
            (&[], Unknown),
            (&[&yes, &yes], Unknown),
            (&[&[0xA0]], Unknown),
            (&[&number, &[0x89]], Unknown),
            (&[&stored(0x50, &number), &[0x89]], Unknown),
            (&[&sids(&[1])], Unknown),
            (&[&yes, &[0x77]], Unknown),
            (&[&yes, &[0x51, 0xff, 0xff, 0xff, 0xff]], Unknown),
        ];
        for (tokens, want) in cases {
            assert_eq!(of(tokens), *want, "{tokens:x?}");
        }
        assert_eq!(evaluate(&yes, &token()), Unknown, "no signature");
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_result(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = evaluate(&[SIGNATURE, &bytes].concat(), &token());
        }
    }
}
