//! The boot record: sizes, and where the master file table is.

use wim::ReadAt;

use crate::disk::Result;
use crate::disk::fields::{Fields, read_bytes};

/// The numbers of a boot record, checked against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Boot {
    /// Bytes of a cluster: a power of two up to 2 MiB.
    pub(super) cluster_size: u64,
    /// The clusters of the volume.
    pub(super) clusters: u64,
    /// The first cluster of `$MFT`.
    pub(super) mft: u64,
    /// The first cluster of `$MFTMirr`.
    pub(super) mirror: u64,
    /// Bytes of a record of `$MFT`.
    pub(super) record_size: usize,
}

impl Boot {
    /// Reads the first sector, or its copy in the last one where it is damaged.
    pub(super) fn read(volume: &dyn ReadAt) -> Result<Self> {
        let last = volume.size().saturating_sub(512);
        let first = Self::read_at(volume, 0);
        first.or_else(|error| Self::read_at(volume, last).map_err(|_| error))
    }

    fn read_at(volume: &dyn ReadAt, at: u64) -> Result<Self> {
        let bytes = read_bytes(volume, "boot record", at, 512)?;
        Self::parse(Fields::new("boot record", at, &bytes), volume.size())
    }

    fn parse(fields: Fields<'_>, size: u64) -> Result<Self> {
        if fields.slice(3, 8)? != b"NTFS    " {
            return Err(fields.invalid("name of the file system", 3, fields.u64(3)?, "not `NTFS    `"));
        }
        let sector = u64::from(fields.u16(0x0B)?);
        if !sector.is_power_of_two() || !(256..=4096).contains(&sector) {
            return Err(fields.invalid("sector size", 0x0B, sector, "no power of two from 256 to 4096"));
        }
        let per_cluster = fields.u8(0x0D)?;
        // Quirk: numbers above 0x80 are powers of two.
        let sectors =
            if per_cluster > 0x80 { 1_u64 << (256 - u32::from(per_cluster)).min(32) } else { per_cluster.into() };
        let cluster_size = sector * sectors;
        if !cluster_size.is_power_of_two() || cluster_size > 2 << 20 {
            return Err(fields.invalid("sectors of a cluster", 0x0D, sectors, "which makes no cluster up to 2 MiB"));
        }
        let clusters = fields.u64(0x28)? / sectors;
        if clusters.checked_mul(cluster_size).is_none_or(|bytes| bytes > size) {
            return Err(fields.invalid("clusters of the volume", 0x28, clusters, "more than the disk has"));
        }
        let (mft, mirror) = (fields.u64(0x30)?, fields.u64(0x38)?);
        if mft >= clusters || mirror >= clusters {
            return Err(fields.invalid("first cluster of $MFT", 0x30, mft, "outside of the volume"));
        }
        let code = fields.u8(0x40)?;
        let record_size = match code.cast_signed() {
            negative @ -31..=-1 => 1_u64 << -negative,
            positive @ 1.. => u64::from(positive.unsigned_abs()) * cluster_size,
            _ => 0,
        };
        if !record_size.is_power_of_two() || !(512..=65536).contains(&record_size) {
            return Err(fields.invalid("size of a record", 0x40, code.into(), "no power of two from 512 to 64 KiB"));
        }
        Ok(Self { cluster_size, clusters, mft, mirror, record_size: record_size as usize })
    }
}
