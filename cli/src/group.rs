//! `wimstore group`: image groups of a store, and groups of users in the file of users.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use access::users::Edit;
use clap::Subcommand;
use fs_core::wim::Compression;
use store::requests::{CompactGroup, CreateGroup, RemoveGroup, SetGroup};
use store::{GroupStatus, Request};

use crate::accounts::File;
use crate::globals::Globals;
use crate::managing::{self, Managing, Record};
use crate::output::Output;
use crate::user::{apply, list_groups};

/// Create, list, rename, compact or remove image groups of a store; add and fill groups of users.
///
/// STORE is a RemoteInstall folder or its Images folder. Every change is made whole or not at all, also when the power
/// fails. Exit status: 0 done, 1 something in the store is bad, 2 it could not be done; nothing has changed then.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore group create /srv/RemoteInstall Sales
  wimstore group list /srv/RemoteInstall
  wimstore group rename /srv/RemoteInstall Sales Support
  wimstore group compact /srv/RemoteInstall Support
  wimstore group set /srv/RemoteInstall Support --compress LZX
  wimstore group remove /srv/RemoteInstall Support --force
  wimstore group add Deployers
  wimstore group join Deployers alice

Groups of users, with `add`, `join`, `leave`, and with `list` and `remove` without a store, are those of the file of \
users. --json writes a result or an error; see docs/json.md.")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,

    #[command(flatten)]
    file: File,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Create an image group
    Create {
        /// The store
        store: PathBuf,
        /// Name of the group
        group: String,
        #[command(flatten)]
        managing: Managing,
    },
    /// List the image groups of a store; without a store the groups of users
    List {
        /// The store
        store: Option<PathBuf>,
        /// Only this group
        #[arg(requires = "store")]
        group: Option<String>,
        /// JSON objects, one a line
        #[arg(long, requires = "store")]
        json: bool,
    },
    /// Give an image group another name
    Rename {
        /// The store
        store: PathBuf,
        /// Name of the group
        group: String,
        /// Its new name
        name: String,
        #[command(flatten)]
        managing: Managing,
    },
    /// Change how all files of an image group are stored
    Set {
        /// The store
        store: PathBuf,
        /// Name of the group
        group: String,
        /// none, XPRESS or LZX
        #[arg(long, value_name = "TYPE", value_parser = compression)]
        compress: Compression,
        #[command(flatten)]
        managing: Managing,
    },
    /// Free the space of contents that no image of a group uses
    Compact {
        /// The store
        store: PathBuf,
        /// Name of the group
        group: String,
        /// Also for less than 5 % of the space
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        managing: Managing,
    },
    /// Remove an image group; with one name a group of users, whose members stay
    Remove {
        /// The store, or the group of users
        #[arg(value_name = "STORE")]
        store: String,
        /// Name of the image group
        group: Option<String>,
        /// Remove its images, too
        #[arg(long, requires = "group")]
        force: bool,
        #[command(flatten)]
        managing: Managing,
    },
    /// Add a group of users
    Add {
        /// Name of the group
        name: String,
    },
    /// Put a user, or another group, in a group of users
    Join {
        /// Name of the group
        group: String,
        /// Name of the user, or of the other group
        member: String,
    },
    /// Take a user, or another group, out of a group of users
    Leave {
        /// Name of the group
        group: String,
        /// Name of the user, or of the other group
        member: String,
    },
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    match &args.verb {
        Verb::Create { store, group, managing } => {
            managing.run(store, &Request::CreateGroup(CreateGroup { group: group.clone() }))
        }
        Verb::List { store: Some(store), group, json } => list(store, group.as_deref(), *json),
        Verb::List { store: None, .. } => list_groups(&args.file),
        Verb::Rename { store, group, name, managing } => {
            let request = SetGroup { group: group.clone(), name: Some(name.clone()), ..SetGroup::default() };
            managing.run(store, &Request::SetGroup(request))
        }
        Verb::Set { store, group, compress, managing } => {
            let request = SetGroup { group: group.clone(), compression: Some(*compress), ..SetGroup::default() };
            managing.run(store, &Request::SetGroup(request))
        }
        Verb::Compact { store, group, force, managing } => {
            let request = CompactGroup { group: group.clone(), force: *force };
            managing.run(store, &Request::CompactGroup(request))
        }
        Verb::Remove { store, group: Some(group), force, managing } => {
            let request = RemoveGroup { group: group.clone(), force: *force };
            managing.run(Path::new(store), &Request::RemoveGroup(request))
        }
        Verb::Remove { store: name, group: None, .. } => apply(&args.file, Edit::RemoveGroup(name)),
        Verb::Add { name } => apply(&args.file, Edit::AddGroup(name)),
        Verb::Join { group, member } => apply(&args.file, Edit::Join(member, group)),
        Verb::Leave { group, member } => apply(&args.file, Edit::Leave(member, group)),
    }
}

fn compression(text: &str) -> Result<Compression, String> {
    match text.to_ascii_lowercase().as_str() {
        "none" => Ok(Compression::None),
        "xpress" => Ok(Compression::Xpress),
        "lzx" => Ok(Compression::Lzx),
        _ => Err(format!("{text} is not none, XPRESS or LZX")),
    }
}

fn list(store: &Path, group: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    managing::read(store, json, |store, output| {
        for group in store.list_groups(group)? {
            if json {
                output.json(&Record::group(&group))?;
            } else {
                tell(output, &group)?;
            }
        }
        Ok(())
    })
}

/// One line a group: name, archives, compression, size of the shared data.
pub(crate) fn tell(output: &mut Output, group: &GroupStatus) -> anyhow::Result<()> {
    output.name(group.name.as_bytes())?;
    let archives = report::text::count(group.archives as u64, "image file");
    let compression = group.compression.map_or_else(|| "no compression yet".into(), |kind| kind.to_string());
    let bytes = report::text::human(group.resource_bytes);
    output.text(format_args!("  {archives}  {compression}  {bytes}\n"))
}
