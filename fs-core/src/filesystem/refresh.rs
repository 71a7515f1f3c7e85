//! The store lives: what has changed in it becomes the next snapshot, and platforms are told what to forget.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use wim::{InodeId, NodeId};

use super::{Filesystem, Snapshot, Top};
use crate::error::Chain;
use crate::log::LISTING;
use crate::snapshot::{Group, Image, Ino, Step, log_left_out};
use crate::source::{Changed, StoreListing};

/// What is left to do when a store was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "what could not be listed is to be looked at again"]
pub struct Left {
    /// What could not be listed; it is shown as it was.
    pub unlisted: Changed,
    /// Whether something that is gone is still used.
    pub in_use: bool,
}

/// What a platform that remembers answers must forget.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invalidation {
    /// What a name in a directory means, or that there is none.
    Entry {
        /// The directory.
        parent: Ino,
        /// The name in WTF-8.
        name: Vec<u8>,
    },
    /// The attributes of a directory, and what is in it.
    Directory(Ino),
}

impl Filesystem {
    /// Looks at what may have changed, and shows the store as it is now.
    ///
    /// What is shown changes first; then `tell` is called, with no lock held that an answer needs, and has to see to it that
    /// answers given before are forgotten, those too that are on their way. When it returns, nobody can come to know any
    /// more what is gone. What cannot be listed stays as it was: a share may be away for a while.
    ///
    /// Returns why to call it again in a while, also if nothing changes.
    pub fn refresh(&self, changed: &Changed, tell: &mut dyn FnMut(&[Invalidation])) -> Left {
        let _refreshing = self.refreshing.lock();
        let unlisted = if *changed == Changed::Nothing { Changed::Nothing } else { self.diff(changed, tell) };
        Left { unlisted, in_use: self.release_unused(tell) }
    }

    /// Compares the store with what is shown, publishes the difference and tells of it. Returns what could not be listed.
    fn diff(&self, changed: &Changed, tell: &mut dyn FnMut(&[Invalidation])) -> Changed {
        let (mut stale, mut unlisted) = (BTreeSet::new(), BTreeSet::new());
        match self.source.groups() {
            Ok(listing) => self.diff_groups(listing, &mut stale),
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the store cannot be listed; it is shown as it was");
                return changed.clone();
            }
        }
        for group in self.store().groups.iter().filter(|group| changed.concerns(&group.entry.name)) {
            match group.refresh(&*self.source, &self.opener) {
                Ok(None) => {}
                Ok(Some(step)) => {
                    self.diff_images(group, &step, &mut stale);
                    unlisted.extend(step.new.is_short.then(|| group.entry.name.clone()));
                }
                Err(error) => {
                    tracing::debug!(error = %Chain(&error), "a group cannot be listed; it is shown as it was");
                    unlisted.insert(group.entry.name.clone());
                }
            }
        }
        let old_root = self.replace_root(&mut stale);
        let stale: Vec<_> = stale.into_iter().collect(); // names come before directories
        if !stale.is_empty() {
            tracing::debug!(count = stale.len(), "the store has changed");
            tell(&stale);
        }
        if let Some(image) = old_root {
            image.uses.forget(1);
        }
        if unlisted.is_empty() { Changed::Nothing } else { Changed::Groups(unlisted) }
    }

    /// Compares the list of groups with those that are shown, and publishes it.
    fn diff_groups(&self, mut listing: StoreListing, stale: &mut BTreeSet<Invalidation>) {
        let old = self.store();
        let mut new = Snapshot::clone(&old);
        let groups = std::mem::take(&mut listing.groups);
        let mut entries: HashMap<_, _> = groups.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        let entry = |group: &Group| Invalidation::Entry { parent: Ino::ROOT, name: group.name().to_vec() };
        for group in old.groups.iter() {
            match entries.remove(&group.entry.name) {
                Some(entry) => {
                    if group.set_modified(entry.modified) {
                        stale.insert(Invalidation::Directory(self.group_ino(group)));
                    }
                }
                None => {
                    new.groups.take(group.number);
                    self.retired.insert(group.number, Arc::clone(group));
                    stale.insert(entry(group));
                    stale.extend(self.names_in(group));
                }
            }
        }
        listing.groups = entries.into_values().collect();
        listing.groups.sort_by(|a, b| a.name.cmp(&b.name));
        new.add_groups(self.source.path(), listing, &|number| !self.retired.has(number));
        log_left_out(&old.problems, &new.problems);
        stale
            .extend(new.groups.iter().filter(|group| old.groups.get(group.number).is_none()).map(|group| entry(group)));
        if !stale.is_empty() || new.modified != old.modified {
            stale.insert(Invalidation::Directory(Ino::ROOT));
        }
        *self.store.write() = Arc::new(new);
        let gone = old.groups.iter().filter(|group| self.retired.has(group.number));
        gone.for_each(|group| group.retire());
    }

    /// The names in a group.
    fn names_in(&self, group: &Group) -> Vec<Invalidation> {
        let parent = self.group_ino(group);
        let name = |image: &Arc<Image>| Invalidation::Entry { parent, name: image.name.clone().into_bytes() };
        group.loaded().map_or_else(Vec::new, |images| images.images.iter().map(name).collect())
    }

    /// Compares what a group held with what it holds.
    fn diff_images(&self, group: &Group, step: &Step, stale: &mut BTreeSet<Invalidation>) {
        let parent = self.group_ino(group);
        let by_name = |images: &[Arc<Image>]| -> HashMap<String, u32> {
            images.iter().map(|image| (image.name.clone(), image.slot.image)).collect()
        };
        let (old, new): (Vec<_>, Vec<_>) =
            (step.old.images.iter().cloned().collect(), step.new.images.iter().cloned().collect());
        let (before, now) = (by_name(&old), by_name(&new));
        let names = before.keys().chain(now.keys()).filter(|name| before.get(*name) != now.get(*name));
        let entries: Vec<_> =
            names.map(|name| Invalidation::Entry { parent, name: name.clone().into_bytes() }).collect();
        if !entries.is_empty() && matches!(self.top(), Top::Store | Top::Group) {
            stale.insert(Invalidation::Directory(parent));
            stale.extend(entries);
        }
        // The time of an image may be that of its file.
        let touched = step.touched();
        let touched = new.iter().filter(|image| touched.contains(&image.archive.id));
        stale.extend(touched.map(|image| Invalidation::Directory(self.ino(image, InodeId(0)))));
    }

    /// Where one image is the root and has gone away, makes the one that is chosen now the root. Returns the old one.
    fn replace_root(&self, stale: &mut BTreeSet<Invalidation>) -> Option<Arc<Image>> {
        let (Top::Image(slot), Some(choice)) = (self.top(), &self.options.image) else { return None };
        let group = self.group(slot.group).ok()?;
        let old = group.retired(slot.image)?;
        let chosen = self.choose(choice).and_then(|slot| self.set_root(slot).map(|()| slot));
        let new = match chosen.and_then(|slot| self.image(slot)) {
            Ok(new) => new,
            Err(error) => {
                let error = Chain(&error);
                LISTING.once(&format!("{error}"), || {
                    tracing::warn!(%error, "the image mounted is no longer there; it is served as it was");
                });
                return None;
            }
        };
        let names = [&old, &new].into_iter().flat_map(|image| self.names_in_root(image));
        stale.extend(names.map(|name| Invalidation::Entry { parent: Ino::ROOT, name }));
        stale.insert(Invalidation::Directory(Ino::ROOT));
        Some(old)
    }

    /// The names in the root of an image; none where it cannot be read.
    fn names_in_root(&self, image: &Image) -> Vec<Vec<u8>> {
        let Ok(tree) = image.tree() else { return Vec::new() };
        tree.children(NodeId::ROOT).map(|child| tree.dentry(NodeId(child)).name().to_shown_wtf8()).collect()
    }
}
