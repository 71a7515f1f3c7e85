//! The range-coded stream of LZMS: yes-or-no decisions, each with a probability that adapts.

/// Reads decisions from 16-bit little-endian words.
///
/// After the end of the input it supplies zeros without end; see [`overrun`](Self::overrun).
#[derive(Clone, Copy)]
pub(super) struct RangeDecoder<'a> {
    rest: &'a [u8],
    /// Whether words after the end of the input were needed.
    overrun: bool,
    range: u32,
    code: u32,
}

impl<'a> RangeDecoder<'a> {
    pub(super) fn new(src: &'a [u8]) -> Self {
        let mut decoder = Self { rest: src, overrun: false, range: u32::MAX, code: 0 };
        decoder.add_word();
        decoder.add_word();
        decoder
    }

    #[inline(always)]
    fn add_word(&mut self) {
        self.code <<= 16;
        match self.rest.split_first_chunk() {
            Some((word, rest)) => {
                self.code |= u32::from(u16::from_le_bytes(*word));
                self.rest = rest;
            }
            None => self.overrun = true,
        }
    }

    /// Decodes a decision in `context`, which adapts.
    #[inline(always)]
    pub(super) fn bit<const SIZE: usize>(&mut self, context: &mut Context<SIZE>) -> bool {
        if self.range < 1 << 16 {
            self.range <<= 16;
            self.add_word();
        }
        let bound = (self.range >> 6) * context.zero_in_64();
        // The caller goes two ways too, so this is no place to save branches.
        if self.code < bound {
            self.range = bound;
            context.add(false);
            false
        } else {
            self.range -= bound;
            self.code -= bound;
            context.add(true);
            true
        }
    }

    /// Whether words after the end of the input were needed.
    pub(super) fn overrun(&self) -> bool {
        self.overrun
    }
}

/// A kind of decision: a probability for each outcome of the last few decisions of this kind, of
/// which there are `SIZE`, a power of two.
pub(super) struct Context<const SIZE: usize> {
    /// The last outcomes, the newest lowest; more of them than count.
    state: u32,
    probabilities: [Probability; SIZE],
}

impl<const SIZE: usize> Default for Context<SIZE> {
    fn default() -> Self {
        Self { state: 0, probabilities: [Probability::START; SIZE] }
    }
}

impl<const SIZE: usize> Context<SIZE> {
    /// The probability that the next decision is 0, in units of 1/64, from 1 to 63.
    #[inline(always)]
    pub(super) fn zero_in_64(&self) -> u32 {
        self.zero_in_64_after(self.state)
    }

    /// The same if the last outcomes had been those of `state`.
    #[inline(always)]
    pub(super) fn zero_in_64_after(&self, state: u32) -> u32 {
        self.probabilities[state as usize % SIZE].of_zero
    }

    /// Adapts to an outcome.
    #[inline(always)]
    pub(super) fn add(&mut self, outcome: bool) {
        let probability = &mut self.probabilities[self.state as usize % SIZE];
        if outcome {
            probability.add_one();
        } else {
            probability.add_zero();
        }
        self.state = self.state << 1 | u32::from(outcome);
    }
}

/// How often a decision was 1 recently.
#[derive(Clone, Copy)]
struct Probability {
    /// The last 64 outcomes, the newest lowest.
    history: u64,
    /// How many of them are zero.
    zeros: u32,
    /// The probability of a zero in units of 1/64, from 1 to 63. Computed after each decision, so
    /// that the next one does not wait for it.
    of_zero: u32,
}

impl Probability {
    const START: Self = Self { history: 0x5555_5555, zeros: 48, of_zero: 48 };

    #[inline(always)]
    fn add_zero(&mut self) {
        let oldest;
        (self.history, oldest) = self.history.overflowing_add(self.history);
        self.zeros += u32::from(oldest);
        self.of_zero = self.zeros.min(63);
    }

    #[inline(always)]
    fn add_one(&mut self) {
        let (older, oldest) = self.history.overflowing_add(self.history);
        self.history = older | 1;
        self.zeros -= u32::from(!oldest);
        self.of_zero = self.zeros.max(1);
    }
}
