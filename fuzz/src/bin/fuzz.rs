//! libFuzzer's program: the target is named by the environment variable `WIMSTORE_FUZZ_TARGET`.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use wimstore_fuzz::{TARGETS, Target};

fn target() -> &'static Target {
    static TARGET: OnceLock<&Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("WIMSTORE_FUZZ_TARGET").unwrap_or_default();
        let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
        TARGETS
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("WIMSTORE_FUZZ_TARGET is {name:?}, not one of {names:?}"))
    })
}

fuzz_target!(|data: &[u8]| target().1(data));
