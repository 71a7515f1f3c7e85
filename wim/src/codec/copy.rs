//! Copying matches inside the output.

/// Bytes that [`copy_wide`] may write behind the end of a match.
pub(super) const SLACK: usize = 16;

/// Copies `length` bytes from `offset` bytes before `pos` to `pos`, repeating them where the ranges overlap.
///
/// `1 <= offset <= pos` and `pos + length <= dst.len()` must hold.
pub(super) fn copy_exact(dst: &mut [u8], pos: usize, offset: usize, length: usize) {
    let from = pos - offset;
    if offset >= length {
        dst.copy_within(from..from + length, pos);
    } else if offset == 1 {
        let byte = dst[from];
        dst[pos..pos + length].fill(byte);
    } else {
        let window = &mut dst[from..pos + length];
        for i in offset..window.len() {
            window[i] = window[i - offset];
        }
    }
}

/// As [`copy_exact`], but faster and spoiling up to [`SLACK`] bytes behind the match, which must exist in `dst`.
#[inline(always)]
pub(super) fn copy_wide(dst: &mut [u8], pos: usize, offset: usize, length: usize) {
    let end = pos + length;
    let (mut from, mut to) = (pos - offset, pos);
    if offset >= 16 {
        loop {
            dst.copy_within(from..from + 16, to);
            (from, to) = (from + 16, to + 16);
            if to >= end {
                return;
            }
        }
    }
    if offset >= 8 {
        while to < end {
            dst.copy_within(from..from + 8, to);
            (from, to) = (from + 8, to + 8);
        }
        return;
    }
    copy_pattern(dst, pos, offset, length);
}

/// [`copy_wide`] for offsets below 8: the bytes are repeated inside one 64-bit number, which is then stored again and
/// again at distances that are multiples of the offset.
#[inline(always)]
fn copy_pattern(dst: &mut [u8], pos: usize, offset: usize, length: usize) {
    /// Multiplying by it puts a copy at each multiple of the offset.
    const REPEAT: [u64; 8] = {
        let mut repeat = [0; 8];
        let mut offset = 1;
        while offset < 8 {
            let mut at = 0;
            while at < 8 {
                repeat[offset] |= 1 << (8 * at);
                at += offset;
            }
            offset += 1;
        }
        repeat
    };
    const STEP: [u8; 8] = [8, 8, 8, 6, 8, 5, 6, 7];

    let from = pos - offset;
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&dst[from..from + 8]);
    let few = u64::from_le_bytes(bytes) & !(u64::MAX << (8 * (offset & 7)));
    let pattern = few.wrapping_mul(REPEAT[offset & 7]).to_le_bytes();
    let step = usize::from(STEP[offset & 7]);
    let end = pos + length;
    let mut to = pos;
    while to < end {
        dst[to..to + 8].copy_from_slice(&pattern);
        to += step;
    }
}
