//! The two streams of a chunk: decisions with adaptive probabilities, and plain bits.

/// A kind of decision, with a probability for each outcome of the last few of its kind.
pub(super) struct Context {
    state: usize,
    /// The last 64 outcomes in each state, the newest lowest.
    histories: Vec<u64>,
}

impl Context {
    /// A kind that remembers so many outcomes.
    pub(super) fn new(remembered: u32) -> Self {
        Self { state: 0, histories: vec![0x5555_5555; 1 << remembered] }
    }

    /// The probability of a no, in 1/64.
    fn of_no(&self) -> u32 {
        self.histories[self.state].count_zeros().clamp(1, 63)
    }

    fn add(&mut self, outcome: bool) {
        let history = &mut self.histories[self.state];
        *history = *history << 1 | u64::from(outcome);
        self.state = (self.state << 1 | usize::from(outcome)) % self.histories.len();
    }
}

/// Writes decisions as 16-bit words.
pub(super) struct RangeEncoder {
    words: Vec<u16>,
    low: u32,
    range: u32,
}

impl RangeEncoder {
    pub(super) fn new() -> Self {
        Self { words: Vec::new(), low: 0, range: u32::MAX }
    }

    pub(super) fn bit(&mut self, context: &mut Context, outcome: bool) {
        if self.range < 1 << 16 {
            self.range <<= 16;
            self.shift();
        }
        let bound = (self.range >> 6) * context.of_no();
        if outcome {
            self.range -= bound;
            self.add(bound);
        } else {
            self.range = bound;
        }
        context.add(outcome);
    }

    /// Adds to what has been written.
    fn add(&mut self, value: u32) {
        let mut carry;
        (self.low, carry) = self.low.overflowing_add(value);
        let mut words = self.words.iter_mut().rev();
        while carry {
            let word = words.next().expect("what is written stays below 1");
            (*word, carry) = word.overflowing_add(1);
        }
    }

    fn shift(&mut self) {
        self.words.push((self.low >> 16) as u16);
        self.low <<= 16;
    }

    /// The words, with one behind them that no decoder reads.
    pub(super) fn finish(mut self) -> Vec<u16> {
        (0..3).for_each(|_| self.shift());
        self.words
    }
}

/// Writes bits into 16-bit words, from their tops.
#[derive(Default)]
pub(super) struct BitWriter {
    words: Vec<u16>,
    pending: u64,
    count: u32,
}

impl BitWriter {
    /// Writes the low `count` bits of `value`, of which no others are set.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | u64::from(value);
        self.count += count;
        while self.count >= 16 {
            self.count -= 16;
            self.words.push((self.pending >> self.count) as u16);
        }
    }

    pub(super) fn finish(mut self) -> Vec<u16> {
        if self.count > 0 {
            self.put(0, 16 - self.count);
        }
        self.words
    }
}
