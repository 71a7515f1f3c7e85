//! One front door for the encoders.

use super::{CodecError, lzms, lzx, xpress};
use crate::Compression;

/// The smallest and largest chunks, in bytes.
const XPRESS_CHUNKS: [u32; 2] = [1 << 12, 1 << 16];
const LZX_CHUNKS: [u32; 2] = [1 << 15, 1 << 21];
const LZMS_CHUNKS: [u32; 2] = [1 << 15, 1 << 30];

/// How much time is spent on making chunks smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Level {
    /// Little.
    Fast,
    /// As much as pays for most.
    #[default]
    Default,
    /// As much as makes a difference.
    Max,
}

impl Level {
    /// The level that comes nearest to a number from 1 to 100, in the scale of wimlib-imagex:
    /// up to 34 fast, from 80 on max. `None` for other numbers.
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            1..35 => Some(Self::Fast),
            35..80 => Some(Self::Default),
            80..=100 => Some(Self::Max),
            _ => None,
        }
    }
}

/// Encodes chunks of one compression, level and chunk size.
///
/// Holds the tables and a copy of the chunk, so that using it again allocates nothing.
pub struct Encoder {
    codec: Codec,
    chunk_size: usize,
}

enum Codec {
    /// Every chunk stays as it is.
    Raw,
    Xpress(Box<xpress::Encoder>),
    Lzx(Box<lzx::Encoder>),
    Lzms(Box<lzms::Encoder>),
}

impl Encoder {
    /// An encoder for resources in chunks of `chunk_size` bytes.
    ///
    /// With [`Compression::None`], chunks of any size stay as they are.
    ///
    /// # Errors
    /// [`CodecError::ChunkSize`] if `chunk_size` is no power of two that the compression allows: 4
    /// to 64 KiB for XPRESS, 32 KiB to 2 MiB for LZX, 32 KiB to 1 GiB for LZMS.
    pub fn new(compression: Compression, level: Level, chunk_size: u32) -> Result<Self, CodecError> {
        let size = chunk_size as usize;
        let check = |[least, most]: [u32; 2]| match chunk_size.is_power_of_two() && (least..=most).contains(&chunk_size)
        {
            true => Ok(()),
            false => Err(CodecError::ChunkSize { size, most: most as usize }),
        };
        let codec = match compression {
            Compression::Xpress => {
                check(XPRESS_CHUNKS)?;
                Codec::Xpress(Box::new(xpress::Encoder::new(level)))
            }
            Compression::Lzx => {
                check(LZX_CHUNKS)?;
                Codec::Lzx(Box::new(lzx::Encoder::new(level, size)))
            }
            Compression::Lzms => {
                check(LZMS_CHUNKS)?;
                Codec::Lzms(Box::new(lzms::Encoder::new(level, size)))
            }
            Compression::None => Codec::Raw,
        };
        Ok(Self { codec, chunk_size: size })
    }

    /// Encodes one chunk to the start of `dst` and returns the size of the result.
    ///
    /// `None` means that the chunk is to be stored as it is: it would not become smaller, or not fit
    /// into `dst`, which then holds unspecified bytes. `src` is a whole chunk, or a resource's last,
    /// shorter one. The result depends on `src`, compression, level and chunk size, and on nothing
    /// else. Takes time linear in `src.len()`, and allocates nothing; only for LZMS in chunks over 1
    /// MiB, sorting takes longer, and some 260 KiB.
    ///
    /// # Panics
    /// If `src` is larger than a chunk.
    ///
    /// # Examples
    /// ```
    /// use wim::codec::xpress::Decoder;
    /// use wim::{Compression, Encoder, Level};
    ///
    /// let chunk = b"round and ".repeat(100);
    /// let mut stored = vec![0; chunk.len()];
    /// let mut encoder = Encoder::new(Compression::Xpress, Level::Default, 32 << 10)?;
    /// let size = encoder.encode(&chunk, &mut stored).expect("it repeats itself");
    ///
    /// let mut decoded = vec![0; chunk.len()];
    /// Decoder::default().decode(&stored[..size], &mut decoded)?;
    /// assert_eq!(decoded, chunk);
    /// # Ok::<(), wim::CodecError>(())
    /// ```
    pub fn encode(&mut self, src: &[u8], dst: &mut [u8]) -> Option<usize> {
        assert!(src.len() <= self.chunk_size, "a chunk of {} bytes, not {}", src.len(), self.chunk_size);
        match &mut self.codec {
            Codec::Raw => None,
            Codec::Xpress(encoder) => encoder.encode(src, dst),
            Codec::Lzx(encoder) => encoder.encode(src, dst),
            Codec::Lzms(encoder) => encoder.encode(src, dst),
        }
    }
}

#[cfg(test)]
mod tests;
