//! The text of conditions, by \[MS-DTYP\] 2.5.1.1; [`crate::condition`] has what they mean.

use super::parse::{Parser, Result};
use super::write::principal;
use crate::condition::{SIGNATURE, operand_len, split_sid};

/// How deeply parentheses may be nested in each other.
const MAX_DEPTH: usize = 64;

/// Operators about membership.
const MEMBERSHIP: [(&str, u8); 8] = [
    ("Member_of", 0x89),
    ("Device_Member_of", 0x8A),
    ("Member_of_Any", 0x8B),
    ("Device_Member_of_Any", 0x8C),
    ("Not_Member_of", 0x90),
    ("Not_Device_Member_of", 0x91),
    ("Not_Member_of_Any", 0x92),
    ("Not_Device_Member_of_Any", 0x93),
];
/// Operators before an attribute.
const EXISTENCE: [(&str, u8); 2] = [("Exists", 0x87), ("Not_Exists", 0x8D)];
/// Operators between an attribute and an operand, longer symbols first.
const RELATIONS: [(&str, u8); 10] = [
    ("==", 0x80),
    ("!=", 0x81),
    ("<=", 0x83),
    (">=", 0x85),
    ("<", 0x82),
    (">", 0x84),
    ("Contains", 0x86),
    ("Any_of", 0x88),
    ("Not_Contains", 0x8E),
    ("Not_Any_of", 0x8F),
];
/// The beginnings of names of attributes; those without a scope come last.
const SCOPES: [(&str, u8); 4] = [("@User.", 0xF9), ("@Resource.", 0xFA), ("@Device.", 0xFB), ("", 0xF8)];

/// Whether a character is written as itself in the name of an attribute.
fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || ":._/".contains(char)
}

/// An operand as stored: its code, the size of its value, and that.
fn sized(code: u8, value: &[u8]) -> Vec<u8> {
    [&[code], &(value.len() as u32).to_le_bytes()[..], value].concat()
}

impl Parser<'_> {
    /// The bytes of the condition in parentheses that follows.
    pub(super) fn condition(&mut self) -> Result<Vec<u8>> {
        let mut code = SIGNATURE.to_vec();
        if !self.take("(") {
            return self.error("a condition is in parentheses");
        }
        self.alternatives(&mut code, 0)?;
        Ok(code)
    }

    /// Terms between `||`, up to and with the closing parenthesis.
    fn alternatives(&mut self, code: &mut Vec<u8>, depth: usize) -> Result<()> {
        self.conjunction(code, depth)?;
        while self.take_after_blanks("||") {
            self.conjunction(code, depth)?;
            code.push(0xA1);
        }
        if self.take_after_blanks(")") { Ok(()) } else { self.error("not an operator or a closing parenthesis") }
    }

    /// Terms between `&&`.
    fn conjunction(&mut self, code: &mut Vec<u8>, depth: usize) -> Result<()> {
        self.factor(code, depth)?;
        while self.take_after_blanks("&&") {
            self.factor(code, depth)?;
            code.push(0xA0);
        }
        Ok(())
    }

    /// A term, or alternatives in parentheses, and the negations before it.
    fn factor(&mut self, code: &mut Vec<u8>, depth: usize) -> Result<()> {
        let mut negations = 0;
        while self.take_after_blanks("!") {
            negations += 1;
        }
        if !self.take_after_blanks("(") {
            self.term(code)?;
        } else if depth < MAX_DEPTH {
            self.alternatives(code, depth + 1)?;
        } else {
            return self.error("parentheses nested too deeply");
        }
        code.extend(std::iter::repeat_n(0xA2, negations));
        Ok(())
    }

    fn term(&mut self, code: &mut Vec<u8>) -> Result<()> {
        if let Some(operator) = self.take_word(&MEMBERSHIP) {
            let is_one = !self.take_after_blanks("{");
            code.extend(if is_one { self.principal()? } else { self.elements(Self::principal)? });
            code.push(operator);
        } else if let Some(operator) = self.take_word(&EXISTENCE) {
            code.extend(self.attribute()?);
            code.push(operator);
        } else {
            code.extend(self.attribute()?);
            if let Some(operator) = self.take_word(&RELATIONS) {
                code.extend(self.operand()?);
                code.push(operator);
            }
        }
        Ok(())
    }

    /// A value that an attribute is compared with.
    fn operand(&mut self) -> Result<Vec<u8>> {
        self.skip_blanks();
        if self.take("{") {
            self.elements(Self::value)
        } else if self.rest().starts_with(['"', '#', '+', '-']) || self.rest().starts_with(|c: char| c.is_ascii_digit())
        {
            self.value()
        } else if self.rest().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SID(")) {
            self.principal()
        } else {
            self.attribute()
        }
    }

    /// Elements between commas, after the opening brace.
    fn elements(&mut self, element: fn(&mut Self) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let mut elements = element(self)?;
        while self.take_after_blanks(",") {
            elements.extend(element(self)?);
        }
        if self.take_after_blanks("}") {
            Ok(sized(0x50, &elements))
        } else {
            self.error("not a comma or a closing brace")
        }
    }

    /// `SID(…)`.
    fn principal(&mut self) -> Result<Vec<u8>> {
        self.skip_blanks();
        if !self.rest().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SID(")) {
            return self.error("not SID(…)");
        }
        self.at += 4;
        self.skip_blanks();
        let sid = self.sid()?;
        if self.take_after_blanks(")") { Ok(sized(0x51, &sid.to_bytes())) } else { self.error("more than a principal") }
    }

    /// A text, bytes, a principal or a number.
    fn value(&mut self) -> Result<Vec<u8>> {
        self.skip_blanks();
        let rest = self.rest();
        if let Some(text) = rest.strip_prefix('"') {
            let Some(len) = text.find('"') else { return self.error("a text without its end") };
            self.at += len + 2;
            return Ok(sized(0x10, &text[..len].encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()));
        }
        if let Some(text) = rest.strip_prefix('#') {
            let digits = &text[..text.bytes().take_while(u8::is_ascii_hexdigit).count()];
            let Some(bytes) = bytes_of(digits) else { return self.error("half a byte") };
            self.at += 1 + digits.len();
            return Ok(sized(0x18, &bytes));
        }
        if rest.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SID(")) {
            return self.principal();
        }
        let len = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(byte)).count();
        let Some(number) = number(&rest[..len]) else { return self.error("not a number of 64 bits") };
        self.at += len;
        Ok(number)
    }

    /// An attribute, `@User.NAME` for instance. Other characters than ASCII's letters, digits and
    /// four signs are `%` and the four digits of a UTF-16 unit.
    fn attribute(&mut self) -> Result<Vec<u8>> {
        self.skip_blanks();
        let is_next =
            |scope: &str| self.rest().get(..scope.len()).is_some_and(|start| start.eq_ignore_ascii_case(scope));
        let (scope, code) = SCOPES.into_iter().find(|(scope, _)| is_next(scope)).unwrap_or(("", 0xF8));
        self.at += scope.len();
        let mut name = Vec::new();
        loop {
            if self.take("%") {
                let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
                let Some(digits) = digits else { return self.error("not four hexadecimal digits") };
                name.extend(bytes_of(digits).into_iter().flatten().rev());
                self.at += 4;
            } else if let Some(char) = self.rest().chars().next().filter(|&char| is_plain(char)) {
                name.extend((char as u16).to_le_bytes());
                self.at += 1;
            } else if name.is_empty() {
                return self.error("not an attribute");
            } else {
                return Ok(sized(code, &name));
            }
        }
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().bytes().take_while(u8::is_ascii_whitespace).count();
    }

    fn take_after_blanks(&mut self, start: &str) -> bool {
        self.skip_blanks();
        self.take(start)
    }

    /// The code of the operator that follows, if it is one of these; words must end there.
    fn take_word(&mut self, operators: &[(&str, u8)]) -> Option<u8> {
        self.skip_blanks();
        let rest = self.rest();
        let word = &rest[..rest.find(|char| !is_plain(char) && char != '%').unwrap_or(rest.len())];
        let is_next = |name: &str| match name.starts_with(char::is_alphabetic) {
            true => word.eq_ignore_ascii_case(name),
            false => rest.starts_with(name),
        };
        let (name, code) = operators.iter().find(|(name, _)| is_next(name))?;
        self.at += name.len();
        Some(*code)
    }
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
    pairs.collect()
}

/// A number as stored: its value, its sign (1 `+`, 2 `-`, 3 none) and its base (1 octal, 2 decimal,
/// 3 hexadecimal).
fn number(text: &str) -> Option<Vec<u8>> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (2, &text[1..]),
        _ => (3, text),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (base, radix, digits) = match (hexadecimal, digits.strip_prefix('0')) {
        (Some(digits), _) => (3, 16, digits),
        (None, Some(digits)) if !digits.is_empty() => (1, 8, digits),
        _ => (2, 10, digits),
    };
    let size = u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))?;
    let value = if sign == 2 { 0_i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() }?;
    Some([&[0x04][..], &value.to_le_bytes(), &[sign, base]].concat())
}

/// The part of a condition that is written.
enum Written {
    /// Elements with their braces, or one principal: what membership is about.
    Principals(String),
    Attribute(String),
    Value(String),
    /// A condition: its text, how strongly it binds, and how deeply parentheses are nested in it.
    Truth(String, u8, usize),
}

/// How strongly alternatives, conjunctions and everything else bind.
const OR: u8 = 0;
const AND: u8 = 1;
const TERM: u8 = 2;

/// The text of the condition in the data of a conditional entry, in parentheses; `None` if it is
/// invalid or has no text.
pub(super) fn write(condition: &[u8]) -> Option<String> {
    let mut rest = condition.strip_prefix(SIGNATURE)?;
    let mut stack = Vec::new();
    while let Some((&code, after)) = rest.split_first() {
        rest = after;
        if code == 0 {
            continue; // padding to a multiple of four bytes
        }
        if let Some(len) = operand_len(code, after) {
            let value;
            (value, rest) = after.split_at_checked(len)?;
            stack.push(operand(code, value)?);
            continue;
        }
        let named =
            |operators: &[(&'static str, u8)]| operators.iter().find(|known| known.1 == code).map(|known| known.0);
        let written = if let Some(name) = named(&MEMBERSHIP) {
            let Written::Principals(principals) = stack.pop()? else { return None };
            Written::Truth(format!("{name} {principals}"), TERM, 0)
        } else if let Some(name) = named(&EXISTENCE) {
            let Written::Attribute(attribute) = stack.pop()? else { return None };
            Written::Truth(format!("{name} {attribute}"), TERM, 0)
        } else if let Some(name) = named(&RELATIONS) {
            let right = match stack.pop()? {
                Written::Principals(text) | Written::Attribute(text) | Written::Value(text) => text,
                Written::Truth(..) => return None,
            };
            let Written::Attribute(left) = stack.pop()? else { return None };
            Written::Truth(format!("{left} {name} {right}"), TERM, 0)
        } else {
            match code {
                0xA0 => binary(&mut stack, " && ", AND)?,
                0xA1 => binary(&mut stack, " || ", OR)?,
                0xA2 => {
                    let more = rest.iter().take_while(|&&code| code == 0xA2).count();
                    rest = &rest[more..];
                    let (text, depth) = binding(stack.pop()?, TERM)?;
                    Written::Truth("!".repeat(1 + more) + &text, TERM, depth)
                }
                _ => return None,
            }
        };
        stack.push(written);
    }
    let [written] = <[Written; 1]>::try_from(stack).ok()?;
    let (text, _) = binding(written, OR)?;
    Some(format!("({text})"))
}

/// Writes an operator between the last two conditions, which binds to the left.
fn binary(stack: &mut Vec<Written>, name: &str, strength: u8) -> Option<Written> {
    let (right, right_depth) = binding(stack.pop()?, strength + 1)?;
    let (mut text, depth) = binding(stack.pop()?, strength)?;
    text += name;
    text += &right;
    Some(Written::Truth(text, strength, depth.max(right_depth)))
}

/// The text of a condition, in parentheses unless it binds as strongly as this, and how deeply they
/// are nested.
fn binding(written: Written, strength: u8) -> Option<(String, usize)> {
    let (text, own, depth) = match written {
        Written::Truth(text, own, depth) => (text, own, depth),
        Written::Attribute(text) => (text, TERM, 0),
        Written::Principals(_) | Written::Value(_) => return None,
    };
    if own >= strength {
        return Some((text, depth));
    }
    (depth < MAX_DEPTH).then(|| (format!("({text})"), depth + 1))
}

/// Writes the operand with this code and what is stored after that.
fn operand(code: u8, stored: &[u8]) -> Option<Written> {
    if let Some((scope, _)) = SCOPES.iter().find(|scope| scope.1 == code) {
        return attribute(scope, &units(stored.get(4..)?)?).map(Written::Attribute);
    }
    if code == 0x51 {
        return value(code, stored).map(Written::Principals);
    }
    if code != 0x50 {
        return value(code, stored).map(Written::Value);
    }
    let mut rest = stored.get(4..)?;
    let mut elements = Vec::new();
    let mut are_principals = true;
    while let Some((&code, after)) = rest.split_first() {
        let (stored, after) = after.split_at_checked(operand_len(code, after)?)?;
        elements.push(value(code, stored)?);
        are_principals &= code == 0x51;
        rest = after;
    }
    let text = format!("{{{}}}", elements.join(", "));
    let kind = if are_principals { Written::Principals } else { Written::Value };
    (!elements.is_empty()).then(|| kind(text))
}

fn value(code: u8, stored: &[u8]) -> Option<String> {
    match code {
        0x04 => number_text(stored),
        0x10 => {
            let text = String::from_utf16(&units(stored.get(4..)?)?).ok()?;
            (!text.contains('"')).then(|| format!("\"{text}\""))
        }
        0x18 => {
            let digits: String = stored.get(4..)?.iter().map(|byte| format!("{byte:02x}")).collect();
            Some(format!("#{digits}"))
        }
        0x51 => {
            let (sid, _) = split_sid(&[&[code], stored].concat())?;
            Some(format!("SID({})", principal(sid)))
        }
        _ => None,
    }
}

fn units(bytes: &[u8]) -> Option<Vec<u16>> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|&pair| u16::from_le_bytes(pair)).collect())
}

fn attribute(scope: &str, name: &[u16]) -> Option<String> {
    let mut text = String::new();
    for (index, &unit) in name.iter().enumerate() {
        let plain = char::from_u32(unit.into()).filter(|&char| is_plain(char));
        // Names without a scope must not look like numbers, principals or operators.
        match plain.filter(|_| index > 0 || !scope.is_empty()) {
            Some(char) => text.push(char),
            None if plain.is_some_and(|char| char.is_ascii_alphabetic()) && !is_word(name) => text.extend(plain),
            None => text += &format!("%{unit:04x}"),
        }
    }
    (!name.is_empty()).then(|| format!("{scope}{text}"))
}

/// Whether a name is that of an operator, or of a principal's type.
fn is_word(name: &[u16]) -> bool {
    let name = String::from_utf16_lossy(name);
    let words = MEMBERSHIP.iter().chain(&EXISTENCE).chain(&RELATIONS).map(|known| known.0).chain(["SID"]);
    words.into_iter().any(|word| word.eq_ignore_ascii_case(&name))
}

fn number_text(stored: &[u8]) -> Option<String> {
    let (value, &[sign, base]) = stored.split_first_chunk()? else { return None };
    let value = i64::from_le_bytes(*value);
    let sign = match (sign, value) {
        (1, 0..) => "+",
        (2, ..=0) => "-",
        (3, 0..) => "",
        _ => return None,
    };
    let size = value.unsigned_abs();
    match base {
        1 => Some(format!("{sign}0{size:o}")),
        2 => Some(format!("{sign}{size}")),
        3 => Some(format!("{sign}{size:#x}")),
        _ => None,
    }
}
