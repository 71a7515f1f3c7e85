//! `wimstore capture` and `wimstore append`: a folder or a volume becomes an image.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use capture::{Exclusions, Scan, VolumeOptions, split_source};
use write::{ArchiveWriter, Existing, Options, RealDisk, Summary};

use crate::globals::Globals;
use crate::output;
use crate::text;
use crate::writing::{self, Done, Storing, Writing};

/// Capture a folder or an NTFS volume as the first image of a new archive.
///
/// A device or image file (raw or VHD) is read without mounting it and never written to; FILE#2 is its partition 2. It must
/// have been unmounted by Windows, and what cannot be captured is named before anything is written.
///
/// Names, times, hard links, symbolic links and, on volumes that ntfs-3g or wimstore has mounted, all that NTFS has:
/// attributes, security descriptors, named streams, reparse points, short names, object ids. Equal contents are
/// stored once. Absolute links into the folder count from the image's root afterwards. The archive appears when it is complete,
/// on the disk and read back. Exit status: 0 done, 2 it could not be done; nothing has changed then.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore capture /srv/tree tree.wim
  wimstore capture /mnt/windows install.wim 'Windows 11' --compress lzx --check
  wimstore capture / root.wim --unix-data --config exclude.ini
  wimstore capture /dev/sdb2 install.wim 'Windows 11'
  wimstore capture disk.vhd#2 install.wim 'Windows 11'

Left out are files of a running Windows, such as pagefile.sys, and with --config those that a list in the form of \
WimScript.ini names instead. --json writes a plan, then a result or an error; see docs/json.md.")]
pub(crate) struct Args {
    #[command(flatten)]
    folder: Folder,

    /// Replace FILE if it exists
    #[arg(long)]
    overwrite: bool,

    #[command(flatten)]
    storing: Storing,

    #[command(flatten)]
    writing: Writing,
}

/// Append a folder or an NTFS volume to an archive as a new image.
///
/// As `capture`; contents that the archive has are not written again, and it keeps its compression. After a crash or a
/// power cut the archive is the old one or the new one.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wimstore append /srv/tree tree.wim 'second state'

--json writes a plan, then a result or an error; see docs/json.md.")]
pub(crate) struct AppendArgs {
    #[command(flatten)]
    folder: Folder,

    /// Write an integrity table also if the archive has none
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    writing: Writing,
}

/// The folder, and what of it becomes which image.
#[derive(clap::Args, Debug)]
struct Folder {
    /// The folder, device or image file
    #[arg(value_name = "SOURCE")]
    folder: PathBuf,

    /// The archive
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The image's name [default: that of the folder or file]
    name: Option<String>,

    /// The image's description
    description: Option<String>,

    /// Make it the image to boot
    #[arg(long)]
    boot: bool,

    /// Leave out what this list in the form of WimScript.ini names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Store owners, modes, devices and extended attributes of Unix, as wimlib does
    #[arg(long)]
    unix_data: bool,

    /// Keep absolute links as they are
    #[arg(long)]
    norpfix: bool,

    /// Capture a volume although Windows did not unmount it
    #[arg(long)]
    allow_unclean: bool,

    /// Leave out files of a volume that EFS has encrypted
    #[arg(long)]
    skip_encrypted: bool,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let options = args.storing.apply_to_new(args.writing.options())?;
    let existing = if args.overwrite { Existing::Replace } else { Existing::Keep };
    let file = &args.folder.file;
    if !args.overwrite && file.exists() {
        bail!("{}: exists; --overwrite replaces it, `wimstore append` adds to it", file.display());
    }
    args.folder
        .write("capture", &args.writing, options, |options| ArchiveWriter::create(&RealDisk, file, existing, options))
}

pub(crate) fn append(args: &AppendArgs, _: &Globals) -> anyhow::Result<ExitCode> {
    let options = Options { integrity: args.check, ..args.writing.options() };
    let folder = &args.folder;
    folder.write("append", &args.writing, options, |options| ArchiveWriter::append(&RealDisk, &folder.file, options))
}

impl Folder {
    /// Scans the folder and writes it into the archive that `open` makes.
    fn write<'a>(
        &self,
        verb: &'static str,
        writing: &Writing,
        options: Options<'a>,
        open: impl for<'o> FnOnce(Options<'o>) -> write::Result<ArchiveWriter<'o>>,
    ) -> anyhow::Result<ExitCode> {
        let scan = self.scan()?;
        let name = self.name()?;
        for skipped in &scan.skipped {
            let path = text::escaped(skipped.path.as_os_str().as_encoded_bytes());
            output::complain(format_args!("{}: left out: {}", String::from_utf8_lossy(&path), skipped.reason));
        }
        let (directories, files) = scan.counts();
        let what = format!("captured {} and {}", text::count(directories, "folder"), text::count(files, "file"));
        writing::run(writing, verb, &self.file, options, |options| {
            (options.control.plan)(&scan.plan());
            if options.dry_run {
                return Ok(Done { what, summary: Summary::default() });
            }
            let mut writer = open(options)?;
            writer.check_name(&name)?;
            scan.write(&mut writer, &name, self.description.as_deref())?;
            if self.boot {
                writer.set_boot(writer.image_count());
            }
            Ok(Done { what, summary: writer.commit()? })
        })
    }

    fn scan(&self) -> anyhow::Result<Scan> {
        let exclusions = match &self.config {
            Some(list) => Exclusions::read(list)?,
            None => Exclusions::default(),
        };
        if !self.folder.is_dir() {
            return self.scan_volume(&exclusions);
        }
        let root = self.folder.canonicalize().with_context(|| self.folder.display().to_string())?;
        let left_out: Vec<PathBuf> = canonical_file(&self.file).into_iter().collect();
        let options = capture::Options {
            root: &root,
            exclusions: &exclusions,
            left_out: &left_out,
            unix_data: self.unix_data,
            fix_links: !self.norpfix,
        };
        Ok(Scan::folder(options)?)
    }

    fn scan_volume(&self, exclusions: &Exclusions) -> anyhow::Result<Scan> {
        if self.unix_data {
            bail!("--unix-data is for folders: an NTFS volume has none");
        }
        let (path, partition) = split_source(&self.folder);
        let (allow_unclean, skip_encrypted) = (self.allow_unclean, self.skip_encrypted);
        let options = VolumeOptions { exclusions, allow_unclean, skip_encrypted };
        Ok(Scan::volume(&path, partition, options)?)
    }

    fn name(&self) -> anyhow::Result<String> {
        let of_folder = || self.folder.canonicalize().ok()?.file_name()?.to_str().map(str::to_owned);
        let name = self.name.clone().or_else(of_folder).unwrap_or_default();
        if name.is_empty() || name.chars().any(char::is_control) {
            bail!("an image's name is not empty and has no control characters: give one after FILE");
        }
        Ok(name)
    }
}

/// The path of a file that need not exist, in a folder without links.
fn canonical_file(file: &Path) -> Option<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(folder.canonicalize().ok()?.join(file.file_name()?))
}
