//! The conventions by which mount(8) and umount(8) call a filesystem's own programs.
//!
//! `mount -t wimstore SRC DIR -o OPTS`, and a line of /etc/fstab, run `/sbin/mount.wimstore SRC DIR [-sfnv] -o OPTS [-t TYPE]`;
//! `umount DIR` runs `/sbin/umount.fuse.wimstore DIR [-flnrv] [-t TYPE]`. Links of these names to this program are enough.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The command line with what a helper was called with put into our own words; any other command line unchanged.
pub(crate) fn translate(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let Some(program) = arguments.next() else { return Vec::new() };
    let (command, flag): (&str, fn(u8) -> Option<&'static str>) = match name_of(&program) {
        b"mount.wimstore" | b"mount.fuse.wimstore" => ("mount", mount_flag),
        b"umount.wimstore" | b"umount.fuse.wimstore" => ("umount", umount_flag),
        _ => return [program].into_iter().chain(arguments).collect(),
    };
    let mut words = vec![program, command.into()];
    while let Some(argument) = arguments.next() {
        match argument.as_bytes() {
            b"-t" => {
                arguments.next(); // the type, which the name of the helper says already
            }
            b"-o" => words.extend([argument].into_iter().chain(arguments.next())),
            [b'-', flags @ ..] if flags.iter().all(|&letter| flag(letter).is_some()) => {
                let known = flags.iter().filter_map(|&letter| flag(letter));
                words.extend(known.filter(|word| !word.is_empty()).map(OsString::from));
            }
            _ => words.push(argument),
        }
    }
    words
}

fn name_of(program: &OsStr) -> &[u8] {
    Path::new(program).file_name().unwrap_or(program).as_bytes()
}

/// Our word for a flag of mount helpers; empty for those without a meaning here.
fn mount_flag(letter: u8) -> Option<&'static str> {
    Some(match letter {
        b's' => "--sloppy",
        b'f' => "--fake",
        b'n' => "", // there is no mtab that could be written to
        b'v' => "--verbose",
        _ => return None,
    })
}

/// Our word for a flag of umount helpers.
fn umount_flag(letter: u8) -> Option<&'static str> {
    Some(match letter {
        b'l' => "--lazy",
        b'f' | b'n' | b'r' => "",
        b'v' => "--verbose",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_are_translated() {
        let cases: &[(&str, &str)] = &[
            ("wimstore mount -v a b", "wimstore mount -v a b"),
            ("/sbin/mount.wimstore a b", "/sbin/mount.wimstore mount a b"),
            ("mount.wimstore a b -o ro,uid=3", "mount.wimstore mount a b -o ro,uid=3"),
            ("mount.wimstore a b -sfnv -o rw", "mount.wimstore mount a b --sloppy --fake --verbose -o rw"),
            ("mount.fuse.wimstore a b -n -t fuse.wimstore -o rw", "mount.fuse.wimstore mount a b -o rw"),
            ("mount.wimstore -o s,-v a b", "mount.wimstore mount -o s,-v a b"),
            ("mount.wimstore a b -o", "mount.wimstore mount a b -o"),
            ("mount.wimstore a b -z", "mount.wimstore mount a b -z"),
            ("mount.wimstore a b -N 3", "mount.wimstore mount a b -N 3"),
            ("/sbin/umount.fuse.wimstore b -l -n", "/sbin/umount.fuse.wimstore umount b --lazy"),
            ("umount.wimstore b -fr -t fuse.wimstore -v", "umount.wimstore umount b --verbose"),
            ("", ""),
        ];
        for (line, want) in cases {
            let words = translate(line.split_whitespace().map(OsString::from));
            assert_eq!(words.join(OsStr::new(" ")), OsStr::new(want), "{line}");
        }
    }
}
