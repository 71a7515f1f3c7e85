//! `wimstore access`: what a user may see, and which entry of which descriptor decides.

use std::path::PathBuf;
use std::process::ExitCode;

use access::users::Users;
use access::{Decision, MAXIMUM_ALLOWED, READ_DATA, Reason, Security, Sid, Token, sddl};
use anyhow::bail;
use fs_core::{ArchiveEntry, FolderSource, GroupEntry, GroupListing, StoreSource, Visibility, may_read, visibility};
use serde::Serialize;

use crate::accounts;
use crate::globals::Globals;
use crate::outcome::{Outcome, Severity};
use crate::output::Output;

/// Show which groups and archives of a store a user may see, and which entry of which list decides.
///
/// A group is listed to users who may read its folder. An archive is visible to those who may also read its file, and
/// readable if they may read all other files that supply its data.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore access /srv/RemoteInstall --user alice
  wimstore access /srv/RemoteInstall --user alice Sales/w11.wim
  wimstore access /srv/RemoteInstall --sids S-1-5-21-1-2-3-1103,S-1-5-11 --json

The user is one of the file of users, or else one of this system. Descriptors come from the file system, Samba, the \
sidecar NAME.wimstore.json (\"sddl\"), the folder of the group, or else the mode of the file. --json writes one object \
a line; its fields are described in docs/json.md.")]
pub(crate) struct Args {
    /// A store (a RemoteInstall folder or its Images folder), one group of it, or an archive
    #[arg(value_name = "STORE")]
    store: PathBuf,

    /// Only this group, or this archive in it
    #[arg(value_name = "GROUP[/FILE]")]
    path: Option<String>,

    #[command(flatten)]
    who: Who,

    #[command(flatten)]
    users: accounts::File,

    /// Follow links in STORE that lead out of it, whoever made them
    #[arg(long)]
    follow_links: bool,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Whose access is shown.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Who {
    /// A user of the file of users, or of this system
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Exactly these security identifiers, the user's first
    #[arg(long, value_name = "SID,...", value_delimiter = ',')]
    sids: Vec<Sid>,
}

/// The answer about a group or an archive.
#[derive(Serialize)]
struct Record {
    r#type: &'static str,
    path: String,
    access: &'static str,
    decided_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ace_index: Option<usize>,
    rights: u32,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sddl: Option<String>,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let users = args.users.read_if_there()?;
    let token = token(&args.who, &users)?;
    let source = FolderSource::find(&args.store, args.follow_links)?.with_principals(accounts::principals(&users));
    let (output, outcome) = (Output::stdout()?, Outcome::default());
    let mut asker = Asker { source: &source, token: &token, output, outcome, json: args.json };
    let (group, file) = match args.path.as_deref().map(|path| path.split_once('/').unwrap_or((path, ""))) {
        Some((group, file)) => (Some(group), Some(file).filter(|file| !file.is_empty())),
        None => (None, None),
    };
    let listing = source.groups()?;
    asker.outcome.report_problems(&listing.problems);
    let mut is_found = false;
    for entry in &listing.groups {
        if group.is_some_and(|name| entry.name.to_string_lossy() != name) {
            continue;
        }
        match source.listing(entry) {
            Ok(listing) => {
                is_found |= asker.group(entry, &listing, file)?;
                asker.outcome.report_problems(&listing.problems);
            }
            Err(error) => asker.outcome.report(&error),
        }
    }
    asker.output.finish()?;
    if let (Some(path), false) = (&args.path, is_found) {
        bail!("{path}: no such group or archive in {}", args.store.display());
    }
    Ok(asker.outcome.exit())
}

fn token(who: &Who, users: &Users) -> anyhow::Result<Token> {
    match &who.user {
        Some(name) => accounts::token(name, users),
        None => {
            let [user, ..] = who.sids[..] else { bail!("--sids needs at least one identifier") };
            Ok(Token::exact(user, &who.sids, &[]))
        }
    }
}

/// Asks for one token, and prints the answers.
struct Asker<'a> {
    source: &'a FolderSource,
    token: &'a Token,
    output: Output,
    outcome: Outcome,
    json: bool,
}

impl Asker<'_> {
    /// Prints the answers about a group and its archives, or one of them; returns whether it is there.
    fn group(&mut self, entry: &GroupEntry, listing: &GroupListing, file: Option<&str>) -> anyhow::Result<bool> {
        let security = self.source.group_security(entry);
        let decision = security.check(self.token, READ_DATA);
        let is_listed = decision.is_granted();
        let group = entry.name.to_string_lossy();
        if file.is_none() {
            let path = if group.is_empty() { ".".into() } else { group.clone() };
            self.print(path.into(), if is_listed { "listed" } else { "hidden" }, &security, decision, None)?;
        }
        let mut suppliers = listing.parts.iter().chain(&listing.resources);
        let has_data = suppliers.all(|file| may_read(self.token, &self.source.file_security(file, &security)));
        let mut is_found = file.is_none();
        for archive in &listing.archives {
            let name = archive.file.name.to_string_lossy();
            if file.is_none_or(|wanted| wanted == name) {
                is_found = true;
                let path = if group.is_empty() { name.into_owned() } else { format!("{group}/{name}") };
                self.archive(path, archive, &security, is_listed, has_data)?;
            }
        }
        Ok(is_found)
    }

    fn archive(
        &mut self,
        path: String,
        archive: &ArchiveEntry,
        group: &Security,
        is_listed: bool,
        has_data: bool,
    ) -> anyhow::Result<()> {
        let security = self.source.file_security(&archive.file, group);
        let decision = security.check(self.token, READ_DATA);
        let (access, instead) = match visibility(self.token, archive, &security, has_data) {
            _ if decision.is_granted() && !is_listed => ("hidden", Some("its group is hidden")),
            Visibility::Hidden if decision.is_granted() => ("hidden", Some("it is disabled")),
            Visibility::Hidden => ("hidden", None),
            Visibility::Visible => ("visible", None),
            Visibility::Readable => ("readable", None),
        };
        self.print(path, access, &security, decision, instead)
    }

    fn print(
        &mut self,
        path: String,
        access: &'static str,
        security: &Security,
        decision: Decision,
        instead: Option<&str>,
    ) -> anyhow::Result<()> {
        if security.descriptor().is_none() {
            self.outcome.note(Severity::Bad);
        }
        let ace_index = match decision.reason {
            Reason::Entry(index) if instead.is_none() => Some(index),
            _ => None,
        };
        let entry = ace_index.and_then(|index| security.descriptor()?.dacl?.entries().nth(index));
        let record = Record {
            r#type: "access",
            path,
            access,
            decided_by: instead.map_or_else(|| words(decision.reason), String::from),
            ace: entry.and_then(|entry| sddl::write_entry(&entry)),
            ace_index,
            rights: security.check(self.token, MAXIMUM_ALLOWED).granted.unwrap_or(0),
            source: security.source().name(),
            sddl: security.sddl(),
        };
        if self.json {
            return self.output.json(&record);
        }
        self.output.text(format_args!("{:<8}  ", record.access))?;
        self.output.name(record.path.as_bytes())?;
        let ace = record.ace.map_or_else(String::new, |ace| format!(" {ace}"));
        self.output.text(format_args!("  {}{ace}, {}\n", record.decided_by, record.source))
    }
}

/// What decided, in words.
fn words(reason: Reason) -> String {
    match reason {
        Reason::Broken => "broken descriptor: administrators only".into(),
        Reason::Privilege => "a privilege that nobody has".into(),
        Reason::Label => "integrity label".into(),
        Reason::Policy => "central access policy: administrators only".into(),
        Reason::NoDacl => "no list: everybody has access".into(),
        Reason::Owner => "rights of the owner".into(),
        Reason::Entry(index) => format!("entry {}", index + 1),
        Reason::Missing(_) => "no entry grants it".into(),
        Reason::Nothing => "nothing was asked for".into(),
    }
}
