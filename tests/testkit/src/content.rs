//! Contents for files, the same at each call.

use crate::resource::Packing;

/// Text of `len` bytes: words that come again and words that are new, in lines.
pub fn text(len: usize) -> Vec<u8> {
    const WORDS: [&str; 12] =
        ["store", "image", "of", "the", "archive", "a", "blob", "reads", "metadata", "in", "chunks", "verification"];
    let mut random = Random::new(1);
    let mut text = Vec::with_capacity(len + 16);
    while text.len() < len {
        if random.below(3) > 0 {
            text.extend(WORDS[random.below(WORDS.len() as u64) as usize].bytes());
        } else {
            for _ in 0..1 + random.below(4) {
                text.push(b"bcdfghklmnprstvw"[random.below(16) as usize]);
                text.push(b"aeiou"[random.below(5) as usize]);
            }
        }
        text.push(if random.below(10) == 0 { b'\n' } else { b' ' });
    }
    text.truncate(len);
    text
}

/// Something like x86 code of `len` bytes: calls forth and back among bytes from a small alphabet.
pub fn code(len: usize) -> Vec<u8> {
    let mut random = Random::new(2);
    let mut code = Vec::with_capacity(len + 16);
    while code.len() < len {
        if random.below(4) == 0 {
            code.push(0xE8);
            code.extend((random.below(1 << 17) as i32 - (1 << 16)).to_le_bytes());
        } else {
            code.extend([0x8B, random.below(16) as u8, 0x24, 0x10, 0x55]);
        }
    }
    code.truncate(len);
    code
}

/// Bytes that no codec makes shorter.
pub fn random(len: usize) -> Vec<u8> {
    let mut random = Random::new(3);
    (0..len).map(|_| random.below(256) as u8).collect()
}

/// `len` bytes of a kind: `text`, `exe`, `random` or `zeros`.
pub fn of_kind(kind: &str, len: usize) -> Vec<u8> {
    match kind {
        "text" => text(len),
        "exe" => code(len),
        "random" => random(len),
        "zeros" => vec![0; len],
        _ => panic!("no such kind of content: {kind}"),
    }
}

/// A chunk of 32 KiB, compressed by `xpress`, `lzx` or `lzms` (raw if that gains nothing), and what
/// it decodes to.
pub fn chunk(codec: &str, kind: &str) -> (Vec<u8>, Vec<u8>) {
    let packing = match codec {
        "xpress" => Packing::Xpress(32768),
        "lzx" => Packing::Lzx(32768),
        "lzms" => Packing::Lzms(32768),
        _ => panic!("no such codec: {codec}"),
    };
    let data = of_kind(kind, 32768);
    let encoded = packing.encode(&data);
    (if encoded.len() < data.len() { encoded } else { data.clone() }, data)
}

/// The result of a read of `len` bytes from `offset`: the oracle for reads.
pub fn naive_window(all: &[u8], offset: u64, len: usize) -> &[u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(all.len());
    &all[start..start.saturating_add(len).min(all.len())]
}

/// A generator of numbers (xorshift64*), for contents and for choices that a test must be able to
/// repeat.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// One of its sequences.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % limit
    }
}
