//! The bytes of a value: resident or in clusters, compressed or not.

use std::io;

use wim::{ReadAt, Version};

use super::lznt1;
use super::runs::Runs;
use crate::disk::{Disk, Error};

/// The largest unit of compression in bytes.
const MAX_UNIT: u64 = 64 << 10;

/// A value, to be read at any offset.
pub(crate) enum Content {
    Resident(Vec<u8>),
    Clusters(Clustered),
}

/// A value in clusters.
pub(crate) struct Clustered {
    pub(super) volume: Disk,
    pub(super) cluster_size: u64,
    pub(super) runs: Runs,
    pub(super) size: u64,
    /// The bytes that were ever written; the rest are zeros.
    pub(super) valid: u64,
    /// The clusters of a unit of compression; `None` if it is not compressed.
    pub(super) unit: Option<u64>,
}

impl Clustered {
    /// Fills `buf` from `offset`, all of it within the valid bytes.
    fn read_valid(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        match self.unit {
            None => self.runs.read_at(&*self.volume, self.cluster_size, offset, buf),
            Some(clusters) => self.read_units(clusters, offset, buf),
        }
    }

    fn read_units(&self, clusters: u64, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        let unit_size = clusters * self.cluster_size;
        let mut unit = vec![0; unit_size as usize];
        while !buf.is_empty() {
            self.read_unit(offset / unit_size, clusters, &mut unit)?;
            let rest = &unit[(offset % unit_size) as usize..];
            let len = rest.len().min(buf.len());
            let (piece, after) = buf.split_at_mut(len);
            piece.copy_from_slice(&rest[..len]);
            (buf, offset) = (after, offset + len as u64);
        }
        Ok(())
    }

    /// A unit with all of its clusters is raw, one without any is zeros; else what it has is compressed.
    fn read_unit(&self, number: u64, clusters: u64, unit: &mut [u8]) -> io::Result<()> {
        let first = number * clusters;
        let allocated = self.runs.allocated(first, first + clusters);
        let offset = first * self.cluster_size;
        if allocated == 0 {
            unit.fill(0);
            return Ok(());
        }
        // The last unit may end with the value.
        let all = clusters.min(self.runs.len().saturating_sub(first));
        if allocated == all {
            let len = (all * self.cluster_size) as usize;
            unit[len..].fill(0);
            return self.runs.read_at(&*self.volume, self.cluster_size, offset, &mut unit[..len]);
        }
        let mut stored = vec![0; (allocated * self.cluster_size) as usize];
        self.runs.read_at(&*self.volume, self.cluster_size, offset, &mut stored)?;
        let rule = "which does not decode";
        lznt1::decode(&stored, unit)
            .ok_or_else(|| Error::Invalid { what: "compressed unit", at: offset, value: number, rule }.into())
    }

    /// Checks the unit of compression, which is allocated when it is read.
    pub(super) fn unit_of(exponent: u16, cluster_size: u64) -> crate::disk::Result<u64> {
        let unit = 1_u64.checked_shl(exponent.into()).filter(|unit| *unit <= MAX_UNIT / cluster_size);
        let (what, value, rule) = ("unit of compression", exponent.into(), "more than 64 KiB");
        unit.ok_or(Error::Invalid { what, at: 0, value, rule })
    }
}

impl ReadAt for Content {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let clustered = match self {
            Self::Resident(bytes) => return bytes.read_at(offset, buf),
            Self::Clusters(clustered) => clustered,
        };
        let len = clustered.size.saturating_sub(offset).min(buf.len() as u64) as usize;
        let valid = clustered.valid.saturating_sub(offset).min(len as u64) as usize;
        buf[valid..len].fill(0);
        clustered.read_valid(offset, &mut buf[..valid])?;
        Ok(len)
    }

    fn size(&self) -> u64 {
        match self {
            Self::Resident(bytes) => bytes.len() as u64,
            Self::Clusters(clustered) => clustered.size,
        }
    }

    /// Only its size: whether the volume has changed is asked once, after the last byte.
    fn version(&self) -> io::Result<Version> {
        Ok(Version { size: self.size(), ..Version::default() })
    }
}
