//! `wimstore image`: the images of a store's groups.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use fs_core::{Chain, ImageChoice};
use store::Request;
use store::requests::{AddImages, CopyImage, ExportImage, RemoveImage, ReplaceImage, Selector, SetImage, Verification};
use write::Destination;

use crate::globals::Globals;
use crate::managing::{self, Managing, Record, tell_image};
use crate::output;

/// Add, list, show, replace, copy, change, export and remove the images of a store's groups.
///
/// STORE is a RemoteInstall folder or its Images folder. IMAGE is GROUP/NAME, GROUP/FILE.wim, GROUP/FILE.wim:NUMBER, or a
/// NAME that only one image of the store has. Contents that several images of a group have are stored once. Every change is
/// made whole or not at all, also when the power fails, and mounts of the store show it. Exit status: 0 done, 1 something in
/// the store is bad, 2 it could not be done; nothing has changed then.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore image add /srv/RemoteInstall Sales install.wim --image 'Windows 11 Pro' --name 'Windows 11'
  wimstore image list /srv/RemoteInstall
  wimstore image replace /srv/RemoteInstall 'Sales/Windows 11' newer.wim --name 'Windows 11'
  wimstore image disable /srv/RemoteInstall 'Sales/Windows 11'
  wimstore image export /srv/RemoteInstall 'Sales/Windows 11' w11.wim
  wimstore image remove /srv/RemoteInstall 'Sales/Windows 11'

--json writes a plan, then a result or an error; see docs/json.md.")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Add(Box<Add>),
    /// List the images of a store
    List {
        /// The store
        store: PathBuf,
        /// Only this group
        group: Option<String>,
        /// JSON objects, one a line
        #[arg(long)]
        json: bool,
    },
    /// Show all that is known of an image
    Show {
        /// The store
        store: PathBuf,
        /// The image
        image: Selector,
        /// A JSON object
        #[arg(long)]
        json: bool,
    },
    Replace(Box<Replace>),
    /// Copy an image within its group; its contents are not stored again
    Copy {
        /// The store
        store: PathBuf,
        /// The image
        image: Selector,
        /// Name of the copy
        #[arg(long)]
        name: String,
        /// Name of its file
        #[arg(long = "file", value_name = "NEW.wim")]
        file_name: String,
        /// Its description [default: that of the image]
        #[arg(long)]
        description: Option<String>,
        #[command(flatten)]
        managing: Managing,
    },
    Set(Box<Set>),
    /// Show an image again
    Enable {
        /// The store
        store: PathBuf,
        /// The image
        image: Selector,
        #[command(flatten)]
        managing: Managing,
    },
    /// Do not show an image; what has it open goes on
    Disable {
        /// The store
        store: PathBuf,
        /// The image
        image: Selector,
        #[command(flatten)]
        managing: Managing,
    },
    Export(Box<Export>),
    /// Remove an image; the space of its contents is free after `group compact`
    Remove {
        /// The store
        store: PathBuf,
        /// The image
        image: Selector,
        #[command(flatten)]
        managing: Managing,
    },
}

/// Add images of an archive to a group
///
/// The archive is verified first: by its integrity table if it has one, else by the hashes of all of its contents. The first
/// image decides on the compression of the group, later ones are stored in the same way.
#[derive(clap::Args, Debug)]
struct Add {
    /// The store
    store: PathBuf,

    /// The group
    group: String,

    /// The archive (.wim, .esd, first .swm)
    file: PathBuf,

    /// Take data that FILE lacks from this archive too (may be repeated)
    #[arg(long = "ref", value_name = "FILE")]
    references: Vec<PathBuf>,

    /// Only this image of FILE, by number or name (may be repeated)
    #[arg(long = "image", value_name = "N|NAME")]
    images: Vec<ImageChoice>,

    /// Give the image this name
    #[arg(long)]
    name: Option<String>,

    /// Give the image this description
    #[arg(long)]
    description: Option<String>,

    /// Name of the image's file in the group; several images get numbers after it [default: the name of FILE]
    #[arg(long = "file", value_name = "NEW.wim")]
    file_name: Option<String>,

    /// Answer file for Setup
    #[arg(long, value_name = "XML")]
    unattend: Option<PathBuf>,

    /// Where the image is listed: ascending, images without order at 500000
    #[arg(long, value_name = "N")]
    order: Option<u32>,

    /// Do not show the image for now
    #[arg(long)]
    disabled: bool,

    /// Do not verify FILE first; what is read is still held against its hash
    #[arg(long, conflicts_with = "verify")]
    skip_verify: bool,

    /// Verify FILE by its integrity table (blocks), or by that and all of its contents (deep)
    #[arg(long, value_name = "blocks|deep", value_parser = ["blocks", "deep"], default_value = "blocks")]
    verify: String,

    #[command(flatten)]
    managing: Managing,
}

/// Put another image in the place of one, under the same file name
///
/// The archive is verified first, as by `image add`. What has the old image open goes on reading it.
#[derive(clap::Args, Debug)]
struct Replace {
    /// The store
    store: PathBuf,

    /// The image that goes
    image: Selector,

    /// The archive of the one that comes
    file: PathBuf,

    /// Take data that FILE lacks from this archive too (may be repeated)
    #[arg(long = "ref", value_name = "FILE")]
    references: Vec<PathBuf>,

    /// The image in FILE, where it has several
    #[arg(long = "image", value_name = "N|NAME")]
    source: Option<ImageChoice>,

    /// Give the image this name
    #[arg(long)]
    name: Option<String>,

    /// Give the image this description
    #[arg(long)]
    description: Option<String>,

    /// Answer file for Setup [default: the one that is there]
    #[arg(long, value_name = "XML")]
    unattend: Option<PathBuf>,

    /// Do not verify FILE first; what is read is still held against its hash
    #[arg(long, conflicts_with = "verify")]
    skip_verify: bool,

    /// Verify FILE by its integrity table (blocks), or by that and all of its contents (deep)
    #[arg(long, value_name = "blocks|deep", value_parser = ["blocks", "deep"], default_value = "blocks")]
    verify: String,

    #[command(flatten)]
    managing: Managing,
}

/// Change an image's properties, all in one step
#[derive(clap::Args, Debug)]
struct Set {
    /// The store
    store: PathBuf,

    /// The image
    image: Selector,

    /// Its name
    #[arg(long)]
    name: Option<String>,

    /// Its description
    #[arg(long)]
    description: Option<String>,

    /// Name of its file
    #[arg(long = "file", value_name = "NEW.wim")]
    file_name: Option<String>,

    /// Where it is listed: ascending, images without order at 500000
    #[arg(long, value_name = "N")]
    order: Option<u32>,

    /// Answer file for Setup
    #[arg(long, value_name = "XML")]
    unattend: Option<PathBuf>,

    /// Replace an answer file that is there
    #[arg(long, requires = "unattend")]
    overwrite_unattend: bool,

    /// An element of its XML data and the text, such as FLAGS=Professional (may be repeated)
    #[arg(long = "property", value_name = "PATH=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,

    #[command(flatten)]
    managing: Managing,
}

/// Copy an image to an archive outside of the store
///
/// A new archive is compressed as the group is; what was written is read back before it gets its name.
#[derive(clap::Args, Debug)]
struct Export {
    /// The store
    store: PathBuf,

    /// The image
    image: Selector,

    /// The archive
    #[arg(value_name = "DEST.wim")]
    path: PathBuf,

    /// Give the image this name there
    #[arg(long)]
    name: Option<String>,

    /// Give the image this description there
    #[arg(long)]
    description: Option<String>,

    /// Replace DEST if it exists
    #[arg(long, conflicts_with = "append")]
    overwrite: bool,

    /// Append to DEST, which keeps its compression
    #[arg(long)]
    append: bool,

    #[command(flatten)]
    managing: Managing,
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() => Ok((path.into(), value.into())),
        _ => Err(format!("{text} is not PATH=VALUE")),
    }
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    match &args.verb {
        Verb::Add(add) => add.managing.run(&add.store, &Request::AddImages(add.request())),
        Verb::List { store, group, json } => list(store, group.as_deref(), *json),
        Verb::Show { store, image, json } => show(store, image, *json),
        Verb::Replace(replace) => replace.managing.run(&replace.store, &Request::ReplaceImage(replace.request())),
        Verb::Copy { store, image, name, file_name, description, managing } => {
            let request = CopyImage {
                image: image.clone(),
                name: name.clone(),
                file_name: file_name.clone(),
                description: description.clone(),
            };
            managing.run(store, &Request::CopyImage(request))
        }
        Verb::Set(set) => set.managing.run(&set.store, &Request::SetImage(set.request())),
        Verb::Enable { store, image, managing } => enable(store, image, true, managing),
        Verb::Disable { store, image, managing } => enable(store, image, false, managing),
        Verb::Export(export) => export.managing.run(&export.store, &Request::ExportImage(export.request())),
        Verb::Remove { store, image, managing } => {
            managing.run(store, &Request::RemoveImage(RemoveImage { image: image.clone() }))
        }
    }
}

impl Add {
    fn request(&self) -> AddImages {
        AddImages {
            group: self.group.clone(),
            file: self.file.clone(),
            references: self.references.clone(),
            images: self.images.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            file_name: self.file_name.clone(),
            unattend: self.unattend.clone(),
            order: self.order,
            disabled: self.disabled,
            verification: verification(self.skip_verify, &self.verify),
        }
    }
}

impl Replace {
    fn request(&self) -> ReplaceImage {
        ReplaceImage {
            image: self.image.clone(),
            file: self.file.clone(),
            references: self.references.clone(),
            source: self.source.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            unattend: self.unattend.clone(),
            verification: verification(self.skip_verify, &self.verify),
        }
    }
}

impl Set {
    fn request(&self) -> SetImage {
        SetImage {
            image: self.image.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            file_name: self.file_name.clone(),
            order: self.order,
            unattend: self.unattend.clone(),
            overwrite_unattend: self.overwrite_unattend,
            properties: self.properties.clone(),
            ..SetImage::default()
        }
    }
}

impl Export {
    fn request(&self) -> ExportImage {
        let destination = match () {
            () if self.append => Destination::Append,
            () if self.overwrite => Destination::Replace,
            () => Destination::New,
        };
        ExportImage {
            image: self.image.clone(),
            path: self.path.clone(),
            destination,
            name: self.name.clone(),
            description: self.description.clone(),
        }
    }
}

fn enable(store: &Path, image: &Selector, enabled: bool, managing: &Managing) -> anyhow::Result<ExitCode> {
    let request = SetImage { image: image.clone(), enabled: Some(enabled), ..SetImage::default() };
    managing.run(store, &Request::SetImage(request))
}

fn verification(skip: bool, how: &str) -> Verification {
    match how {
        _ if skip => Verification::Skip,
        "deep" => Verification::Deep,
        _ => Verification::Usual,
    }
}

fn list(store: &Path, group: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    let mut problems = false;
    let exit = managing::read(store, json, |store, output| {
        let listed = store.list_images(group)?;
        for (_, error) in &listed.problems {
            problems = true;
            output::complain(format_args!("{}", Chain(error)));
        }
        for image in &listed.images {
            if json {
                output.json(&Record::image(image))?;
            } else {
                tell_image(output, image)?;
            }
        }
        Ok(())
    })?;
    Ok(if problems { crate::outcome::Severity::Bad.exit() } else { exit })
}

fn show(store: &Path, image: &Selector, json: bool) -> anyhow::Result<ExitCode> {
    managing::read(store, json, |store, output| {
        let image = store.find_image(image)?;
        if json {
            return output.json(&Record::image(&image));
        }
        tell_image(output, &image)?;
        if let Some(description) = &image.description {
            output.lines(&format!("{description}\n"))?;
        }
        if let Some(order) = image.order {
            output.text(format_args!("listed at {order}\n"))?;
        }
        if let Some(bytes) = image.bytes {
            output.text(format_args!("{} of files\n", report::text::human(bytes)))?;
        }
        Ok(())
    })
}
