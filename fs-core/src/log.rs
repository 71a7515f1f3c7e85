//! The log of what goes wrong: each failure once in a while, and a bounded number of lines a minute.
//!
//! Neither a reader, who may ask for one thing again and again and for any number of things, nor a store full of bad
//! files floods it: beyond the limit failures are counted, and the count is logged.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::warn;

/// How long a line is known, and how often the count of those left out is logged.
const MEMORY: Duration = Duration::from_secs(60);

/// How many lines are known at most, and so how many are logged within that time.
const CAPACITY: usize = 1000;

/// What readers meet. A line is logged again after a minute.
pub static READING: Log =
    Log::new(Again::AfterMemory, |count| warn!(count, "further failures of readers were not logged"));

/// What is met in the store by the mount itself, apart from what readers meet so that none of them keeps it out of the
/// log. A line is logged again when it has not come for a minute: some stores are listed every second.
pub static LISTING: Log =
    Log::new(Again::AfterSilence, |count| warn!(count, "further faults of the store were not logged"));

/// Logs how many lines were left out since that was last logged. For the end of the program, which does not wait for the
/// end of a minute.
pub fn report() {
    READING.report();
    LISTING.report();
}

/// Lines of the log that are logged once in a while, and so many within a minute.
pub struct Log {
    ration: Mutex<Ration>,
    /// Logs how many lines were left out.
    write_count: fn(u64),
}

impl Log {
    const fn new(again: Again, write_count: fn(u64)) -> Self {
        Self { ration: Mutex::new(Ration::new(again)), write_count }
    }

    /// Calls `write`, which logs `line`, unless it is known or too many others are. The latter are counted, and the count
    /// is logged after a minute.
    pub fn once(&'static self, line: &str, write: impl FnOnce()) {
        let admission = self.ration.lock().admit(line, Instant::now());
        match admission {
            Admission::New => write(),
            Admission::Known => {}
            Admission::LeftOut { first } => {
                if first {
                    self.report_later();
                }
            }
        }
    }

    fn report_later(&'static self) {
        let run = move || {
            thread::sleep(MEMORY);
            self.report();
        };
        // Without a thread the count is logged at the end.
        let _ = thread::Builder::new().name("log".into()).spawn(run);
    }

    fn report(&self) {
        let count = self.ration.lock().take_count();
        if count > 0 {
            (self.write_count)(count);
        }
    }
}

/// When a line that is known is logged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// [`MEMORY`] after it was logged.
    AfterMemory,
    /// [`MEMORY`] after it last came.
    AfterSilence,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Admission {
    /// It is logged.
    New,
    /// It was logged a short while ago.
    Known,
    /// There are too many; it is counted.
    LeftOut {
        /// Whether it is the first since the count was taken.
        first: bool,
    },
}

/// The lines that are known. It has no clock of its own.
struct Ration {
    again: Again,
    /// When each was logged, or last came.
    known: BTreeMap<String, Instant>,
    /// Until then no known line is forgotten.
    all_known_until: Option<Instant>,
    left_out: u64,
}

impl Ration {
    const fn new(again: Again) -> Self {
        Self { again, known: BTreeMap::new(), all_known_until: None, left_out: 0 }
    }

    fn admit(&mut self, line: &str, now: Instant) -> Admission {
        if let Some(since) = self.known.get_mut(line).filter(|since| is_known(**since, now)) {
            if self.again == Again::AfterSilence {
                *since = now;
            }
            return Admission::Known;
        }
        self.make_room(now);
        if self.known.len() >= CAPACITY {
            self.left_out += 1;
            return Admission::LeftOut { first: self.left_out == 1 };
        }
        self.known.insert(line.to_owned(), now);
        Admission::New
    }

    /// Forgets lines if there are too many. Looks through them no more often than one can go.
    fn make_room(&mut self, now: Instant) {
        if self.known.len() < CAPACITY || self.all_known_until.is_some_and(|until| now < until) {
            return;
        }
        self.known.retain(|_, since| is_known(*since, now));
        self.all_known_until = self.known.values().min().map(|oldest| *oldest + MEMORY);
    }

    fn take_count(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

fn is_known(since: Instant, now: Instant) -> bool {
    now.duration_since(since) < MEMORY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(number: u64) -> Instant {
        use std::sync::OnceLock;
        static START: OnceLock<Instant> = OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(number)
    }

    const LEFT_OUT: Admission = Admission::LeftOut { first: false };

    #[test]
    fn a_line_is_logged_once_a_minute() {
        let steps = [("a", 0), ("a", 59), ("b", 59), ("a", 60), ("b", 61), ("a", 100), ("a", 120), ("a", 200)];
        let cases = [(Again::AfterMemory, "a 0, b 59, a 60, a 120, a 200"), (Again::AfterSilence, "a 0, b 59, a 200")];
        for (again, want) in cases {
            let mut ration = Ration::new(again);
            let logged = steps.iter().filter(|(line, at)| ration.admit(line, second(*at)) == Admission::New);
            let logged: Vec<String> = logged.map(|(line, at)| format!("{line} {at}")).collect();
            assert_eq!(logged.join(", "), want, "{again:?}");
        }
    }

    #[test]
    fn a_flood_is_counted() {
        let mut ration = Ration::new(Again::AfterMemory);
        // Line after line, one every millisecond, each of them twice: 2 minutes and 40 seconds.
        let mut logged = Vec::new();
        for number in 0..160_000_u64 {
            let now = second(0) + Duration::from_millis(number);
            for round in 0..2 {
                match ration.admit(&number.to_string(), now) {
                    Admission::New => logged.push(number),
                    Admission::Known => assert_eq!(round, 1),
                    Admission::LeftOut { first } => assert_eq!(first, number == 1000 && round == 0),
                }
            }
            assert!(ration.known.len() <= CAPACITY);
        }
        let want: Vec<u64> = [0, 60_000, 120_000].into_iter().flat_map(|start| start..start + 1000).collect();
        assert_eq!(logged, want);
        assert_eq!(ration.take_count(), 2 * (160_000 - 3000));
        assert_eq!(ration.take_count(), 0);
        assert_eq!(ration.admit("one more", second(160)), Admission::LeftOut { first: true });
        assert_eq!(ration.admit("one more", second(160)), LEFT_OUT);
    }

    #[test]
    fn counts_are_logged() {
        static COUNTS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
        static LOG: Log = Log::new(Again::AfterMemory, |count| COUNTS.lock().push(count));
        let mut logged = 0;
        for number in 0..1500 {
            LOG.once(&number.to_string(), || logged += 1);
        }
        LOG.report();
        LOG.report();
        assert_eq!((logged, COUNTS.lock().clone()), (1000, vec![500]));
    }
}
