//! What a file's attributes say of it, without its data.

use wim::{FileTime, ReadAt};

use super::record::{Attribute, Body, Reference};
use super::{Content, FileRecords, Volume, kind};
use crate::disk::Result;
use crate::disk::fields::Fields;

/// A file or directory of a volume.
pub(crate) struct Inode {
    pub(crate) number: u64,
    pub(crate) sequence: u16,
    pub(crate) is_directory: bool,
    pub(crate) attributes: u32,
    pub(crate) created: FileTime,
    pub(crate) written: FileTime,
    pub(crate) accessed: FileTime,
    pub(crate) security: Security,
    pub(crate) names: Vec<FileName>,
    pub(crate) streams: Vec<Stream>,
    /// Tag, length and data.
    pub(crate) reparse: Option<Vec<u8>>,
    pub(crate) object_id: Option<Vec<u8>>,
    pub(crate) extended: Option<Vec<u8>>,
}

/// Where a file's security descriptor is.
pub(crate) enum Security {
    None,
    /// In the volume's table.
    Id(u32),
    /// In the file itself, as on old volumes.
    Own(Vec<u8>),
}

/// A name in a directory.
pub(crate) struct FileName {
    pub(crate) parent: u64,
    pub(crate) parent_sequence: u16,
    /// Whether it is the 8.3 name of another name.
    pub(crate) is_short: bool,
    pub(crate) name: Vec<u16>,
}

/// A data stream.
pub(crate) struct Stream {
    /// In UTF-16 as stored; empty for the main one.
    pub(crate) name: Vec<u8>,
    pub(crate) size: u64,
    /// Its first cluster, by which reads are in the order of the disk.
    pub(crate) place: u64,
    pub(crate) is_encrypted: bool,
    /// Whether it has a size, but not a byte on the volume.
    pub(crate) is_hole: bool,
}

const DOS_NAME: u8 = 2;

impl Inode {
    pub(super) fn read(volume: &Volume, file: FileRecords) -> Result<Self> {
        let Reference { number, sequence } = file.base().reference;
        let mut inode = Self {
            number,
            sequence,
            is_directory: file.base().is_directory,
            attributes: 0,
            created: FileTime(0),
            written: FileTime(0),
            accessed: FileTime(0),
            security: Security::None,
            names: Vec::new(),
            streams: Vec::new(),
            reparse: None,
            object_id: None,
            extended: None,
        };
        let mut has_id = false;
        for attribute in file.attributes()? {
            match (attribute.kind, attribute.body) {
                (kind::STANDARD_INFORMATION, Body::Resident(value)) => has_id = inode.standard(value)?,
                (kind::FILE_NAME, Body::Resident(value)) => inode.names.push(FileName::parse(value)?),
                (kind::OBJECT_ID, Body::Resident(value)) => inode.object_id = Some(value.to_vec()),
                (kind::DATA, _) if attribute.first_cluster() == 0 => {
                    inode.streams.push(Stream::read(volume, &file, &attribute)?);
                }
                (kind::REPARSE_POINT, _) => inode.reparse = file.small_value(volume, kind::REPARSE_POINT)?,
                (kind::EA, _) => inode.extended = file.small_value(volume, kind::EA)?,
                (kind::SECURITY_DESCRIPTOR, _) if !has_id => {
                    let own = file.small_value(volume, kind::SECURITY_DESCRIPTOR)?;
                    inode.security = own.map_or(Security::None, Security::Own);
                }
                _ => {}
            }
        }
        Ok(inode)
    }

    /// Takes what the standard information says; whether it names a descriptor.
    fn standard(&mut self, value: &[u8]) -> Result<bool> {
        let value = Fields::new("standard information", self.number, value);
        let time = |offset| value.u64(offset).map(FileTime);
        (self.created, self.written, self.accessed) = (time(0)?, time(8)?, time(0x18)?);
        self.attributes = value.u32(0x20)?;
        let id = if value.rest(0)?.len() >= 72 { value.u32(0x34)? } else { 0 };
        if id != 0 {
            self.security = Security::Id(id);
        }
        Ok(id != 0)
    }
}

impl FileName {
    fn parse(value: &[u8]) -> Result<Self> {
        let value = Fields::new("name of a file", 0, value);
        let parent = Reference::from(value.u64(0)?);
        let units = value.slice(0x42, usize::from(value.u8(0x40)?) * 2)?;
        let name = units.as_chunks().0.iter().map(|&unit| u16::from_le_bytes(unit)).collect();
        let is_short = value.u8(0x41)? == DOS_NAME;
        Ok(Self { parent: parent.number, parent_sequence: parent.sequence, is_short, name })
    }
}

impl Stream {
    fn read(volume: &Volume, file: &FileRecords, attribute: &Attribute<'_>) -> Result<Self> {
        // Checked as a whole, so that what cannot be read is found before anything is written.
        let content = file.content(volume, kind::DATA, attribute.name)?.unwrap_or(Content::Resident(Vec::new()));
        let place = match &content {
            Content::Resident(_) => None,
            Content::Clusters(clustered) => clustered.runs.first_place(),
        };
        let size = content.size();
        Ok(Self {
            name: attribute.name.to_vec(),
            size,
            place: place.unwrap_or_default(),
            is_encrypted: attribute.flags & Attribute::ENCRYPTED != 0,
            is_hole: size > 0 && place.is_none() && matches!(content, Content::Clusters(_)),
        })
    }
}
