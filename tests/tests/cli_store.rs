//! `wimstore store`, `group` and `image`: a store is made, filled and emptied under a mount.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use testkit::{Image, Packing, Wim, content, eventually, file, root, wimlib};
use wimstore_tests::{Mount, answer, run, say};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An archive of one image with a file of its own, and one that all have.
fn source(folder: &Path, name: &str, packing: Packing) -> String {
    let path = folder.join(format!("{name}.wim"));
    let files = [file("shared", content::text(200_000)), file("own", name)];
    Wim::of(packing, [Image::new(name, root(files))]).build().save(&path);
    text(&path).into()
}

#[test]
fn a_mount_shows_what_the_verbs_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("R");
    let store = text(&store);
    let [one, two] = [("one", Packing::Lzx(32768)), ("two", Packing::Stored)].map(|(n, p)| source(folder.path(), n, p));
    answer(&["store", "init", store]);
    answer(&["group", "create", store, "Sales"]);
    let mount = Mount::new(Path::new(store), &[] as &[&str]);
    let shown = |path: &str| fs::read(mount.path().join(path)).ok();
    let names = || fs::read_dir(mount.path().join("Sales")).map_or(0, Iterator::count);
    assert_eq!(names(), 0);

    answer(&["image", "add", store, "Sales", &one]);
    assert!(eventually(|| shown("Sales/one/own").as_deref() == Some(b"one")));
    let open = fs::File::open(mount.path().join("Sales/one/shared")).unwrap();
    answer(&["image", "add", store, "Sales", &two, "--name", "Two", "--file", "second.wim"]);
    assert!(eventually(|| shown("Sales/Two/own").as_deref() == Some(b"two")));
    assert_eq!(shown("Sales/one/shared").unwrap(), content::text(200_000));
    let group = Path::new(store).join("Images/Sales");
    for name in ["one.wim", "second.wim"] {
        let reference = format!("--ref={}", text(&group.join("Res.rwm")));
        wimlib(["verify", text(&group.join(name)), &reference]);
    }
    let verified = answer(&["verify", store]);
    assert!(verified.contains(": nothing is bad, 0 warnings"), "{verified}");

    answer(&["image", "remove", store, "Sales/one"]);
    assert!(eventually(|| names() == 1));
    let mut data = Vec::new();
    std::io::Read::read_to_end(&mut &open, &mut data).unwrap();
    assert_eq!(data, content::text(200_000), "what was open is read to its end");
    drop(open);
    answer(&["group", "rename", store, "Sales", "Support"]);
    assert!(eventually(|| shown("Support/Two/own").as_deref() == Some(b"two")));
    answer(&["group", "remove", store, "Support", "--force"]);
    assert!(eventually(|| fs::read_dir(mount.path()).unwrap().count() == 0));
    assert_eq!(answer(&["store", "status", store]), "");
    assert_eq!(answer(&["store", "repair", store]), "");
}

#[test]
fn programs_get_a_plan_a_result_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("R");
    let store = text(&store);
    let one = source(folder.path(), "one", Packing::Xpress(32768));
    answer(&["store", "init", store]);
    answer(&["group", "create", store, "Sales"]);
    let asked = |arguments: &[&str]| -> (Option<i32>, Vec<Value>) {
        let output = run(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    };
    let add = ["image", "add", store, "Sales", &one, "--json"];
    let (code, objects) = asked(&[&add[..], &["--dry-run"]].concat());
    assert_eq!((code, objects.len()), (Some(0), 2));
    assert_eq!((&objects[0]["type"], &objects[0]["new_blobs"]), (&"plan".into(), &2.into()));
    assert_eq!((&objects[1]["dry_run"], &objects[1]["changed"]), (&true.into(), &false.into()));
    assert_eq!(answer(&["image", "list", store]), "");

    let (code, objects) = asked(&add);
    assert_eq!((code, objects.len()), (Some(0), 2));
    assert_eq!(objects[1]["images"], serde_json::json!(["Sales/one.wim"]));
    assert_eq!((&objects[1]["verb"], &objects[1]["new_blobs"]), (&"image add".into(), &2.into()));

    let (code, objects) = asked(&add);
    assert_eq!((code, &objects[0]["code"]), (Some(2), &"exists".into()));
    let (code, objects) = asked(&["image", "show", store, "Sales/none", "--json"]);
    assert_eq!((code, &objects[0]["code"]), (Some(2), &"not_found".into()));
    let (code, objects) = asked(&["group", "create", store, "CON", "--json"]);
    assert_eq!((code, &objects[0]["code"]), (Some(2), &"usage".into()));
    assert_eq!(say(&["group", "list", store]).code, 0);
}
