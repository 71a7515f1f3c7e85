//! Finds the few bytes that a filter must examine.

/// Bytes that are looked at together.
const STEP: usize = 64;

/// Bytes that are looked at to judge one.
const SEEN: usize = 3;

/// A bit for each byte of `bytes` that `is_wanted` together with the two after it, the lowest for
/// the first byte.
///
/// There are [`STEP`] bytes and two more. `is_wanted` should have no branch, since it then becomes
/// a few instructions for many bytes.
#[inline(always)]
fn find(bytes: &[u8; STEP + SEEN - 1], is_wanted: impl Fn([u8; SEEN]) -> bool) -> u64 {
    // Multiplied by it, the ones in eight bytes meet in the top byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut wanted = [0; STEP];
    for (index, wanted) in wanted.iter_mut().enumerate() {
        *wanted = u8::from(is_wanted([bytes[index], bytes[index + 1], bytes[index + 2]]));
    }
    let mut found = 0;
    for (index, word) in wanted.as_chunks().0.iter().enumerate() {
        found |= (u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56) << (8 * index);
    }
    found
}

/// Calls `each` with every position from `start` on and before `end` whose byte `is_wanted`, in
/// ascending order; `each` gives the next position that may be of interest. It may change bytes
/// before that one, and must leave the others.
#[inline(always)]
pub(super) fn for_each(
    chunk: &mut [u8],
    start: usize,
    end: usize,
    is_wanted: impl Fn([u8; SEEN]) -> bool,
    mut each: impl FnMut(&mut [u8], usize) -> usize,
) {
    let mut next = start;
    for at in (0..end).step_by(STEP) {
        let mut found = match chunk[at..].first_chunk() {
            Some(bytes) => find(bytes, &is_wanted),
            None => {
                let mut bytes = [0; STEP + SEEN - 1];
                bytes[..chunk.len() - at].copy_from_slice(&chunk[at..]);
                find(&bytes, &is_wanted)
            }
        };
        while found != 0 {
            let place = at + found.trailing_zeros() as usize;
            found &= found - 1;
            if place >= next && place < end {
                next = each(chunk, place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Random;
    use super::*;

    #[test]
    fn finds_what_is_wanted_and_skips_as_it_is_told() {
        let is_wanted = |[first, second, third]: [u8; 3]| first == 7 && second != 8 && third != 6;
        for len in (0..300_usize).chain([1000]) {
            let mut random = Random(len as u64 + 1);
            let chunk: Vec<u8> = (0..len).map(|_| 6 + random.below(3) as u8).collect();
            for (start, end, skip) in [(0, len, 1), (1, len, 1), (0, len.saturating_sub(10), 3), (2, len / 2, 70)] {
                let mut want = Vec::new();
                let mut at = start;
                while at < end {
                    let hit = is_wanted([0, 1, 2].map(|more| chunk.get(at + more).copied().unwrap_or(0)));
                    want.extend(hit.then_some(at));
                    at += if hit { skip } else { 1 };
                }
                let (mut changed, mut got) = (chunk.clone(), Vec::new());
                for_each(&mut changed, start, end, is_wanted, |chunk, at| {
                    got.push(at);
                    let next = at + skip;
                    chunk[at..next.min(len)].fill(7);
                    next
                });
                assert_eq!(got, want, "{start}..{end} of {len} bytes, {skip} at a time");
            }
        }
    }
}
