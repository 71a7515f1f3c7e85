//! The file of users on a disk: read if nobody else may change or read it, and replaced as a whole.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::edit::{self, Edit};
use super::{Users, UsersError};

/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 16 << 20;

/// Why a file of users cannot be used.
#[derive(Debug)]
pub enum FileError {
    /// It cannot be read or written.
    Io(PathBuf, io::Error),
    /// Others than its owner and its group may read it, or others than its owner may change it; or
    /// its owner is neither root nor whoever runs this.
    Mode(PathBuf, String),
    /// Its text is wrong.
    Text(PathBuf, UsersError),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Mode(path, what) => write!(f, "{}: {what}", path.display()),
            Self::Text(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for FileError {}

/// Reads a file of users.
///
/// # Errors
/// It cannot be read, its mode or owner is not one that it may have, or its text is wrong.
pub fn read(path: &Path) -> Result<Users, FileError> {
    Users::parse(&read_text(path)?).map_err(|error| FileError::Text(path.into(), error))
}

/// A file of users that is being changed: others who change it wait.
#[derive(Debug)]
pub struct UsersFile {
    path: PathBuf,
    /// The text; empty if there is no file yet.
    text: String,
    is_new: bool,
    /// Keeps others from changing it.
    _lock: Option<File>,
}

impl UsersFile {
    /// Opens the file to change it, whether it is there or not.
    ///
    /// # Errors
    /// As [`read`], but for a file that is not there.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let lock = lock(folder_of(path)).map_err(|error| FileError::Io(path.into(), error))?;
        let found = match read_text(path) {
            Err(FileError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => None,
            text => Some(text?),
        };
        let is_new = found.is_none();
        Ok(Self { path: path.into(), text: found.unwrap_or_default(), is_new, _lock: lock })
    }

    /// Makes a change and writes the file: another takes its place as a whole, with its mode and
    /// owner, or 0600 if it is new.
    ///
    /// # Errors
    /// The change cannot be made, or the file not be written; it is as it was then.
    pub fn apply(&mut self, edit: Edit<'_>) -> Result<Users, FileError> {
        let io = |error| FileError::Io(self.path.clone(), error);
        let random = random().map_err(io)?;
        let wrong = |error| FileError::Text(self.path.clone(), error);
        let text = edit::apply(&self.text, edit, random).map_err(wrong)?;
        let users = Users::parse(&text).map_err(wrong)?;
        replace(&self.path, text.as_bytes(), self.is_new).map_err(io)?;
        (self.text, self.is_new) = (text, false);
        Ok(users)
    }
}

fn read_text(path: &Path) -> Result<String, FileError> {
    let io = |error| FileError::Io(path.into(), error);
    let file = File::open(path).map_err(io)?;
    check_mode(path, &file)?;
    let mut text = String::new();
    file.take(MAX_SIZE + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_SIZE {
        return Err(io(io::Error::other("larger than 16 MiB")));
    }
    Ok(text)
}

#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), FileError> {
    use std::os::unix::fs::MetadataExt;
    let found = file.metadata().map_err(|error| FileError::Io(path.into(), error))?;
    let refuse = |what| Err(FileError::Mode(path.into(), what));
    if !found.is_file() {
        return refuse("not a regular file".into());
    }
    let mode = found.mode() & 0o7777;
    if mode & !0o640 != 0 {
        return refuse(format!("mode {mode:04o} lets others read or change it: chmod 0600 (or 0640) first"));
    }
    let us = rustix::process::geteuid().as_raw();
    if found.uid() != 0 && found.uid() != us {
        return refuse(format!("its owner is user {}, neither root nor user {us}: chown it first", found.uid()));
    }
    Ok(())
}

/// On Windows a file inherits who may read it from its folder.
#[cfg(not(unix))]
fn check_mode(_: &Path, _: &File) -> Result<(), FileError> {
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let folder = File::open(folder)?;
    folder.lock()?;
    Ok(Some(folder))
}

/// On Windows folders cannot be opened as files.
#[cfg(not(unix))]
fn lock(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

/// Numbers that nobody can guess, for the domain of a new file.
fn random() -> io::Result<[u32; 3]> {
    let mut numbers = [0; 3];
    for number in &mut numbers {
        *number = getrandom::u32().map_err(|error| io::Error::other(error.to_string()))?;
    }
    Ok(numbers)
}

fn replace(path: &Path, text: &[u8], is_new: bool) -> io::Result<()> {
    let [number, ..] = random()?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(format!(".{number:08x}"));
    let temporary = folder_of(path).join(name);
    let written = write_new(&temporary, text, (!is_new).then_some(path)).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // the error that counts is the first
    }
    written?;
    #[cfg(unix)]
    File::open(folder_of(path))?.sync_all()?;
    Ok(())
}

/// Writes a file that is not there yet, as what it replaces: owner, group and mode.
fn write_new(path: &Path, text: &[u8], replaces: Option<&Path>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    #[cfg(unix)]
    if let Some(old) = replaces {
        use std::os::unix::fs::{MetadataExt, fchown};
        let (old, new) = (fs::metadata(old)?, file.metadata()?);
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())?;
    }
    #[cfg(not(unix))]
    let _ = replaces;
    file.sync_all()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        let add = |name| Edit::AddUser { name, administrator: false, password: None };
        let mut file = UsersFile::open(&path).unwrap();
        file.apply(add("alice")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        set_mode(&path, 0o640);
        file.apply(add("bob")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        let before = fs::read_to_string(&path).unwrap();
        assert!(file.apply(add("bob")).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
        let domain = read(&path).unwrap().domain();
        drop(file);
        let users = UsersFile::open(&path).unwrap().apply(add("carol")).unwrap();
        assert_eq!((users.domain(), users.users().len()), (domain, 3));
    }

    #[test]
    fn modes_that_others_could_use_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        fs::write(&path, "version = 1\n").unwrap();
        for mode in 0..0o1000 {
            set_mode(&path, mode);
            let is_refused = matches!(read(&path), Err(FileError::Mode(..)));
            let is_unreadable = matches!(read(&path), Err(FileError::Io(..))); // unless root asks
            assert_eq!(is_refused, mode & !0o640 != 0 && !is_unreadable, "{mode:o}");
        }
        assert!(matches!(read(folder.path()), Err(FileError::Mode(..) | FileError::Io(..))));
    }
}
