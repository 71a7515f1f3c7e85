//! Notifies the driver of changes, so that it invalidates its caches.

use tracing::debug;
use winfsp::filesystem::WideNameInfo;
use winfsp::notify::{Notifier, NotifyInfo, NotifyingFileSystemContext};

use super::Front;
use crate::drive::news::{Change, What};

/// How often WinFsp polls for notifications, in milliseconds: with the second that a scan of the
/// store may take, changes are visible within two.
pub(super) const INTERVAL: u32 = 250;

/// The longest path that the driver accepts, in UTF-16 units.
const MAX_PATH: usize = 1024;

/// `FILE_NOTIFY_CHANGE_FILE_NAME` and `FILE_NOTIFY_CHANGE_DIR_NAME`;
/// `FILE_NOTIFY_CHANGE_LAST_WRITE`.
const NAMES: u32 = 0x1 | 0x2;
const LAST_WRITE: u32 = 0x10;

/// `FILE_ACTION_*`.
const ADDED: u32 = 1;
const REMOVED: u32 = 2;
const MODIFIED: u32 = 3;

impl NotifyingFileSystemContext<()> for Front {
    fn should_notify(&self) -> Option<()> {
        (!self.0.news.is_empty()).then_some(())
    }

    fn notify(&self, (): (), notifier: &Notifier) {
        for change in self.0.news.take() {
            debug!(path = String::from_utf16_lossy(&change.path), what = ?change.what, "the driver is told");
            if let Some(info) = info(&change) {
                notifier.notify(&info);
            }
        }
    }
}

/// `None` for a path that is too long for the driver, which has nothing under it.
fn info(change: &Change) -> Option<NotifyInfo<MAX_PATH>> {
    let mut info = NotifyInfo::<MAX_PATH>::new();
    (info.filter, info.action) = match change.what {
        What::Appeared => (NAMES, ADDED),
        What::Vanished => (NAMES, REMOVED),
        What::Changed => (LAST_WRITE, MODIFIED),
    };
    info.set_name_raw(&change.path[..]).is_ok().then_some(info)
}
