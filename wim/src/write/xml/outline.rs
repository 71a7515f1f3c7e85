//! Checks that a text is well-formed XML, and finds its elements.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::XmlError;

/// How deep elements may be nested; some readers stop there.
const MAX_DEPTH: usize = 50;

/// The most elements that are remembered.
const MAX_ELEMENTS: usize = 1 << 20;

/// An element, by the bytes of the text that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    /// From `<` to the last `>`.
    pub(super) whole: Range<usize>,
    /// Between its tags; `None` for `<E/>`.
    pub(super) inner: Option<Range<usize>>,
    /// 1 for the root.
    pub(super) depth: usize,
}

/// The elements of a well-formed document in the order of their start tags, down to depth `to_depth`.
///
/// # Errors
/// The first rule that it breaks. Document types are refused: with one, the meaning of the text is not
/// in the text.
pub(super) fn outline(text: &str, to_depth: usize) -> Result<Vec<Element>, XmlError> {
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| !is_allowed(c)) {
        return Err(XmlError::at(at, format!("the character {c:?} is not allowed")));
    }
    let mut outline = Outline { to_depth, ..Outline::default() };
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    loop {
        let at = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|error| XmlError::at(at, error.to_string()))?;
        let end = reader.buffer_position() as usize;
        match outline.event(&event, at..end) {
            Ok(true) => {}
            Ok(false) => return Ok(outline.elements),
            Err(problem) => return Err(XmlError::at(at, problem)),
        }
    }
}

/// The characters of XML 1.0.
pub(super) fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Whether it can be the name of an element. Names that XML allows and no writer uses are refused.
pub(super) fn is_name(name: &str) -> bool {
    let is_start = |c: char| c.is_alphabetic() || matches!(c, '_' | ':');
    let is_other = |c: char| is_start(c) || c.is_alphanumeric() || matches!(c, '-' | '.');
    name.starts_with(is_start) && name.chars().all(is_other)
}

#[derive(Default)]
struct Outline {
    to_depth: usize,
    elements: Vec<Element>,
    /// The open elements: their place in `elements`, unless they are too deep.
    open: Vec<Option<usize>>,
    has_root: bool,
}

impl Outline {
    /// Takes the next event; `false` at the end of the document.
    fn event(&mut self, event: &Event<'_>, place: Range<usize>) -> Result<bool, String> {
        match event {
            Event::Start(start) => self.start(start, place, false)?,
            Event::Empty(start) => self.start(start, place, true)?,
            Event::End(_) => self.end(&place),
            Event::GeneralRef(reference) => check_reference(reference)?,
            Event::DocType(_) => return Err("a document type is not allowed".into()),
            Event::Eof if !self.open.is_empty() => return Err("it ends inside an element".into()),
            Event::Eof if !self.has_root => return Err("it has no element".into()),
            Event::Eof => return Ok(false),
            Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
        }
        let is_blank = |text: &[u8]| text.iter().all(u8::is_ascii_whitespace);
        let is_text = match event {
            Event::Text(text) => !is_blank(text),
            Event::CData(_) | Event::GeneralRef(_) => true,
            _ => false,
        };
        if is_text && self.open.is_empty() {
            return Err("text outside of the root element".into());
        }
        Ok(true)
    }

    fn start(&mut self, start: &BytesStart<'_>, place: Range<usize>, is_empty: bool) -> Result<(), String> {
        let name = std::str::from_utf8(start.name().into_inner()).unwrap_or_default().to_owned();
        if !is_name(&name) {
            return Err(format!("an element cannot be named {name:?}"));
        }
        check_attributes(start)?;
        if self.open.is_empty() && std::mem::replace(&mut self.has_root, true) {
            return Err("a second root element".into());
        }
        let depth = self.open.len() + 1;
        if depth > MAX_DEPTH {
            return Err(format!("elements are nested deeper than {MAX_DEPTH}"));
        }
        let is_kept = depth <= self.to_depth;
        if is_kept && self.elements.len() == MAX_ELEMENTS {
            return Err(format!("more than {MAX_ELEMENTS} elements"));
        }
        if !is_empty {
            self.open.push(is_kept.then_some(self.elements.len()));
        }
        if is_kept {
            let inner = (!is_empty).then_some(place.end..place.end);
            self.elements.push(Element { name, whole: place, inner, depth });
        }
        Ok(())
    }

    /// Ends the innermost element, whose end tag is at `place`; the reader has compared its name.
    fn end(&mut self, place: &Range<usize>) {
        if let Some(element) = self.open.pop().flatten().and_then(|open| self.elements.get_mut(open)) {
            element.whole.end = place.end;
            element.inner = element.inner.take().map(|inner| inner.start..place.start);
        }
    }
}

fn check_attributes(start: &BytesStart<'_>) -> Result<(), String> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let name = std::str::from_utf8(attribute.key.into_inner()).unwrap_or_default();
        if !is_name(name) {
            return Err(format!("an attribute cannot be named {name:?}"));
        }
        if attribute.value.contains(&b'<') {
            return Err(format!("the attribute {name} has a <"));
        }
        let value = std::str::from_utf8(&attribute.value).unwrap_or_default();
        quick_xml::escape::unescape(value).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Only characters and the five entities that every document knows.
fn check_reference(reference: &BytesRef<'_>) -> Result<(), String> {
    let name = String::from_utf8_lossy(reference);
    let is_known = match reference.resolve_char_ref() {
        Ok(Some(c)) => is_allowed(c),
        Ok(None) => quick_xml::escape::resolve_xml_entity(&name).is_some(),
        Err(_) => false,
    };
    if is_known { Ok(()) } else { Err(format!("unknown reference &{name};")) }
}
