//! Mount options by name, as `-o` and /etc/fstab give them: those that mount.ntfs-3g users know, and ours.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Path};
use std::str::FromStr;

use anyhow::{Context, bail};
use fs_core::{EngineOptions, ImageChoice, Options, StreamInterface, Verify};
use mount_unix::{Access, MountOptions};
use rustix::process::{getgid, getuid};

use crate::accounts;
use crate::source::Viewer;
use crate::text::parse_bytes;

/// Behind the arguments in `wimstore mount --help`.
pub(super) const HELP: &str = "\
Mount options (-o):
  image=, as=, users=, ref=, follow_links, streams=, ignore_case, unix_data, efs_raw,
  verify=, cache=, max_chunk=, metadata_cache=, threads=
                           as the long options above; also streams_interface=
  uid=N, gid=N             owner and group of everything (default: who mounts)
  umask=, fmask=, dmask=   octal; bits taken from 0555 of directories, 0444 of files
  allow_other              let everybody use the mount whom the permissions allow
                           (default for root)
  noallow_other            let only the mounting user use it (default for others)
  allow_root               let root and the mounting user use it
  nonempty                 mount over a directory with entries or another mount
  dev, suid, noexec, noatime
                           as mount(8) has them; default nodev,nosuid,exec
  fsname=TEXT              source shown in /proc/mounts (default: SOURCE's path)
Options of mount(8) and fstab without a meaning here (ro, nofail, noauto, user,
_netdev, x-*, …) are ignored.";

/// Options that mean nothing to a read-only mount, or something only to mount(8), fstab or systemd.
const IGNORED: &[&str] = &[
    "async",
    "atime",
    "auto",
    "big_writes",
    "default_permissions",
    "defaults",
    "diratime",
    "dirsync",
    "group",
    "lazytime",
    "loud",
    "no_def_opts",
    "noauto",
    "nodiratime",
    "nofail",
    "nogroup",
    "nolazytime",
    "noowner",
    "norecover",
    "norelatime",
    "nostrictatime",
    "nouser",
    "nousers",
    "owner",
    "permissions",
    "recover",
    "relatime",
    "ro",
    "silent",
    "strictatime",
    "sync",
    "user",
    "users",
    "_netdev",
];

/// Options that need a value.
const VALUED: &[&str] = &[
    "as",
    "cache",
    "dmask",
    "fmask",
    "fsname",
    "gid",
    "image",
    "max_chunk",
    "metadata_cache",
    "ref",
    "streams",
    "streams_interface",
    "subtype",
    "threads",
    "uid",
    "umask",
    "verify",
];

/// Everything that options decide.
#[derive(Debug)]
pub(super) struct Settings {
    /// What is shown.
    pub(super) filesystem: Options,
    /// What reads it.
    pub(super) engine: EngineOptions,
    /// Who looks at it.
    pub(super) viewer: Viewer,
    /// How it is mounted.
    pub(super) mount: MountOptions,
    /// Whether to stay in the foreground.
    pub(super) foreground: bool,
    /// Whether unknown options are ignored.
    pub(super) sloppy: bool,
    /// What the user should know about options that are not followed to the letter.
    pub(super) warnings: Vec<String>,
    masks: Masks,
}

/// Permission bits to take away; those of files and directories come before those of both.
#[derive(Debug, Default)]
struct Masks {
    both: Option<u16>,
    files: Option<u16>,
    directories: Option<u16>,
}

impl Settings {
    /// What a mount of `source` without any option does.
    pub(super) fn new(source: &Path) -> Self {
        let source = source.canonicalize().or_else(|_| path::absolute(source)).unwrap_or_else(|_| source.into());
        let (uid, gid) = (getuid(), getgid());
        let mut mount = MountOptions::new(source);
        mount.access = if uid.is_root() { Access::Everybody } else { Access::Mounter };
        Self {
            filesystem: Options { uid: uid.as_raw(), gid: gid.as_raw(), ..Options::default() },
            engine: EngineOptions::default(),
            viewer: Viewer::default(),
            mount,
            foreground: false,
            sloppy: false,
            warnings: Vec::new(),
            masks: Masks::default(),
        }
    }

    /// Sets the options of a list such as `ro,image=2`. A comma in a value is written `\,`, or the value between `"`.
    pub(super) fn set_list(&mut self, list: &OsStr) -> anyhow::Result<()> {
        for option in split(list.as_bytes()) {
            let equals = option.iter().position(|&byte| byte == b'=');
            let name = String::from_utf8_lossy(&option[..equals.unwrap_or(option.len())]).into_owned();
            let value = equals.map(|at| OsStr::from_bytes(&option[at + 1..]));
            self.set(&name, value)?;
        }
        Ok(())
    }

    /// Sets one option. A later one overrides an earlier one; `ref` adds up.
    ///
    /// # Errors
    /// The option is not known, or it has a value that it cannot have; the message names it.
    pub(super) fn set(&mut self, name: &str, value: Option<&OsStr>) -> anyhow::Result<()> {
        let known = match value {
            Some(value) => self.set_value(name, value).with_context(|| format!("mount option {name}"))?,
            None => self.set_flag(name),
        };
        if known || IGNORED.contains(&name) || name == "comment" || name.starts_with("x-") || name.starts_with("X-") {
            return Ok(());
        }
        if self.sloppy {
            self.warnings.push(format!("mount option {name} is not known and ignored"));
            return Ok(());
        }
        match value {
            Some(_) if self.set_flag(name) => bail!("mount option {name} takes no value"),
            None if VALUED.contains(&name) => bail!("mount option {name} needs a value: {name}=…"),
            _ => bail!("mount option {name} is not known; `wimstore mount --help` lists those that are"),
        }
    }

    /// Sets an option without value; whether there is one of this name.
    fn set_flag(&mut self, name: &str) -> bool {
        let (filesystem, mount) = (&mut self.filesystem, &mut self.mount);
        match name {
            "follow_links" => filesystem.follow_links = true,
            "ignore_case" => filesystem.ignore_case = true,
            "unix_data" => filesystem.unix_data = true,
            "efs_raw" => filesystem.efs_raw = true,
            "user_xattr" => filesystem.streams = StreamInterface::Xattr,
            "allow_other" => mount.access = Access::Everybody,
            "noallow_other" => mount.access = Access::Mounter,
            "allow_root" => mount.access = Access::MounterAndRoot,
            "nonempty" => mount.nonempty = true,
            "dev" | "nodev" => mount.dev = name == "dev",
            "suid" | "nosuid" => mount.suid = name == "suid",
            "exec" | "noexec" => mount.exec = name == "exec",
            "noatime" => mount.noatime = true,
            "rw" => self.warnings.push("a store cannot be written to through a mount: it is mounted read-only".into()),
            "no_detach" => self.foreground = true,
            _ => return false,
        }
        true
    }

    /// Sets an option with a value; whether there is one of this name.
    fn set_value(&mut self, name: &str, value: &OsStr) -> anyhow::Result<bool> {
        let filesystem = &mut self.filesystem;
        match name {
            "image" => filesystem.image = Some(text(value)?.parse::<ImageChoice>()?),
            "as" => self.viewer.user = Some(text(value)?.into()),
            "users" => self.viewer.users = accounts::File::at(path::absolute(value)?),
            "ref" => filesystem.references.push(path::absolute(value)?),
            "streams" | "streams_interface" => {
                filesystem.streams = one_of(
                    value,
                    &[
                        ("xattr", StreamInterface::Xattr),
                        ("windows", StreamInterface::Windows),
                        ("none", StreamInterface::None),
                    ],
                )?;
            }
            "verify" => self.engine.content.verify = one_of(value, &Verify::NAMED)?,
            "cache" => self.engine.content.cache_bytes = size(value)?,
            "max_chunk" => self.engine.content.max_chunk_bytes = size(value)?,
            "metadata_cache" => self.engine.metadata_bytes = size(value)?,
            "threads" => {
                self.mount.threads = number::<usize>(value)?;
                anyhow::ensure!(self.mount.threads > 0, "there must be at least 1");
                self.engine.content.threads = self.mount.threads;
            }
            "uid" => filesystem.uid = number(value)?,
            "gid" => filesystem.gid = number(value)?,
            "umask" => self.masks.both = Some(octal(value)?),
            "fmask" => self.masks.files = Some(octal(value)?),
            "dmask" => self.masks.directories = Some(octal(value)?),
            "fsname" => self.mount.name = value.into(),
            "subtype" => one_of(value, &[("wimstore", ())])?,
            _ => return Ok(false),
        }
        let (plain, masks) = (Options::default(), &self.masks);
        self.filesystem.file_mode = plain.file_mode & !masks.files.or(masks.both).unwrap_or(0);
        self.filesystem.dir_mode = plain.dir_mode & !masks.directories.or(masks.both).unwrap_or(0);
        Ok(true)
    }
}

/// The options of a list, without the quotes and backslashes that protect commas. Empty ones are left out.
fn split(list: &[u8]) -> Vec<Vec<u8>> {
    let mut options = vec![Vec::new()];
    let mut quoted = false;
    let mut bytes = list.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let option = options.last_mut().expect("there is always one");
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if matches!(bytes.peek(), Some(b',' | b'"' | b'\\')) => option.extend(bytes.next()),
            b',' if !quoted => options.push(Vec::new()),
            _ => option.push(byte),
        }
    }
    options.retain(|option| !option.is_empty());
    options
}

fn text(value: &OsStr) -> anyhow::Result<&str> {
    value.to_str().with_context(|| format!("{} is not UTF-8", value.display()))
}

fn number<T: FromStr>(value: &OsStr) -> anyhow::Result<T> {
    text(value)?.parse().ok().with_context(|| format!("{} is not a number that fits", value.display()))
}

/// Permission bits in octal.
fn octal(value: &OsStr) -> anyhow::Result<u16> {
    let bits = u16::from_str_radix(text(value)?, 8).ok().filter(|bits| *bits <= 0o7777);
    bits.with_context(|| format!("{} is not an octal mask such as 022", value.display()))
}

/// Bytes, as `512M`.
fn size(value: &OsStr) -> anyhow::Result<u64> {
    parse_bytes(text(value)?).map_err(anyhow::Error::msg)
}

fn one_of<T: Copy>(value: &OsStr, choices: &[(&str, T)]) -> anyhow::Result<T> {
    let found = choices.iter().find(|(name, _)| value == *name);
    found.map(|(_, choice)| *choice).with_context(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        format!("{} is not one of {}", value.display(), names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(list: &str) -> anyhow::Result<Settings> {
        let mut settings = Settings::new(Path::new("/store"));
        settings.set_list(OsStr::new(list)).map(|()| settings)
    }

    #[test]
    fn options_have_their_effects() {
        type Check = fn(&Settings) -> bool;
        let cases: &[(&str, Check)] = &[
            ("", |s| s.filesystem.file_mode == 0o444 && s.filesystem.dir_mode == 0o555 && !s.foreground),
            ("", |s| !s.mount.dev && !s.mount.suid && s.mount.exec && !s.mount.noatime && !s.mount.nonempty),
            ("", |s| s.mount.name == "/store" && s.mount.source == Path::new("/store")),
            ("uid=1000,gid=100", |s| s.filesystem.uid == 1000 && s.filesystem.gid == 100),
            ("umask=027", |s| s.filesystem.file_mode == 0o440 && s.filesystem.dir_mode == 0o550),
            ("fmask=777,umask=0", |s| s.filesystem.file_mode == 0 && s.filesystem.dir_mode == 0o555),
            ("dmask=0077", |s| s.filesystem.file_mode == 0o444 && s.filesystem.dir_mode == 0o500),
            ("allow_root", |s| s.mount.access == Access::MounterAndRoot),
            ("allow_root,allow_other", |s| s.mount.access == Access::Everybody),
            ("allow_other,noallow_other", |s| s.mount.access == Access::Mounter),
            ("streams_interface=windows", |s| s.filesystem.streams == StreamInterface::Windows),
            ("streams=none", |s| s.filesystem.streams == StreamInterface::None),
            ("streams=none,user_xattr", |s| s.filesystem.streams == StreamInterface::Xattr),
            ("ignore_case,unix_data,efs_raw", |s| {
                s.filesystem.ignore_case && s.filesystem.unix_data && s.filesystem.efs_raw
            }),
            ("", |s| !s.filesystem.follow_links),
            ("follow_links", |s| s.filesystem.follow_links),
            ("image=2", |s| s.filesystem.image == Some(ImageChoice::Number(2))),
            ("image=Windows 11\\, N", |s| s.filesystem.image == Some(ImageChoice::Name("Windows 11, N".into()))),
            ("image=\"A,B\",ro", |s| s.filesystem.image == Some(ImageChoice::Name("A,B".into()))),
            ("ref=/a.wim,ref=/b.wim", |s| s.filesystem.references == [Path::new("/a.wim"), Path::new("/b.wim")]),
            ("as=alice,users=/u", |s| {
                s.viewer.user.as_deref() == Some("alice") && s.viewer.users.path() == Path::new("/u")
            }),
            ("cache=512M", |s| s.engine.content.cache_bytes == 512 << 20),
            ("cache=1g", |s| s.engine.content.cache_bytes == 1 << 30),
            ("max_chunk=1G", |s| s.engine.content.max_chunk_bytes == 1 << 30),
            ("metadata_cache=64M", |s| s.engine.metadata_bytes == 64 << 20),
            ("cache=4096", |s| s.engine.content.cache_bytes == 4096),
            ("verify=off", |s| s.engine.content.verify == Verify::Off),
            ("verify=blocks", |s| s.engine.content.verify == Verify::Blocks),
            ("verify=off,verify=strict", |s| s.engine.content.verify == Verify::Strict),
            ("threads=3", |s| s.mount.threads == 3 && s.engine.content.threads == 3),
            ("dev,suid,noexec,noatime", |s| s.mount.dev && s.mount.suid && !s.mount.exec && s.mount.noatime),
            ("dev,nodev,suid,nosuid", |s| !s.mount.dev && !s.mount.suid),
            ("nonempty,no_detach", |s| s.mount.nonempty && s.foreground),
            ("fsname=server:/images,subtype=wimstore", |s| s.mount.name == "server:/images"),
            ("rw", |s| s.warnings.len() == 1),
            ("ro,defaults,nofail,noauto,user,_netdev,x-systemd.automount,comment=a b,user=joe,,", |s| {
                s.warnings.is_empty()
            }),
        ];
        for (list, check) in cases {
            let settings = set(list).expect(list);
            assert!(check(&settings), "{list}: {settings:?}");
        }
    }

    #[test]
    fn wrong_options_are_named() {
        let unknown = "is not known; `wimstore mount --help` lists those that are";
        let cases: &[(&str, String)] = &[
            ("ro,frobnicate", format!("mount option frobnicate {unknown}")),
            ("windows_names=1", format!("mount option windows_names {unknown}")),
            ("umask=9", "mount option umask: 9 is not an octal mask such as 022".into()),
            ("umask=17777", "mount option umask: 17777 is not an octal mask such as 022".into()),
            ("uid=-1", "mount option uid: -1 is not a number that fits".into()),
            ("gid", "mount option gid needs a value: gid=…".into()),
            ("allow_other=1", "mount option allow_other takes no value".into()),
            ("streams=all", "mount option streams: all is not one of xattr, windows, none".into()),
            ("verify=maybe", "mount option verify: maybe is not one of strict, blocks, off".into()),
            ("subtype=ntfs", "mount option subtype: ntfs is not one of wimstore".into()),
            ("cache=12X", "mount option cache: 12X is not a size such as 512M or 2G".into()),
            ("cache=", "mount option cache:  is not a size such as 512M or 2G".into()),
            ("cache=99999999999T", "mount option cache: 99999999999T is not a size such as 512M or 2G".into()),
            ("metadata_cache=all", "mount option metadata_cache: all is not a size such as 512M or 2G".into()),
            ("threads=0", "mount option threads: there must be at least 1".into()),
        ];
        for (list, want) in cases {
            assert_eq!(format!("{:#}", set(list).expect_err(list)), *want, "{list}");
        }
    }

    #[test]
    fn sloppy_mounts_pass_over_unknown_options() {
        let mut settings = Settings::new(Path::new("/store"));
        settings.sloppy = true;
        settings.set_list(OsStr::new("frobnicate,uid=7")).unwrap();
        assert_eq!(settings.filesystem.uid, 7);
        assert_eq!(settings.warnings, ["mount option frobnicate is not known and ignored"]);
    }

    #[test]
    fn every_option_that_needs_a_value_takes_one() {
        for name in VALUED {
            let refused = set(name).expect_err(name).to_string();
            assert_eq!(refused, format!("mount option {name} needs a value: {name}=…"));
            if let Err(error) = set(&format!("{name}=?")) {
                assert!(!error.to_string().contains("is not known"), "{error:#}");
            }
        }
    }
}
