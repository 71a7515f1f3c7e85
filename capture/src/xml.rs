//! The `IMAGE` element of a captured image.

use wim::FileTime;
use wim::write::{ImageCounts, ImageElement, XmlError};

/// What the XML data says of an image.
pub(crate) struct ImageFacts<'a> {
    /// The number of directories, the root included.
    pub(crate) directories: u64,
    /// The number of other names; each hard link counts.
    pub(crate) files: u64,
    /// The uncompressed bytes of all streams; each hard link counts.
    pub(crate) bytes: u64,
    /// Of these, the bytes of links beyond the first.
    pub(crate) link_bytes: u64,
    pub(crate) now: FileTime,
    pub(crate) name: &'a str,
    pub(crate) description: Option<&'a str>,
}

impl ImageFacts<'_> {
    /// The element; its number is set when it is written.
    ///
    /// # Errors
    /// A name or description with characters that XML does not allow.
    pub(crate) fn element(&self) -> Result<ImageElement, XmlError> {
        let mut image = ImageElement::default();
        image.set_counts(&ImageCounts {
            directories: self.directories,
            files: self.files,
            total_bytes: self.bytes,
            hard_link_bytes: self.link_bytes,
        })?;
        image.set_created(self.now)?;
        image.set_modified(self.now)?;
        image.set("NAME", self.name)?;
        if let Some(description) = self.description {
            image.set("DESCRIPTION", description)?;
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_element_is_in_the_order_of_windows() {
        let facts = ImageFacts {
            directories: 1,
            files: 5,
            bytes: 162,
            link_bytes: 3,
            now: FileTime(0x01DD_7F7C_7984_5AAE),
            name: "A & B",
            description: Some("<d>"),
        };
        let time = "<HIGHPART>0x01DD7F7C</HIGHPART><LOWPART>0x79845AAE</LOWPART>";
        assert_eq!(
            facts.element().unwrap().text(),
            format!(
                "<IMAGE><DIRCOUNT>1</DIRCOUNT><FILECOUNT>5</FILECOUNT><TOTALBYTES>162</TOTALBYTES>\
                 <HARDLINKBYTES>3</HARDLINKBYTES><CREATIONTIME>{time}</CREATIONTIME>\
                 <LASTMODIFICATIONTIME>{time}</LASTMODIFICATIONTIME><NAME>A &amp; B</NAME>\
                 <DESCRIPTION>&lt;d&gt;</DESCRIPTION></IMAGE>"
            )
        );
        let error = ImageFacts { name: "a\u{1}", ..facts }.element().unwrap_err().to_string();
        assert_eq!(error, "NAME: the character '\\u{1}' is not allowed");
    }
}
