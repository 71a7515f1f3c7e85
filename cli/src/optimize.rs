//! `wimstore optimize` and `wimstore delete`: an archive anew, with all or some of its images.

use std::path::PathBuf;
use std::process::ExitCode;

use fs_core::ImageChoice;
use write::{RealDisk, Rebuild};

use crate::globals::Globals;
use crate::writing::{self, Done, Storing, Writing};

/// Write an archive anew, without what no image uses.
///
/// Appending to an archive and deleting images leave bytes that nothing uses; this drops them. All contents are checked
/// on the way. The new archive takes the place of the old one when it is complete, on the disk and read back. It needs
/// as much free space as it takes. Exit status: 0 done, 1 something in the archive is bad, 2 it could not be done;
/// nothing has changed then.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore optimize install.wim
  wimstore optimize install.wim --compress lzx --recompress --check

--json writes a plan, then a result or an error; see docs/json.md.")]
pub(crate) struct Args {
    /// The archive
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    storing: Storing,

    #[command(flatten)]
    writing: Writing,
}

/// Delete an image, and the contents that only it uses.
///
/// The archive is written anew, as by `wimstore optimize`. Images behind it get the numbers before theirs.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wimstore delete install.wim 2

--json writes a plan, then a result or an error; see docs/json.md.")]
pub(crate) struct DeleteArgs {
    /// The archive
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The image: its number, counting from 1, or its name
    #[arg(value_name = "IMAGE")]
    image: ImageChoice,

    #[command(flatten)]
    storing: Storing,

    #[command(flatten)]
    writing: Writing,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let archive = writing::archive(&args.file)?;
    let options = args.storing.apply(args.writing.options(), &archive.wim)?;
    writing::run(&args.writing, "optimize", &args.file, options, |options| {
        let images: Vec<_> = (0..archive.wim.image_count()).collect();
        let summary = write::rebuild(&RealDisk, &Rebuild { archive: &archive, images: &images }, options)?;
        let saved = archive.wim.source().size().saturating_sub(summary.size);
        Ok(Done { what: format!("optimized, {} less", report::text::human(saved)), summary })
    })
}

pub(crate) fn delete(args: &DeleteArgs, _: &Globals) -> anyhow::Result<ExitCode> {
    let archive = writing::archive(&args.file)?;
    let victim = writing::image_index(&archive, &args.image)?;
    let options = args.storing.apply(args.writing.options(), &archive.wim)?;
    writing::run(&args.writing, "delete", &args.file, options, |options| {
        let images: Vec<_> = (0..archive.wim.image_count()).filter(|&index| index != victim).collect();
        let summary = write::rebuild(&RealDisk, &Rebuild { archive: &archive, images: &images }, options)?;
        Ok(Done { what: format!("deleted image {}", victim + 1), summary })
    })
}
