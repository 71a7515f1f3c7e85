//! encode COMPRESSION LEVEL CHUNK_SIZE PATH...: encodes every file under the paths in one thread, as
//! an archive would have it, decodes the result and compares; prints the bytes of the files and of
//! their resources, and where the system tells it, the CPU seconds that encoding took.
#![expect(clippy::print_stdout, reason = "a program that says what it did")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use wim::codec::{lzms, lzx, xpress};
use wim::{Compression, Encoder, Level};

fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: encode xpress|lzx|lzms LEVEL CHUNK_SIZE PATH...";
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [compression, level, chunk_size, paths @ ..] = &arguments[..] else { return Err(USAGE.into()) };
    let compression = match &compression[..] {
        "xpress" => Compression::Xpress,
        "lzx" => Compression::Lzx,
        "lzms" => Compression::Lzms,
        _ => return Err(USAGE.into()),
    };
    let level = Level::from_number(level.parse()?).ok_or(USAGE)?;
    let chunk_size: u32 = chunk_size.parse()?;
    let mut files = Vec::new();
    for path in paths {
        list(Path::new(path), &mut files)?;
    }
    let mut encoder = Encoder::new(compression, level, chunk_size)?;
    let mut decode = decoder(compression, chunk_size);
    let (mut dst, mut decoded) = (vec![0; chunk_size as usize], vec![0; chunk_size as usize]);
    let (mut bytes, mut stored, mut seconds) = (0, 0, 0.0);
    for file in files {
        let content = fs::read(&file)?;
        let mut size = 4 * content.len().div_ceil(chunk_size as usize).saturating_sub(1);
        for chunk in content.chunks(chunk_size as usize) {
            let before = cpu_seconds();
            let encoded = encoder.encode(chunk, &mut dst);
            seconds += cpu_seconds() - before;
            if let Some(size) = encoded {
                let decoded = &mut decoded[..chunk.len()];
                decode(&dst[..size], decoded)?;
                if decoded != chunk {
                    return Err(format!("{}: a chunk decodes to other bytes", file.display()).into());
                }
            }
            size += encoded.unwrap_or(chunk.len());
        }
        bytes += content.len();
        stored += size.min(content.len());
    }
    println!("{bytes} {stored} {seconds:.2}");
    Ok(())
}

type Decode = Box<dyn FnMut(&[u8], &mut [u8]) -> Result<(), wim::CodecError>>;

fn decoder(compression: Compression, chunk_size: u32) -> Decode {
    let (mut xpress, mut lzx) = (xpress::Decoder::default(), lzx::Decoder::default());
    let mut lzms = lzms::Decoder::default();
    match compression {
        Compression::Xpress => Box::new(move |src, dst| xpress.decode(src, dst)),
        Compression::Lzx => Box::new(move |src, dst| lzx.decode(src, dst, chunk_size)),
        _ => Box::new(move |src, dst| lzms.decode(src, dst)),
    }
}

/// Lists the files under a path, in the order of their names.
fn list(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_symlink() || !path.is_dir() {
        files.extend((path.is_file() && !path.is_symlink()).then(|| path.to_owned()));
        return Ok(());
    }
    let entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    paths.iter().try_for_each(|path| list(path, files))
}

/// CPU seconds of this process's only thread, on Linux; 0 elsewhere.
fn cpu_seconds() -> f64 {
    let statistics = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    statistics.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}
