//! `wimstore ls`: what a store, a group or an image holds.

use std::process::ExitCode;

use fs_core::{Attr, Child, Filesystem, Ino, Kind, Options, StreamInterface};
use report::Entry;

use crate::globals::Globals;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::paths::{self, join};
use crate::source::{Names, Source};
use crate::text;

/// List groups, images, directories and files.
#[derive(clap::Args, Debug)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  wimstore ls /srv/RemoteInstall                      the image groups
  wimstore ls /srv/RemoteInstall Sales                the images of a group
  wimstore ls -l install.wim --image 1 Windows        a directory of an image
  diff <(wimdir a.wim 1) <(wimstore ls -R a.wim --image 1)

One name a line. With -R one full path a line, from the root of SOURCE and beginning with /, each directory before \
what is in it, names in the order that Windows sorts them in: the form and order of wimdir.

The columns of -l: mode, links, user, group, size in bytes, time of the last write (UTC), name, target of a link.

Names are written as they are, except on a terminal, where control characters and \\ become escapes as in C. --json \
writes one object a line; its fields are described in docs/json.md."
)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    names: Names,

    /// Directory or file in SOURCE; its root if there is none. \ may stand for /
    path: Option<std::ffi::OsString>,

    /// Mode, links, user, group, size, time, name and target of links
    #[arg(short)]
    long: bool,

    /// Everything below too, as full paths
    #[arg(short = 'R', long)]
    recursive: bool,

    /// With -l: sizes as 1.5K, 23M (powers of 1024)
    #[arg(short = 'h', long)]
    human_readable: bool,

    /// One JSON object a line, with all that is known of the entry
    #[arg(long)]
    json: bool,

    /// Honour owner, mode and special files that wimlib stored on Unix
    #[arg(long)]
    unix_data: bool,

    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let (unix_data, ignore_case) = (args.unix_data, args.names.ignore_case);
    let streams = StreamInterface::Windows;
    let options = Options { unix_data, ignore_case, streams, ..args.source.choice.options() };
    let fs = args.source.choice.open(&args.source.path, options)?;
    let path = args.path.as_deref().unwrap_or_default().as_encoded_bytes();
    let (follow, mut outcome) = (!args.long && !args.recursive, Outcome::default());
    let Some(start) = paths::find_or_report(&fs, path, follow, &mut outcome)? else { return Ok(outcome.exit()) };
    let mut lister = Lister { fs: &fs, args, output: Output::stdout()?, outcome };
    if args.recursive {
        lister.tree(start.attr, start.path)?;
    } else if start.attr.kind == Kind::Directory {
        lister.directory(start.attr.ino, &start.path)?;
    } else {
        lister.rows(&[Row { shown: path.to_vec(), path: start.path, ino: start.attr.ino, kind: start.attr.kind }])?;
    }
    lister.output.finish()?;
    lister.outcome.report_problems(&fs.problems());
    lister.outcome.warn_of_archives(&fs.warnings());
    Ok(lister.outcome.exit())
}

/// One line to be written.
struct Row {
    /// What stands in the name's column.
    shown: Vec<u8>,
    /// Path from the root, without a leading `/`.
    path: Vec<u8>,
    ino: Ino,
    kind: Kind,
}

struct Lister<'a> {
    fs: &'a Filesystem,
    args: &'a Args,
    output: Output,
    outcome: Outcome,
}

impl Lister<'_> {
    /// Lists `start` and all below it. The names still to come are on a stack of our own, and there is one path: images
    /// may be deep, and all paths on the way would take far more memory than they have bytes.
    fn tree(&mut self, start: Attr, mut path: Vec<u8>) -> anyhow::Result<()> {
        // The names to come in each directory on the way, the next one last, and the length of its path.
        let mut to_come: Vec<(usize, Vec<Child>)> = Vec::new();
        let mut next = Some((start.ino, start.kind));
        loop {
            if let Some((ino, kind)) = next {
                self.rows(&[Row { shown: [b"/", &path[..]].concat(), path: path.clone(), ino, kind }])?;
                if kind == Kind::Directory {
                    let mut children = self.children(ino, &path);
                    children.reverse();
                    to_come.push((path.len(), children));
                }
            }
            let Some((len, children)) = to_come.last_mut() else { return Ok(()) };
            path.truncate(*len);
            let child = children.pop();
            match &child {
                Some(child) => path = join(&path, &child.name),
                None => {
                    to_come.pop();
                }
            }
            next = child.map(|child| (child.ino, child.kind));
        }
    }

    fn directory(&mut self, ino: Ino, path: &[u8]) -> anyhow::Result<()> {
        let children = self.children(ino, path).into_iter();
        let row = |Child { name, ino, kind }| Row { path: join(path, &name), shown: name.into(), ino, kind };
        self.rows(&children.map(row).collect::<Vec<_>>())
    }

    /// The names in a directory; none, and a complaint, if it cannot be read.
    fn children(&mut self, ino: Ino, path: &[u8]) -> Vec<Child> {
        let (children, done) = self.fs.children(ino);
        if let Err(error) = done {
            self.outcome.report(&error.with_path(path));
        }
        self.outcome.warn_of_entries(self.fs, ino);
        children
    }

    fn rows(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        if self.args.json {
            return rows.iter().try_for_each(|row| self.json(row));
        }
        if self.args.long {
            return self.long(rows);
        }
        for row in rows {
            self.output.name(&row.shown)?;
            self.output.bytes(b"\n")?;
        }
        Ok(())
    }

    fn json(&mut self, row: &Row) -> anyhow::Result<()> {
        match Entry::of(self.fs, row.ino, &row.path) {
            Ok((entry, trouble)) => {
                if let Some(error) = trouble {
                    self.outcome.report(&error);
                }
                self.output.json(&entry)
            }
            Err(error) => {
                self.outcome.report(&error.with_path(&row.path));
                Ok(())
            }
        }
    }

    fn long(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            match self.fs.attr(row.ino) {
                Ok(attr) => lines.push((self.columns(&attr), row)),
                Err(error) => self.outcome.report(&error.with_path(&row.path)),
            }
        }
        let width = |column: usize| lines.iter().map(|(columns, _)| columns[column].len()).max().unwrap_or(0);
        // What keeps the columns of a -R listing together, whose lines come one by one.
        let widths: [usize; 4] = std::array::from_fn(|i| width(i + 1).max([2, 1, 1, 10][i]));
        for ([mode, links, user, group, size, time], row) in &lines {
            let [links_width, user_width, group_width, size_width] = widths;
            self.output.text(format_args!(
                "{mode} {links:>links_width$} {user:<user_width$} {group:<group_width$} {size:>size_width$} {time} "
            ))?;
            self.output.name(&row.shown)?;
            if row.kind == Kind::Symlink {
                self.target(row)?;
            }
            self.output.bytes(b"\n")?;
        }
        Ok(())
    }

    fn columns(&self, attr: &Attr) -> [String; 6] {
        let size = if self.args.human_readable { text::human(attr.size) } else { attr.size.to_string() };
        [
            text::mode(attr.kind, attr.mode),
            attr.links.to_string(),
            attr.uid.to_string(),
            attr.gid.to_string(),
            size,
            text::time(attr.modified),
        ]
    }

    fn target(&mut self, row: &Row) -> anyhow::Result<()> {
        match self.fs.read_link(row.ino) {
            Ok(target) => {
                self.output.bytes(b" -> ")?;
                self.output.name(&target)
            }
            Err(error) => {
                self.outcome.report(&error.with_path(&row.path));
                Ok(())
            }
        }
    }
}
