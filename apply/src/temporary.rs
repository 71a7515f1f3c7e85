//! Temporary names of files that are being made: a run that is killed leaves no incomplete file
//! under a final name.

use std::sync::atomic::{AtomicU64, Ordering};

const PREFIX: &str = ".wimstore-";

/// A name that this run has not used yet: `.wimstore-PROCESS-NUMBER`.
pub(crate) fn temporary_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The process whose run gave something this name; `None` for names that are not temporary.
#[cfg(unix)]
pub(crate) fn maker(name: &[u8]) -> Option<i32> {
    let (process, number) = std::str::from_utf8(name).ok()?.strip_prefix(PREFIX)?.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(process) && is_number(number) { process.parse().ok() } else { None }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_name_their_maker() {
        let (one, other) = (temporary_name(), temporary_name());
        assert_ne!(one, other);
        assert_eq!(maker(one.as_bytes()), i32::try_from(std::process::id()).ok());
        let others = [
            ".wimstore-1",
            ".wimstore-4294967295-1",
            ".wimstore--1",
            ".wimstore-1-",
            ".wimstore-1-2-3",
            ".wimstore-+1-2",
            "wimstore-1-2",
        ];
        for name in others {
            assert_eq!(maker(name.as_bytes()), None, "{name}");
        }
    }
}
