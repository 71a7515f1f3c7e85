//! Tells by its first bytes what a disk or a partition holds.

use wim::ReadAt;

use super::Result;
use super::fields::{guid, read_bytes};

/// What is on a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// A volume that can be captured.
    Ntfs,
    /// A volume that BitLocker has encrypted, also one that is suspended or being converted.
    BitLocker,
    /// A volume of Windows' other file system for servers.
    Refs,
    /// Another file system, or none: its name, for lists.
    Other(&'static str),
}

/// The GUID of BitLocker To Go's discovery volume, in a boot record that is otherwise FAT's.
const BITLOCKER_TO_GO: [u8; 16] = guid("4967D63B-2E29-4AD8-8399-F6A339E3D001");

impl Contents {
    /// Recognises a volume.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(volume: &dyn ReadAt) -> Result<Self> {
        let len = volume.size().min(0x1_0048) as usize;
        let bytes = read_bytes(volume, "start of the volume", 0, len)?;
        let has = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic));
        Ok(if has(3, b"NTFS    ") && has(0x1FE, b"\x55\xAA") {
            Self::Ntfs
        } else if has(3, b"-FVE-FS-") || has(0x1A8, &BITLOCKER_TO_GO) {
            Self::BitLocker
        } else if has(3, b"ReFS\0\0\0\0") {
            Self::Refs
        } else if has(3, b"EXFAT   ") {
            Self::Other("exFAT")
        } else if has(0x36, b"FAT") || has(0x52, b"FAT32") {
            Self::Other("FAT")
        } else if has(0x438, b"\x53\xEF") {
            Self::Other("ext")
        } else if has(0, b"LUKS\xBA\xBE") {
            Self::Other("LUKS")
        } else if has(32, b"NXSB") {
            Self::Other("APFS")
        } else if has(0, b"XFSB") {
            Self::Other("XFS")
        } else if has(0x1_0040, b"_BHRfS_M") {
            Self::Other("Btrfs")
        } else if has(0x8001, b"CD001") {
            Self::Other("ISO 9660")
        } else if bytes.iter().all(|&byte| byte == 0) {
            Self::Other("empty")
        } else {
            Self::Other("unknown")
        })
    }

    /// Why it cannot be captured, and what to do instead; `None` for NTFS.
    #[must_use]
    pub fn refusal(self) -> Option<String> {
        match self {
            Self::Ntfs => None,
            Self::BitLocker => Some(
                "encrypted by BitLocker: an image of it would be of no use. Suspending is not enough: decrypt it \
                 (`manage-bde -off`) before Sysprep, or open it (`cryptsetup open --type bitlk`) and name /dev/mapper/…"
                    .into(),
            ),
            Self::Refs => Some("a ReFS volume, which cannot be captured from the disk: capture a folder of it".into()),
            Self::Other("unknown") => Some("is not a folder, and holds no NTFS volume".into()),
            Self::Other(name) => Some(format!("no NTFS volume, but {name}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; 0x1_1000];
        for (at, part) in parts {
            bytes[*at..][..part.len()].copy_from_slice(part);
        }
        bytes
    }

    #[test]
    fn volumes_are_recognised_by_their_first_bytes() {
        type Parts = &'static [(usize, &'static [u8])];
        let cases: &[(Parts, Contents)] = &[
            (&[(3, b"NTFS    "), (0x1FE, b"\x55\xAA")], Contents::Ntfs),
            (&[(3, b"NTFS    ")], Contents::Other("unknown")),
            (&[(3, b"-FVE-FS-"), (0x1FE, b"\x55\xAA")], Contents::BitLocker),
            (&[(3, b"MSWIN4.1"), (0x1A8, &BITLOCKER_TO_GO), (0x52, b"FAT32")], Contents::BitLocker),
            (&[(3, b"ReFS\0\0\0\0FSRS")], Contents::Refs),
            (&[(3, b"MSDOS5.0"), (0x52, b"FAT32   ")], Contents::Other("FAT")),
            (&[(0x438, b"\x53\xEF")], Contents::Other("ext")),
            (&[], Contents::Other("empty")),
        ];
        for (parts, want) in cases {
            assert_eq!(Contents::of(&with(parts)).unwrap(), *want);
        }
        assert_eq!(Contents::of(&Vec::new()).unwrap(), Contents::Other("empty"));
        assert!(Contents::BitLocker.refusal().unwrap().contains("manage-bde -off"));
    }
}
