use std::path::PathBuf;

use super::*;

fn path(text: &str) -> PathBuf {
    PathBuf::from(text)
}

fn some(disk: &SimDisk) -> io::Result<()> {
    let file = disk.create(&path("d/tmp"))?;
    file.write_at(0, &[1; 600])?;
    file.sync_data()?;
    file.write_at(600, &[2; 10])?;
    disk.rename(&path("d/tmp"), &path("d/file"), Existing::Replace)?;
    disk.sync_dir(&path("d"))
}

#[test]
fn a_kill_leaves_the_changes_before_it() {
    let disk = SimDisk::new(Image::default().with("d/file", "old"));
    some(&disk).unwrap();
    let seen = |changes| {
        let image = disk.killed_after(changes);
        ["d/tmp", "d/file"].map(|name| image.get(&path(name)).map(<[u8]>::len))
    };
    let want = [
        [None, Some(3)],
        [Some(0), Some(3)],
        [Some(600), Some(3)],
        [Some(600), Some(3)],
        [Some(610), Some(3)],
        [None, Some(610)],
        [None, Some(610)],
    ];
    assert_eq!((0..=disk.changes()).map(seen).collect::<Vec<_>>(), want);
}

#[test]
fn a_power_cut_loses_what_was_not_synced() {
    let disk = SimDisk::new(Image::default().with("d/file", "old"));
    some(&disk).unwrap();
    let contents = |changes| {
        let images = disk.cut_after(changes);
        let mut files: Vec<_> = images.iter().map(|image| image.get(&path("d/file")).unwrap().to_vec()).collect();
        files.sort();
        files.dedup();
        files
    };
    assert_eq!(contents(4), [b"old"], "the new name is not there yet");
    let synced = vec![1; 600];
    let [zeros, data] = [0, 2].map(|tail| [vec![1; 600], vec![tail; 10]].concat());
    assert_eq!(contents(5), [synced.clone(), zeros.clone(), data.clone(), b"old".to_vec()]);
    assert_eq!(contents(6), [synced, zeros, data], "the name is durable, what was written last is not");
    let torn = disk.cut_after(2);
    assert!(torn.iter().any(|image| image.get(&path("d/tmp")).is_some_and(|data| data.len() == 600 && data[0] == 0)));
    assert!(torn.iter().any(|image| image.get(&path("d/tmp")).is_some_and(|data| data.len() == 512)));
}

#[test]
fn calls_fail_once_or_for_ever() {
    let error = |fault| {
        let disk = SimDisk::default();
        disk.fail(fault);
        (some(&disk).map_err(|error| error.kind()), disk.calls(), disk.image())
    };
    let full = io::ErrorKind::StorageFull;
    let (result, calls, image) = error(Fault { call: 1, forever: false, kind: FaultKind::Short(full) });
    assert_eq!((result, calls, image.get(&path("d/tmp"))), (Err(full), 2, Some(&[][..])));
    let disk = SimDisk::new(Image::default().with("a", [0; 2000]));
    disk.fail(Fault { call: 1, forever: false, kind: FaultKind::Short(full) });
    assert!(disk.open(&path("a"), Access::Write).unwrap().write_at(100, &[1; 1500]).is_err());
    assert_eq!(disk.image().get(&path("a")).unwrap(), [vec![0; 100], vec![1; 412], vec![0; 1488]].concat());
    let (result, _, image) = error(Fault { call: 1, forever: false, kind: FaultKind::Flip });
    assert_eq!((result, image.get(&path("d/file")).unwrap()[300]), (Ok(()), 0x11));

    let disk = SimDisk::default();
    disk.fail(Fault { call: 0, forever: true, kind: FaultKind::Error(full) });
    assert!(some(&disk).is_err() && some(&disk).is_err());
    let disk = SimDisk::default();
    disk.fail(Fault { call: 0, forever: false, kind: FaultKind::Error(full) });
    assert!(some(&disk).is_err() && some(&disk).is_ok());
}

#[test]
fn a_full_disk_takes_no_more() {
    let disk = SimDisk::default();
    disk.limit(605);
    assert_eq!(some(&disk).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.image().get(&path("d/tmp")).unwrap().len(), 600);
}

#[test]
fn one_handle_has_the_lock() {
    let disk = SimDisk::new(Image::default().with("a", "content"));
    let [one, two] = [(); 2].map(|()| disk.open(&path("a"), Access::Write).unwrap());
    assert!(one.try_lock().unwrap());
    assert!(!two.try_lock().unwrap());
    drop(disk.open(&path("a"), Access::Read).unwrap());
    assert!(!two.try_lock().unwrap());
    drop(one);
    assert!(two.try_lock().unwrap());
}

#[test]
fn a_folder_is_renamed_with_all_that_is_in_it() {
    let disk = SimDisk::new(Image::default().with_folder("d").with_folder("d/in").with("d/in/a", "content"));
    disk.rename(Path::new("d"), Path::new("e"), Existing::Keep).unwrap();
    assert_eq!(disk.image().names(), ["e/in/a"]);
    assert_eq!(disk.kind(Path::new("e/in")).unwrap(), Some(Kind::Folder));
    assert_eq!(disk.kind(Path::new("d")).unwrap(), None);
    assert_eq!(disk.list(Path::new("d")).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(disk.remove_dir(Path::new("e/in")).unwrap_err().kind(), io::ErrorKind::DirectoryNotEmpty);
    disk.remove(Path::new("e/in/a")).unwrap();
    disk.remove_dir(Path::new("e/in")).unwrap();
    assert_eq!(disk.list(Path::new("e")).unwrap(), Vec::<OsString>::new());
}
