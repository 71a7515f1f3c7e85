//! `wimstore verify`: every byte of a store against its SHA-1.

use std::collections::{HashMap, HashSet};
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use fs_core::check::{self, CheckOptions, Checked, Event};
use fs_core::wim::BlobHash;
use fs_core::{ArchiveEntry, Chain, Error, Filesystem, GroupInfo, ImageInfo, Inventory, OpenArchive};
use indicatif::{ProgressBar, ProgressStyle};

use crate::globals::Globals;
use crate::outcome::{Severity, cause};
use crate::output::Output;
use crate::records::{Found, PathField, Summary, by_keeper};
use crate::source::Source;

/// Check every byte of a store against its SHA-1.
///
/// Integrity tables, the metadata of images and every blob are checked, and that no data is missing. Names what is
/// bad: check blocks and blobs by their offset in the archive, and every path that uses a bad blob. Archives whose
/// file is hidden (disabled images) are checked too. Exit status: 0 nothing is bad, 1 something is, 2 the check could
/// not be done.
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

    /// One JSON object a line for each finding, and one with the sums
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let mut verifier = Verifier {
        args,
        output: Output::stdout()?,
        bar: ProgressBar::hidden(),
        summary: Summary { record: "summary", ..Summary::default() },
    };
    match args.source.open() {
        Ok(fs) => verifier.store(&fs)?,
        // The one archive asked for is bad: that is an answer.
        Err(Error::Archive { archive, source }) if archive == args.source.path => {
            verifier.tell(&Found::new("problem", &archive, Chain(&*source)))?;
        }
        Err(error) => return Err(error.into()),
    }
    verifier.finish()
}

/// Archives that are checked together, and the images that use their data.
struct Batch<'a> {
    fs: &'a Filesystem,
    archives: Vec<Arc<OpenArchive>>,
    images: Vec<ImageInfo>,
}

struct Verifier<'a> {
    args: &'a Args,
    output: Output,
    bar: ProgressBar,
    summary: Summary,
}

impl Verifier<'_> {
    fn store(&mut self, fs: &Filesystem) -> anyhow::Result<()> {
        let Inventory { groups, problems } = fs.inventory();
        let mut hidden = Vec::new();
        for entry in groups.iter().flat_map(|group| &group.disabled) {
            hidden.extend(self.hidden(entry)?);
        }
        let batch = |fs, group: GroupInfo| Batch { fs, archives: group.archives, images: group.images };
        let mut batches: Vec<_> = groups.into_iter().map(|group| batch(fs, group)).collect();
        for fs in &hidden {
            // Its own archive comes first; the others supply data, and are checked with the group.
            let first =
                |group: GroupInfo| GroupInfo { archives: group.archives.into_iter().take(1).collect(), ..group };
            batches.extend(fs.inventory().groups.into_iter().map(|group| batch(fs, first(group))));
        }
        let work = batches.iter().map(|batch| check::work(&batch.archives));
        self.bar = progress_bar(work.fold(0, u64::saturating_add));
        for batch in &batches {
            self.batch(batch)?;
        }
        problems.iter().try_for_each(|problem| self.tell(&Found::problem(problem)))
    }

    /// Opens an archive whose images the store does not show; `None` if it is bad, which is told.
    fn hidden(&mut self, entry: &ArchiveEntry) -> anyhow::Result<Option<Filesystem>> {
        match Filesystem::open(&entry.file.path, self.args.source.choice.options()) {
            Ok(fs) => Ok(Some(fs)),
            Err(error) => {
                self.tell(&Found::new("problem", &entry.file.path, cause(&entry.file.path, &error))).map(|()| None)
            }
        }
    }

    fn batch(&mut self, batch: &Batch<'_>) -> anyhow::Result<()> {
        let options = CheckOptions {
            threads: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            max_chunk_bytes: self.args.source.choice.options().max_chunk_bytes,
            ..CheckOptions::default()
        };
        let mut found = Vec::new();
        let bar = &self.bar;
        let checked = check::check(&batch.archives, &[], &options, |event| match event {
            Event::Progress(bytes) => bar.inc(bytes),
            Event::Found(finding) => found.extend(Found::of(&finding)),
        });
        self.add(checked);
        for image in &batch.images {
            // One whose metadata is bad was found above.
            let missing = batch.fs.missing_blobs(image).unwrap_or_default();
            let number = u32::try_from(image.number)?;
            found.extend(missing.into_iter().map(|blob| Found::missing(&image.archive.path, number, blob)));
            let elsewhere = by_keeper(batch.fs.files_elsewhere(image).unwrap_or_default());
            let of = |(keeper, paths): (_, Vec<Vec<u8>>)| {
                let paths: Vec<&[u8]> = paths.iter().map(Vec::as_slice).collect();
                Found::elsewhere(&image.archive.path, number, keeper, &paths)
            };
            found.extend(elsewhere.into_iter().map(of));
        }
        name_blocks(&mut found);
        name_users(batch, &mut found);
        found.iter().try_for_each(|found| self.tell(found))
    }

    fn add(&mut self, checked: Checked) {
        self.summary.archives += checked.archives;
        self.summary.images += checked.images;
        self.summary.blobs += checked.blobs;
        self.summary.blocks += checked.blocks;
        self.summary.bytes = self.summary.bytes.saturating_add(checked.bytes);
    }

    fn tell(&mut self, found: &Found) -> anyhow::Result<()> {
        *(if found.is_bad() { &mut self.summary.bad } else { &mut self.summary.warnings }) += 1;
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
    output.name(found.to_string().as_bytes())?;
    output.bytes(b"\n")?;
    for path in found.used_by.iter().flatten() {
        output.bytes(b"    ")?;
        output.name(&path.bytes)?;
        output.bytes(b"\n")?;
    }
    Ok(())
}

/// Gives each bad blob the bad check block that it begins in.
fn name_blocks(found: &mut [Found]) {
    let is_block = |found: &&Found| found.kind == "bad_block";
    let blocks: Vec<_> = found.iter().filter(is_block).map(|f| (f.archive.clone(), f.offset, f.length)).collect();
    for blob in found.iter_mut().filter(|found| found.kind == "bad_blob") {
        let begins_in = |start: u64, len: u64| blob.offset.is_some_and(|at| (start..start + len).contains(&at));
        blob.bad_block = blocks.iter().find_map(|(archive, offset, length)| {
            let offset = (*offset)?;
            (*archive == blob.archive && begins_in(offset, (*length)?)).then_some(offset)
        });
    }
}

/// Gives each finding about an image its directory, and each bad or missing blob the paths of all files that use it.
fn name_users(batch: &Batch<'_>, found: &mut [Found]) {
    let mut by_blob: HashMap<BlobHash, Vec<usize>> = HashMap::new();
    for (index, found) in found.iter_mut().enumerate() {
        let is_of = |image: &&ImageInfo| found.is_about(&image.archive.path, image.number);
        found.directory = batch.images.iter().find(is_of).map(|image| image.directory.clone());
        if let Some(blob) = found.blob {
            by_blob.entry(blob).or_default().push(index);
        }
    }
    if by_blob.is_empty() {
        return;
    }
    let wanted: HashSet<BlobHash> = by_blob.keys().copied().collect();
    for image in &batch.images {
        // One whose metadata is bad is a finding of its own.
        for user in batch.fs.uses(image, &wanted).unwrap_or_default() {
            let path = [b"/", &user.path[..]].concat();
            for &index in by_blob.get(&user.blob).into_iter().flatten() {
                let found = &mut found[index];
                let is_this = match &user.supplier {
                    Some(archive) => found.kind == "bad_blob" && found.archive == archive.path,
                    None => found.is_about(&image.archive.path, image.number),
                };
                if is_this {
                    found.used_by.get_or_insert_default().push(PathField::of(&path));
                }
            }
        }
    }
    for users in found.iter_mut().filter_map(|found| found.used_by.as_mut()) {
        users.sort_by(|a, b| a.bytes.cmp(&b.bytes));
    }
}

/// A bar over so many bytes, if somebody is there to see it.
fn progress_bar(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template =
        "{wide_bar} {percent:>3}% {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}
