//! What several threads share: caches, budgets, pools and the order of their work. Nothing here knows archives.

mod byte_budget;
mod cache;
mod cache_budget;
mod in_order;
mod pool;
mod shares;
mod single_flight;
mod workers;

pub use self::shares::Shares;

pub(crate) use self::byte_budget::ByteBudget;
pub(crate) use self::cache::{Cache, Weigh};
pub(crate) use self::cache_budget::CacheBudget;
pub(crate) use self::in_order::{Helpers, in_order};
pub(crate) use self::pool::Pool;
pub(crate) use self::single_flight::SingleFlight;
pub(crate) use self::workers::Workers;
