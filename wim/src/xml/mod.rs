//! The XML data: names, descriptions and counts of an archive's images.

mod parse;

use crate::{Error, FileTime, Header, ReadAt, Resource, Result, Warning};

/// The largest XML data in bytes; real ones have tens of KiB.
const MAX_XML: u64 = 64 << 20;

/// The XML data of an archive. Whatever is wrong with it, images stay usable without it.
#[derive(Debug, Default)]
pub struct XmlData {
    text: String,
    images: Vec<ImageXml>,
    encrypted: bool,
    warnings: Vec<Warning>,
}

impl XmlData {
    /// Parses UTF-16LE text, with or without a byte order mark. What cannot be understood is left
    /// out with a warning.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        parse::parse(bytes).unwrap_or_else(Self::unreadable)
    }

    /// Parses text that is a document of ours.
    pub(crate) fn of_text(text: &str) -> Self {
        Self::parse(&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())
    }

    /// Reads the XML data of the archive `source`, whose header is `header`. What cannot be read is
    /// a warning.
    pub(crate) fn read(source: &dyn ReadAt, header: &Header) -> Self {
        match Self::read_bytes(source, header) {
            Ok(bytes) if bytes.is_empty() => Self::default(),
            Ok(bytes) => Self::parse(&bytes),
            Err(error) => Self::unreadable(error),
        }
    }

    fn unreadable(error: Error) -> Self {
        Self { warnings: vec![Warning::XmlUnreadable(error)], ..Self::default() }
    }

    /// Reads the XML data of the archive `source`, whose header is `header`, without parsing it; empty if
    /// there is none.
    ///
    /// # Errors
    /// [`Error::TooLarge`], and those of reading a resource.
    pub fn read_bytes(source: &dyn ReadAt, header: &Header) -> Result<Vec<u8>> {
        let (what, place) = ("XML data", header.xml);
        if place.size > MAX_XML {
            return Err(Error::TooLarge { what, at: place.offset, size: place.size, limit: MAX_XML });
        }
        Resource::read(source, header, what, place)?.read_whole(source)
    }

    /// The image with this number, counting from 1.
    #[must_use]
    pub fn image(&self, number: u32) -> Option<&ImageXml> {
        self.images.binary_search_by_key(&number, |image| image.number).ok().map(|at| &self.images[at])
    }

    /// The images by number.
    #[must_use]
    pub fn images(&self) -> &[ImageXml] {
        &self.images
    }

    /// The whole document as text, without its byte order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the archive is an encrypted ESD, whose data cannot be read without its key.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Anomalies that were tolerated while parsing.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// The description of one image: for display, and never to be relied on. `None` is an absent
/// element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageXml {
    /// The image's number, counting from 1.
    pub number: u32,
    /// `NAME`.
    pub name: Option<String>,
    /// `DESCRIPTION`.
    pub description: Option<String>,
    /// `DISPLAYNAME`.
    pub display_name: Option<String>,
    /// `DISPLAYDESCRIPTION`.
    pub display_description: Option<String>,
    /// `FLAGS`: the edition, as `SERVERSTANDARDCORE`.
    pub flags: Option<String>,
    /// `DIRCOUNT`: directories, with or without the root.
    pub dir_count: Option<u64>,
    /// `FILECOUNT`: other names.
    pub file_count: Option<u64>,
    /// `TOTALBYTES`: uncompressed bytes, hard links counted each time.
    pub total_bytes: Option<u64>,
    /// `HARDLINKBYTES`: bytes saved by hard links.
    pub hard_link_bytes: Option<u64>,
    /// `CREATIONTIME`.
    pub created: Option<FileTime>,
    /// `LASTMODIFICATIONTIME`.
    pub modified: Option<FileTime>,
    /// `WIMBOOT`: whether files on a running system may point into this image.
    pub wim_boot: bool,
    /// `WINDOWS`.
    pub windows: Option<WindowsInfo>,
    /// The `IMAGE` element as written.
    pub raw: String,
}

/// The `WINDOWS` element: the Windows installation in an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WindowsInfo {
    /// `ARCH`: 0 x86, 5 ARM, 6 ia64, 9 x64, 12 ARM64.
    pub arch: Option<u32>,
    /// `PRODUCTNAME`.
    pub product_name: Option<String>,
    /// `EDITIONID`.
    pub edition_id: Option<String>,
    /// `INSTALLATIONTYPE`.
    pub installation_type: Option<String>,
    /// `HAL`.
    pub hal: Option<String>,
    /// `PRODUCTTYPE`.
    pub product_type: Option<String>,
    /// `PRODUCTSUITE`.
    pub product_suite: Option<String>,
    /// `LANGUAGES/LANGUAGE`, each one.
    pub languages: Vec<String>,
    /// `LANGUAGES/DEFAULT`.
    pub default_language: Option<String>,
    /// `VERSION`.
    pub version: Option<WindowsVersion>,
    /// `SYSTEMROOT`.
    pub system_root: Option<String>,
}

/// The `VERSION` element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WindowsVersion {
    /// `MAJOR`.
    pub major: Option<u32>,
    /// `MINOR`.
    pub minor: Option<u32>,
    /// `BUILD`.
    pub build: Option<u32>,
    /// `SPBUILD`.
    pub sp_build: Option<u32>,
    /// `SPLEVEL`.
    pub sp_level: Option<u32>,
    /// `BRANCH`.
    pub branch: Option<String>,
}
