//! Recognises who reads the files of a tree in its order, and tells which come next.

use std::collections::VecDeque;

use wim::{Metadata, NodeId};

/// Readers that are told apart; of more, those that have read nothing for longest are forgotten.
const READERS: usize = 8;

/// How many files of the order a reader may leave out, as `find -name` does, and still be taken to follow it.
const NEAR: usize = 8;

/// How many files are read ahead of a reader at most.
pub(super) const MAX_FILES: usize = 64;

/// How many entries are looked at to find the files that come next.
const LOOK: usize = 1024;

/// An order in which the files of a tree are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The entries of a directory as they are listed, and what a directory holds in its place: cp, tar, grep.
    AsListed,
    /// The files of a directory, then its directories: rsync, file managers.
    FilesFirst,
}

/// Those who read now, the one that read last behind; `S` tells trees apart.
#[derive(Debug)]
pub(super) struct Walkers<S>(VecDeque<Walker<S>>);

/// Somebody who reads one file after the other.
#[derive(Debug)]
struct Walker<S> {
    tree: S,
    /// The file begun last.
    last: NodeId,
    order: Order,
    /// How many files it has read in this order, the first not counted.
    run: u32,
    /// The files that come next and are being brought in, with their sizes in bytes.
    ahead: VecDeque<(NodeId, u64)>,
}

impl<S> Default for Walkers<S> {
    fn default() -> Self {
        Self(VecDeque::with_capacity(READERS))
    }
}

impl<S: Copy + Eq> Walkers<S> {
    /// Notes that the file `node` is begun. Calls `take` for each file that is to be brought in now; it returns the file's size
    /// in bytes, or `None` if there is nothing to bring. No more than `most_bytes` are ahead of a reader, but for one file.
    pub(super) fn begun(
        &mut self,
        slot: S,
        tree: &Metadata,
        node: NodeId,
        most_bytes: u64,
        take: impl FnMut(NodeId) -> Option<u64>,
    ) {
        let mut those = self.0.iter_mut().enumerate().rev();
        match those.find_map(|(i, walker)| (walker.tree == slot && walker.goes_on_to(tree, node)).then_some(i)) {
            Some(i) => {
                let Some(mut walker) = self.0.remove(i) else { return };
                walker.extend(tree, most_bytes, take);
                self.0.push_back(walker);
            }
            None => {
                if self.0.len() == READERS {
                    self.0.pop_front();
                }
                let order = Order::AsListed;
                self.0.push_back(Walker { tree: slot, last: node, order, run: 0, ahead: VecDeque::new() });
            }
        }
    }
}

impl<S> Walker<S> {
    /// Whether `node` is what it reads next, and if so records that it has begun it.
    fn goes_on_to(&mut self, tree: &Metadata, node: NodeId) -> bool {
        if self.last.0 >= tree.node_count() {
            return false; // another archive has taken the place of the one that was read
        }
        if node == self.last {
            return true; // the same file once more
        }
        if let Some(place) = self.ahead.iter().position(|(file, _)| *file == node) {
            self.ahead.drain(..=place);
        } else {
            let distance = |order| files_behind(tree, self.last, order).take(NEAR).position(|file| file == node);
            let orders = [self.order, Order::AsListed, Order::FilesFirst];
            let near = orders.into_iter().filter_map(|order| distance(order).map(|distance| (distance, order)));
            let Some((_, order)) = near.min_by_key(|(distance, _)| *distance) else { return false };
            self.order = order;
            self.ahead.clear();
        }
        self.last = node;
        self.run += 1;
        true
    }

    /// Takes files until as many are ahead as this reader has earned.
    fn extend(&mut self, tree: &Metadata, most_bytes: u64, mut take: impl FnMut(NodeId) -> Option<u64>) {
        let most_files = MAX_FILES.min(1 << self.run.min(16));
        let from = self.ahead.back().map_or(self.last, |(file, _)| *file);
        let mut bytes: u64 = self.ahead.iter().map(|(_, size)| size).sum();
        if self.run == 0 {
            return;
        }
        for file in files_behind(tree, from, self.order) {
            if self.ahead.len() >= most_files || bytes >= most_bytes {
                return;
            }
            let size = take(file).unwrap_or(0);
            bytes = bytes.saturating_add(size);
            self.ahead.push_back((file, size));
        }
    }
}

/// The files that come behind the file `node` in an order, as far as they are found among the next entries.
fn files_behind(tree: &Metadata, node: NodeId, order: Order) -> impl Iterator<Item = NodeId> {
    let next = move |node: &NodeId| match order {
        Order::AsListed => next_as_listed(tree, *node),
        Order::FilesFirst => next_files_first(tree, *node),
    };
    std::iter::successors(Some(node), next).take(LOOK).skip(1).filter(|node| !is_directory(tree, *node))
}

/// The entry behind `node` when each directory is followed by what it holds.
fn next_as_listed(tree: &Metadata, node: NodeId) -> Option<NodeId> {
    let inside = tree.children(node);
    if !inside.is_empty() {
        return Some(NodeId(inside.start));
    }
    upwards(tree, node).find_map(|node| siblings_behind(tree, node).next())
}

/// The entry behind `node` when the files of a directory come before its directories.
fn next_files_first(tree: &Metadata, node: NodeId) -> Option<NodeId> {
    let is_file = |node: &NodeId| !is_directory(tree, *node);
    let directory = if is_directory(tree, node) {
        if let Some(file) = tree.children(node).map(NodeId).take(LOOK).find(is_file) {
            return Some(file);
        }
        node
    } else {
        if let Some(file) = siblings_behind(tree, node).take(LOOK).find(is_file) {
            return Some(file);
        }
        tree.parent(node)
    };
    let is_a_directory = |node: &NodeId| is_directory(tree, *node);
    let inside = tree.children(directory).map(NodeId).take(LOOK).find(is_a_directory);
    inside.or_else(|| {
        upwards(tree, directory).find_map(|node| siblings_behind(tree, node).take(LOOK).find(is_a_directory))
    })
}

fn is_directory(tree: &Metadata, node: NodeId) -> bool {
    tree.dentry(node).is_directory()
}

/// The node, the directory it is in, and so on up to the root, which is left out.
fn upwards(tree: &Metadata, node: NodeId) -> impl Iterator<Item = NodeId> {
    std::iter::successors(Some(node), move |node| Some(tree.parent(*node))).take_while(|node| *node != NodeId::ROOT)
}

fn siblings_behind(tree: &Metadata, node: NodeId) -> impl Iterator<Item = NodeId> {
    (node.0 + 1..tree.children(tree.parent(node)).end).map(NodeId)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use testkit::{Image, dir, file, root};

    use super::*;

    const PLENTY: u64 = 1 << 40;

    /// A tree of directories between files, with an empty one, and the paths of its nodes.
    fn tree() -> (Metadata, HashMap<String, NodeId>) {
        let files = |prefix: &'static str, count: u32| (0..count).map(move |i| file(&format!("{prefix}{i:03}"), "x"));
        let deep = dir("deep", files("d", 3).collect::<Vec<_>>());
        let sub = dir("f001-sub", files("s", 4).chain([dir("nothing", []), deep]).collect::<Vec<_>>());
        let other = dir("other", files("o", 200).collect::<Vec<_>>());
        let image = Image::new("test", root(files("f", 4).chain([sub, other]).collect::<Vec<_>>()));
        let tree = Metadata::parse(image.metadata().bytes).unwrap();
        let paths =
            (0..tree.node_count()).map(|n| (String::from_utf8(tree.path(NodeId(n))).unwrap(), NodeId(n))).collect();
        (tree, paths)
    }

    fn names(tree: &Metadata, nodes: impl IntoIterator<Item = NodeId>) -> String {
        let name = |node| String::from_utf8(tree.dentry(node).name().to_wtf8()).unwrap();
        nodes.into_iter().map(name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn both_orders_lead_through_the_whole_tree() {
        let (tree, paths) = tree();
        let first = paths["f000"];
        let listed = names(&tree, files_behind(&tree, first, Order::AsListed).take(13));
        assert_eq!(listed, "f001 d000 d001 d002 s000 s001 s002 s003 f002 f003 o000 o001 o002");
        let files = names(&tree, files_behind(&tree, first, Order::FilesFirst).take(13));
        assert_eq!(files, "f001 f002 f003 s000 s001 s002 s003 d000 d001 d002 o000 o001 o002");
        for order in [Order::AsListed, Order::FilesFirst] {
            assert_eq!(files_behind(&tree, first, order).count(), 210, "{order:?}");
            assert_eq!(files_behind(&tree, paths["other/o199"], order).count(), 0, "{order:?}");
        }
    }

    /// What is taken when these files are begun one after the other, a line for each.
    fn taken(tree: &Metadata, walkers: &mut Walkers<u8>, files: &[NodeId], most_bytes: u64, size: u64) -> Vec<String> {
        let begin = |file: &NodeId| {
            let mut taken = Vec::new();
            walkers.begun(0, tree, *file, most_bytes, |node| {
                taken.push(node);
                Some(size)
            });
            names(tree, taken)
        };
        files.iter().map(begin).collect()
    }

    #[test]
    fn a_reader_earns_more_with_each_file_in_order() {
        let (tree, paths) = tree();
        let order: Vec<NodeId> = files_behind(&tree, paths["f000"], Order::FilesFirst).collect();
        let taken = taken(&tree, &mut Walkers::default(), &order, PLENTY, 1);
        assert_eq!(taken[..4], ["", "f003 s000", "s001 s002 s003", "d000 d001 d002 o000 o001"]);
        let count = |line: &String| line.split_whitespace().count();
        assert_eq!(taken.iter().map(count).sum::<usize>(), order.len() - 2, "each file once");
        let ahead: Vec<usize> =
            (1..=taken.len()).map(|begun| 2 + taken[..begun].iter().map(count).sum::<usize>() - begun.max(2)).collect();
        assert_eq!(ahead.iter().max(), Some(&MAX_FILES));
    }

    #[test]
    fn no_more_is_ahead_than_fits() {
        let (tree, paths) = tree();
        let order: Vec<NodeId> = files_behind(&tree, paths["f000"], Order::AsListed).take(8).collect();
        let large = taken(&tree, &mut Walkers::default(), &order, 10, 50);
        assert_eq!(large[..4], ["", "d001", "d002", "s000"], "one file is always taken");
        let small = taken(&tree, &mut Walkers::default(), &order, 10, 4);
        assert_eq!(small[..4], ["", "d001 d002", "s000 s001", "s002"]);
    }

    #[test]
    fn who_jumps_about_gets_nothing() {
        let (tree, paths) = tree();
        let jumps = ["other/o150", "f001", "other/o020", "other/o100", "f000", "other/o060"].map(|path| paths[path]);
        assert_eq!(taken(&tree, &mut Walkers::default(), &jumps, PLENTY, 1), [""; 6]);
        let again = [paths["f000"]; 3];
        assert_eq!(taken(&tree, &mut Walkers::default(), &again, PLENTY, 1), [""; 3]);
    }

    #[test]
    fn readers_are_told_apart() {
        let (tree, paths) = tree();
        let mut walkers = Walkers::default();
        let mut total = 0;
        for step in 0..20 {
            for reader in 0..READERS {
                let file = paths[&format!("other/o{:03}", 24 * reader + step)];
                total += taken(&tree, &mut walkers, &[file], PLENTY, 1)[0].split_whitespace().count();
            }
        }
        assert!(total >= READERS * 20, "all are followed: {total}");
        assert_eq!(walkers.0.len(), READERS);
    }

    #[test]
    fn another_tree_in_the_same_place_is_no_danger() {
        let (tree, paths) = tree();
        let mut walkers = Walkers::default();
        taken(&tree, &mut walkers, &["other/o198", "other/o199"].map(|path| paths[path]), PLENTY, 1);
        let small = Metadata::parse(Image::new("test", root([file("only", "x")])).metadata().bytes).unwrap();
        assert_eq!(taken(&small, &mut walkers, &[NodeId(1)], PLENTY, 1), [""]);
    }
}
