//! Names that attack, clash, or cannot be.

use super::Outcome::{Opens, Warns};
use super::metadata::beside_a_sound_one;
use super::{Fault, Tree, absent, between, content, good, row, shows};
use crate::bytes::{units, utf16};
use crate::dentry::{Dentry, dir, file};
use crate::image::Image;
use crate::wim::Built;
use crate::{reparse, root};

const TWO: Tree = shows(&["two"]);
const D: &[Tree] = &[shows(&["before", "behind", "d/before", "d/behind"]), TWO];

pub(super) const ROWS: &[Fault] = &[
    row(
        "name_with_slash",
        name_with_slash,
        "a stand-in for the slash",
        Warns(&[absent(&["before", "behind", "d/before", "d/behind", "d/a\u{F02F}b"], &["d/a", "d/a/b"]), TWO]),
    )
    .wimlib(0),
    row(
        "name_with_nul",
        name_with_nul,
        "a stand-in for the NUL",
        Warns(&[shows(&["before", "behind", "d/before", "d/behind", "d/a\u{F000}b"]), TWO]),
    )
    .wimlib(0),
    row("dot", dot, "left out", Warns(&[absent(&["before", "behind", "d/before", "d/behind"], &["d/."]), TWO]))
        .wimlib(0),
    row(
        "dotdot",
        dotdot,
        "left out",
        Warns(&[absent(&["before", "behind", "d/before", "d/behind"], &["d/..", "d/../escaped", "escaped"]), TWO]),
    )
    .wimlib(0),
    row("name_empty", name_empty, "left out", Warns(D)).wimlib(0),
    row(
        "name_twice",
        name_twice,
        "the first is shown",
        Warns(&[shows(&["before", "behind", "d/before", "d/behind", "d/twin"]), TWO]),
    )
    .wimlib(0),
    row(
        "names_differ_in_case",
        names_differ_in_case,
        "both are shown",
        Opens(&[shows(&["before", "behind", "d/before", "d/behind", "d/TWIN", "d/twin", "d/Twin"]), TWO]),
    )
    .wimlib(0),
    row("name_65534", name_65534, "left out: longer than any system takes", Warns(D)).wimlib(0),
    row(
        "name_255_units",
        name_255_units,
        "shown: 765 bytes",
        Opens(&[shows(&["before", "behind", "d/before", "d/behind", LONG]), TWO]),
    )
    .wimlib(0),
    row("name_lone_surrogate", name_lone_surrogate, "shown as WTF-8", Opens(D)).wimlib(0),
    row(
        "names_of_windows",
        names_of_windows,
        "shown as they are",
        Opens(&[
            shows(&["before", "behind", "d/before", "d/behind", "d/CON", "d/a\\b", "d/a:b", "d/*?\"<>|", "d/tail. "]),
            TWO,
        ]),
    )
    .wimlib(0),
    row(
        "name_of_stand_in",
        name_of_stand_in,
        "the first of two equal names is shown",
        Warns(&[shows(&["before", "behind", "d/before", "d/behind", "d/a\u{F02F}b"]), TWO]),
    )
    .wimlib(0),
    row("link_leads_out", link_leads_out, "a link that stays inside the image", Opens(D)).wimlib(0),
];

/// `d/` and 255 times U+6587.
const LONG: &str = "d/文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文\
文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文\
文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文\
文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文\
文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文";

fn with(victims: impl Into<Vec<Dentry>>) -> Built {
    let mut entries = vec![good("before")];
    entries.extend(victims.into());
    entries.push(good("behind"));
    beside_a_sound_one(Image::new("one", between([dir("d", entries)])))
}

/// A file named `stored` whose content is that of the name it is shown by.
fn shown_as(shown: &str, stored: &str) -> Dentry {
    file(stored, content(shown))
}

/// `a/b` in one name.
pub fn name_with_slash() -> Built {
    with([shown_as("a\u{F02F}b", "a/b")])
}

/// A NUL in a name.
pub fn name_with_nul() -> Built {
    with([shown_as("a\u{F000}b", "a\0b")])
}

/// A file called `.`.
pub fn dot() -> Built {
    with([file(".", "dot")])
}

/// A directory called `..` with a file.
pub fn dotdot() -> Built {
    with([dir("..", [good("escaped")])])
}

/// A file without a name.
pub fn name_empty() -> Built {
    with([file("", "nameless")])
}

/// Two files of one name.
pub fn name_twice() -> Built {
    with([good("twin"), file("twin", "the second")])
}

/// Three names that are one where case does not count.
pub fn names_differ_in_case() -> Built {
    with(["twin", "TWIN", "Twin"].map(good))
}

/// A name of as many bytes as can be counted.
pub fn name_65534() -> Built {
    with([file("", "long").raw_name(&utf16(&"n".repeat(32767)))])
}

/// As long as NTFS allows, in letters of three bytes.
pub fn name_255_units() -> Built {
    let name = LONG.trim_start_matches("d/");
    assert_eq!(name.chars().count(), 255);
    with([good(name)])
}

/// Halves of surrogate pairs, alone and in the wrong order.
pub fn name_lone_surrogate() -> Built {
    let names: [&[u16]; 3] = [&[0x61, 0xD800], &[0xDC00], &[0xDC00, 0xD800, 0x62]];
    with(names.map(|name| file("", "surrogate").raw_name(&units(name))))
}

/// What Windows forbids and Unix does not mind.
pub fn names_of_windows() -> Built {
    with(["CON", "a\\b", "a:b", "*?\"<>|", "tail. "].map(good))
}

/// A name that is what another is shown as.
pub fn name_of_stand_in() -> Built {
    with([good("a\u{F02F}b"), file("a/b", "hidden by the first")])
}

/// Links out of the image: relative, absolute, to a device and to a share.
pub fn link_leads_out() -> Built {
    let targets = [
        (r"..\..\..\..\..\etc\passwd", true),
        (r"\??\C:\..\..\etc\passwd", false),
        (r"\etc\passwd", true),
        (r"\??\UNC\server\share\file", false),
        (r"\Device\HarddiskVolume1\etc\passwd", false),
    ];
    let links = targets.iter().enumerate().map(|(number, (target, relative))| {
        let data = reparse::symlink(target, target, *relative);
        file(&format!("link{number}"), "").reparse(reparse::SYMLINK, data)
    });
    let junction = dir("junction", []).reparse(reparse::JUNCTION, reparse::junction(r"\??\C:\..\..\etc", r"C:\"));
    let mut entries = vec![good("before")];
    entries.extend(links);
    entries.extend([junction, good("behind")]);
    beside_a_sound_one(Image::new("one", root([good("before"), dir("d", entries), good("behind")])))
}
