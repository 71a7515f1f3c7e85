//! A mount as a service. In a process of its own, which can be a service only once.
#![cfg(windows)]
#![expect(unsafe_code, reason = "stands in for a driver")]
#![expect(clippy::unwrap_used, reason = "a test")]
#![expect(dead_code, reason = "the stand-in is for other tests too")]

mod fsd;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use fs_core::{Filesystem, ImageChoice, Options, StreamInterface};
use mount_windows::{DriveOptions, Error, Mounted};
use testkit::{PATIENCE, Packing, Wim, file, root};

/// A store with the file `f`.
fn store(folder: &Path) -> Arc<Filesystem> {
    let path = folder.join("a.wim");
    Wim::new(Packing::Stored, root([file("f", "served")])).build().save(&path);
    let image = Some(ImageChoice::Number(1));
    let options = Options { image, ignore_case: true, streams: StreamInterface::None, ..Options::default() };
    Arc::new(Filesystem::open(&path, options).unwrap())
}

/// Mounts, patiently: Wine's mount manager comes and goes, and refuses meanwhile.
fn mount_patiently(fs: &Arc<Filesystem>) -> Result<Mounted, Error> {
    let begun = Instant::now();
    loop {
        match mount_windows::mount(Arc::clone(fs), "R:".as_ref(), DriveOptions::default()) {
            Err(Error::MountPoint { .. }) if begun.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(200));
            }
            result => return result,
        }
    }
}

#[test]
fn a_service_mounts_when_it_starts() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let fs = store(folder.path());
    let (mounted, wait) = mpsc::channel();
    // Ends with the process: only Windows stops a service.
    let service = thread::spawn(move || {
        let mount = || {
            let mount = mount_patiently(&fs);
            mounted.send(mount.as_ref().map(drop).map_err(ToString::to_string)).unwrap();
            mount
        };
        mount_windows::serve("wimstore".as_ref(), mount).map_err(|error: Error| error.to_string())
    });
    // Wine's service manager does not know us: WinFsp gives up on it after 10 seconds, and goes on
    // in the console.
    match wait.recv_timeout(PATIENCE) {
        Ok(is_mounted) => assert_eq!(is_mounted, Ok(())),
        Err(RecvTimeoutError::Timeout) => panic!("the service does not start"),
        Err(RecvTimeoutError::Disconnected) => panic!("{:?}", service.join()),
    }
    let read = fsd::open(r"\F").ok().map(|open| open.read(0, 100));
    assert_eq!(read, Some(Ok(b"served".to_vec())));
}
