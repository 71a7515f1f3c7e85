//! `wimstore info`: what is known of archives and images without reading their data.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::anyhow;
use fs_core::{ArchiveEntry, ArchiveInfo, Chain, Filesystem, GroupInfo, ImageInfo, OpenArchive};
use indicatif::ProgressBar;
use report::{Archive, Content, Found, Image, Solid};

use crate::globals::Globals;
use crate::outcome::{Outcome, Severity};
use crate::output::Output;
use crate::progress;
use crate::source::Source;
use crate::text;

/// Show what archives and images are like, and what is missing.
///
/// Of archives the header, compression, integrity table and sizes; of images names, counts, times and the version of
/// Windows. Metadata is read and checked, file data is not: `wimstore verify` does that.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore info install.wim
  wimstore info /srv/RemoteInstall/Images/Sales --image 'Windows 11'
  wimstore info /srv/RemoteInstall --json | jq 'select(.type == \"image\" and .complete == false)'

Sizes are in bytes (K, M, G: powers of 1024), times in UTC. Names, descriptions, counts and versions are what the \
archive's XML data says; an image is incomplete if no archive supplies some of its data. Images of hidden files are \
disabled: listed here, and nowhere else. --json writes one object a line; its fields are described in docs/json.md.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    /// One JSON object a line for each archive, image and problem
    #[arg(long, conflicts_with = "xml")]
    json: bool,

    /// The XML data as stored (in UTF-8) instead: of the image chosen with --image, else of each archive. On a terminal
    /// control characters become escapes as in C
    #[arg(long)]
    xml: bool,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let fs = args.source.open()?;
    let inventory = fs.inventory();
    let archives = inventory.groups.iter().map(|group| group.archives.len() + group.disabled.len()).sum();
    let bar = progress::over_archives(archives);
    let mut teller = Teller { fs: &fs, args, output: Output::stdout()?, outcome: Outcome::default(), bar };
    inventory.groups.iter().try_for_each(|group| teller.group(group))?;
    teller.bar.finish_and_clear();
    if args.json {
        inventory.problems.iter().try_for_each(|problem| teller.output.json(&Found::from(problem)))?;
    }
    teller.output.finish()?;
    teller.outcome.report_problems(&inventory.problems);
    teller.outcome.warn_of_archives(&fs.warnings());
    Ok(teller.outcome.exit())
}

struct Teller<'a> {
    fs: &'a Filesystem,
    args: &'a Args,
    output: Output,
    outcome: Outcome,
    bar: ProgressBar,
}

impl Teller<'_> {
    fn group(&mut self, group: &GroupInfo) -> anyhow::Result<()> {
        for archive in &group.archives {
            if !self.chooses_image() || !archive.images().is_empty() {
                self.archive(self.fs, archive, &group.name, None)?;
            }
        }
        if !self.chooses_image() {
            group.disabled.iter().try_for_each(|entry| self.disabled(entry, &group.name))?;
        }
        Ok(())
    }

    fn chooses_image(&self) -> bool {
        self.args.source.choice.image.is_some()
    }

    /// Tells of an archive that the store does not show, as if it were opened by itself.
    fn disabled(&mut self, entry: &ArchiveEntry, group: &[u8]) -> anyhow::Result<()> {
        let fs = match self.args.source.open_other(&entry.file.path) {
            Ok(fs) => fs,
            Err(error) => {
                self.report(&error.downcast::<fs_core::Error>()?);
                return Ok(());
            }
        };
        let groups = fs.inventory().groups;
        let mut archives = groups.iter().flat_map(|group| &group.archives);
        archives
            .find(|archive| archive.path() == entry.file.path)
            .map_or(Ok(()), |archive| self.archive(&fs, archive, group, Some(entry)))
    }

    fn archive(
        &mut self,
        fs: &Filesystem,
        archive: &ArchiveInfo,
        group: &[u8],
        disabled: Option<&ArchiveEntry>,
    ) -> anyhow::Result<()> {
        match archive.open() {
            Ok(open) if self.args.xml => self.xml(&open, archive.images())?,
            Ok(open) => {
                self.tables(fs, &open, group, disabled)?;
                for image in archive.images() {
                    self.image(image, &open, group, disabled.is_none())?;
                }
            }
            Err(error) => self.report(&error),
        }
        self.bar.inc(1);
        self.output.finish()
    }

    fn tables(
        &mut self,
        fs: &Filesystem,
        archive: &OpenArchive,
        group: &[u8],
        disabled: Option<&ArchiveEntry>,
    ) -> anyhow::Result<()> {
        let record = Archive::of(fs, archive, group, disabled);
        if record.integrity_error.is_some() {
            self.outcome.note(Severity::Bad);
        }
        self.bar
            .clone()
            .suspend(|| if self.args.json { self.output.json(&record) } else { self.archive_text(archive, &record) })
    }

    fn image(&mut self, image: &ImageInfo, archive: &OpenArchive, group: &[u8], enabled: bool) -> anyhow::Result<()> {
        let content = match image.survey(archive) {
            Ok(survey) => Content::from(survey),
            Err(error) => {
                self.report(&error);
                Content { error: Some(Chain(&error).to_string()), ..Content::default() }
            }
        };
        let record = Image::of(image, archive, group, enabled, content);
        self.bar.clone().suspend(|| if self.args.json { self.output.json(&record) } else { self.image_text(&record) })
    }

    fn report(&mut self, error: &fs_core::Error) {
        self.bar.suspend(|| self.outcome.report(error));
    }

    fn xml(&mut self, archive: &OpenArchive, images: &[ImageInfo]) -> anyhow::Result<()> {
        let bar = self.bar.clone();
        bar.suspend(|| self.xml_text(archive, images))
    }

    fn xml_text(&mut self, archive: &OpenArchive, images: &[ImageInfo]) -> anyhow::Result<()> {
        if !self.chooses_image() {
            return self.output.lines(&format!("{}\n", archive.wim.xml().text()));
        }
        for image in images {
            match image.xml(archive) {
                Some(xml) => self.output.lines(&format!("{}\n", xml.raw))?,
                None => {
                    let path = archive.path.display();
                    self.outcome.fail(&anyhow!("{path}: the XML data says nothing of image {}", image.number));
                }
            }
        }
        Ok(())
    }

    fn archive_text(&mut self, archive: &OpenArchive, record: &Archive) -> anyhow::Result<()> {
        self.output.name(archive.path.as_os_str().as_encoded_bytes())?;
        self.output.text(format_args!("\n"))?;
        let compression = match record.chunk_size {
            0 => record.compression.clone(),
            size => format!("{}, chunks of {}", record.compression, text::bytes(size.into())),
        };
        let integrity = match (&record.integrity, &record.integrity_error) {
            (Some(table), _) => {
                let blocks = text::count(table.blocks as u64, "block");
                format!("{blocks} of {}", text::bytes(table.chunk_size.into()))
            }
            (None, Some(error)) => format!("unusable: {error}"),
            (None, None) => "none".into(),
        };
        let packed = text::bytes(record.blob_stored_bytes);
        let boot = record.boot_image.map_or("none".into(), |number| number.to_string());
        let disabled = record.disabled_by.map(|source| format!("the file is hidden ({source})"));
        self.field("Group", record.group.as_deref())?;
        self.field("Disabled", disabled.as_deref())?;
        self.field("Size", Some(&text::bytes(record.file_bytes)))?;
        let pipable = if record.pipable { ", pipable" } else { "" };
        self.field("Version", Some(&format!("{}{pipable}", record.version)))?;
        self.field("GUID", Some(&record.guid))?;
        self.field("Compression", Some(&compression))?;
        self.field("Part", Some(&format!("{} of {}", record.part, record.parts)))?;
        if !record.missing_parts.is_empty() {
            let numbers: Vec<String> = record.missing_parts.iter().map(ToString::to_string).collect();
            self.field("Parts missing", Some(&format!("{}; --ref FILE|GLOB names them", numbers.join(", "))))?;
        }
        self.field("Images", Some(&record.images.to_string()))?;
        self.field("Boot image", Some(&boot))?;
        self.field("Integrity", Some(&integrity))?;
        for kind in kinds(&record.solid) {
            self.field("Solid", Some(&kind))?;
        }
        let blobs = format!("{}, {}, stored as {packed}", record.blobs, text::bytes(record.blob_bytes));
        self.field("Blobs", Some(&blobs))?;
        for warning in &record.warnings {
            self.field("Warning", Some(warning))?;
        }
        self.output.text(format_args!("\n"))
    }

    fn image_text(&mut self, record: &Image) -> anyhow::Result<()> {
        self.output.text(format_args!("  Image {}: ", record.number))?;
        self.output.name(record.directory.as_bytes())?;
        self.output.text(format_args!("\n"))?;
        let xml = &record.xml;
        let content = match (&record.content.error, record.content.missing_blobs) {
            (Some(_), _) => "unreadable".into(),
            (None, Some(count @ 1..)) => {
                format!("incomplete: no archive has {}; --ref FILE names one more", text::count(count as u64, "blob"))
            }
            (None, _) if !record.content.files_elsewhere.is_empty() => "incomplete".into(),
            (None, _) => "complete".into(),
        };
        let number = |number: Option<u64>| number.map(|n| n.to_string());
        let languages = match &xml.default_language {
            Some(default) if !xml.languages.is_empty() => {
                Some(format!("{} (default {default})", xml.languages.join(", ")))
            }
            _ => Some(xml.languages.join(", ")).filter(|list| !list.is_empty()),
        };
        let fields: [(&str, Option<String>); 22] = [
            ("  State", Some(if record.enabled { "enabled".into() } else { "disabled".into() })),
            ("  Data", Some(content)),
            ("  Name", xml.name.clone()),
            ("  Description", xml.description.clone()),
            ("  Display name", xml.display_name.clone()),
            ("  Display text", xml.display_description.clone()),
            ("  Flags", xml.edition_flags.clone()),
            ("  Directories", number(xml.directories)),
            ("  Files", number(xml.files)),
            ("  Size", xml.bytes.map(text::bytes)),
            ("  In hard links", xml.hard_link_bytes.map(text::bytes)),
            ("  Created", xml.created.clone()),
            ("  Modified", xml.modified.clone()),
            ("  WIMBoot", xml.wim_boot.then(|| "yes".into())),
            ("  Architecture", xml.architecture.clone()),
            ("  Product", xml.product_name.clone()),
            ("  Edition", xml.edition.clone()),
            ("  Installation", xml.installation_type.clone()),
            ("  Product type", xml.product_type.clone()),
            ("  Languages", languages),
            ("  Version", xml.version.clone()),
            ("  System root", xml.system_root.clone()),
        ];
        for (label, value) in &fields {
            self.field(label, value.as_deref())?;
        }
        for (keeper, files) in &record.content.files_elsewhere {
            self.field("  Elsewhere", Some(&format!("{}, {keeper}", text::count(*files, "file"))))?;
        }
        for warning in &record.content.warnings {
            self.field("  Warning", Some(warning))?;
        }
        self.output.text(format_args!("\n"))
    }

    /// One line, if there is a value; it may come from an archive.
    fn field(&mut self, label: &str, value: Option<&str>) -> anyhow::Result<()> {
        let Some(value) = value else { return Ok(()) };
        self.output.text(format_args!("  {label:<18}"))?;
        self.output.name(value.as_bytes())?;
        self.output.bytes(b"\n")
    }
}

/// Solid resources, one line for each compression and chunk size.
fn kinds(solid: &[Solid]) -> Vec<String> {
    let mut kinds: BTreeMap<(&str, u32), (u64, u64, u64)> = BTreeMap::new();
    for resource in solid {
        let (count, bytes, stored) = kinds.entry((&resource.compression, resource.chunk_size)).or_default();
        *count += 1;
        *bytes = bytes.saturating_add(resource.bytes);
        *stored = stored.saturating_add(resource.stored_bytes);
    }
    let line = |((compression, chunk_size), (count, bytes, stored)): ((&str, u32), (u64, u64, u64))| {
        let (count, chunks) = (text::count(count, "resource"), text::bytes(chunk_size.into()));
        format!("{count}, {compression}, chunks of {chunks}, {}, stored as {}", text::bytes(bytes), text::bytes(stored))
    };
    kinds.into_iter().map(line).collect()
}
