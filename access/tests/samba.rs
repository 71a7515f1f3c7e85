//! Our answers are compared with those of Samba (`samba_answers.py`).

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::Write;
use std::process::{Command, Stdio};

use access::{AceFlags, AceKind, AceParts, Control, Descriptor, MAXIMUM_ALLOWED, Sid, Token, check, list};
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
