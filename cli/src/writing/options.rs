//! Options of commands that write archives.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::thread;

use fs_core::wim::{Compression, Level};
use write::Options;

use crate::text;

/// How a command works and what it prints.
#[derive(clap::Args, Debug)]
pub(crate) struct Writing {
    /// Compress with this many threads [default: one for each processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Have at most this much data in memory at once, such as 64M [default: 16M and 2M for each thread]
    #[arg(long, value_name = "SIZE", value_parser = text::parse_bytes)]
    memory: Option<u64>,

    /// Only find out what would be written; the destination stays as it is
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// JSON objects, one a line: the plan, and the result or the error
    #[arg(long)]
    pub(crate) json: bool,

    /// Show no progress bar
    #[arg(long)]
    pub(crate) no_progress: bool,
}

impl Writing {
    /// The options as the user chose them, the rest by default.
    pub(crate) fn options(&self) -> Options<'static> {
        let threads = self.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let memory = self.memory.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX).max(1));
        Options { threads, memory, dry_run: self.dry_run, ..Options::default() }
    }
}

/// How a new archive stores its contents.
#[derive(clap::Args, Debug)]
pub(crate) struct Storing {
    /// Compress with none, xpress, lzx or lzms, and how thoroughly: fast, default, max, or 1 to 100 as wimlib-imagex has it
    /// [default: as the source]
    #[arg(long, value_name = "TYPE[:LEVEL]")]
    compress: Option<Compress>,

    /// The uncompressed size of a chunk, such as 32K; Microsoft's programs read the usual sizes only [default: that of
    /// the source; else 32K, with lzms 128K]
    #[arg(long, value_name = "SIZE", value_parser = text::parse_bytes)]
    chunk_size: Option<u64>,

    /// Compress anew also what the source stores in the same way
    #[arg(long)]
    recompress: bool,

    #[command(flatten)]
    integrity: Integrity,
}

/// Whether there is an integrity table.
#[derive(clap::Args, Debug)]
struct Integrity {
    /// Write an integrity table [default: where the source has one]
    #[arg(long, overrides_with = "nocheck")]
    check: bool,

    /// Write no integrity table
    #[arg(long, overrides_with = "check")]
    nocheck: bool,
}

/// A compression and how thorough it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Compress {
    compression: Compression,
    level: Level,
}

impl FromStr for Compress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let (name, level) = lower.split_once(':').unwrap_or((&lower, "default"));
        let compression = match name {
            "none" => Compression::None,
            "xpress" => Compression::Xpress,
            "lzx" => Compression::Lzx,
            "lzms" => Compression::Lzms,
            _ => return Err(format!("{name} is not none, xpress, lzx or lzms")),
        };
        let level = parse_level(level)?;
        Ok(Self { compression, level })
    }
}

/// A level: `fast`, `default`, `max`, or a number as wimlib-imagex has it.
///
/// # Errors
/// It is none.
pub(crate) fn parse_level(text: &str) -> Result<Level, String> {
    match text {
        "fast" => Ok(Level::Fast),
        "default" => Ok(Level::Default),
        "max" => Ok(Level::Max),
        number => number
            .parse()
            .ok()
            .and_then(Level::from_number)
            .ok_or_else(|| format!("level {number} is not fast, default, max, or from 1 to 100")),
    }
}

impl Storing {
    /// Adds these to `options`; what the user did not choose is as in `source`.
    ///
    /// # Errors
    /// The compression has no chunks of the size that was chosen.
    pub(crate) fn apply<'a>(
        &self,
        options: Options<'a>,
        source: &fs_core::wim::Archive,
    ) -> anyhow::Result<Options<'a>> {
        let header = source.header();
        let unchanged = Compress { compression: header.compression, level: Level::Default };
        let Compress { compression, level } = self.compress.unwrap_or(unchanged);
        let chunk_size = match self.chunk_size {
            Some(size) => checked_chunk_size(compression, size)?,
            None if compression == header.compression => header.chunk_size,
            None => 0,
        };
        let had_table = matches!(source.integrity(), Ok(Some(_)));
        let integrity = self.integrity.check || had_table && !self.integrity.nocheck;
        Ok(Options { compression, level, chunk_size, recompress: self.recompress, integrity, ..options })
    }

    /// Adds these to `options` for an archive that has no source: XPRESS unless the user chose otherwise.
    ///
    /// # Errors
    /// The compression has no chunks of the size that was chosen.
    #[cfg(unix)] // for `capture`, which is not for Windows yet
    pub(crate) fn apply_to_new<'a>(&self, options: Options<'a>) -> anyhow::Result<Options<'a>> {
        let usual = Compress { compression: Compression::Xpress, level: Level::Default };
        let Compress { compression, level } = self.compress.unwrap_or(usual);
        let chunk_size = self.chunk_size.map_or(Ok(0), |size| checked_chunk_size(compression, size))?;
        Ok(Options { compression, level, chunk_size, integrity: self.integrity.check, ..options })
    }

    /// Whether an archive that is appended to gets an integrity table if it has none.
    pub(crate) fn adds_table(&self) -> bool {
        self.integrity.check
    }
}

fn checked_chunk_size(compression: Compression, size: u64) -> anyhow::Result<u32> {
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    match compression.allows_chunks_of(size) {
        Ok(()) => Ok(size),
        Err(rule) => Err(anyhow::anyhow!("--chunk-size {}: {rule}", report::text::human(size.into()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_have_levels() {
        let parsed = |text: &str| text.parse::<Compress>().map(|parsed| (parsed.compression, parsed.level));
        assert_eq!(parsed("LZX"), Ok((Compression::Lzx, Level::Default)));
        assert_eq!(parsed("xpress:max"), Ok((Compression::Xpress, Level::Max)));
        assert_eq!(parsed("lzms:50"), Ok((Compression::Lzms, Level::Default)));
        assert_eq!(parsed("lzx:20"), Ok((Compression::Lzx, Level::Fast)));
        assert_eq!(parsed("lzx:101"), Err("level 101 is not fast, default, max, or from 1 to 100".into()));
        assert_eq!(parsed("zip"), Err("zip is not none, xpress, lzx or lzms".into()));
    }
}
