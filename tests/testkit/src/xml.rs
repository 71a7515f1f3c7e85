//! XML data: what goes between the blob table and the integrity table.

use crate::bytes::{TIME, utf16};
use crate::dentry::Data;
use crate::flag;
use crate::image::Image;

/// The XML data to write.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Xml {
    /// Data that fits the images.
    #[default]
    Auto,
    /// This text, with a byte order mark in front.
    Text(String),
    /// These bytes.
    Bytes(Vec<u8>),
    /// None: its resource header is zero.
    None,
}

impl Xml {
    /// Its bytes; `blob_table_end` is the TOTALBYTES of the whole file.
    pub fn bytes(&self, images: &[Image], blob_table_end: u64) -> Vec<u8> {
        match self {
            Self::Auto => encode(&text(images, blob_table_end)),
            Self::Text(text) => encode(text),
            Self::Bytes(bytes) => bytes.clone(),
            Self::None => Vec::new(),
        }
    }
}

/// The text as UTF-16LE behind a byte order mark.
pub fn encode(text: &str) -> Vec<u8> {
    [&[0xFF, 0xFE], utf16(text).as_slice()].concat()
}

/// The document of these images.
pub fn text(images: &[Image], blob_table_end: u64) -> String {
    let images: String = images.iter().enumerate().map(|(index, image)| element(image, index + 1)).collect();
    format!("<WIM><TOTALBYTES>{blob_table_end}</TOTALBYTES>{images}</WIM>")
}

fn element(image: &Image, number: usize) -> String {
    let dentries = image.dentries();
    let dirs = dentries.iter().filter(|dentry| dentry.attributes & flag::DIRECTORY != 0).count();
    let bytes: usize = dentries.iter().flat_map(|dentry| dentry.contents()).map(size).sum();
    let time = format!("<HIGHPART>0x{:08X}</HIGHPART><LOWPART>0x{:08X}</LOWPART>", TIME >> 32, TIME & 0xFFFF_FFFF);
    let name = if image.name.is_empty() { String::new() } else { format!("<NAME>{}</NAME>", escape(&image.name)) };
    format!(
        "<IMAGE INDEX=\"{number}\"><DIRCOUNT>{dirs}</DIRCOUNT><FILECOUNT>{}</FILECOUNT>\
         <TOTALBYTES>{bytes}</TOTALBYTES><HARDLINKBYTES>0</HARDLINKBYTES>\
         <CREATIONTIME>{time}</CREATIONTIME><LASTMODIFICATIONTIME>{time}</LASTMODIFICATIONTIME>{}{name}</IMAGE>",
        dentries.len() - dirs,
        image.xml,
    )
}

fn size(data: &Data) -> usize {
    match data {
        Data::Bytes(bytes) => bytes.len(),
        Data::Empty | Data::Hash(_) => 0,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
