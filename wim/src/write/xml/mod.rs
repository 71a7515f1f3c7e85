//! The XML data as it is written: the old text, and the edits of a few ranges of it.

mod image;
mod outline;
#[cfg(test)]
mod tests;

pub use image::{ImageCounts, ImageElement};
use outline::{Element, outline};

/// The reason why XML data cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The text is not well-formed, or not that of an archive.
    #[error("XML data at {at:#x}: {problem}")]
    Malformed {
        /// Where in the text, in bytes of UTF-8.
        at: usize,
        /// The rule that it breaks.
        problem: String,
    },
    /// A property cannot be set.
    #[error("{path}: {problem}")]
    Value {
        /// The path of the property.
        path: String,
        /// The reason.
        problem: String,
    },
}

impl XmlError {
    fn at(at: usize, problem: String) -> Self {
        Self::Malformed { at, problem }
    }

    fn value(path: &str, problem: String) -> Self {
        Self::Value { path: path.to_owned(), problem }
    }
}

/// The XML data of an archive, to be edited. Text that no edit concerns stays as it is: comments, white
/// space, unknown elements, attributes, and the order of all.
///
/// ```
/// use wim::XmlData;
/// use wim::write::{ImageElement, XmlDocument};
///
/// # fn main() -> Result<(), wim::write::XmlError> {
/// let mut image = ImageElement::default();
/// image.set("NAME", "Windows 11")?;
/// let mut document = XmlDocument::default();
/// assert_eq!(document.add_image(image), 1);
/// document.set_total_bytes(5000);
/// let xml = XmlData::parse(&document.to_bytes());
/// assert_eq!(xml.text(), "<WIM><TOTALBYTES>5000</TOTALBYTES><IMAGE INDEX=\"1\"><NAME>Windows 11</NAME></IMAGE></WIM>");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlDocument {
    /// All text before the end tag of the root, in order.
    pieces: Vec<Piece>,
    /// The end tag, and what follows.
    end: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Image(ImageElement),
    /// The element `TOTALBYTES` of the archive.
    TotalBytes(String),
    Other(String),
}

impl Piece {
    fn text(&self) -> &str {
        match self {
            Self::Image(image) => image.text(),
            Self::TotalBytes(text) | Self::Other(text) => text,
        }
    }
}

impl Default for XmlDocument {
    /// The document of an archive without images.
    fn default() -> Self {
        Self { pieces: vec![Piece::Other("<WIM>".into())], end: "</WIM>".into() }
    }
}

impl XmlDocument {
    /// Takes UTF-16LE text, with or without a byte order mark.
    ///
    /// # Errors
    /// Text that is not well-formed XML, whose root is not `WIM`, or whose images are not numbered 1, 2, …,
    /// each once, in any order. [`XmlData`](crate::XmlData) reads more, but an edit could damage it.
    pub fn parse(bytes: &[u8]) -> Result<Self, XmlError> {
        let text = decode(bytes)?;
        let elements = outline(&text, 2)?;
        let (root, children) = elements.split_first().ok_or_else(|| XmlError::at(0, "it has no element".into()))?;
        if root.name != "WIM" {
            return Err(XmlError::at(root.whole.start, format!("its root is {}, not WIM", root.name)));
        }
        let document = Self::cut(&text, root, children);
        document.check_numbers()?;
        Ok(document)
    }

    /// Cuts the text at the elements that are edited.
    fn cut(text: &str, root: &Element, children: &[Element]) -> Self {
        let Some(inner) = root.inner.clone() else {
            // `<WIM/>`, which needs an end tag before anything can be in it.
            let start = format!("{}>", &text[..root.whole.end - 2]);
            let end = format!("</WIM>{}", &text[root.whole.end..]);
            return Self { pieces: vec![Piece::Other(start)], end };
        };
        let (mut pieces, mut at) = (Vec::new(), 0);
        let mut has_total = false;
        for Element { name, whole, .. } in children {
            let element = text[whole.clone()].to_owned();
            let piece = match &name[..] {
                "IMAGE" => Piece::Image(ImageElement::of_document(element)),
                "TOTALBYTES" if !std::mem::replace(&mut has_total, true) => Piece::TotalBytes(element),
                _ => continue,
            };
            pieces.push(Piece::Other(text[at..whole.start].to_owned()));
            pieces.push(piece);
            at = whole.end;
        }
        pieces.push(Piece::Other(text[at..inner.end].to_owned()));
        Self { pieces, end: text[inner.end..].to_owned() }
    }

    fn check_numbers(&self) -> Result<(), XmlError> {
        let mut numbers: Vec<_> = self.images().map(ImageElement::number).collect();
        numbers.sort_unstable();
        if (1..).zip(&numbers).any(|(want, number)| *number != Some(want)) {
            let at = self.pieces.first().map_or(0, |piece| piece.text().len());
            return Err(XmlError::at(at, "its images are not numbered from 1 on, each once".into()));
        }
        Ok(())
    }

    /// The bytes to be written: UTF-16LE with a byte order mark.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = self.pieces.iter().map(Piece::text).chain([&self.end[..]]);
        let units = std::iter::once(0xFEFF).chain(text.flat_map(str::encode_utf16));
        units.flat_map(u16::to_le_bytes).collect()
    }

    /// The images in the order of the text.
    pub fn images(&self) -> impl Iterator<Item = &ImageElement> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Image(image) => Some(image),
            Piece::TotalBytes(_) | Piece::Other(_) => None,
        })
    }

    /// The number of images.
    #[must_use]
    pub fn image_count(&self) -> u32 {
        self.images().count() as u32
    }

    /// The image with this number, counting from 1.
    #[must_use]
    pub fn image(&self, number: u32) -> Option<&ImageElement> {
        self.images().find(|image| image.number() == Some(number))
    }

    /// The image with this number, counting from 1, to be edited.
    pub fn image_mut(&mut self, number: u32) -> Option<&mut ImageElement> {
        self.images_mut().find(|image| image.number() == Some(number))
    }

    fn images_mut(&mut self) -> impl Iterator<Item = &mut ImageElement> {
        self.pieces.iter_mut().filter_map(|piece| match piece {
            Piece::Image(image) => Some(image),
            Piece::TotalBytes(_) | Piece::Other(_) => None,
        })
    }

    /// Adds an image after all others, and returns the number that it has got.
    pub fn add_image(&mut self, mut image: ImageElement) -> u32 {
        let number = self.image_count() + 1;
        image.set_number(number);
        let last = self.pieces.iter().rposition(|piece| !matches!(piece, Piece::Other(_)));
        let at = last.map_or(self.pieces.len(), |last| last + 1);
        self.pieces.insert(at, Piece::Image(image));
        number
    }

    /// Removes an image; those with higher numbers get the next lower one. Returns whether there was one.
    pub fn remove_image(&mut self, number: u32) -> bool {
        let is_it = |piece: &Piece| matches!(piece, Piece::Image(image) if image.number() == Some(number));
        let Some(at) = self.pieces.iter().position(is_it) else { return false };
        self.pieces.remove(at);
        for image in self.images_mut() {
            if let Some(old) = image.number().filter(|&old| old > number) {
                image.set_number(old - 1);
            }
        }
        true
    }

    /// Makes the number of images `count`, that of the archive's metadata resources: removes the images of
    /// the highest numbers, or adds images without properties.
    pub fn set_image_count(&mut self, count: u32) {
        let is_extra = |piece: &Piece| matches!(piece, Piece::Image(image) if image.number() > Some(count));
        self.pieces.retain(|piece| !is_extra(piece));
        for _ in self.image_count()..count {
            self.add_image(ImageElement::default());
        }
    }

    /// Sets the archive's `TOTALBYTES`: the offset at which the blob table ends.
    pub fn set_total_bytes(&mut self, bytes: u64) {
        let element = Piece::TotalBytes(format!("<TOTALBYTES>{bytes}</TOTALBYTES>"));
        if let Some(old) = self.pieces.iter_mut().find(|piece| matches!(piece, Piece::TotalBytes(_))) {
            *old = element;
            return;
        }
        // The first piece begins with the root's start tag, whatever follows it there.
        let first = self.pieces.iter().position(|piece| matches!(piece, Piece::Image(_)));
        self.pieces.insert(first.unwrap_or(self.pieces.len()), element);
    }
}

fn decode(bytes: &[u8]) -> Result<String, XmlError> {
    let (units, rest) = bytes.as_chunks();
    let units = units.strip_prefix(&[[0xFF, 0xFE]]).unwrap_or(units);
    let text: Result<String, _> = char::decode_utf16(units.iter().map(|&unit| u16::from_le_bytes(unit))).collect();
    text.ok().filter(|_| rest.is_empty()).ok_or_else(|| XmlError::at(0, "it is not UTF-16".into()))
}
