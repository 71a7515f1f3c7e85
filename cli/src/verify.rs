//! `wimstore verify`: every byte of a store against its SHA-1.

use std::process::ExitCode;

use fs_core::check::{CheckOptions, Checked, Event};
use fs_core::{ArchiveEntry, ArchiveInfo, Chain, Error, Filesystem, GroupInfo};
use indicatif::ProgressBar;
use report::{Found, Summary, cause};

use crate::globals::Globals;
use crate::outcome::Severity;
use crate::output::Output;
use crate::progress;
use crate::source::{Source, Threads};
use crate::text;

/// Check every byte of a store against its SHA-1.
///
/// Integrity tables, the metadata of images and every blob are checked, and that no data is missing.
/// Names what is bad: check blocks and blobs by their offset in the archive, and the paths that use a
/// bad blob, up to 100 of them. Archives whose file is hidden (disabled images) are checked too. Exit
/// status: 0 nothing is bad, 1 something is, 2 the check could not be done.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore verify install.wim
  wimstore verify /srv/RemoteInstall
  wimstore verify --json /srv/RemoteInstall | jq -r 'select(.type == \"bad_blob\") | .used_by[].path'

Archives are checked whole, with all their images; with --image only that one's paths are named. Offsets are in bytes \
from the archive's first; paths count from the root of SOURCE. A progress bar is shown if stderr is a terminal. \
--json writes one object a line; its fields are described in docs/json.md.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    threads: Threads,

    /// One JSON object a line for each finding, and one with the sums
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let mut verifier =
        Verifier { args, output: Output::stdout()?, bar: ProgressBar::hidden(), summary: Summary::default() };
    match args.source.open() {
        Ok(fs) => verifier.store(&fs)?,
        Err(error) => match error.downcast::<Error>()? {
            // The one archive asked for is bad: that is an answer.
            Error::Archive { archive, source } if archive == args.source.path => {
                verifier.tell(&Found::problem(&archive, Chain(&*source)))?;
            }
            error => return Err(error.into()),
        },
    }
    verifier.finish()
}

struct Verifier<'a> {
    args: &'a Args,
    output: Output,
    bar: ProgressBar,
    summary: Summary,
}

impl Verifier<'_> {
    fn store(&mut self, fs: &Filesystem) -> anyhow::Result<()> {
        let inventory = fs.inventory();
        self.bar = progress::over_bytes(inventory.groups.iter().map(group_bytes).fold(0, u64::saturating_add));
        for group in &inventory.groups {
            group.archives.iter().try_for_each(|archive| self.archive(archive))?;
            group.disabled.iter().try_for_each(|entry| self.disabled(entry))?;
        }
        inventory.problems.iter().try_for_each(|problem| self.tell(&Found::from(problem)))
    }

    /// Checks an archive whose images the store does not show.
    fn disabled(&mut self, entry: &ArchiveEntry) -> anyhow::Result<()> {
        let path = &entry.file.path;
        match self.args.source.open_other(path) {
            // Its own archive comes first; the others supply data, and are checked with the group.
            Ok(fs) => {
                let groups = fs.inventory().groups;
                groups.iter().filter_map(|group| group.archives.first()).try_for_each(|archive| self.archive(archive))
            }
            Err(error) => self.tell(&Found::problem(path, cause(path, &error.downcast::<Error>()?))),
        }
    }

    fn archive(&mut self, archive: &ArchiveInfo) -> anyhow::Result<()> {
        let start = self.bar.position();
        let checked = match archive.open() {
            Ok(open) => {
                let options = CheckOptions {
                    threads: self.args.threads.count().get(),
                    max_chunk_bytes: self.args.source.choice.engine().content.max_chunk_bytes,
                    ..CheckOptions::default()
                };
                archive.check(&open, &options, |event| self.event(event, archive, start))?
            }
            Err(error) => {
                self.tell(&Found::problem(archive.path(), cause(archive.path(), &error)))?;
                Checked::default()
            }
        };
        self.add(checked);
        self.bar.set_position(start + archive.size());
        self.output.finish()
    }

    /// Takes what checking an archive reports; `start` is where the bar was before.
    fn event(&mut self, event: Event, archive: &ArchiveInfo, start: u64) -> anyhow::Result<()> {
        match event {
            Event::Progress { done, of } => {
                let part = u128::from(archive.size()) * u128::from(done.min(of)) / u128::from(of.max(1));
                self.bar.set_position(start + u64::try_from(part)?);
                self.output.finish() // what was found so far
            }
            Event::Found(finding) => {
                self.tell(&Found::of(finding, archive.path(), |number| directory(archive, number)))
            }
        }
    }

    fn add(&mut self, checked: Checked) {
        self.summary.archives += checked.archives;
        self.summary.images += checked.images;
        self.summary.blobs += checked.blobs;
        self.summary.blocks += checked.blocks;
        self.summary.bytes = self.summary.bytes.saturating_add(checked.bytes);
    }

    fn tell(&mut self, found: &Found) -> anyhow::Result<()> {
        if found.is_bad() {
            self.summary.bad += 1;
        } else {
            self.summary.warnings += 1;
        }
        let Self { args, output, .. } = self;
        self.bar.suspend(|| if args.json { output.json(found) } else { tell_text(output, found) })
    }

    fn finish(mut self) -> anyhow::Result<ExitCode> {
        self.bar.finish_and_clear();
        let Summary { bad, .. } = self.summary;
        if self.args.json {
            self.output.json(&self.summary)?;
        } else {
            self.output.text(format_args!("{}\n", self.summary))?;
        }
        self.output.finish()?;
        Ok(if bad > 0 { Severity::Bad } else { Severity::Done }.exit())
    }
}

fn tell_text(output: &mut Output, found: &Found) -> anyhow::Result<()> {
    output.text(format_args!("{}\n", text::harmless(&found.to_string())))?;
    let Some(used_by) = found.used_by() else { return Ok(()) };
    for path in &used_by.paths {
        output.bytes(&[b"    /", &*text::escaped(path), b"\n"].concat())?;
    }
    if used_by.more > 0 {
        output.text(format_args!("    and {} more\n", used_by.more))?;
    }
    Ok(())
}

/// The name of an image's directory.
fn directory(archive: &ArchiveInfo, number: u32) -> Option<String> {
    let images = archive.images();
    let at = images.binary_search_by_key(&(number as usize), |image| image.number).ok()?;
    Some(images[at].directory.clone())
}

/// The sizes of all files of a group.
fn group_bytes(group: &GroupInfo) -> u64 {
    let archives = group.archives.iter().map(ArchiveInfo::size);
    archives.chain(group.disabled.iter().map(|entry| entry.file.version.size)).sum()
}
