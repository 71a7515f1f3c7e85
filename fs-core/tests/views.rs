//! Views of a store through one engine, and sources that are no folder.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use access::{Security, Sid, Stored, Token};
use fs_core::wim::{FileTime, ReadAt, Version};
use fs_core::{
    Changed, ContentOptions, Engine, EngineOptions, Error, Filesystem, GroupEntry, GroupListing, Ino, Invalidation,
    Kind, MemorySource, Options, Result, Shape, StoreListing, StoreSource, StoredFile, ViewSource, Watch,
};
use testkit::{Image, Packing, Wim, dir, file, root};

/// A view of a store in memory that may hide files, whose files may fail, and that counts what is read of them.
#[derive(Clone)]
struct Probe {
    store: MemorySource,
    /// Whether a file of a group is hidden; groups without files are hidden, too.
    hides: fn(&OsStr, &OsStr) -> bool,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    /// Whether every read fails.
    reading: AtomicBool,
    /// Whether the store cannot be listed.
    listing: AtomicBool,
    bytes_read: AtomicU64,
}

impl Probe {
    fn new(store: &MemorySource, hides: fn(&OsStr, &OsStr) -> bool) -> Self {
        Self { store: store.clone(), hides, faults: Arc::default() }
    }

    fn fails(&self, fault: &AtomicBool) -> Result<()> {
        let error = || Error::io(self.path(), io::Error::other("a fault on demand"));
        if fault.load(Ordering::SeqCst) { Err(error()) } else { Ok(()) }
    }
}

impl StoreSource for Probe {
    fn shape(&self) -> Shape {
        self.store.shape()
    }

    fn path(&self) -> &Path {
        self.store.path()
    }

    /// A group's time is that of the newest of its files that are listed.
    fn groups(&self) -> Result<StoreListing> {
        self.fails(&self.faults.listing)?;
        let mut listing = self.store.groups()?;
        let mut groups = Vec::new();
        for group in listing.groups {
            let shown = self.listing(&group)?;
            let files = shown.archives.iter().map(|archive| &archive.file).chain(&shown.resources);
            if let Some((seconds, nanoseconds)) = files.map(|file| file.version.modified).max() {
                groups.push(GroupEntry { modified: FileTime::from_unix(seconds, nanoseconds), ..group });
            }
        }
        listing.modified = groups.iter().map(|group| group.modified).max().unwrap_or(FileTime(0));
        listing.groups = groups;
        Ok(listing)
    }

    fn listing(&self, group: &GroupEntry) -> Result<GroupListing> {
        self.fails(&self.faults.listing)?;
        let mut listing = self.store.listing(group)?;
        listing.archives.retain(|archive| !(self.hides)(&group.name, &archive.file.name));
        listing.resources = listing.resources.filter(|file| !(self.hides)(&group.name, &file.name));
        Ok(listing)
    }

    fn open(&self, file: &StoredFile) -> Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(ProbeFile { file: self.store.open(file)?, faults: Arc::clone(&self.faults) }))
    }

    fn watch(&self) -> Result<Watch> {
        self.store.watch()
    }
}

struct ProbeFile {
    file: Arc<dyn ReadAt>,
    faults: Arc<Faults>,
}

impl ReadAt for ProbeFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if self.faults.reading.load(Ordering::SeqCst) {
            return Err(io::Error::other("a fault on demand"));
        }
        self.faults.bytes_read.fetch_add(buf.len() as u64, Ordering::SeqCst);
        self.file.read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.file.size()
    }

    fn version(&self) -> io::Result<Version> {
        self.file.version()
    }
}

fn hides_nothing(_: &OsStr, _: &OsStr) -> bool {
    false
}

fn at(second: u64) -> FileTime {
    FileTime::from_unix(1_600_000_000 + second as i64, 0)
}

/// An archive of two images of one name, whose files have `seed` in their bytes.
fn archive(name: &str, seed: usize) -> Vec<u8> {
    let text = testkit::content::text(200_000 + seed);
    let tree = |extra: &str| root([dir("folder", [file("text", &text[seed..])]), file(extra, extra)]);
    Wim::of(Packing::Xpress(32768), [Image::new(name, tree("one")), Image::new(name, tree("two"))]).build().bytes
}

fn engine(options: EngineOptions) -> Arc<Engine> {
    Arc::new(Engine::new(&options))
}

fn view(source: &Probe, engine: &Arc<Engine>) -> Filesystem {
    Filesystem::new(Box::new(source.clone()), Arc::clone(engine), Options::default()).unwrap()
}

/// Everything that a view shows: each path with its attributes, numbers included, the names of its extended attributes, and
/// its bytes; then the sums, and what is left out.
fn shown(fs: &Filesystem) -> Vec<String> {
    let mut lines = Vec::new();
    let mut waiting = vec![(Ino::ROOT, String::new())];
    while let Some((ino, path)) = waiting.pop() {
        let attr = fs.attr(ino).unwrap();
        let names = fs.xattr_names(ino).unwrap();
        let names = String::from_utf8_lossy(&names.concat()).into_owned();
        let bytes = if attr.kind == Kind::File { content(fs, ino, attr.size).unwrap() } else { Vec::new() };
        lines.push(format!("{path}: {attr:?} {names} {}", fs_core::wim::BlobHash::of(&bytes)));
        if attr.kind == Kind::Directory {
            fs.read_dir(ino, 0, &mut |entry| {
                lines.push(format!("{path}: {:?}", (entry.name, entry.ino, entry.next)));
                if entry.name != b"." && entry.name != b".." {
                    waiting.push((entry.ino, format!("{path}/{}", String::from_utf8_lossy(entry.name))));
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        }
    }
    lines.push(format!("{:?} {:?} {:?}", fs.totals(), fs.problems(), fs.warnings()));
    lines
}

fn content(fs: &Filesystem, ino: Ino, size: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; size as usize];
    let filled = fs.read_at(ino, 0, &mut bytes)?;
    assert_eq!(filled, bytes.len());
    Ok(bytes)
}

/// Threads of this process.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn a_hundred_views_share_archives_cache_and_threads() {
    let store = MemorySource::new("shared");
    for group in 0..3 {
        for number in 0..4 {
            store.put(&format!("Group {group}"), &format!("{number}.wim"), archive("x", 10 * group + number), at(0));
        }
    }
    let source = Probe::new(&store, hides_nothing);
    let read = || source.faults.bytes_read.load(Ordering::SeqCst);
    let content = ContentOptions { threads: 2, ..ContentOptions::default() };
    let engine = engine(EngineOptions { content, ..EngineOptions::default() });

    let first = view(&source, &engine);
    let want = shown(&first);
    let (bytes, cached, outlines) = (read(), engine.cached_bytes(), engine.open_archives());
    assert_eq!(outlines, 12, "one for each archive");
    assert!(cached > 12 * 100_000, "{cached} bytes of texts are cached");
    #[cfg(target_os = "linux")]
    let before = threads();

    let mut views = vec![first];
    for number in 1..100 {
        let next = view(&source, &engine);
        assert_eq!(shown(&next), want, "view {number}");
        views.push(next);
    }
    // Blobs that are stored uncompressed are never cached: two of three bytes in each archive.
    let stored = 99 * 12 * 2 * 3;
    assert!(read() - bytes <= stored, "99 more views read {} bytes of the files", read() - bytes);
    assert_eq!(engine.cached_bytes(), cached, "and keep nothing of their own in the cache");
    assert_eq!(engine.open_archives(), outlines, "and open no archive again");
    #[cfg(target_os = "linux")]
    assert!(threads() <= before + 8, "{} threads, {before} before", threads()); // other tests run meanwhile
    println!("100 views: {cached} bytes cached, as with one");

    drop(views);
    assert_eq!(engine.open_archives(), 0, "nothing stays open without a view");
}

#[test]
fn a_source_that_hides_leaves_no_trace() {
    fn hides_secrets(group: &OsStr, name: &OsStr) -> bool {
        group == "Hidden" || name.to_string_lossy().starts_with("secret")
    }
    let put = |store: &MemorySource, group: &str, name: &str, second| {
        store.put(group, name, archive("same name", 1), at(second));
    };
    let (whole, without) = (MemorySource::new("store"), MemorySource::new("store"));
    for store in [&whole, &without] {
        put(store, "Group", "b.wim", 5);
        put(store, "Group", "d.wim", 6);
        put(store, "Other", "a.wim", 7);
    }
    // Before, between and after the others, newer than all, and one that does not open.
    for (group, name, second) in [("Group", "secret a.wim", 90), ("Group", "secret z.wim", 91), ("Hidden", "a.wim", 92)]
    {
        put(&whole, group, name, second);
    }
    whole.put("Group", "secret c.wim", b"no archive".to_vec(), at(93));
    whole.put("Group", "secret.wim", archive("same name", 2), at(94));

    let shared = engine(EngineOptions::default());
    let everything = view(&Probe::new(&whole, hides_nothing), &shared);
    let seen_by_all = shown(&everything);
    let hidden = shown(&view(&Probe::new(&whole, hides_secrets), &shared));
    let absent = shown(&view(&Probe::new(&without, hides_nothing), &engine(EngineOptions::default())));
    assert_eq!(hidden, absent);
    assert_ne!(hidden, seen_by_all, "there was something to hide");
}

#[test]
fn a_store_in_memory_is_followed() {
    let store = MemorySource::new("followed");
    store.put("Group", "a.wim", archive("a", 1), at(0));
    let fs = view(&Probe::new(&store, hides_nothing), &engine(EngineOptions::default()));
    let (mut watcher, stop) = fs.watch().unwrap().split();
    assert_eq!(watcher.next(None), Some(Changed::Everything));
    let resolves = |path: &str| fs.resolve(path.as_bytes()).is_ok();
    let old = fs.resolve(b"Group/a/one").unwrap();
    fs.learn(old);

    let mut told = Vec::new();
    let mut follow = |watcher: &mut dyn fs_core::Watcher| {
        let changed = watcher.next(None).unwrap();
        let _ = fs.refresh(&changed, &mut |stale: &[Invalidation]| told.extend_from_slice(stale));
        changed
    };
    store.put("Group", "b.wim", archive("b", 2), at(1));
    store.put("New", "c.wim", archive("c", 3), at(2));
    assert_eq!(follow(&mut *watcher), Changed::Groups(["Group".into(), "New".into()].into()));
    assert!(resolves("Group/b/one") && resolves("New/c/one"));
    assert!(store.remove("Group", "a.wim") && store.remove_group("New"));
    assert!(!store.remove("Group", "a.wim") && !store.remove_group("New"));
    follow(&mut *watcher);
    assert!(!resolves("Group/a/one") && !resolves("New"), "they are gone");
    assert_eq!(content(&fs, old, 3).unwrap(), b"one", "what is in use can be read");
    assert!(!told.is_empty());

    drop(stop);
    assert_eq!(watcher.next(None), None);
}

#[test]
fn a_source_that_fails_gives_errors_until_it_is_whole() {
    let store = MemorySource::new("failing");
    store.put("Group", "a.wim", archive("a", 1), at(0));
    let source = Probe::new(&store, hides_nothing);
    // A cache of nothing, so that each read asks the source.
    let content_options = ContentOptions { cache_bytes: 0, ..ContentOptions::default() };
    let fs = view(&source, &engine(EngineOptions { content: content_options, metadata_bytes: 0 }));
    let ino = fs.resolve(b"Group/a/folder/text").unwrap();
    let size = fs.attr(ino).unwrap().size;
    let before = content(&fs, ino, size).unwrap();

    source.faults.reading.store(true, Ordering::SeqCst);
    let error = content(&fs, ino, size).unwrap_err();
    assert!(error.is_damage(), "{error:?}");
    source.faults.reading.store(false, Ordering::SeqCst);
    assert_eq!(content(&fs, ino, size).unwrap(), before);

    source.faults.listing.store(true, Ordering::SeqCst);
    let left = fs.refresh(&Changed::Everything, &mut |_| panic!("nothing has changed"));
    assert_eq!(left.unlisted, Changed::Everything);
    assert_eq!(content(&fs, ino, size).unwrap(), before, "it is shown as it was");
    source.faults.listing.store(false, Ordering::SeqCst);
    assert_eq!(fs.refresh(&Changed::Everything, &mut |_| {}).unlisted, Changed::Nothing);
}

/// A descriptor for administrators, and for others if these have an entry.
fn security(others: &str) -> Security {
    Security::of_stored(&Stored::Text(format!("O:BAG:BAD:(A;;FA;;;BA){others}").into()), None)
}

fn user(number: u32) -> Token {
    let user = Sid::new(5, &[21, 1, 2, 3, number]).unwrap();
    Token::exact(user, &[user, Sid::AUTHENTICATED_USERS], &[])
}

fn view_as(store: &MemorySource, token: Token) -> Filesystem {
    let source = ViewSource::new(Arc::new(store.clone()), token);
    Filesystem::new(Box::new(source), engine(EngineOptions::default()), Options::default()).unwrap()
}

/// A store of two groups; with `secrets` there are five things more that nobody but administrators may see.
fn store_with(secrets: bool) -> MemorySource {
    let store = MemorySource::new("store");
    let put = |group: &str, file: &str, bytes: Vec<u8>, second| store.put(group, file, bytes, at(second));
    let hide = |group: &str, file: Option<&str>| store.protect(group, file, security(""));
    if secrets {
        put("Sales", "a.wim", archive("Office", 1), 9); // has the name of one that is listed, and comes before it
        hide("Sales", Some("a.wim"));
        put("Sales", "z.wim", archive("Late", 2), 99);
        hide("Sales", Some("z.wim"));
        put("Sales", "torn.wim", vec![7; 100], 99);
        hide("Sales", Some("torn.wim"));
        put("A secret", "a.wim", archive("Secret", 3), 99);
        hide("A secret", None);
        put("Empty for users", "a.wim", archive("Secret", 4), 99);
        hide("Empty for users", Some("a.wim"));
    } else {
        store.put("Empty for users", "x", vec![], at(5));
        store.remove("Empty for users", "x");
    }
    put("Sales", "b.wim", archive("Office", 5), 3);
    put("Zebra", "c.wim", archive("Office", 6), 4);
    store
}

#[test]
fn what_is_forbidden_leaves_no_trace() {
    let [with, without] = [true, false].map(store_with);
    let want = shown(&view_as(&without, user(1000)));
    assert!(want.iter().any(|line| line.contains("Office (b.wim 2)") || line.contains("/Sales/Office")), "{want:?}");
    assert_eq!(shown(&view_as(&with, user(1000))), want);
    let administrator = Token::exact(Sid::ADMINISTRATORS, &[Sid::ADMINISTRATORS], &[]);
    let all = shown(&view_as(&with, administrator));
    assert!(all.len() > want.len() && all.last().unwrap().contains("torn.wim"), "{:?}", all.last());
}

#[test]
fn rights_take_images_away_and_bring_them() {
    let store = store_with(true);
    let fs = view_as(&store, user(1000));
    let names = |fs: &Filesystem| {
        let lines = shown(fs).into_iter().filter_map(|line| Some(line.split_once(": Attr")?.0.to_owned()));
        lines.filter(|path| path.matches('/').count() < 3).collect::<Vec<_>>()
    };
    let before = names(&fs);
    let changed = Changed::Groups([OsStr::new("Sales").to_owned()].into());
    store.protect("Sales", Some("b.wim"), security(""));
    store.protect("Sales", Some("z.wim"), security("(A;;FR;;;S-1-5-21-1-2-3-1000)"));
    let mut told = Vec::new();
    let _ = fs.refresh(&changed, &mut |stale| told.extend_from_slice(stale));
    let after = names(&fs);
    assert!(before.iter().any(|path| path.contains("Office")) && after.iter().any(|path| path.contains("Late")));
    assert!(!after.iter().any(|path| path.starts_with("/Sales/Office")), "{after:?}");
    assert!(!told.is_empty());
    // Of another user's right nothing is to be seen.
    assert!(!shown(&view_as(&store, user(1001))).concat().contains("Late"));
    store.protect("Sales", None, security(""));
    let _ = fs.refresh(&changed, &mut |_| {});
    assert!(!names(&fs).iter().any(|path| path.contains("Sales")));
}

#[test]
fn data_in_a_file_that_may_not_be_read_is_withheld() {
    let store = MemorySource::new("store");
    let shared =
        Wim::of(Packing::Xpress(32768), [Image::new("x", root([file("far", "in Res.rwm"), file("near", "own")]))]);
    let bytes = |text: &str| testkit::sha1(text.as_bytes());
    let image = Wim { without: vec![bytes("in Res.rwm")], ..shared.clone() };
    store.put("G", "a.wim", image.build().bytes, at(1));
    store.put("G", "Res.rwm", shared.build().bytes, at(1));
    let read = |fs: &Filesystem, name: &[u8]| {
        let group = fs.lookup(Ino::ROOT, b"G").unwrap().ino;
        let image = fs.lookup(group, b"x").unwrap().ino;
        let found = fs.lookup(image, name).unwrap();
        content(fs, found.ino, found.size)
    };
    let fs = view_as(&store, user(1000));
    assert_eq!(read(&fs, b"far").unwrap(), b"in Res.rwm");
    store.protect("G", Some("Res.rwm"), security(""));
    let fs = view_as(&store, user(1000));
    let error = read(&fs, b"far").unwrap_err();
    assert!(matches!(error.root_cause(), Error::Withheld), "{error:?}");
    assert_eq!(read(&fs, b"near").unwrap(), b"own");
}
