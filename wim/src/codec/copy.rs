//! Copying matches inside the output.

/// Number of bytes that [`copy_wide`] may write after the end of a match.
pub(super) const SLACK: usize = 32;

/// Copies `length` bytes from `offset` bytes before `at` to `at`, repeating them where the ranges
/// overlap.
///
/// It overwrites up to [`SLACK`] bytes after the match, which must exist. `offset` is at least 1
/// and at most `at`.
#[inline(always)]
pub(super) fn copy_wide(window: &mut [u8], at: usize, offset: usize, length: usize) {
    let end = at + length;
    if offset >= 16 {
        // Most matches are short, and a step more costs less than a branch that is hard to predict.
        copy_step::<16>(window, at, offset);
        copy_step::<16>(window, at + 16, offset);
        let mut at = at + 32;
        while at < end {
            copy_step::<16>(window, at, offset);
            at += 16;
        }
    } else if offset >= 8 {
        let mut at = at;
        while at < end {
            copy_step::<8>(window, at, offset);
            at += 8;
        }
    } else {
        copy_pattern(window, at, offset, end);
    }
}

/// As [`copy_wide`], but overwrites only as many bytes after the match as exist.
#[inline(always)]
pub(super) fn copy_match(window: &mut [u8], at: usize, offset: usize, length: usize) {
    let (before, behind) = window.split_at_mut(at);
    match (before[at - offset..].first_chunk::<SLACK>(), behind.first_chunk_mut()) {
        (Some(from), Some(to)) if length <= SLACK => *to = *from,
        _ => copy_rare_match(window, at, offset, length),
    }
}

/// [`copy_match`] for long matches, short offsets and the end of the window.
#[inline(never)]
fn copy_rare_match(window: &mut [u8], at: usize, offset: usize, length: usize) {
    let wide = length.min((window.len() - at).saturating_sub(SLACK));
    if wide > 0 {
        copy_wide(window, at, offset, wide);
    }
    for to in at + wide..at + length {
        window[to] = window[to - offset];
    }
}

/// Copies `N` bytes that do not overlap.
#[inline(always)]
fn copy_step<const N: usize>(window: &mut [u8], at: usize, offset: usize) {
    let from = at - offset;
    let mut bytes = [0; N];
    bytes.copy_from_slice(&window[from..from + N]);
    window[at..at + N].copy_from_slice(&bytes);
}

/// [`copy_wide`] for offsets below 8: the bytes are repeated inside one 64-bit number, which is
/// then stored again and again at distances that are multiples of the offset.
#[inline(always)]
fn copy_pattern(window: &mut [u8], at: usize, offset: usize, end: usize) {
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

    let from = at - offset;
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&window[from..from + 8]);
    let few = u64::from_le_bytes(bytes) & !(u64::MAX << (8 * (offset & 7)));
    let pattern = few.wrapping_mul(REPEAT[offset & 7]).to_le_bytes();
    let mut at = at;
    while at < end {
        window[at..at + 8].copy_from_slice(&pattern);
        at += usize::from(STEP[offset & 7]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::append_match;
    use super::*;

    #[test]
    fn copies_as_byte_by_byte_and_spoils_no_more_than_the_slack() {
        for offset in 1..=40 {
            for length in (1..=100).chain([257, 1000]) {
                let at = offset + 3;
                let old: Vec<u8> = (0..at + length + SLACK + 9).map(|i| (i * 7 + i / 9) as u8).collect();
                let mut want = old[..at].to_vec();
                append_match(&mut want, offset, length);
                let mut window = old.clone();
                copy_wide(&mut window, at, offset, length);
                assert!(window.starts_with(&want), "{length} bytes at {offset}");
                assert_eq!(window[at + length + SLACK..], old[at + length + SLACK..], "{length} bytes at {offset}");
                for slack in [0, 1, SLACK - 1, SLACK, SLACK + 1] {
                    let mut window = old[..at + length + slack].to_vec();
                    copy_match(&mut window, at, offset, length);
                    assert!(window.starts_with(&want), "{length} bytes at {offset}, {slack} behind them");
                }
            }
        }
    }
}
