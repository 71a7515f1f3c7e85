//! Progress bars: on stderr, if it is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many `archives`.
pub(crate) fn over_archives(archives: usize) -> ProgressBar {
    bar(archives as u64, "{wide_bar} {pos} of {len} archives, {eta} left")
}

/// A bar over so many `bytes`.
pub(crate) fn over_bytes(bytes: u64) -> ProgressBar {
    bar(bytes, "{wide_bar} {percent:>3}% {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left")
}

fn bar(length: u64, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(length).with_style(style);
    bar.tick(); // shown at once, however long the first archive takes
    bar
}
