//! `mutants AMOUNT [SEED]`: compares what the program and wimlib make of mutants, AMOUNT of them,
//! or for a time such as `30m` or `90s`, from SEED on. Fails if there are findings.
#![expect(clippy::print_stdout, reason = "a program")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use testkit::mutate::{mutant, peers, specimens};
use wimstore_tests::{Counts, compare};

/// Mutants in one store.
const STORE: u64 = 50;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let amount = arguments.first().map_or("500", String::as_str);
    let first: u64 = arguments.get(1).map_or(1, |seed| seed.parse().expect("a seed"));
    let (most, limit) = amount_of(amount);
    let folder = tempfile::tempdir().expect("a folder for archives");
    let specimens: Vec<_> = specimens().into_iter().chain(peers(folder.path())).collect();
    let (start, kept) = (Instant::now(), Path::new("target/fuzz/mutants"));
    let (mut count, mut counts, mut rules) = (0, Counts::default(), BTreeMap::<&str, u64>::new());
    while count < most && start.elapsed() < limit {
        let seeds = first + count..first + (count + STORE).min(most);
        count += seeds.end - seeds.start;
        let mutants: Vec<_> = seeds.map(|seed| mutant(&specimens, seed)).collect();
        let (compared, findings) = compare(&mutants, kept);
        counts += compared;
        for finding in findings {
            *rules.entry(finding.rule).or_default() += 1;
            let seed = finding.seed.map_or("?".to_owned(), |seed| seed.to_string());
            println!("seed {seed}: {}: {:.600}\n    {}", finding.rule, finding.what, finding.changes.join("; "));
        }
    }
    println!("{count} mutants from seed {first} in {:.0} s: {counts:?}", start.elapsed().as_secs_f64());
    println!("findings: {rules:?}");
    if rules.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many mutants, and for how long.
fn amount_of(amount: &str) -> (u64, Duration) {
    let number = |digits: &str| digits.parse::<u64>().expect("a number of mutants, or a time such as 90s or 30m");
    if let Some(seconds) = amount.strip_suffix('s') {
        (u64::MAX, Duration::from_secs(number(seconds)))
    } else if let Some(minutes) = amount.strip_suffix('m') {
        (u64::MAX, Duration::from_secs(60 * number(minutes)))
    } else {
        (number(amount), Duration::MAX)
    }
}
