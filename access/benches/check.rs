//! The access check, of descriptors as a store has them and of the longest list that there can be.

use std::hint::black_box;

use access::{AceFlags, AceKind, AceParts, Control, Descriptor, READ_DATA, Sid, Token, check, list};
use divan::Bencher;

fn main() {
    divan::main();
}

fn account(relative: u32) -> Sid {
    Sid::new(5, &[21, 1, 2, 3, relative]).expect("few numbers")
}

/// A list of so many entries about others and a last one that grants, for a token of 30 groups.
#[divan::bench(args = [3, 30, 1800])]
fn last_entry_grants(bencher: Bencher<'_, '_>, others: u32) {
    let deny = |relative| AceParts::new(AceKind::Deny, AceFlags::default(), 1, account(10_000 + relative));
    let entries: Vec<_> =
        (0..others).map(deny).chain([AceParts::allow(0x0012_00A9, Sid::AUTHENTICATED_USERS)]).collect();
    let dacl = list(&entries).expect("a list of less than 64 KiB");
    let descriptor = Descriptor::new(Control::default(), account(1), account(1), &dacl).expect("a valid list");
    let groups: Vec<_> = (2..32).map(account).chain([Sid::AUTHENTICATED_USERS]).collect();
    let token = Token::exact(account(1000), &groups, &[]);
    assert!(check(&descriptor, &token, READ_DATA).is_granted());
    bencher.bench_local(|| check(black_box(&descriptor), black_box(&token), READ_DATA));
}
