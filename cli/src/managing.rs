//! What the commands that manage stores share: options, running a request, and its answer.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use fs_core::Chain;
use fs_core::wim::Level;
use report::PathField;
use report::text::{count, human};
use serde::Serialize;
use store::{Done, Error, GroupStatus, ImageEntry, Request, Store, Work};
use write::RealDisk;

use crate::outcome::Severity;
use crate::output::{self, Output};
use crate::text;
use crate::writing::{Writing, parse_level, watched};

/// How a command that changes a store works.
#[derive(clap::Args, Debug)]
pub(crate) struct Managing {
    /// Wait until no other program works in the group, at most so many seconds [default with --wait: for ever]
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "4294967295")]
    wait: Option<u32>,

    /// How thoroughly to compress: fast, default, max, or 1 to 100 as wimlib-imagex has it
    #[arg(long, value_name = "LEVEL", value_parser = parse_level, default_value = "default")]
    level: Level,

    #[command(flatten)]
    writing: Writing,
}

impl Managing {
    /// Does what a request asks for, and tells what was done.
    ///
    /// # Errors
    /// Stdout cannot take the answer. What goes wrong with the request is reported here.
    pub(crate) fn run(&self, store: &Path, request: &Request) -> anyhow::Result<ExitCode> {
        self.run_then(store, request, |_, _| Ok(()))
    }

    /// As [`Managing::run`]; `then` may say more.
    pub(crate) fn run_then(
        &self,
        store: &Path,
        request: &Request,
        then: impl FnOnce(&mut Output, Severity) -> anyhow::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        let args = &self.writing;
        let options = write::Options { level: self.level, ..args.options() };
        let wait = self.wait.map(|seconds| Duration::from_secs(seconds.into()));
        let work = |options: write::Options<'_>| Store::open(&RealDisk, store, Work { options, wait })?.run(request);
        watched(args, options, work, |output, result| {
            let severity = match result {
                Ok(done) => self.tell(output, request.verb(), &done).map(|()| Severity::Done)?,
                Err(error) => fail(output, args.json, &error)?,
            };
            then(output, severity)?;
            Ok(severity.exit())
        })
    }

    fn tell(&self, output: &mut Output, verb: &'static str, done: &Done) -> anyhow::Result<()> {
        for note in &done.notes {
            output::complain(format_args!("{note}"));
        }
        if self.writing.json {
            return output.json(&Record::done(verb, done, self.writing.dry_run));
        }
        if self.writing.dry_run {
            return output.lines(&format!("dry run: {}\n", done.what));
        }
        output.lines(&format!("{}{}\n", done.what, contents(done)))
    }
}

/// What was stored, in words.
fn contents(Done { summary, known, .. }: &Done) -> String {
    let all = summary.blobs + known;
    if all == 0 {
        return String::new();
    }
    let all = count(all as u64, "content");
    format!(": {} of {all} new, {} stored in {}", summary.blobs, human(summary.bytes), human(summary.stored_bytes))
}

/// Runs what only reads a store.
///
/// # Errors
/// Stdout cannot take the answer. What goes wrong with the store is reported here.
pub(crate) fn read(
    store: &Path,
    json: bool,
    work: impl FnOnce(&Store<'_>, &mut Output) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let mut output = Output::stdout()?;
    let opened = Store::open(&RealDisk, store, Work::default()).map_err(anyhow::Error::from);
    let exit = match opened.and_then(|store| work(&store, &mut output)) {
        Ok(()) => Severity::Done.exit(),
        Err(error) => match error.downcast::<Error>() {
            Ok(error) => fail(&mut output, json, &error)?.exit(),
            Err(error) => return Err(error),
        },
    };
    output.finish()?;
    Ok(exit)
}

/// Reports what went wrong: 1 if something in the store is bad, 2 if it could not be done.
pub(crate) fn fail(output: &mut Output, json: bool, error: &Error) -> anyhow::Result<Severity> {
    if json {
        output.json(&Record::Error { code: error.code(), message: Chain(error).to_string() })?;
    }
    output::complain(format_args!("{}", Chain(error)));
    Ok(if error.is_damage() { Severity::Bad } else { Severity::Failed })
}

/// An object of docs/json.md.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Record<'a> {
    Group {
        name: &'a str,
        archives: usize,
        compression: Option<String>,
        resource_bytes: u64,
    },
    #[serde(rename = "store_image")]
    Image {
        group: &'a str,
        file: &'a str,
        number: u32,
        selector: String,
        name: &'a str,
        description: Option<&'a str>,
        bytes: Option<u64>,
        enabled: bool,
        display_order: Option<u32>,
    },
    Result {
        verb: &'static str,
        #[serde(flatten)]
        path: PathField,
        changed: bool,
        dry_run: bool,
        images: &'a [String],
        new_blobs: usize,
        known_blobs: usize,
        new_bytes: u64,
        stored_bytes: u64,
        notes: &'a [String],
    },
    Left {
        what: &'a str,
    },
    Repaired {
        group: &'a str,
        what: &'a str,
    },
    Error {
        code: &'static str,
        message: String,
    },
}

impl<'a> Record<'a> {
    pub(crate) fn group(group: &'a GroupStatus) -> Self {
        Self::Group {
            name: &group.name,
            archives: group.archives,
            compression: group.compression.map(|kind| kind.to_string()),
            resource_bytes: group.resource_bytes,
        }
    }

    pub(crate) fn image(image: &'a ImageEntry) -> Self {
        Self::Image {
            group: &image.group,
            file: &image.file,
            number: image.number,
            selector: image.selector(),
            name: &image.name,
            description: image.description.as_deref(),
            bytes: image.bytes,
            enabled: image.enabled,
            display_order: image.order,
        }
    }

    fn done(verb: &'static str, done: &'a Done, dry_run: bool) -> Self {
        Self::Result {
            verb,
            path: PathField::of(done.path.as_os_str().as_encoded_bytes()),
            changed: done.changed && !dry_run,
            dry_run,
            images: &done.images,
            new_blobs: done.summary.blobs,
            known_blobs: done.known,
            new_bytes: done.summary.bytes,
            stored_bytes: done.summary.stored_bytes,
            notes: &done.notes,
        }
    }
}

/// One line an image: how it is selected, its name, whether it is disabled.
pub(crate) fn tell_image(output: &mut Output, image: &ImageEntry) -> anyhow::Result<()> {
    let disabled = if image.enabled { "" } else { "  disabled" };
    let line = format!("{}  {}{disabled}", image.selector(), image.name);
    output.text(format_args!("{}\n", text::harmless(&line)))
}
