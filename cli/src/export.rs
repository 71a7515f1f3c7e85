//! `wimstore export`: images into a new archive, or at the end of one.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use write::{Destination, ImageSource, Options, RealDisk};

use crate::globals::Globals;
use crate::writing::{self, Contents, Done, Images, Storing, Writing};

/// Copy images to a new archive, or append them to one.
///
/// Contents that the destination has are not written again. What the source stores in the same way is copied as it is,
/// and all of it is checked on the way; a damaged source leaves nothing at the destination. A new archive appears when it
/// is complete, on the disk and read back; after a crash or a power cut an archive that was appended to is the old one or
/// the new one. Exit status: 0 done, 1 something in the source is bad, 2 it could not be done; nothing has changed then.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore export install.wim 2 new.wim
  wimstore export install.wim 'Windows 11 Pro' all.wim --append --name 'Pro 24H2'
  wimstore export /srv/RemoteInstall/Images/Sales all sales.wim --compress lzx --check
  wimstore export install.esd all install.wim --compress lzx

IMAGE is a number, a name, or `all`. --json writes a plan, then a result or an error; see docs/json.md.")]
pub(crate) struct Args {
    /// An archive (.wim, .esd, first .swm), a group or a store
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// The image: its number, counting from 1, its name, or `all`
    #[arg(value_name = "IMAGE")]
    image: Images,

    /// The archive to be written
    #[arg(value_name = "DEST")]
    destination: PathBuf,

    /// Give the image this name
    #[arg(long)]
    name: Option<String>,

    /// Give the image this description
    #[arg(long)]
    description: Option<String>,

    /// Make it the image to boot; of several the first
    #[arg(long)]
    boot: bool,

    /// Replace DEST if it exists
    #[arg(long, conflicts_with = "append")]
    overwrite: bool,

    /// Append to DEST, which keeps its compression
    #[arg(long, conflicts_with_all = ["compress", "chunk_size"])]
    append: bool,

    #[command(flatten)]
    contents: Contents,

    #[command(flatten)]
    storing: Storing,

    #[command(flatten)]
    writing: Writing,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let mut images = args.contents.images(&args.source, &args.image)?;
    if images.len() > 1 && (args.name.is_some() || args.description.is_some()) {
        bail!("--name and --description are for one image, not for {}", images.len());
    }
    for image in &mut images {
        image.name.clone_from(&args.name);
        image.description.clone_from(&args.description);
    }
    let options = args.options(&images)?;
    let destination = match () {
        () if args.append => Destination::Append,
        () if args.overwrite => Destination::Replace,
        () => Destination::New,
    };
    writing::run(&args.writing, "export", &args.destination, options, |options| {
        let boot = args.boot.then_some(0);
        let summary = write::export(&RealDisk, &images, &args.destination, destination, boot, options)?;
        Ok(Done { what: format!("exported {}", report::text::count(images.len() as u64, "image")), summary })
    })
}

impl Args {
    fn options(&self, images: &[ImageSource]) -> anyhow::Result<Options<'static>> {
        let options = self.writing.options();
        if self.append {
            return Ok(Options { integrity: self.storing.adds_table(), ..options });
        }
        self.storing.apply(options, &images[0].archive.wim)
    }
}
