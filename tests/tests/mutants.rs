//! The short form of `scripts/fuzz mutate`: archives with fields changed and hashes made right
//! again, some written here and some by wimlib, read by every command and by wimlib.

use std::path::Path;

use testkit::mutate::{mutant, peers, specimens};
use wimstore_tests::{Counts, Finding, compare};

/// Seeds of the mutants: the same each time. `scripts/fuzz mutate 1 SEED` makes one of them again.
const SEEDS: std::ops::Range<u64> = 0..150;

/// Mutants in one store.
const STORE: usize = 50;

fn said(finding: &Finding) -> String {
    let Finding { seed, rule, what, changes } = finding;
    let seed = seed.map_or("seeds unknown".to_owned(), |seed| format!("seed {seed}"));
    format!("{seed}: {rule}: {what}\n    {}", changes.join("; "))
}

#[test]
fn every_command_and_wimlib_agree_about_mutants() {
    let folder = tempfile::tempdir().unwrap();
    let specimens: Vec<_> = specimens().into_iter().chain(peers(folder.path())).collect();
    let mutants: Vec<_> = SEEDS.map(|seed| mutant(&specimens, seed)).collect();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    let (mut counts, mut findings) = (Counts::default(), Vec::new());
    for store in mutants.chunks(STORE) {
        let (compared, found) = compare(store, &kept);
        counts += compared;
        findings.extend(found);
    }
    let said: Vec<String> = findings.iter().map(said).collect();
    assert!(said.is_empty(), "mutants are kept in {}\n{}", kept.display(), said.join("\n"));
    // Mutants are of use only where much of them is read, and something is not.
    let Counts { images, read, refused, applied } = counts;
    assert!(images > 150 && read > 1200 && refused > 50 && applied > 60, "{counts:?}");
}
