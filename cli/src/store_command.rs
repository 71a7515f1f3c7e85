//! `wimstore store`: a whole store.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use store::Store;
use write::RealDisk;

use crate::globals::Globals;
use crate::group;
use crate::managing::{self, Record};
use crate::outcome::Severity;

/// Create a store, show what it has, or finish what an interrupted command left.
///
/// Every command that changes a group first finishes, or removes, what an interrupted one left there; `repair` does that for
/// all groups.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore store init /srv/RemoteInstall
  wimstore store status /srv/RemoteInstall
  wimstore store repair /srv/RemoteInstall")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Create an empty store: a folder with a folder Images
    Init {
        /// The folder
        folder: PathBuf,
    },
    /// Show the groups, and what interrupted commands left; exit status 1 if there is any
    Status {
        /// The store
        store: PathBuf,
        /// JSON objects, one a line
        #[arg(long)]
        json: bool,
    },
    /// Finish or remove what interrupted commands left
    Repair {
        /// The store
        store: PathBuf,
        /// JSON objects, one a line
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    match &args.verb {
        Verb::Init { folder } => init(folder),
        Verb::Status { store, json } => status(store, *json),
        Verb::Repair { store, json } => repair(store, *json),
    }
}

fn init(folder: &Path) -> anyhow::Result<ExitCode> {
    let images = Store::init(&RealDisk, folder)?;
    let mut output = crate::output::Output::stdout()?;
    output.lines(&format!("created {}\n", images.display()))?;
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn status(store: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let mut is_left = false;
    let exit = managing::read(store, json, |store, output| {
        let status = store.status()?;
        for group in &status.groups {
            if json {
                output.json(&Record::group(group))?;
            } else {
                group::tell(output, group)?;
            }
        }
        for what in &status.left {
            is_left = true;
            if json {
                output.json(&Record::Left { what })?;
            } else {
                output.lines(&format!("{what}\n"))?;
            }
        }
        Ok(())
    })?;
    Ok(if is_left { Severity::Bad.exit() } else { exit })
}

fn repair(store: &Path, json: bool) -> anyhow::Result<ExitCode> {
    managing::read(store, json, |store, output| {
        for repaired in store.repair()? {
            if json {
                output.json(&Record::Repaired { group: &repaired.group, what: &repaired.what })?;
            } else {
                let group = if repaired.group.is_empty() { String::new() } else { format!("{}: ", repaired.group) };
                output.lines(&format!("{group}{}\n", repaired.what))?;
            }
        }
        Ok(())
    })
}
