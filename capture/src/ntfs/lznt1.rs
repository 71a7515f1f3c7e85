//! LZNT1, the compression of NTFS.

/// The uncompressed bytes of a chunk.
const CHUNK: usize = 4096;

/// Decodes a unit into `dst`; what the chunks do not fill is zeros. `None` if they break a rule.
pub(super) fn decode(mut src: &[u8], dst: &mut [u8]) -> Option<()> {
    for chunk in dst.chunks_mut(CHUNK) {
        let head = src.split_first_chunk().map_or(0, |(&head, _)| u16::from_le_bytes(head));
        if head == 0 {
            chunk.fill(0);
            src = &[];
            continue;
        }
        let len = usize::from(head & 0xFFF) + 1;
        let (body, rest) = src.get(2..)?.split_at_checked(len)?;
        let filled = if head & 0x8000 != 0 { decode_chunk(body, chunk)? } else { copy(body, chunk)? };
        chunk[filled..].fill(0);
        src = rest;
    }
    Some(())
}

fn copy(body: &[u8], chunk: &mut [u8]) -> Option<usize> {
    chunk.get_mut(..body.len())?.copy_from_slice(body);
    Some(body.len())
}

/// Decodes one chunk and returns how many bytes it has.
fn decode_chunk(mut src: &[u8], chunk: &mut [u8]) -> Option<usize> {
    let mut at = 0;
    while let Some((&flags, rest)) = src.split_first() {
        src = rest;
        for bit in 0..8 {
            if src.is_empty() {
                break;
            }
            if flags >> bit & 1 == 0 {
                *chunk.get_mut(at)? = src[0];
                (src, at) = (&src[1..], at + 1);
                continue;
            }
            let (&token, rest) = src.split_first_chunk()?;
            let token = u16::from_le_bytes(token);
            let (shift, mask) = split_of(at.checked_sub(1)?);
            let (distance, len) = (usize::from(token >> shift) + 1, usize::from(token & mask) + 3);
            if distance > at || at + len > chunk.len() {
                return None;
            }
            for to in at..at + len {
                chunk[to] = chunk[to - distance];
            }
            (src, at) = (rest, at + len);
        }
    }
    Some(at)
}

/// The bits of a token's length after `last` + 1 bytes: the more bytes, the more bits has the distance.
fn split_of(mut last: usize) -> (u32, u16) {
    let (mut shift, mut mask) = (12, 0xFFF);
    while last >= 16 {
        (last, shift, mask) = (last >> 1, shift - 1, mask >> 1);
    }
    (shift, mask)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matches_raw_chunks_and_gaps_are_decoded() {
        // Three literals and a match of six bytes, three back; then a raw chunk; then the end.
        let src = [&b"\x05\xB0\x08abc\x03\x20"[..], b"\xFF\x3F", &[7; 4096], b"\0\0"].concat();
        let mut dst = vec![1; 3 * CHUNK];
        decode(&src, &mut dst).unwrap();
        assert_eq!(&dst[..10], b"abcabcabc\0");
        assert!(dst[10..CHUNK].iter().all(|&byte| byte == 0), "a chunk is filled up with zeros");
        assert!(dst[CHUNK..2 * CHUNK].iter().all(|&byte| byte == 7));
        assert!(dst[2 * CHUNK..].iter().all(|&byte| byte == 0), "and so is the unit");
        assert_eq!(decode(&src[..7], &mut dst), None, "cut");
        assert_eq!(decode(b"\x02\xB0\x01\x00\x10", &mut dst), None, "a match before the start");
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(src in prop::collection::vec(any::<u8>(), 0..5000)) {
            let _ = decode(&src, &mut [0; 3 * 4096]);
        }
    }
}
