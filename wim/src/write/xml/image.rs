//! An `IMAGE` element that is edited: each change replaces, inserts or removes a range of its text.

use std::ops::Range;

use super::XmlError;
use super::outline::{Element, is_allowed, is_name, outline};
use crate::{FileTime, ImageXml, XmlData};

/// The elements of an image in the order in which WIMGAPI writes them.
const ORDER: [&str; 13] = [
    "DIRCOUNT",
    "FILECOUNT",
    "TOTALBYTES",
    "HARDLINKBYTES",
    "CREATIONTIME",
    "LASTMODIFICATIONTIME",
    "WIMBOOT",
    "WINDOWS",
    "NAME",
    "DESCRIPTION",
    "FLAGS",
    "DISPLAYNAME",
    "DISPLAYDESCRIPTION",
];

/// The description of one image: an `IMAGE` element as text. Properties are named by the path of their
/// element below `IMAGE`, as `NAME`, `WINDOWS/VERSION/BUILD` or `WINDOWS/LANGUAGES/LANGUAGE[2]`; the number
/// counts, from 1, elements of one name in one parent. An edit leaves all other text as it is.
///
/// ```
/// use wim::write::ImageElement;
///
/// # fn main() -> Result<(), wim::write::XmlError> {
/// let mut image = ImageElement::parse("<IMAGE INDEX='1'><NAME>a</NAME><!-- kept --></IMAGE>")?;
/// image.set("NAME", "b & c")?;
/// image.set("WINDOWS/ARCH", "9")?;
/// assert_eq!(image.text(), "<IMAGE INDEX='1'><WINDOWS><ARCH>9</ARCH></WINDOWS><NAME>b &amp; c</NAME><!-- kept --></IMAGE>");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageElement(String);

/// The numbers that describe what an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImageCounts {
    /// Directories, the root included.
    pub directories: u64,
    /// Other names; each hard link counts.
    pub files: u64,
    /// The uncompressed bytes of all streams of all names; each hard link counts.
    pub total_bytes: u64,
    /// The part of `total_bytes` that hard links save.
    pub hard_link_bytes: u64,
}

impl Default for ImageElement {
    /// An image without any properties.
    fn default() -> Self {
        Self("<IMAGE></IMAGE>".into())
    }
}

impl ImageElement {
    /// Takes an `IMAGE` element, such as [`ImageXml::raw`].
    ///
    /// # Errors
    /// Text that is not well-formed XML, or another element.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let elements = outline(text, 1)?;
        match elements.first() {
            Some(root) if root.name == "IMAGE" && root.whole == (0..text.len()) => Ok(Self(text.to_owned())),
            _ => Err(XmlError::at(0, "it is not an IMAGE element".into())),
        }
    }

    /// An `IMAGE` element of a document that is well-formed.
    pub(super) fn of_document(text: String) -> Self {
        Self(text)
    }

    /// The element as text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What the element says.
    #[must_use]
    pub fn values(&self) -> ImageXml {
        let document = XmlData::of_text(&format!("<WIM>{}</WIM>", self.0));
        document.images().first().cloned().unwrap_or_default()
    }

    /// Sets the text of an element. If there is none, it is added with its parents: below `IMAGE` where
    /// WIMGAPI has it, elsewhere at the end. Its attributes stay; comments inside it do not.
    ///
    /// # Errors
    /// A path that is no path or skips a number, an element that has elements inside, a text with
    /// characters that XML does not allow.
    pub fn set(&mut self, path: &str, text: &str) -> Result<(), XmlError> {
        if let Some(c) = text.chars().find(|&c| !is_allowed(c)) {
            return Err(XmlError::value(path, format!("the character {c:?} is not allowed")));
        }
        let steps = steps(path)?;
        let elements = outline(&self.0, steps.len() + 2)?;
        let mut parent = 0;
        for (depth, step) in steps.iter().enumerate() {
            match step.find(&elements, parent) {
                Ok(found) => parent = found,
                Err(count) if count + 1 == step.number && steps[depth + 1..].iter().all(|step| step.number == 1) => {
                    self.insert(&elements, parent, &steps[depth..], text);
                    return Ok(());
                }
                Err(count) => return Err(XmlError::value(path, format!("there are only {count} {}", step.name))),
            }
        }
        if children(&elements, parent).next().is_some() {
            return Err(XmlError::value(path, "it has elements inside".into()));
        }
        self.replace_inner(&elements[parent], &escaped(text));
        Ok(())
    }

    /// Removes an element with all that is in it. Returns whether there was one.
    ///
    /// # Errors
    /// A path that is no path.
    pub fn remove(&mut self, path: &str) -> Result<bool, XmlError> {
        let steps = steps(path)?;
        let elements = outline(&self.0, steps.len() + 1)?;
        let found = steps.iter().try_fold(0, |parent, step| step.find(&elements, parent));
        if let Ok(found) = found {
            self.0.replace_range(elements[found].whole.clone(), "");
        }
        Ok(found.is_ok())
    }

    /// Sets what the image holds.
    ///
    /// # Errors
    /// As [`ImageElement::set`]: one of the elements has elements inside.
    pub fn set_counts(&mut self, counts: &ImageCounts) -> Result<(), XmlError> {
        self.set("DIRCOUNT", &counts.directories.to_string())?;
        self.set("FILECOUNT", &counts.files.to_string())?;
        self.set("TOTALBYTES", &counts.total_bytes.to_string())?;
        self.set("HARDLINKBYTES", &counts.hard_link_bytes.to_string())
    }

    /// Sets when the image was captured.
    ///
    /// # Errors
    /// As [`ImageElement::set`].
    pub fn set_created(&mut self, time: FileTime) -> Result<(), XmlError> {
        self.set_time("CREATIONTIME", time)
    }

    /// Sets when the image was last changed.
    ///
    /// # Errors
    /// As [`ImageElement::set`].
    pub fn set_modified(&mut self, time: FileTime) -> Result<(), XmlError> {
        self.set_time("LASTMODIFICATIONTIME", time)
    }

    fn set_time(&mut self, path: &str, FileTime(time): FileTime) -> Result<(), XmlError> {
        self.set(&format!("{path}/HIGHPART"), &format!("0x{:08X}", time >> 32))?;
        self.set(&format!("{path}/LOWPART"), &format!("0x{:08X}", time & 0xFFFF_FFFF))
    }

    /// The image's number as stored; `None` if it has none that counts from 1.
    pub(super) fn number(&self) -> Option<u32> {
        let number = self.0.get(self.index_value()?)?.trim();
        number.parse().ok().filter(|&number| number > 0)
    }

    /// Sets the image's number.
    pub(super) fn set_number(&mut self, number: u32) {
        match self.index_value() {
            Some(value) => self.0.replace_range(value, &number.to_string()),
            None => self.0.insert_str("<IMAGE".len(), &format!(" INDEX=\"{number}\"")),
        }
    }

    /// Where the value of the attribute `INDEX` is. The tag is known to be well-formed.
    fn index_value(&self) -> Option<Range<usize>> {
        let mut at = "<IMAGE".len();
        loop {
            let rest = self.0.get(at..)?;
            let name = at + rest.len() - rest.trim_start().len();
            let equals = name + self.0.get(name..)?.find(['=', '>'])?;
            if !self.0[equals..].starts_with('=') {
                return None;
            }
            let open = equals + self.0[equals..].find(['"', '\''])?;
            let quote = &self.0[open..=open];
            let close = open + 1 + self.0[open + 1..].find(quote)?;
            if self.0[name..equals].trim_end() == "INDEX" {
                return Some(open + 1..close);
            }
            at = close + 1;
        }
    }

    /// Inserts the elements of `steps`, each in the one before, into the element `parent`.
    fn insert(&mut self, elements: &[Element], parent: usize, steps: &[Step<'_>], text: &str) {
        let mut new = escaped(text);
        for step in steps.iter().rev() {
            new = format!("<{0}>{new}</{0}>", step.name);
        }
        let Some(inner) = elements[parent].inner.clone() else {
            return self.replace_inner(&elements[parent], &new);
        };
        let at = match rank(steps[0].name).filter(|_| parent == 0) {
            Some(own) => {
                let before =
                    children(elements, 0).filter(|(_, child)| rank(&child.name).is_some_and(|rank| rank <= own));
                before.last().map_or(inner.start, |(_, child)| child.whole.end)
            }
            None => {
                let like = children(elements, parent).filter(|(_, child)| child.name == steps[0].name).last();
                let after = like.or_else(|| children(elements, parent).last());
                after.map_or(inner.end, |(_, child)| child.whole.end)
            }
        };
        self.0.insert_str(at, &new);
    }

    fn replace_inner(&mut self, element: &Element, new: &str) {
        match element.inner.clone() {
            Some(inner) => self.0.replace_range(inner, new),
            None => {
                // The tag ends with `/>`.
                let name = &element.name;
                self.0.replace_range(element.whole.end - 2..element.whole.end, &format!(">{new}</{name}>"));
            }
        }
    }
}

fn rank(name: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == name)
}

/// The elements directly in the one at `parent`.
fn children(elements: &[Element], parent: usize) -> impl Iterator<Item = (usize, &Element)> {
    let depth = elements[parent].depth;
    let inside = (parent + 1..).zip(&elements[parent + 1..]).take_while(move |(_, element)| element.depth > depth);
    inside.filter(move |(_, element)| element.depth == depth + 1)
}

/// One element of a path.
struct Step<'a> {
    name: &'a str,
    /// Counting from 1.
    number: usize,
}

impl Step<'_> {
    /// The element in `parent` that it names, or how many of the name there are.
    fn find(&self, elements: &[Element], parent: usize) -> Result<usize, usize> {
        let mut named = children(elements, parent).filter(|(_, element)| element.name == self.name);
        let found = named.by_ref().nth(self.number - 1).map(|(index, _)| index);
        found.ok_or_else(|| children(elements, parent).filter(|(_, element)| element.name == self.name).count())
    }
}

/// The elements of a path.
fn steps(path: &str) -> Result<Vec<Step<'_>>, XmlError> {
    let step = |part: &'_ str| -> Option<(usize, usize)> {
        let Some(open) = part.find('[') else { return Some((part.len(), 1)) };
        let number = part[open + 1..].strip_suffix(']')?.parse().ok().filter(|&number| number > 0)?;
        Some((open, number))
    };
    path.split('/')
        .map(|part| {
            let (end, number) = step(part)?;
            Some(Step { name: &part[..end], number }).filter(|step| is_name(step.name))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| XmlError::value(path, "it is not the path of an element".into()))
}

/// A text as it stands in an element. Numbers of characters are not used: some readers know none.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
