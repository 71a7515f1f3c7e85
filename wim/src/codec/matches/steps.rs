//! Counts the steps of loops whose length depends on the data, in tests only, so that bounds on them
//! can be tested.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts a step.
#[inline(always)]
pub(in super::super) fn count() {
    #[cfg(test)]
    STEPS.set(STEPS.get() + 1);
}

/// The steps of this thread since the last call.
#[cfg(test)]
pub(in super::super) fn take() -> u64 {
    STEPS.take()
}
