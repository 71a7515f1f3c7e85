//! Our answers are compared with those of Samba (`samba_answers.py`).

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::Write;
use std::process::{Command, Stdio};

use access::{
    AceFlags, AceKind, AceParts, Control, Descriptor, MAXIMUM_ALLOWED, Security, Sid, Stored, Token, check, list, sddl,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;

/// Runs `samba_answers.py` and returns the lines that it writes.
fn samba(args: &[&str], input: String) -> Vec<String> {
    let mut child = Command::new("/usr/bin/python3") // the one that Debian's python3-samba is for
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samba_answers.py"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "samba_answers.py {args:?}: `scripts/setup test` installs what it needs");
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
}

/// A number that the environment may set.
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// A number that differs at each run.
fn any_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_nanos() as u64 >> 10
}

/// A question to the check, which a mutant changes before it is asked.
#[derive(Clone)]
struct Case {
    owner: Sid,
    dacl: Option<Vec<AceParts>>,
    sids: Vec<Sid>,
    want: u32,
}

fn sid(value: &Value) -> Sid {
    value.as_str().unwrap().parse().unwrap()
}

fn mask(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

impl Case {
    fn parse(line: &str) -> Self {
        let case: Value = serde_json::from_str(line).unwrap();
        let ace = |ace: &Value| {
            let kind = if ace[0] == 0 { AceKind::Allow } else { AceKind::Deny };
            assert_eq!(ace[0].as_u64(), Some(kind.byte().into()));
            AceParts::new(kind, AceFlags(mask(&ace[1]) as u8), mask(&ace[2]), sid(&ace[3]))
        };
        Self {
            owner: sid(&case["owner"]),
            dacl: case["dacl"].as_array().map(|dacl| dacl.iter().map(ace).collect()),
            sids: case["sids"].as_array().unwrap().iter().map(sid).collect(),
            want: mask(&case["want"]),
        }
    }

    fn ask(&self) -> Option<u32> {
        let dacl = self.dacl.as_ref().map(|dacl| list(dacl).unwrap());
        let empty = list(&[]).unwrap();
        let of = dacl.as_ref().unwrap_or(&empty);
        let mut descriptor = Descriptor::new(Control::default(), self.owner, Sid::ADMINISTRATORS, of).unwrap();
        if dacl.is_none() {
            descriptor.dacl = None;
        }
        let token = Token::exact(self.sids[0], &self.sids, &[]);
        check(&descriptor, &token, self.want).granted
    }
}

/// What is wrong with a check, and the change of questions that makes our answers those of it.
type Mutant = (&'static str, fn(&mut Case));

const MUTANTS: &[Mutant] = &[
    ("entries that deny come first", |case| {
        case.dacl.iter_mut().for_each(|dacl| dacl.sort_by_key(|ace| ace.kind != AceKind::Deny));
    }),
    ("entries that are for children only count", |case| {
        case.dacl.iter_mut().flatten().for_each(|ace| ace.flags.0 &= !0x08);
    }),
    ("entries about owner rights are ignored", |case| {
        case.dacl.iter_mut().for_each(|dacl| dacl.retain(|ace| ace.sid != Sid::OWNER_RIGHTS));
    }),
    ("generic rights in entries are not mapped", |case| {
        case.dacl.iter_mut().flatten().for_each(|ace| ace.mask &= 0x0FFF_FFFF);
    }),
    ("owners have no rights of their own", |case| case.owner = Sid::new(5, &[99]).unwrap()),
    ("the maximum is not asked for", |case| case.want &= !MAXIMUM_ALLOWED),
];

/// Random questions, `WIMSTORE_ACCESS_CASES` of them, from the seed `WIMSTORE_SEED`.
#[test]
fn the_check_is_that_of_samba_and_mutants_of_it_are_not() {
    let (count, seed) = (number("WIMSTORE_ACCESS_CASES", 20_000), number("WIMSTORE_SEED", any_seed()));
    println!("WIMSTORE_SEED={seed}");
    let lines = samba(&["generate", &count.to_string(), &seed.to_string()], String::new());
    let answers = samba(&["check"], lines.join("\n"));
    assert_eq!((lines.len() as u64, answers.len()), (count, lines.len()));
    let mut caught = vec![0_u64; MUTANTS.len()];
    for (line, answer) in lines.iter().zip(&answers) {
        let case = Case::parse(line);
        let want: Option<u32> = serde_json::from_str(answer).unwrap();
        assert_eq!(case.ask(), want, "{line}");
        for ((_, mutate), caught) in MUTANTS.iter().zip(&mut caught) {
            let mut case = case.clone();
            mutate(&mut case);
            *caught += u64::from(case.ask() != want);
        }
    }
    for ((name, _), caught) in MUTANTS.iter().zip(&caught) {
        println!("{caught} of {count} cases catch the mutant: {name}");
        assert_ne!(*caught, 0, "{name}");
    }
}

fn any_sid() -> impl Strategy<Value = Sid> {
    let known = ["S-1-1-0", "S-1-3-4", "S-1-5-11", "S-1-5-18", "S-1-5-32-544", "S-1-5-32-545"];
    let known = prop::sample::select(known.map(|text| text.parse().unwrap()).to_vec());
    let account = any::<[u32; 4]>().prop_map(|[a, b, c, d]| Sid::new(5, &[21, a, b, c, d]).unwrap());
    prop_oneof![known, account]
}

fn any_ace() -> impl Strategy<Value = AceParts> {
    let kinds = vec![AceKind::Allow, AceKind::Deny, AceKind::AllowObject, AceKind::DenyObject];
    let mask = prop_oneof![any::<u32>(), Just(0x001F_01FF), Just(0x0012_0089), 0..0x200_u32];
    let guids = any::<[Option<[u8; 16]>; 2]>();
    // Flags that Samba 4.17 has names for.
    let of_parts = |(kind, flags, mask, guids, sid): (AceKind, u8, _, _, _)| AceParts {
        guids: if kind.is_of_object() { guids } else { [None; 2] },
        ..AceParts::new(kind, AceFlags(flags & 0x1F), mask, sid)
    };
    (prop::sample::select(kinds), any::<u8>(), mask, guids, any_sid()).prop_map(of_parts)
}

/// A descriptor's bytes.
fn any_descriptor() -> impl Strategy<Value = Vec<u8>> {
    let control = prop::sample::select(vec![0, 0x1000, 0x0400, 0x1500]);
    (any_sid(), any_sid(), prop::collection::vec(any_ace(), 0..6), control).prop_map(|(owner, group, aces, control)| {
        Descriptor::new(Control(control), owner, group, &list(&aces).unwrap()).unwrap().to_bytes()
    })
}

/// A descriptor without the bytes between its parts, and without the order of these.
fn normal(bytes: &[u8]) -> Vec<u8> {
    let parsed = Descriptor::parse(bytes).unwrap();
    let entries: Vec<_> = parsed.dacl.unwrap().entries().map(|ace| ace.parts().unwrap()).collect();
    let dacl = list(&entries).unwrap(); // Samba gives all its lists revision 4
    Descriptor::new(parsed.control, parsed.owner.unwrap(), parsed.group.unwrap(), &dacl).unwrap().to_bytes()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_attribute_of_samba_has_a_descriptor_in_every_version() {
    let text = "O:BAG:SYD:PAI(A;OICI;0x1200a9;;;AU)(D;;CC;;;S-1-22-1-1000)";
    let answers = samba(&["ntacl"], text.into());
    let values: Vec<String> = serde_json::from_str(&answers[0]).unwrap();
    assert_eq!(values.len(), 4);
    for value in values {
        let found = Security::of_stored(&Stored::Ntacl(bytes_of(&value).into()), None);
        assert_eq!(found.sddl().as_deref(), Some(text), "{value}");
    }
}

#[test]
fn texts_mean_the_same_to_samba() {
    let mut runner = TestRunner::deterministic();
    let made: Vec<_> = (0..2000).map(|_| any_descriptor().new_tree(&mut runner).unwrap().current()).collect();
    let texts: Vec<_> = made.iter().map(|bytes| sddl::write(&Descriptor::parse(bytes).unwrap()).unwrap()).collect();
    // Quirk: Samba 4.17 reads FA without the standard rights.
    let answers = samba(&["sddl"], texts.join("\n").replace(";FA;", ";0x1f01ff;"));
    assert_eq!(answers.len(), made.len());
    let mut same = 0;
    for ((bytes, text), answer) in made.iter().zip(&texts).zip(&answers) {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let hex = answer["bytes"].as_str().unwrap_or_else(|| panic!("Samba refuses {text}"));
        assert_eq!(normal(&bytes_of(hex)), normal(bytes), "{text}");
        let their_text = answer["text"].as_str().unwrap();
        let back = sddl::parse(their_text, None).unwrap_or_else(|error| panic!("{their_text}: {error}"));
        assert_eq!(normal(&back), normal(bytes), "{their_text}");
        same += usize::from(their_text == text);
    }
    println!("Samba writes {same} of {} in the same way", texts.len());
}
