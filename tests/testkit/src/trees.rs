//! Random trees: everything that a dentry can say, in any company. Which one it is depends on the
//! seed alone.

use crate::bytes::TIME;
use crate::content::{self, Random};
use crate::dentry::{Data, Dentry, Stream, dir, file};
use crate::image::Image;
use crate::{flag, ntfs, reparse, utf16};

/// Directories below the root.
const DIRECTORIES: usize = 12;

/// Names in a directory, at most.
const NAMES: u64 = 24;

/// Sizes of files: around the chunks of every packing.
const SIZES: [usize; 10] = [0, 1, 13, 511, 4095, 32_767, 32_768, 32_769, 70_000, 200_001];

/// Names that are something special to some platform, or could be taken for another one's.
const NAMED: [&str; 26] = [
    "plain.txt",
    "PLAIN.TXT",
    "Straße",
    "STRASSE",
    "STRAßE",
    "é",
    "É",
    "e\u{301}",
    "ı",
    "I",
    "ﬁ",
    "a:b",
    "a\u{f03a}b",
    "a*?\"<>|b",
    "back\\slash",
    "tab\there",
    "dot.",
    "space ",
    ".hidden",
    "CON",
    "con.txt",
    "文件-🦀",
    "name~1.txt",
    "...",
    "\u{f02f}",
    "new\nline",
];

/// An image called `random` and its number.
pub fn random(seed: u64) -> Image {
    let mut maker = Maker { random: Random::new(seed), files: Vec::new(), links: 0 };
    let mut directories: Vec<Vec<Dentry>> = (0..DIRECTORIES).map(|_| maker.names()).collect();
    // Each goes into one before it.
    for number in (1..DIRECTORIES).rev() {
        let children = directories.pop().expect("one for each number");
        let parent = maker.random.below(number as u64) as usize;
        let directory = Dentry { name: utf16(&format!("folder {number}")), ..dir("", children) };
        let directory = maker.adorned(directory);
        directories[parent].push(directory);
    }
    let root = maker.adorned(dir("", directories.pop().expect("the root's")));
    Image { security: descriptors(), ..Image::new(&format!("random {seed}"), root) }
}

struct Maker {
    random: Random,
    /// The files so far that more names can be given.
    files: Vec<Dentry>,
    links: u64,
}

impl Maker {
    fn one_in(&mut self, chances: u64) -> bool {
        self.random.below(chances) == 0
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.below(all.len() as u64) as usize]
    }

    /// The entries of a directory that are no directories.
    fn names(&mut self) -> Vec<Dentry> {
        let count = if self.one_in(4) { 0 } else { self.random.below(NAMES) };
        let mut names: Vec<Dentry> = Vec::new();
        for number in 0..count {
            let name = self.name(number);
            if !names.iter().any(|other| other.name == name) {
                let dentry = self.dentry();
                names.push(dentry.raw_name(&name));
            }
        }
        names
    }

    fn name(&mut self, number: u64) -> Vec<u8> {
        match self.random.below(12) {
            0..6 => utf16(self.one_of(&NAMED)),
            6 => utf16(&"n".repeat(255)),
            7 => utf16(&"é".repeat(254 + self.random.below(3) as usize)), // more than Windows can have
            8 => [&utf16("half "), &[0x00, 0xD8 + self.random.below(8) as u8][..]].concat(), // of a pair
            9 => utf16(&"🦀".repeat(1 + self.random.below(127) as usize)),
            _ => utf16(&format!("File {number}.dat")),
        }
    }

    fn dentry(&mut self) -> Dentry {
        match self.random.below(8) {
            0 => {
                let point = self.reparse_point();
                self.adorned(point)
            }
            1 if !self.files.is_empty() => self.one_more_name(),
            _ => {
                let plain = self.file();
                let file = self.adorned(plain);
                self.files.push(file.clone());
                file
            }
        }
    }

    fn file(&mut self) -> Dentry {
        let (kind, size) = (self.one_of(&["text", "exe", "zeros"]), self.one_of(&SIZES));
        let mut data = content::of_kind(kind, size);
        if let Some(byte) = data.first_mut() {
            *byte = self.random.below(256) as u8; // most are of one kind each
        }
        file("", data)
    }

    /// Another name of a file: with a link id if the file has one.
    fn one_more_name(&mut self) -> Dentry {
        let at = self.random.below(self.files.len() as u64) as usize;
        self.files[at].clone()
    }

    /// Links in, out of and around the image, and what only Windows understands.
    fn reparse_point(&mut self) -> Dentry {
        let link = |target: &str, relative| (reparse::SYMLINK, reparse::symlink(target, target, relative));
        let (tag, data) = match self.random.below(10) {
            0 => link("plain.txt", true),
            1 => link(r"..\FOLDER 1\plain.txt", true),
            2 => link(r"..\..\..\..\..\..\..\etc\passwd", true),
            3 => link(r"\folder 2", true),
            4 => link(r"\??\C:\Folder 3\x", false),
            5 => (reparse::JUNCTION, reparse::junction(r"\??\C:\folder 1", r"C:\folder 1")),
            6 => (reparse::JUNCTION, reparse::junction(r"\??\Volume{00000000-0000-0000-0000-000000000001}\", "")),
            7 => (0x8000_0017, vec![1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), // compressed by WOF
            8 => (0x8000_0013, vec![7; 100]),                                         // deduplicated
            _ => (0x8000_7FFF, b"nobody knows this tag".to_vec()),
        };
        let is_directory = tag == reparse::JUNCTION;
        let mut point = file("", Data::Empty).reparse(tag, data);
        if is_directory {
            point.attributes |= flag::DIRECTORY;
        } else if tag & 0xF000_0000 == 0x8000_0000 {
            point.streams.push(Stream { data: self.file().data, ..Stream::default() });
        }
        point
    }

    /// Everything but name and content.
    fn adorned(&mut self, mut dentry: Dentry) -> Dentry {
        let [created, accessed, written] = [0; 3].map(|_: u64| self.time());
        dentry = dentry.times(created, accessed, written);
        dentry.attributes |=
            self.one_of(&[0, 0, 0x1, 0x2, 0x7, 0x100, 0x200, 0x800, 0x2000, 0x1000, 0x40_0000, flag::ENCRYPTED]);
        dentry.security = self.one_of(&[u32::MAX, u32::MAX, 0, 1, 2, 3, 4]);
        if self.one_in(5) {
            dentry = dentry.short("SHORT~1.TXT");
        }
        if self.one_in(8) {
            dentry = dentry.object_id(&[self.random.below(256) as u8; 16]);
        }
        if self.one_in(4) {
            for name in ["Zone", "größe", "LARGE"].into_iter().take(1 + self.random.below(3) as usize) {
                let data = content::text(self.one_of(&SIZES));
                dentry.streams.push(Stream { name: utf16(name), data: data.into(), length: None });
            }
        }
        let is_plain = dentry.attributes & (flag::DIRECTORY | flag::REPARSE_POINT) == 0;
        if is_plain && self.one_in(3) {
            self.links += 1;
            dentry.union = self.links;
        }
        dentry
    }

    /// Any time, but rarely one that no file has.
    fn time(&mut self) -> u64 {
        match self.random.below(10) {
            0 => self.random.below(1 << 60),
            1 => 0,
            _ => TIME + self.random.below(1 << 53),
        }
    }
}

/// A plain one; one whose system list alone makes it too large for WinFsp; one that is too large
/// without; one that is none.
fn descriptors() -> Vec<Vec<u8>> {
    vec![ntfs::DESCRIPTOR.to_vec(), descriptor(60, 2), descriptor(2, 60), vec![1, 2, 3], descriptor(1, 3)]
}

/// A descriptor of Everyone's, with so many entries in its system list and in its access list.
fn descriptor(system: u16, access: u16) -> Vec<u8> {
    const EVERYONE: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    let list = |kind: u8, count: u16| {
        let entry = [&[kind, 0, 20, 0, 0xA9, 0, 0x12, 0][..], &EVERYONE].concat();
        let mut list = vec![2, 0];
        list.extend((8 + 20 * count).to_le_bytes());
        list.extend(count.to_le_bytes());
        list.extend([0, 0]);
        list.extend(entry.repeat(count.into()));
        list
    };
    let lists = [list(2, system), list(0, access)];
    let mut bytes = vec![1, 0, 0x14, 0x80]; // with both lists, relative to itself
    let mut at = 20;
    for len in [12, 12, lists[0].len(), lists[1].len()] {
        bytes.extend((at as u32).to_le_bytes());
        at += len;
    }
    bytes.extend([&EVERYONE[..], &EVERYONE, &lists[0], &lists[1]].concat());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dentry::Children;

    #[test]
    fn a_seed_always_gives_the_same_tree() {
        assert_eq!(random(1), random(1));
        assert_ne!(random(1), random(2));
    }

    #[test]
    fn a_few_trees_have_everything() {
        let images: Vec<Image> = (0..8).map(random).collect();
        let all: Vec<&Dentry> = images.iter().flat_map(Image::dentries).collect();
        let any = |wanted: &dyn Fn(&Dentry) -> bool| all.iter().filter(|dentry| wanted(dentry)).count();
        let named = |wanted: &'static str| move |dentry: &Dentry| dentry.name == utf16(wanted);
        for name in NAMED {
            assert!(any(&named(name)) > 0, "{name:?}");
        }
        let tag = |wanted: u64| move |dentry: &Dentry| dentry.attributes & 0x400 != 0 && dentry.union == wanted;
        for wanted in [0xA000_000C, 0xA000_0003, 0x8000_0017, 0x8000_0013, 0x8000_7FFF] {
            assert!(any(&tag(wanted)) > 0, "{wanted:#x}");
        }
        for index in 0..descriptors().len() as u32 {
            assert!(any(&|dentry| dentry.security == index) > 0, "descriptor {index}");
        }
        assert!(any(&|dentry| dentry.name.len() > 2 * 255) > 0);
        assert!(any(&|dentry| dentry.attributes & 0x10 != 0 && !dentry.streams.is_empty()) > 0, "streams of folders");
        assert!(any(&|dentry| matches!(&dentry.children, Children::List(list) if list.is_empty())) > 0);
        assert!(all.len() > 500, "{}", all.len());
    }
}
