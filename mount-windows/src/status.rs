//! Maps the filesystem's errors to Windows' statuses.

use fs_core::Error;

/// An `NTSTATUS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => { impl Status { $($(#[$doc])* pub const $name: Self = Self($code);)* } };
}
statuses! {
    /// A read began at or after the end of a file.
    END_OF_FILE = 0xC000_0011;
    /// The caller has no access.
    ACCESS_DENIED = 0xC000_0022;
    /// The buffer is too small for the answer; nothing was written to it.
    BUFFER_TOO_SMALL = 0xC000_0023;
    /// There is no such file.
    OBJECT_NAME_NOT_FOUND = 0xC000_0034;
    /// There is no such directory on the way to the file.
    OBJECT_PATH_NOT_FOUND = 0xC000_003A;
    /// Stored data is damaged.
    DATA_ERROR = 0xC000_003E;
    /// There is no such attribute.
    NO_EAS_ON_FILE = 0xC000_0052;
    /// The medium is write-protected.
    MEDIA_WRITE_PROTECTED = 0xC000_00A2;
    /// A file was requested, and it is a directory.
    FILE_IS_A_DIRECTORY = 0xC000_00BA;
    /// The request is not supported.
    NOT_SUPPORTED = 0xC000_00BB;
    /// A directory was requested, and it is a file.
    NOT_A_DIRECTORY = 0xC000_0103;
    /// The system could not read.
    IO_DEVICE_ERROR = 0xC000_0185;
    /// The file has no reparse point.
    NOT_A_REPARSE_POINT = 0xC000_0275;
    /// A security descriptor needs a larger buffer.
    BUFFER_OVERFLOW = 0x8000_0005;
    /// A value does not fit into its field.
    FILE_TOO_LARGE = 0xC000_0904;
}

/// The status that a request is answered with.
///
/// Errors about damaged or missing data are `DATA_ERROR`, errors of the system when reading
/// `IO_DEVICE_ERROR`: never a status that means that there is no file.
pub fn ntstatus(error: &Error) -> Status {
    match error {
        Error::NotFound => Status::OBJECT_NAME_NOT_FOUND,
        Error::NotDirectory => Status::NOT_A_DIRECTORY,
        Error::IsDirectory => Status::FILE_IS_A_DIRECTORY,
        Error::NotSymlink => Status::NOT_A_REPARSE_POINT,
        Error::NoXattr => Status::NO_EAS_ON_FILE,
        Error::XattrsUnsupported => Status::NOT_SUPPORTED,
        Error::TooLarge { .. } => Status::FILE_TOO_LARGE,
        Error::Encrypted | Error::Withheld => Status::ACCESS_DENIED,
        Error::DataMissing { .. } | Error::DataElsewhere { .. } | Error::Archive { .. } | Error::Blob { .. } => {
            Status::DATA_ERROR
        }
        Error::Io { .. }
        // These occur when a store is opened, or in its list of problems, and not in
        // requests.
        | Error::TooManyImages { .. }
        | Error::TooMany { .. }
        | Error::NoStore { .. }
        | Error::LaterPart { .. }
        | Error::ImageOfStore { .. }
        | Error::OtherSet { .. }
        | Error::NoMatch { .. }
        | Error::LinkRefused { .. }
        | Error::NoImage { .. } => Status::IO_DEVICE_ERROR,
        Error::At { source, .. } => ntstatus(source),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use fs_core::wim::{self, BlobHash};

    use super::*;

    #[test]
    fn every_error_has_its_status() {
        let archive = || Error::archive("/s/a.wim", wim::Error::NotWim);
        let blob = || Error::Blob {
            archive: "/s/a.wim".into(),
            blob: BlobHash::ZERO,
            at: 208,
            source: Arc::new(wim::Error::NotWim),
        };
        let cases: &[(Error, u32)] = &[
            (Error::NotFound, 0xC000_0034),
            (Error::NotDirectory, 0xC000_0103),
            (Error::IsDirectory, 0xC000_00BA),
            (Error::NotSymlink, 0xC000_0275),
            (Error::NoXattr, 0xC000_0052),
            (Error::XattrsUnsupported, 0xC000_00BB),
            (Error::TooLarge { len: 65537, limit: 65536 }, 0xC000_0904),
            (Error::Encrypted, 0xC000_0022),
            (Error::Withheld, 0xC000_0022),
            (Error::DataMissing { hash: BlobHash::ZERO }, 0xC000_003E),
            (Error::DataElsewhere { keeper: "in the cloud" }, 0xC000_003E),
            (archive(), 0xC000_003E),
            (blob(), 0xC000_003E),
            (Error::io("/s", io::ErrorKind::NotFound.into()), 0xC000_0185),
            (Error::TooManyImages { limit: 1023 }, 0xC000_0185),
            (Error::TooMany { what: "groups", limit: 1023 }, 0xC000_0185),
            (Error::NoStore { path: "/s".into(), reason: "no store" }, 0xC000_0185),
            (Error::LaterPart { path: "/s".into() }, 0xC000_0185),
            (Error::ImageOfStore { path: "/s".into() }, 0xC000_0185),
            (Error::OtherSet { path: "/s".into() }, 0xC000_0185),
            (Error::NoMatch { pattern: "/s*".into() }, 0xC000_0185),
            (Error::LinkRefused { link: "/s".into(), reason: "leads out" }, 0xC000_0185),
            (Error::NoImage { path: "/s".into(), wanted: "1".into(), available: String::new() }, 0xC000_0185),
            (Error::NotFound.at(b"a/b"), 0xC000_0034),
            (blob().at(b"a/b").at(b"c"), 0xC000_003E),
        ];
        for (error, status) in cases {
            assert_eq!(ntstatus(error), Status(*status), "{error:?}");
        }
    }

    #[test]
    fn damage_never_looks_like_absence() {
        let absence = [Status::OBJECT_NAME_NOT_FOUND, Status::OBJECT_PATH_NOT_FOUND, Status::NO_EAS_ON_FILE];
        let damage = [
            Error::archive("/s/a.wim", wim::Error::NotWim),
            Error::DataMissing { hash: BlobHash::ZERO },
            Error::io("/s", io::ErrorKind::NotFound.into()),
        ];
        for error in damage {
            assert!(error.is_damage() && !absence.contains(&ntstatus(&error)), "{error:?}");
        }
    }
}
