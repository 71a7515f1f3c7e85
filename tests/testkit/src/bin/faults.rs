//! Writes every fault of `testkit::faults` as `NAME.wim` into the folder given, to be looked at
//! with any program.

fn main() {
    let folder = std::path::PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    for fault in testkit::faults::all() {
        (fault.build)().save(&folder.join(format!("{}.wim", fault.name)));
    }
}
