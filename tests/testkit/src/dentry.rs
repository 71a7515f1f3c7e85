//! Dentries: names in directories, with every field free.

use crate::bytes::{Bytes, TIME, sha1, utf16};
use crate::flag;

/// The content of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Data {
    /// Nothing: a hash of zeros.
    #[default]
    Empty,
    /// These bytes, which become a blob of the archive; none if there are no bytes.
    Bytes(Vec<u8>),
    /// The blob with this SHA-1, which may or may not be there.
    Hash([u8; 20]),
}

impl Data {
    /// The hash that goes into the dentry.
    pub fn hash(&self) -> [u8; 20] {
        match self {
            Self::Bytes(bytes) if !bytes.is_empty() => sha1(bytes),
            Self::Empty | Self::Bytes(_) => [0; 20],
            Self::Hash(hash) => *hash,
        }
    }
}

impl<T: AsRef<[u8]>> From<T> for Data {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.as_ref().to_vec())
    }
}

/// An extra stream entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// UTF-16LE; empty for an unnamed one.
    pub name: Vec<u8>,
    /// Its content.
    pub data: Data,
    /// Stored length, if it is to be another than the true one.
    pub length: Option<u64>,
}

impl Stream {
    /// Its bytes, padded to 8.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.u64(self.length.unwrap_or(self.true_length()));
        bytes.u64(0);
        bytes.extend(self.data.hash());
        bytes.u16(self.name.len() as u16);
        if !self.name.is_empty() {
            bytes.extend(&self.name);
            bytes.u16(0);
        }
        bytes.align8();
        bytes
    }

    fn true_length(&self) -> u64 {
        let name = if self.name.is_empty() { 0 } else { self.name.len() + 2 };
        (38 + name).next_multiple_of(8) as u64
    }
}

/// Where a dentry's subdir offset points.
#[derive(Clone, Debug, PartialEq)]
pub enum Children {
    /// Nowhere: 0.
    None,
    /// To a list of its own.
    List(Vec<Dentry>),
    /// To a list of [`crate::Image::lists`], which others may share: cycles are made like this.
    Shared(usize),
    /// To this offset in the metadata resource.
    At(u64),
}

/// A dentry. What [`file()`] and [`dir`] leave out is set by its methods, or field by field.
#[derive(Clone, Debug, PartialEq)]
pub struct Dentry {
    /// Stored length, if it is to be another than the true one.
    pub length: Option<u64>,
    /// See [`flag`].
    pub attributes: u32,
    /// Number of the security descriptor; `u32::MAX` none.
    pub security: u32,
    /// Its children.
    pub children: Children,
    /// FILETIME.
    pub created: u64,
    /// FILETIME.
    pub accessed: u64,
    /// FILETIME.
    pub written: u64,
    /// The main hash.
    pub data: Data,
    /// The u32 at 0x54.
    pub unknown: u32,
    /// Hard-link group, or tag, reserved and flags of a reparse point.
    pub union: u64,
    /// Number of extra stream entries, if it is to be another than the true one.
    pub stream_count: Option<u16>,
    /// UTF-16LE.
    pub name: Vec<u8>,
    /// UTF-16LE.
    pub short_name: Vec<u8>,
    /// Tagged items, as they are stored.
    pub tagged: Vec<u8>,
    /// Extra stream entries in their order.
    pub streams: Vec<Stream>,
}

impl Default for Dentry {
    fn default() -> Self {
        Self {
            length: None,
            attributes: 0,
            security: u32::MAX,
            children: Children::None,
            created: TIME,
            accessed: TIME + 10_000_000,
            written: TIME + 20_000_000,
            data: Data::Empty,
            unknown: 0,
            union: 0,
            stream_count: None,
            name: Vec::new(),
            short_name: Vec::new(),
            tagged: Vec::new(),
            streams: Vec::new(),
        }
    }
}

/// A file.
pub fn file(name: &str, data: impl Into<Data>) -> Dentry {
    Dentry { name: utf16(name), attributes: flag::ARCHIVE, data: data.into(), ..Dentry::default() }
}

/// A directory with a list of its own.
pub fn dir(name: &str, children: impl Into<Vec<Dentry>>) -> Dentry {
    Dentry {
        name: utf16(name),
        attributes: flag::DIRECTORY,
        children: Children::List(children.into()),
        ..Dentry::default()
    }
}

/// A root: a directory without a name.
pub fn root(children: impl Into<Vec<Dentry>>) -> Dentry {
    dir("", children)
}

impl Dentry {
    /// Gives it a name that is not text, as UTF-16LE.
    pub fn raw_name(mut self, name: &[u8]) -> Self {
        self.name = name.to_vec();
        self
    }

    /// Gives it a short name.
    pub fn short(mut self, name: &str) -> Self {
        self.short_name = utf16(name);
        self
    }

    /// Sets its attributes, all of them.
    pub fn attributes(mut self, attributes: u32) -> Self {
        self.attributes = attributes;
        self
    }

    /// Gives it the security descriptor of this index.
    pub fn security(mut self, index: u32) -> Self {
        self.security = index;
        self
    }

    /// Puts it into a hard-link group.
    pub fn link(mut self, group: u64) -> Self {
        self.union = group;
        self
    }

    /// Sets creation, last access and last write time.
    pub fn times(mut self, created: u64, accessed: u64, written: u64) -> Self {
        (self.created, self.accessed, self.written) = (created, accessed, written);
        self
    }

    /// Adds a named stream, storing all streams as DISM does: the unnamed data of a file moves to
    /// an extra entry.
    pub fn stream(mut self, name: &str, data: impl Into<Data>) -> Self {
        let directory = self.attributes & flag::DIRECTORY != 0;
        if self.streams.is_empty() && !(directory && self.data == Data::Empty) {
            self.streams.push(Stream { data: std::mem::take(&mut self.data), ..Stream::default() });
        }
        self.streams.push(Stream { name: utf16(name), data: data.into(), length: None });
        self
    }

    /// Makes it a reparse point; a directory keeps no children.
    pub fn reparse(mut self, tag: u32, data: impl Into<Data>) -> Self {
        self.attributes |= flag::REPARSE_POINT;
        self.children = Children::None;
        self.union = tag.into();
        self.data = data.into();
        self
    }

    /// Adds a tagged item.
    pub fn tagged(mut self, tag: u32, data: &[u8]) -> Self {
        self.tagged.u32(tag);
        self.tagged.u32(data.len() as u32);
        self.tagged.extend(data);
        self.tagged.align8();
        self
    }

    /// Adds wimlib's Unix data.
    pub fn unix(self, uid: u32, gid: u32, mode: u32, rdev: u32) -> Self {
        let data: Vec<u8> = [uid, gid, mode, rdev].iter().flat_map(|field| field.to_le_bytes()).collect();
        self.tagged(0x337D_D873, &data)
    }

    /// Adds an object id.
    pub fn object_id(self, id: &[u8]) -> Self {
        self.tagged(1, id)
    }

    /// Length as it should be: all but the extra stream entries.
    pub fn true_length(&self) -> u64 {
        let name = |name: &[u8]| if name.is_empty() { 0 } else { name.len() + 2 };
        ((102 + name(&self.name) + name(&self.short_name)).next_multiple_of(8) + self.tagged.len()) as u64
    }

    /// Its bytes with those of its streams; the subdir offset is left to be filled in.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.fixed_bytes();
        for name in [&self.name, &self.short_name] {
            if !name.is_empty() {
                bytes.extend(name);
                bytes.u16(0);
            }
        }
        bytes.align8();
        bytes.extend(&self.tagged);
        for stream in &self.streams {
            bytes.extend(stream.bytes());
        }
        bytes
    }

    fn fixed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.u64(self.length.unwrap_or(self.true_length()));
        bytes.u32(self.attributes);
        bytes.u32(self.security);
        bytes.u64(0); // subdir offset
        bytes.u64(0);
        bytes.u64(0);
        bytes.u64(self.created);
        bytes.u64(self.accessed);
        bytes.u64(self.written);
        bytes.extend(self.data.hash());
        bytes.u32(self.unknown);
        bytes.u64(self.union);
        bytes.u16(self.stream_count.unwrap_or(self.streams.len() as u16));
        bytes.u16(self.short_name.len() as u16);
        bytes.u16(self.name.len() as u16);
        bytes
    }

    /// Everything it holds: main data, then the extra streams'.
    pub fn contents(&self) -> impl Iterator<Item = &Data> {
        [&self.data].into_iter().chain(self.streams.iter().map(|stream| &stream.data))
    }
}
