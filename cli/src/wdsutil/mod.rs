//! `wimstore wdsutil`: the verbs of an image store as WDS has them.

mod asked;
mod grammar;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args as _, FromArgMatches};
use report::text::count;
use store::requests::{AddImages, CreateGroup};
use store::{Request, Store, Work};
use write::RealDisk;

use self::asked::{Asked, VERBS};
use self::grammar::Words;
use crate::globals::Globals;
use crate::managing::{self, Managing, tell_image};
use crate::outcome::Severity;
use crate::output::Output;

/// The group that is made where there is none, as WDS does.
const FIRST_GROUP: &str = "ImageGroup1";

/// Manage a store by the command lines of WDS.
///
/// The store is /RemInst:PATH, or else $WIMSTORE_STORE, or else C:\RemoteInstall on Windows and /srv/RemoteInstall elsewhere.
/// Options begin with / or -, in any case. Exit status: 0 done, 1 something in the store is bad, 2 it could not be done;
/// nothing has changed then.
#[derive(clap::Args, Debug)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  wimstore wdsutil /RemInst:/srv/RemoteInstall /Add-ImageGroup /ImageGroup:Sales
  wimstore wdsutil /Add-Image /ImageFile:install.wim /ImageType:Install /ImageGroup:Sales /SingleImage:'Windows 11 Pro'
  wimstore wdsutil /Set-Image:'Windows 11 Pro' /ImageGroup:Sales /Enabled:No
  wimstore wdsutil /Export-Image /Image:'Windows 11 Pro' /DestinationImage /FilePath:w11.wim /Overwrite:Append
  wimstore wdsutil /Get-AllImages /Show:Install

Install images only; `wimstore image` and `wimstore group` do the same and more."
)]
pub(crate) struct Args {
    /// The verb and its options, such as /Get-Image:NAME /ImageGroup:GROUP
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORD")]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    if args.words.iter().any(|word| matches!(word.as_str(), "/?" | "-?" | "/help" | "--help")) {
        let mut output = Output::stdout()?;
        output.lines(&format!("wimstore wdsutil /Verb[:VALUE] /Option[:VALUE]...\nVerbs: {VERBS}\n"))?;
        output.finish()?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut words = Words::parse(&args.words)?;
    let store = store(&mut words)?;
    match Asked::of(words)? {
        Asked::Change(request) => change(&store, &request),
        Asked::Add(request) => add(&store, request),
        Asked::Groups(name) => groups(&store, name.as_deref()),
        Asked::Images => managing::read(&store, false, |store, output| {
            let listed = store.list_images(None)?;
            listed.images.iter().try_for_each(|image| tell_image(output, image))?;
            output.lines(&format!("{}\n", count(listed.images.len() as u64, "image")))?;
            tell_success(output)
        }),
        Asked::Image(image) => managing::read(&store, false, |store, output| {
            tell_image(output, &store.find_image(&image)?)?;
            tell_success(output)
        }),
    }
}

/// The store that is meant.
///
/// # Errors
/// It is one of another machine.
fn store(words: &mut Words) -> anyhow::Result<PathBuf> {
    if let Some(server) = words.take("Server")? {
        bail!(
            "/Server:{server}: only stores of this machine are managed; leave it out, or name the folder with /RemInst:…"
        );
    }
    let usual = if cfg!(windows) { r"C:\RemoteInstall" } else { "/srv/RemoteInstall" };
    let named = words.take("RemInst")?.map(PathBuf::from);
    Ok(named.or_else(|| std::env::var_os("WIMSTORE_STORE").map(PathBuf::from)).unwrap_or_else(|| usual.into()))
}

fn change(store: &Path, request: &Request) -> anyhow::Result<ExitCode> {
    let usual = Managing::augment_args(clap::Command::new("wdsutil")).get_matches_from(["wdsutil"]);
    Managing::from_arg_matches(&usual)?.run_then(store, request, |output, severity| match severity {
        Severity::Done => tell_success(output),
        Severity::Bad | Severity::Failed => Ok(()), // the error was said
    })
}

/// Adds images to the only group, or to a new one where there is none.
fn add(store: &Path, mut request: AddImages) -> anyhow::Result<ExitCode> {
    let groups = Store::open(&RealDisk, store, Work::default())?.list_groups(None)?;
    request.group = match &groups[..] {
        [] => FIRST_GROUP.into(),
        [group] => group.name.clone(),
        several => {
            let names: Vec<&str> = several.iter().map(|group| group.name.as_str()).collect();
            bail!("/add-image needs /ImageGroup:…, one of {}", names.join(", "))
        }
    };
    if groups.is_empty() {
        Store::open(&RealDisk, store, Work::default())?
            .run(&Request::CreateGroup(CreateGroup { group: request.group.clone() }))?;
    }
    change(store, &Request::AddImages(request))
}

fn groups(store: &Path, name: Option<&str>) -> anyhow::Result<ExitCode> {
    managing::read(store, false, |store, output| {
        for group in store.list_groups(name)? {
            crate::group::tell(output, &group)?;
            let listed = store.list_images(Some(&group.name))?;
            listed.images.iter().try_for_each(|image| tell_image(output, image))?;
        }
        tell_success(output)
    })
}

fn tell_success(output: &mut Output) -> anyhow::Result<()> {
    output.lines("The command completed successfully.\n")
}
