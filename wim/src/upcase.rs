//! NTFS's upper case: how Windows compares names.

/// The upper case of a UTF-16 unit by NTFS's `$UpCase` table, which depends on no locale and maps
/// no surrogate pairs.
///
/// Two names are the same to a case-insensitive reader when their units' upper cases are equal one
/// by one. The table is the one that `mkntfs` writes; newer Windows versions only add to it.
///
/// ```
/// assert_eq!(wim::upcase(u16::from(b'a')), u16::from(b'A'));
/// assert_eq!(wim::upcase(0xE9), 0xC9, "é");
/// assert_eq!(wim::upcase(0xDF), 0xDF, "ß has none of one unit");
/// ```
#[must_use]
#[inline]
pub fn upcase(unit: u16) -> u16 {
    TABLE[unit as usize]
}

/// Built at compile time: comparing names is the hot path of lookups, and most names need only a
/// few cache lines of it.
static TABLE: [u16; 0x1_0000] = unpack(&RANGES);

const fn unpack(ranges: &[(u16, u16, i32, u16)]) -> [u16; 0x1_0000] {
    let mut table = [0; 0x1_0000];
    let mut unit = 0;
    while unit < table.len() {
        table[unit] = unit as u16;
        unit += 1;
    }
    let mut i = 0;
    while i < ranges.len() {
        let (first, last, delta, stride) = ranges[i];
        let mut unit = first as i32;
        while unit <= last as i32 {
            table[unit as usize] = (unit + delta) as u16;
            unit += stride as i32;
        }
        i += 1;
    }
    table
}

/// The units that have another upper case: first, last (inclusive), what to add, and the step from
/// one to the next.
#[rustfmt::skip]
const RANGES: [(u16, u16, i32, u16); 134] = [
    (0x0061, 0x007a, -32, 1), (0x00e0, 0x00f6, -32, 1), (0x00f8, 0x00fe, -32, 1), (0x00ff, 0x00ff, 121, 1),
    (0x0101, 0x012f, -1, 2), (0x0133, 0x0137, -1, 2), (0x013a, 0x0148, -1, 2), (0x014b, 0x0177, -1, 2),
    (0x017a, 0x017e, -1, 2), (0x0180, 0x0180, 195, 1), (0x0183, 0x0185, -1, 2), (0x0188, 0x0188, -1, 1),
    (0x018c, 0x018c, -1, 1), (0x0192, 0x0192, -1, 1), (0x0195, 0x0195, 97, 1), (0x0199, 0x0199, -1, 1),
    (0x019a, 0x019a, 163, 1), (0x019e, 0x019e, 130, 1), (0x01a1, 0x01a5, -1, 2), (0x01a8, 0x01a8, -1, 1),
    (0x01ad, 0x01ad, -1, 1), (0x01b0, 0x01b0, -1, 1), (0x01b4, 0x01b6, -1, 2), (0x01b9, 0x01b9, -1, 1),
    (0x01bd, 0x01bd, -1, 1), (0x01bf, 0x01bf, 56, 1), (0x01c6, 0x01c6, -2, 1), (0x01c9, 0x01c9, -2, 1),
    (0x01cc, 0x01cc, -2, 1), (0x01ce, 0x01dc, -1, 2), (0x01dd, 0x01dd, -79, 1), (0x01df, 0x01ef, -1, 2),
    (0x01f3, 0x01f3, -2, 1), (0x01f5, 0x01f5, -1, 1), (0x01f9, 0x021f, -1, 2), (0x0223, 0x0233, -1, 2),
    (0x023c, 0x023c, -1, 1), (0x0242, 0x0242, -1, 1), (0x0247, 0x024f, -1, 2), (0x0250, 0x0250, 10783, 1),
    (0x0251, 0x0251, 10780, 1), (0x0253, 0x0253, -210, 1), (0x0254, 0x0254, -206, 1), (0x0256, 0x0257, -205, 1),
    (0x0259, 0x0259, -202, 1), (0x025b, 0x025b, -203, 1), (0x0260, 0x0260, -205, 1), (0x0263, 0x0263, -207, 1),
    (0x0268, 0x0268, -209, 1), (0x0269, 0x0269, -211, 1), (0x026b, 0x026b, 10743, 1), (0x026f, 0x026f, -211, 1),
    (0x0271, 0x0271, 10749, 1), (0x0272, 0x0272, -213, 1), (0x0275, 0x0275, -214, 1), (0x027d, 0x027d, 10727, 1),
    (0x0280, 0x0280, -218, 1), (0x0283, 0x0283, -218, 1), (0x0288, 0x0288, -218, 1), (0x0289, 0x0289, -69, 1),
    (0x028a, 0x028b, -217, 1), (0x028c, 0x028c, -71, 1), (0x0292, 0x0292, -219, 1), (0x0371, 0x0373, -1, 2),
    (0x0377, 0x0377, -1, 1), (0x037b, 0x037d, 130, 1), (0x03ac, 0x03ac, -38, 1), (0x03ad, 0x03af, -37, 1),
    (0x03b1, 0x03c1, -32, 1), (0x03c3, 0x03cb, -32, 1), (0x03cc, 0x03cc, -64, 1), (0x03cd, 0x03ce, -63, 1),
    (0x03d7, 0x03d7, -8, 1), (0x03d9, 0x03ef, -1, 2), (0x03f2, 0x03f2, 7, 1), (0x03f8, 0x03f8, -1, 1),
    (0x03fb, 0x03fb, -1, 1), (0x0430, 0x044f, -32, 1), (0x0450, 0x045f, -80, 1), (0x0461, 0x0481, -1, 2),
    (0x048b, 0x04bf, -1, 2), (0x04c2, 0x04ce, -1, 2), (0x04cf, 0x04cf, -15, 1), (0x04d1, 0x0523, -1, 2),
    (0x0561, 0x0586, -48, 1), (0x1d79, 0x1d79, 35332, 1), (0x1d7d, 0x1d7d, 3814, 1), (0x1e01, 0x1e95, -1, 2),
    (0x1ea1, 0x1eff, -1, 2), (0x1f00, 0x1f07, 8, 1), (0x1f10, 0x1f15, 8, 1), (0x1f20, 0x1f27, 8, 1),
    (0x1f30, 0x1f37, 8, 1), (0x1f40, 0x1f45, 8, 1), (0x1f51, 0x1f57, 8, 2), (0x1f60, 0x1f67, 8, 1),
    (0x1f70, 0x1f71, 74, 1), (0x1f72, 0x1f75, 86, 1), (0x1f76, 0x1f77, 100, 1), (0x1f78, 0x1f79, 128, 1),
    (0x1f7a, 0x1f7b, 112, 1), (0x1f7c, 0x1f7d, 126, 1), (0x1f80, 0x1f87, 8, 1), (0x1f90, 0x1f97, 8, 1),
    (0x1fa0, 0x1fa7, 8, 1), (0x1fb0, 0x1fb1, 8, 1), (0x1fb3, 0x1fb3, 9, 1), (0x1fc3, 0x1fc3, 9, 1),
    (0x1fd0, 0x1fd1, 8, 1), (0x1fe0, 0x1fe1, 8, 1), (0x1fe5, 0x1fe5, 7, 1), (0x1ff3, 0x1ff3, 9, 1),
    (0x214e, 0x214e, -28, 1), (0x2170, 0x217f, -16, 1), (0x2184, 0x2184, -1, 1), (0x24d0, 0x24e9, -26, 1),
    (0x2c30, 0x2c5e, -48, 1), (0x2c61, 0x2c61, -1, 1), (0x2c65, 0x2c65, -10795, 1), (0x2c66, 0x2c66, -10792, 1),
    (0x2c68, 0x2c6c, -1, 2), (0x2c73, 0x2c73, -1, 1), (0x2c76, 0x2c76, -1, 1), (0x2c81, 0x2ce3, -1, 2),
    (0x2d00, 0x2d25, -7264, 1), (0xa641, 0xa65f, -1, 2), (0xa663, 0xa66d, -1, 2), (0xa681, 0xa697, -1, 2),
    (0xa723, 0xa72f, -1, 2), (0xa733, 0xa76f, -1, 2), (0xa77a, 0xa77c, -1, 2), (0xa77f, 0xa787, -1, 2),
    (0xa78c, 0xa78c, -1, 1), (0xff41, 0xff5a, -32, 1),
];

#[cfg(test)]
#[cfg(unix)] // mkntfs is asked
mod tests {
    use std::process::Command;

    use super::*;

    /// The table that `mkntfs` writes into a new volume: file record 10.
    fn mkntfs_table() -> Vec<u16> {
        let folder = tempfile::tempdir().unwrap();
        let volume = folder.path().join("volume");
        std::fs::File::create(&volume).unwrap().set_len(8 << 20).unwrap();
        let run = |command: &mut Command| {
            let output = command.output().expect("needs mkntfs and ntfscat, of Debian's package ntfs-3g");
            assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        run(Command::new("mkntfs").args(["--force", "--quick", "--quiet"]).arg(&volume));
        let bytes = run(Command::new("ntfscat").args(["--force", "--inode", "10"]).arg(&volume));
        bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect()
    }

    #[test]
    fn agrees_with_a_fresh_volume() {
        let table = mkntfs_table();
        assert_eq!(table.len(), 0x1_0000);
        for (unit, &upper) in (0..=u16::MAX).zip(&table) {
            assert_eq!(upcase(unit), upper, "U+{unit:04X}");
        }
    }
}
