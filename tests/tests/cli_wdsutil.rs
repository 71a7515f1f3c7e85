//! `wimstore wdsutil`: the life of an image by the command lines of WDS.

use std::fs;
use std::path::Path;

use testkit::{Image, Packing, Wim, file, root};
use wimstore_tests::{Said, say};

fn ask(store: &Path, words: &[&str]) -> Said {
    let store = format!("/RemInst:{}", store.display());
    say(&[&["wdsutil", &store], words].concat())
}

fn done(store: &Path, words: &[&str]) -> String {
    let said = ask(store, words);
    assert_eq!(said.code, 0, "{words:?}: {said:?}");
    assert!(said.out.ends_with("The command completed successfully.\n"), "{words:?}: {said:?}");
    said.out
}

#[test]
fn an_image_lives_by_the_verbs_of_wds() {
    let folder = tempfile::tempdir().unwrap();
    let (store, source) = (folder.path().join("RemoteInstall"), folder.path().join("install.wim"));
    let images = ["Home", "Pro"].map(|name| Image::new(name, root([file("x", name), file("shared", "shared")])));
    Wim::of(Packing::Lzx(32768), images).build().save(&source);
    assert_eq!(say(&["store", "init", store.to_str().unwrap()]).code, 0);
    let file = format!("/ImageFile:{}", source.display());

    // Without a group, one is made; with one, that is taken; with two, one has to be named.
    done(
        &store,
        &["/Add-Image", &file, "/ImageType:Install", "/SingleImage:Pro", "/Name:Windows 11", "/Filename:w.wim"],
    );
    assert!(done(&store, &["/Get-AllImages", "/Show:Install"]).contains("ImageGroup1/w.wim"));
    done(&store, &["/Add-ImageGroup:Sales"]);
    let said = ask(&store, &["/Add-Image", &file]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("/add-image needs /ImageGroup:…, one of ImageGroup1, Sales"), "{said:?}");
    done(&store, &["-add-image", &file, "-IMAGEGROUP:Sales"]);
    let groups = done(&store, &["/Get-AllImageGroups"]);
    assert!(groups.contains("Sales  2 image files") && groups.contains("Pro"), "{groups}");

    done(&store, &["/Set-Image:Home", "/ImageGroup:Sales", "/Name:Windows 11 Home", "/Enabled:No"]);
    assert!(done(&store, &["/Get-Image:Windows 11 Home"]).contains("disabled"));
    done(
        &store,
        &["/Copy-Image:Pro", "/ImageGroup:Sales", "/DestinationImage", "/Name:Copy of Pro", "/Filename:copy.wim"],
    );
    done(&store, &["/Replace-Image:Pro", "/ImageGroup:Sales", "/ReplacementImage", &file, "/SourceImage:Home"]);
    let target = folder.path().join("out.wim");
    let path = format!("/FilePath:{}", target.display());
    done(&store, &["/Export-Image:Copy of Pro", "/DestinationImage", &path]);
    assert_eq!(ask(&store, &["/Export-Image:Copy of Pro", "/DestinationImage", &path]).code, 2);
    done(&store, &["/Export-Image:Windows 11", "/DestinationImage", &path, "/Overwrite:Append"]);
    let content = say(&["cat", target.to_str().unwrap(), "Copy of Pro/x", "Windows 11/x"]);
    assert_eq!((content.code, content.out.as_str()), (0, "ProPro"), "{content:?}");

    done(&store, &["/Remove-Image:Copy of Pro"]);
    done(&store, &["/Set-ImageGroup:Sales", "/Name:Support"]);
    done(&store, &["/Remove-ImageGroup", "/ImageGroup:Support"]);
    assert_eq!(
        fs::read_dir(store.join("Images"))
            .unwrap()
            .flatten()
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
            .count(),
        1
    );
    assert!(say(&["verify", store.to_str().unwrap()]).out.contains(": nothing is bad"));
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("RemoteInstall");
    assert_eq!(say(&["store", "init", store.to_str().unwrap()]).code, 0);
    for (words, reason) in [
        (&["/Add-Image", "/ImageFile:boot.wim", "/ImageType:Boot"][..], "boot images are not managed"),
        (&["/Start-Server"], "not a verb of the image store"),
        (&["/Get-Image:x", "/Server:other"], "only stores of this machine"),
        (&["/Remove-Image:nothing"], "nothing"),
    ] {
        let said = ask(&store, words);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
        assert!(said.err.contains(reason) && said.err.lines().count() == 1, "{said:?}");
    }
    let help = say(&["wdsutil", "/?"]);
    assert!(help.code == 0 && help.out.contains("/Replace-Image"), "{help:?}");
}
