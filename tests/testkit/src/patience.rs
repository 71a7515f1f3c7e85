//! Waiting for events, and measuring cost, so that a busy machine changes nothing: a deadline ends
//! a hang and decides nothing else, and work is measured in processor time.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for an event before it takes the wait for a hang: far longer than the
/// busiest machine needs.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// How long to rest between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until `condition` holds and returns whether it ever did, within [`PATIENCE`].
pub fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(PAUSE);
    }
    true
}

/// Runs `work` and returns its result and the processor time that the calling thread took for it.
/// Where the system does not count that, it is the time that has passed.
pub fn processor_time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = now();
    let result = work();
    (result, now().saturating_sub(start))
}

/// Processor time of this thread since it began.
#[cfg(unix)]
fn now() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Time since this was first called.
#[cfg(not(unix))]
fn now() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn sleeping_takes_no_processor_time() {
        let ((), slept) = processor_time(|| thread::sleep(Duration::from_millis(200)));
        assert!(slept < Duration::from_millis(100), "{slept:?}");
        let (sum, worked) = processor_time(|| (0..1_000_000_u64).map(std::hint::black_box).sum::<u64>());
        assert!(sum > 0 && !worked.is_zero());
    }
}
