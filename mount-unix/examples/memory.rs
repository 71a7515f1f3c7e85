//! `memory MOUNTPOINT ARCHIVE...`: reads archives into memory and mounts them as a store of one group.
//!
//! The store needs no folder: `MemorySource` lists it, and any other `StoreSource` could take its place. Enter ends it.

#[cfg(target_os = "linux")]
#[expect(clippy::print_stdout, reason = "what an example says to its user")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::path::PathBuf;
    use std::sync::Arc;

    use fs_core::wim::FileTime;
    use fs_core::{Engine, EngineOptions, Filesystem, MemorySource, Options};
    use mount_unix::{MountOptions, mount};

    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let mountpoint = arguments.next().ok_or("usage: memory MOUNTPOINT ARCHIVE...")?;
    let store = MemorySource::new("memory");
    for archive in arguments {
        let name = archive.file_name().and_then(|name| name.to_str()).ok_or("an archive needs a name")?;
        store.put("Group", name, std::fs::read(&archive)?, FileTime::from_unix(0, 0));
    }
    // Other views of this store, or of other stores, could be given the same engine.
    let engine = Arc::new(Engine::new(&EngineOptions::default()));
    let filesystem = Filesystem::new(Box::new(store), engine, Options::default())?;
    let mounted = mount(Arc::new(filesystem), &mountpoint, &MountOptions::new("memory".into()))?;
    println!("mounted on {}; Enter ends it", mountpoint.display());
    std::io::stdin().read_line(&mut String::new())?;
    drop(mounted);
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("memory: only on Linux");
}
