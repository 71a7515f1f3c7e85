//! The archives and images that a command reads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use fs_core::{ImageChoice, ImageInfo, OpenArchive};
use write::{ImageSource, SourceArchive};

use crate::outcome::Outcome;
use crate::source::{Choice, Source, Viewer};

/// Images, by the word `all` or one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Images {
    All,
    One(ImageChoice),
}

impl std::str::FromStr for Images {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

/// Where the contents of images are.
#[derive(clap::Args, Debug)]
pub(crate) struct Contents {
    /// Take data that SOURCE lacks from this archive too (may be repeated), or from all that a pattern such as 'x*.swm'
    /// matches; a group's Res.rwm is found by itself
    #[arg(long = "ref", value_name = "FILE|GLOB")]
    references: Vec<PathBuf>,

    /// Follow links in SOURCE that lead out of it, whoever made them
    #[arg(long)]
    follow_links: bool,
}

impl Contents {
    /// The images of `path`, ready to be copied.
    ///
    /// # Errors
    /// It is no archive, group or store; there is no such image; tables cannot be read.
    pub(crate) fn images(&self, path: &Path, images: &Images) -> anyhow::Result<Vec<ImageSource>> {
        let image = match images {
            Images::All => None,
            Images::One(choice) => Some(choice.clone()),
        };
        let (references, follow_links) = (self.references.clone(), self.follow_links);
        let choice = Choice { image, references, follow_links, viewer: Viewer::default(), max_chunk: None };
        let fs = Source { path: path.to_owned(), choice }.open()?;
        let inventory = fs.inventory();
        let mut open = Open::default();
        let found = inventory.groups.iter().flat_map(|group| &group.archives).flat_map(|archive| archive.images());
        let sources = found.map(|image| open.image(image)).collect::<anyhow::Result<Vec<_>>>()?;
        if !inventory.problems.is_empty() {
            Outcome::default().report_problems(&inventory.problems);
            bail!("{}: not all of it can be read; name one image", path.display());
        }
        if sources.is_empty() {
            bail!("{}: it has no images", path.display());
        }
        Ok(sources)
    }
}

/// Archives that were opened: each is open once.
#[derive(Default)]
struct Open {
    archives: HashMap<PathBuf, SourceArchive>,
}

impl Open {
    fn image(&mut self, image: &ImageInfo) -> anyhow::Result<ImageSource> {
        let mut suppliers: Vec<_> = image.suppliers()?.into_iter().map(|archive| self.source(archive)).collect();
        if suppliers.is_empty() {
            bail!("{}: it has no archive", image.directory);
        }
        let own = suppliers.remove(0);
        Ok(ImageSource { suppliers, ..ImageSource::new(&own, image.number - 1) })
    }

    fn source(&mut self, archive: OpenArchive) -> SourceArchive {
        let OpenArchive { path, wim, .. } = archive;
        self.archives.entry(path.clone()).or_insert_with(|| SourceArchive { path, wim: Arc::new(wim) }).clone()
    }
}

/// An archive file as a source.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn archive(path: &Path) -> anyhow::Result<SourceArchive> {
    let OpenArchive { path, wim, .. } = OpenArchive::open(path)?;
    Ok(SourceArchive { path, wim: Arc::new(wim) })
}

/// The place of an image in its archive, from 0.
///
/// # Errors
/// There is no such image, or several have that name.
pub(crate) fn image_index(archive: &SourceArchive, choice: &ImageChoice) -> anyhow::Result<usize> {
    let count = archive.wim.image_count();
    let path = archive.path.display();
    match choice {
        ImageChoice::Number(number) if (1..=count).contains(&(*number as usize)) => Ok(*number as usize - 1),
        ImageChoice::Number(number) => bail!("{path}: there is no image {number}, only {count}"),
        ImageChoice::Name(name) => {
            let named = archive.wim.xml().images().iter().filter(|image| image.name.as_ref() == Some(name));
            let numbers: Vec<_> = named.map(|image| image.number as usize).filter(|&number| number <= count).collect();
            match numbers[..] {
                [number] => Ok(number - 1),
                [] => bail!("{path}: there is no image {name:?}"),
                _ => bail!("{path}: images {numbers:?} are all named {name:?}; choose one by its number"),
            }
        }
    }
}
