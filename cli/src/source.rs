//! What a command works on: the SOURCE argument and the options that go with it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use fs_core::{Engine, EngineOptions, Filesystem, FolderSource, ImageChoice, Options, StoreSource, ViewSource};

use crate::{accounts, text};

/// Budget for tables and trees in one pass through all archives, in bytes: only `Res.rwm`, references and the archive that
/// is being worked on are needed more than once.
const PASS_METADATA: u64 = 64 << 20;

/// What a command works on.
#[derive(clap::Args, Debug)]
pub(crate) struct Source {
    /// A store (a RemoteInstall folder or its Images folder), one group of it, or a .wim, .esd or .swm file
    #[arg(id = "SOURCE")]
    pub(crate) path: PathBuf,

    #[command(flatten)]
    pub(crate) choice: Choice,
}

/// Which part of a SOURCE, and where its data is.
#[derive(clap::Args, Debug)]
pub(crate) struct Choice {
    /// Only this image of a file or group, as the root; a number counts from 1
    #[arg(long, value_name = "N|NAME")]
    pub(crate) image: Option<ImageChoice>,

    /// Take data that SOURCE lacks from this archive too (may be repeated), or from all that a pattern such as 'x*.swm'
    /// matches; a group's Res.rwm is found by itself
    #[arg(long = "ref", value_name = "FILE|GLOB")]
    pub(crate) references: Vec<PathBuf>,

    /// Follow links in SOURCE that lead out of it, whoever made them; without it only those of root, of its owner, and of
    /// the user who runs this
    #[arg(long)]
    pub(crate) follow_links: bool,

    #[command(flatten)]
    pub(crate) viewer: Viewer,

    /// Decode chunks of up to this size, such as 1G; each needs that much memory [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = text::parse_bytes)]
    pub(crate) max_chunk: Option<u64>,
}

/// Who looks at a SOURCE.
#[derive(clap::Args, Debug, Clone, Default)]
pub(crate) struct Viewer {
    /// Show what this user of the file of users, or of this system, may see: all else is as if it were not there
    #[arg(long = "as", value_name = "USER")]
    pub(crate) user: Option<String>,

    #[command(flatten)]
    pub(crate) users: accounts::File,
}

impl Viewer {
    /// This one, and `other` for what it leaves open.
    #[cfg(target_os = "linux")]
    pub(crate) fn or(self, other: Self) -> Self {
        Self { user: self.user.or(other.user), users: self.users.or(other.users) }
    }

    /// What of the store, group or archive at `path` is shown.
    ///
    /// # Errors
    /// It is none of these; or there is no such user.
    fn find(&self, path: &Path, follow_links: bool) -> anyhow::Result<Box<dyn StoreSource>> {
        let source = FolderSource::find(path, follow_links)?;
        let Some(user) = &self.user else { return Ok(Box::new(source)) };
        let users = self.users.read_if_there()?;
        let token = accounts::token(user, &users)?;
        let source = source.with_principals(accounts::principals(&users));
        Ok(Box::new(ViewSource::new(Arc::new(source), token)))
    }

    /// Opens the store, group or archive at `path` with an engine of its own.
    ///
    /// # Errors
    /// There is no such user; else [`fs_core::Error`], as [`Filesystem::open`].
    pub(crate) fn open(&self, path: &Path, engine: &EngineOptions, options: Options) -> anyhow::Result<Filesystem> {
        let source = self.find(path, options.follow_links)?;
        Ok(Filesystem::new(source, Arc::new(Engine::new(engine)), options)?)
    }
}

/// How paths in a SOURCE are meant.
#[derive(clap::Args, Debug)]
pub(crate) struct Names {
    /// Find names in any case, as Windows does
    #[arg(long)]
    pub(crate) ignore_case: bool,
}

/// What is read of files.
#[derive(clap::Args, Debug)]
pub(crate) struct Reading {
    /// Read files encrypted by Windows (EFS) as their raw data, which Windows can import again
    #[arg(long)]
    pub(crate) efs_raw: bool,
}

/// How many threads work.
#[derive(clap::Args, Debug)]
pub(crate) struct Threads {
    /// Threads that decode and write, at least 1 [default: one a processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl Threads {
    /// The number chosen, or the number of processors.
    pub(crate) fn count(&self) -> NonZeroUsize {
        let processors = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(processors)
    }
}

/// Where links lead on Windows.
#[cfg(windows)]
#[derive(clap::Args, Debug)]
pub(crate) struct Links {
    /// Where links lead: inside their image, or as stored
    #[arg(long = "links", value_name = "inside|stored", default_value = "inside", value_parser = parse_links)]
    pub(crate) targets: fs_core::LinkTargets,
}

/// Where links lead, by its name.
///
/// # Errors
/// It is no such name.
pub(crate) fn parse_links(text: &str) -> Result<fs_core::LinkTargets, String> {
    match text {
        "inside" => Ok(fs_core::LinkTargets::Inside),
        "stored" => Ok(fs_core::LinkTargets::AsStored),
        _ => Err("it is neither inside nor stored".into()),
    }
}

impl Source {
    /// Opens the source for one pass through its archives.
    ///
    /// # Errors
    /// It is no store and no archive, or the image is not there.
    pub(crate) fn open(&self) -> anyhow::Result<Filesystem> {
        self.open_other(&self.path)
    }

    /// Opens an archive file of the source by itself, as [`Source::open`] does.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub(crate) fn open_other(&self, path: &Path) -> anyhow::Result<Filesystem> {
        #[cfg(target_os = "linux")]
        crate::mount::raise_open_files();
        let engine = EngineOptions { metadata_bytes: PASS_METADATA, ..self.choice.engine() };
        self.choice.viewer.open(path, &engine, self.choice.options())
    }
}

impl Choice {
    /// Options as the user chose them, the rest by default.
    pub(crate) fn options(&self) -> Options {
        let (image, references) = (self.image.clone(), self.references.clone());
        Options { image, references, follow_links: self.follow_links, ..Options::default() }
    }

    /// What the engine may use as the user chose it, the rest by default.
    pub(crate) fn engine(&self) -> EngineOptions {
        let mut engine = EngineOptions::default();
        engine.content.max_chunk_bytes = self.max_chunk.unwrap_or(engine.content.max_chunk_bytes);
        engine
    }

    /// Opens the store, group or archive at `path`.
    ///
    /// # Errors
    /// As [`Viewer::open`].
    pub(crate) fn open(&self, path: &Path, options: Options) -> anyhow::Result<Filesystem> {
        self.viewer.open(path, &self.engine(), options)
    }
}
