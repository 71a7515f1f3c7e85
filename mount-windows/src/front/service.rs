//! A mount as a Windows service.

use std::ffi::OsStr;
use std::sync::Mutex;

use winfsp::FspError;
use winfsp::service::FileSystemServiceBuilder;

use super::mounted::status;
use super::{Error, Mounted, load};

/// `STATUS_UNSUCCESSFUL`, for a service that does not start; the cause is reported separately.
const UNSUCCESSFUL: u32 = 0xC000_0001;

/// Runs as the service `name`, which Windows' service manager has started, or in a console, until
/// it is stopped: `mount` is called when the service starts, and what it returns is unmounted when
/// it stops.
///
/// # Errors
/// The error of `mount`, or why there is no service.
pub fn serve<E: From<Error> + Send>(
    name: &OsStr,
    mount: impl Fn() -> Result<Mounted, E> + Send + Sync,
) -> Result<(), E> {
    let winfsp = load::load()?;
    let refusal = Mutex::new(None);
    let ended = {
        let start = || {
            mount().map(Some).map_err(|error| {
                *refusal.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                FspError::NTSTATUS(UNSUCCESSFUL.cast_signed())
            })
        };
        let stop = |mounted: Option<&mut Option<Mounted>>| {
            drop(mounted.and_then(Option::take));
            Ok(())
        };
        let service = FileSystemServiceBuilder::new().with_start(start).with_stop(stop).build(name, winfsp);
        service.and_then(|mut service| {
            service.start()?;
            service.join()
        })
    };
    match refusal.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => ended.map_err(|error| Error::Service(status(error.to_ntstatus())).into()),
    }
}
