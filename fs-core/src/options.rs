//! How a store is to be shown.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Through which interface named streams can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamInterface {
    /// As extended attributes `user.NAME`, up to the platform's limit (64 KiB on Linux); larger ones as with `Windows`.
    #[default]
    Xattr,
    /// As files opened by the name `file:stream`, of any size; they are not listed.
    Windows,
    /// Not at all.
    None,
}

/// Which image of an archive becomes the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChoice {
    /// By number, from 1.
    Number(u32),
    /// By its name in the XML data.
    Name(String),
}

impl FromStr for ImageChoice {
    type Err = std::convert::Infallible;

    /// A number where the text is one, else a name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Number))
    }
}

impl fmt::Display for ImageChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name:?}"),
        }
    }
}

/// How a store is to be shown; `Default` is what a mount without options does.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only this image, as the root. Needs a source with one archive file.
    pub image: Option<ImageChoice>,
    /// Archives that supply data which the store's own do not have, searched in this order after those; `*`, `?` and
    /// `[a-z]` in the last part of a path make it a pattern for the names of files.
    pub references: Vec<PathBuf>,
    /// Whether links in the store are followed that lead out of it and belong to neither its owner nor root nor the user
    /// who runs this.
    pub follow_links: bool,
    /// How named streams are shown.
    pub streams: StreamInterface,
    /// Whether names are found in any case.
    pub ignore_case: bool,
    /// Whether owner, mode and special files that wimlib stored on Unix are honoured.
    pub unix_data: bool,
    /// Whether a file encrypted by Windows (EFS) is read as its raw data, as Windows' `OpenEncryptedFileRaw` gives it.
    pub efs_raw: bool,
    /// Owner of everything.
    pub uid: u32,
    /// Group of everything.
    pub gid: u32,
    /// Permission bits of files.
    pub file_mode: u16,
    /// Permission bits of directories.
    pub dir_mode: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            image: None,
            references: Vec::new(),
            follow_links: false,
            streams: StreamInterface::default(),
            ignore_case: false,
            unix_data: false,
            efs_raw: false,
            uid: 0,
            gid: 0,
            file_mode: 0o444,
            dir_mode: 0o555,
        }
    }
}
