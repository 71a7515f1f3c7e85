//! From the filesystem's errors to the kernel's.

use fs_core::Error;
use rustix::io::Errno;

/// The error number for damage.
pub(crate) const EIO: i32 = Errno::IO.raw_os_error();

/// The error number that a request is answered with.
///
/// Whatever means that stored bytes are bad, missing or unreachable is `EIO`, never `ENOENT`.
/// `ENOSYS` is not among the numbers: the kernel remembers it for the whole mount.
pub fn errno(error: &Error) -> i32 {
    let number = match error {
        Error::NotFound => Errno::NOENT,
        Error::NotDirectory => Errno::NOTDIR,
        Error::IsDirectory => Errno::ISDIR,
        Error::NotSymlink => Errno::INVAL,
        Error::NoXattr => Errno::NODATA,
        Error::XattrsUnsupported => Errno::OPNOTSUPP,
        Error::TooLarge { .. } => Errno::TOOBIG,
        Error::Encrypted | Error::Withheld => Errno::ACCESS,
        Error::DataMissing { .. }
        | Error::DataElsewhere { .. }
        | Error::Archive { .. }
        | Error::Blob { .. }
        | Error::Io { .. }
        // These occur when a store is opened or in its list of problems, never in a request.
        | Error::TooManyImages { .. }
        | Error::TooMany { .. }
        | Error::NoStore { .. }
        | Error::LaterPart { .. }
        | Error::ImageOfStore { .. }
        | Error::OtherSet { .. }
        | Error::NoMatch { .. }
        | Error::LinkRefused { .. }
        | Error::NoImage { .. } => Errno::IO,
        Error::At { source, .. } => return errno(source),
    };
    number.raw_os_error()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use fs_core::wim::{self, BlobHash};

    use super::*;

    #[test]
    fn every_error_has_its_number() {
        let archive = || Error::archive("/s/a.wim", wim::Error::NotWim);
        let blob = || Error::Blob {
            archive: "/s/a.wim".into(),
            blob: BlobHash::ZERO,
            at: 208,
            source: Arc::new(wim::Error::NotWim),
        };
        let cases: &[(Error, i32)] = &[
            (Error::NotFound, 2),
            (Error::NotDirectory, 20),
            (Error::IsDirectory, 21),
            (Error::NotSymlink, 22),
            (Error::NoXattr, 61),
            (Error::XattrsUnsupported, 95),
            (Error::TooLarge { len: 65537, limit: 65536 }, 7),
            (Error::Encrypted, 13),
            (Error::Withheld, 13),
            (Error::DataMissing { hash: BlobHash::ZERO }, 5),
            (Error::DataElsewhere { keeper: "in the cloud" }, 5),
            (archive(), 5),
            (blob(), 5),
            (Error::io("/s", io::ErrorKind::NotFound.into()), 5),
            (Error::TooManyImages { limit: 1023 }, 5),
            (Error::TooMany { what: "groups", limit: 1023 }, 5),
            (Error::NoStore { path: "/s".into(), reason: "no store" }, 5),
            (Error::LaterPart { path: "/s".into() }, 5),
            (Error::ImageOfStore { path: "/s".into() }, 5),
            (Error::OtherSet { path: "/s".into() }, 5),
            (Error::NoMatch { pattern: "/s*".into() }, 5),
            (Error::LinkRefused { link: "/s".into(), reason: "leads out" }, 5),
            (Error::NoImage { path: "/s".into(), wanted: "1".into(), available: String::new() }, 5),
            (Error::NotFound.at(b"a/b"), 2),
            (blob().at(b"a/b").at(b"c"), 5),
        ];
        for (error, number) in cases {
            assert_eq!(errno(error), *number, "{error:?}");
            assert_eq!(error.is_damage(), *number == 5 && !is_about_opening(error), "{error:?}");
        }
    }

    fn is_about_opening(error: &Error) -> bool {
        matches!(
            error,
            Error::TooManyImages { .. }
                | Error::TooMany { .. }
                | Error::NoStore { .. }
                | Error::LaterPart { .. }
                | Error::ImageOfStore { .. }
                | Error::OtherSet { .. }
                | Error::NoMatch { .. }
                | Error::LinkRefused { .. }
                | Error::NoImage { .. }
        )
    }
}
