//! Whether a volume was left as Windows leaves it when it shuts down.

use wim::ReadAt;

use super::{LOG_FILE, VOLUME, Volume, kind};
use crate::disk::Result;
use crate::disk::fields::{Fields, read_exact};

const DIRTY: u16 = 1;
const NO_CLIENT: u16 = 0xFFFF;
const CLEAN: u16 = 2;
/// The major version of logs that Windows 8.1 and later leave only if the volume was not unmounted.
const LIVE_VERSION: u16 = 2;

/// A page from which the log is read after a crash.
struct Restart {
    lsn: u64,
    is_clean: bool,
}

impl Volume {
    /// Why the volume is not in a state to be captured; `None` if it is.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn unclean(&self) -> Result<Option<&'static str>> {
        let information = self.file(VOLUME)?.small_value(self, kind::VOLUME_INFORMATION)?.unwrap_or_default();
        let fields = Fields::new("$VOLUME_INFORMATION", 0, &information);
        if fields.u16(10)? & DIRTY != 0 {
            return Ok(Some("the volume is marked as dirty"));
        }
        let Some(newest) = self.newest_restart()? else { return Ok(None) };
        Ok((!newest.is_clean).then_some("the volume was not unmounted: its $LogFile is in use"))
    }

    /// The number of the last entry of the log, which changes with the volume; `None` if the log was reset.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn last_lsn(&self) -> Result<Option<u64>> {
        Ok(self.newest_restart()?.map(|restart| restart.lsn))
    }

    fn newest_restart(&self) -> Result<Option<Restart>> {
        let Some(log) = self.file(LOG_FILE)?.content(self, kind::DATA, &[])? else { return Ok(None) };
        let mut newest: Option<Restart> = None;
        for at in [0, 4096] {
            if at + 4096 > log.size() {
                break;
            }
            let mut page = [0; 4096];
            read_exact(&log, "$LogFile", at, &mut page)?;
            if let Some(restart) = restart(&page, at)?
                && newest.as_ref().is_none_or(|newest| newest.lsn < restart.lsn)
            {
                newest = Some(restart);
            }
        }
        Ok(newest)
    }
}

/// A restart page; `None` if it is not one, as in logs that mkntfs and ntfs-3g reset.
fn restart(page: &[u8], at: u64) -> Result<Option<Restart>> {
    let page = Fields::new("$LogFile", at, page);
    if page.slice(0, 4)? != b"RSTR" {
        return Ok(None);
    }
    let area = usize::from(page.u16(0x18)?);
    let (lsn, clients, flags) = (page.u64(area)?, page.u16(area + 0xC)?, page.u16(area + 0xE)?);
    let is_live = page.u16(0x1C)? == LIVE_VERSION;
    Ok(Some(Restart { lsn, is_clean: !is_live && (clients == NO_CLIENT || flags & CLEAN != 0) }))
}
