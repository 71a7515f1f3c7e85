//! What the verbs of `wdsutil` ask for.

use anyhow::bail;
use fs_core::ImageChoice;
use store::Request;
use store::requests::{
    AddImages, CopyImage, CreateGroup, ExportImage, RemoveGroup, RemoveImage, ReplaceImage, Selector, SetGroup,
    SetImage, Verification,
};
use write::Destination;

use super::grammar::{Words, yes};

/// The verbs of the image store, for help.
pub(super) const VERBS: &str = "/Add-Image, /Add-ImageGroup, /Copy-Image, /Export-Image, /Get-AllImageGroups, \
    /Get-AllImages, /Get-Image, /Get-ImageGroup, /Remove-Image, /Remove-ImageGroup, /Replace-Image, /Set-Image, \
    /Set-ImageGroup";

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A change of the store.
    Change(Request),
    /// Images to be added; the group is the only one that there is, or a new one.
    Add(AddImages),
    /// The groups, or one of them, with their images.
    Groups(Option<String>),
    /// All images.
    Images,
    /// One image.
    Image(Selector),
}

impl Asked {
    /// What `words` ask for.
    ///
    /// # Errors
    /// The verb or an option is not known, or something is missing.
    pub(super) fn of(mut words: Words) -> anyhow::Result<Self> {
        let asked = Self::read(&mut words)?;
        words.end()?;
        Ok(asked)
    }

    fn read(words: &mut Words) -> anyhow::Result<Self> {
        Ok(match words.verb.as_str() {
            "add-image" => add(words)?,
            "add-imagegroup" => Self::Change(Request::CreateGroup(CreateGroup { group: words.subject("ImageGroup")? })),
            "remove-imagegroup" => {
                Self::Change(Request::RemoveGroup(RemoveGroup { group: words.subject("ImageGroup")?, force: true }))
            }
            "set-imagegroup" => {
                let group = words.subject("ImageGroup")?;
                let (name, security) = (words.take("Name")?, words.take("Security")?);
                Self::Change(Request::SetGroup(SetGroup { group, name, security, compression: None }))
            }
            "get-imagegroup" => {
                words.take_flag("Detailed");
                Self::Groups(Some(words.subject("ImageGroup")?))
            }
            "get-allimagegroups" => {
                words.take_flag("Detailed");
                Self::Groups(None)
            }
            "get-allimages" => {
                words.take_flag("Detailed");
                match words.need("Show")?.to_ascii_lowercase().as_str() {
                    "install" | "all" => Self::Images,
                    other => bail!("/Show:{other}: only Install and All; boot images are not managed"),
                }
            }
            "get-image" => Self::Image(image(words)?),
            "set-image" => Self::Change(Request::SetImage(set(words)?)),
            "copy-image" => Self::Change(Request::CopyImage(copy(words)?)),
            "export-image" => Self::Change(Request::ExportImage(export(words)?)),
            "replace-image" => Self::Change(Request::ReplaceImage(replace(words)?)),
            "remove-image" => Self::Change(Request::RemoveImage(RemoveImage { image: image(words)? })),
            other => bail!("/{other}: not a verb of the image store; these are {VERBS}"),
        })
    }
}

/// The image that is selected.
fn image(words: &mut Words) -> anyhow::Result<Selector> {
    let name = Some(words.subject("Image")?);
    is_install(words)?;
    Ok(Selector { name, group: words.take("ImageGroup")?, file: words.take("Filename")?, number: None })
}

fn is_install(words: &mut Words) -> anyhow::Result<()> {
    match words.take("ImageType")?.map(|kind| kind.to_ascii_lowercase()).as_deref() {
        None | Some("install") => Ok(()),
        Some("boot") => bail!("/ImageType:Boot: boot images are not managed"),
        Some(other) => bail!("/ImageType:{other}: it is neither Install nor Boot"),
    }
}

fn add(words: &mut Words) -> anyhow::Result<Asked> {
    let file = words.subject("ImageFile")?.into();
    is_install(words)?;
    let verification = if words.take_flag("SkipVerify") { Verification::Skip } else { Verification::Usual };
    let single = words.take("SingleImage")?;
    let group = words.take("ImageGroup")?;
    let request = AddImages {
        group: group.clone().unwrap_or_default(),
        file,
        images: single.map(ImageChoice::Name).into_iter().collect(),
        name: words.take("Name")?,
        description: words.take("Description")?,
        file_name: words.take("Filename")?,
        unattend: words.take("UnattendFile")?.map(Into::into),
        verification,
        ..AddImages::default()
    };
    Ok(if group.is_some() { Asked::Change(Request::AddImages(request)) } else { Asked::Add(request) })
}

fn set(words: &mut Words) -> anyhow::Result<SetImage> {
    let image = image(words)?;
    let enabled = words.take("Enabled")?.map(|value| yes("Enabled", &value)).transpose()?;
    let overwrite = words.take("OverwriteUnattend")?.map(|value| yes("OverwriteUnattend", &value)).transpose()?;
    Ok(SetImage {
        image,
        enabled,
        name: words.take("Name")?,
        description: words.take("Description")?,
        security: words.take("UserFilter")?,
        unattend: words.take("UnattendFile")?.map(Into::into),
        overwrite_unattend: overwrite.unwrap_or(false),
        ..SetImage::default()
    })
}

fn copy(words: &mut Words) -> anyhow::Result<CopyImage> {
    Ok(CopyImage {
        image: image(words)?,
        name: words.need_second("DestinationImage", "Name")?,
        file_name: words.need_second("DestinationImage", "Filename")?,
        description: words.take_second("Description")?,
    })
}

fn export(words: &mut Words) -> anyhow::Result<ExportImage> {
    let image = image(words)?;
    let overwrite = words.take_second("Overwrite")?.map(|value| value.to_ascii_lowercase());
    let destination = match overwrite.as_deref() {
        None | Some("no") => Destination::New,
        Some("yes") => Destination::Replace,
        Some("append") => Destination::Append,
        Some(other) => bail!("/Overwrite:{other}: it is not Yes, No or Append"),
    };
    let path = words.need_second("DestinationImage", "FilePath")?.into();
    let (name, description) = (words.take_second("Name")?, words.take_second("Description")?);
    Ok(ExportImage { image, path, destination, name, description })
}

fn replace(words: &mut Words) -> anyhow::Result<ReplaceImage> {
    Ok(ReplaceImage {
        image: image(words)?,
        file: words.need_second("ReplacementImage", "ImageFile")?.into(),
        source: words.take_second("SourceImage")?.map(ImageChoice::Name),
        name: words.take_second("Name")?,
        description: words.take_second("Description")?,
        ..ReplaceImage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &[&str]) -> anyhow::Result<Asked> {
        Asked::of(Words::parse(&line.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())?)
    }

    fn selector(name: &str, group: Option<&str>, file: Option<&str>) -> Selector {
        Selector { name: Some(name.into()), group: group.map(Into::into), file: file.map(Into::into), number: None }
    }

    #[test]
    fn verbs_become_requests() {
        let change = |line: &[&str]| match asked(line).unwrap() {
            Asked::Change(request) => request,
            other => panic!("{line:?}: {other:?}"),
        };
        let vista = || selector("Windows Vista", Some("Group 1"), None);
        let add = AddImages {
            group: "Group 1".into(),
            file: r"C:\x.wim".into(),
            images: vec![ImageChoice::Name("Pro".into())],
            unattend: Some(r"C:\u.xml".into()),
            verification: Verification::Skip,
            ..AddImages::default()
        };
        let line = [
            "/Add-Image",
            r"/ImageFile:C:\x.wim",
            "/ImageType:Install",
            "/ImageGroup:Group 1",
            "/SingleImage:Pro",
            r"/UnattendFile:C:\u.xml",
            "/SkipVerify",
        ];
        assert_eq!(change(&line), Request::AddImages(add));
        let copy = CopyImage {
            image: vista(),
            name: "Copy".into(),
            file_name: "copy.wim".into(),
            description: Some("text".into()),
        };
        let line = [
            "/Copy-Image",
            "/Image:Windows Vista",
            "/ImageType:Install",
            "/ImageGroup:Group 1",
            "/DestinationImage",
            "/Name:Copy",
            "/Filename:copy.wim",
            "/Description:text",
        ];
        assert_eq!(change(&line), Request::CopyImage(copy));
        let export = ExportImage {
            image: vista(),
            path: "/tmp/w.wim".into(),
            destination: Destination::Append,
            name: Some("N".into()),
            description: None,
        };
        let line = [
            "-Export-Image",
            "-Image:Windows Vista",
            "-ImageGroup:Group 1",
            "-DestinationImage",
            "-FilePath:/tmp/w.wim",
            "-Name:N",
            "-Overwrite:append",
        ];
        assert_eq!(change(&line), Request::ExportImage(export));
        let replace = ReplaceImage {
            image: selector("Windows Vista", Some("Group 1"), Some("install.wim")),
            file: "/n.wim".into(),
            source: Some(ImageChoice::Name("New".into())),
            ..ReplaceImage::default()
        };
        let line = [
            "/Replace-Image",
            "/Image:Windows Vista",
            "/ImageGroup:Group 1",
            "/Filename:install.wim",
            "/ReplacementImage",
            "/ImageFile:/n.wim",
            "/SourceImage:New",
        ];
        assert_eq!(change(&line), Request::ReplaceImage(replace));
        let set = SetImage {
            image: vista(),
            enabled: Some(false),
            security: Some("O:BAG:DUD:AI(A;ID;FA;;;SY)".into()),
            overwrite_unattend: true,
            unattend: Some("u.xml".into()),
            ..SetImage::default()
        };
        let line = [
            "/Set-Image:Windows Vista",
            "/ImageGroup:Group 1",
            "/Enabled:No",
            "/UserFilter:O:BAG:DUD:AI(A;ID;FA;;;SY)",
            "/UnattendFile:u.xml",
            "/OverwriteUnattend:Yes",
        ];
        assert_eq!(change(&line), Request::SetImage(set));
        let group = SetGroup { group: "Old".into(), name: Some("New".into()), ..SetGroup::default() };
        assert_eq!(change(&["/Set-ImageGroup:Old", "/Name:New"]), Request::SetGroup(group));
        let remove = RemoveGroup { group: "Old".into(), force: true };
        assert_eq!(change(&["/Remove-ImageGroup", "/ImageGroup:Old"]), Request::RemoveGroup(remove));
    }

    #[test]
    fn what_is_only_read_is_no_request() {
        assert_eq!(asked(&["/Get-AllImageGroups", "/Detailed"]).unwrap(), Asked::Groups(None));
        assert_eq!(asked(&["/Get-ImageGroup:Sales"]).unwrap(), Asked::Groups(Some("Sales".into())));
        assert_eq!(asked(&["/Get-AllImages", "/Show:Install"]).unwrap(), Asked::Images);
        assert_eq!(asked(&["/Get-Image:x"]).unwrap(), Asked::Image(selector("x", None, None)));
        assert!(matches!(asked(&["/Add-Image", "/ImageFile:a.wim"]).unwrap(), Asked::Add(_)));
    }

    #[test]
    fn what_cannot_be_asked_is_named() {
        let said = |line: &[&str]| asked(line).unwrap_err().to_string();
        assert!(said(&["/Start-Server"]).starts_with("/start-server: not a verb of the image store"));
        assert_eq!(
            said(&["/Get-AllImages", "/Show:Boot"]),
            "/Show:boot: only Install and All; boot images are not managed"
        );
        assert_eq!(said(&["/Get-Image:x", "/ImageType:Boot"]), "/ImageType:Boot: boot images are not managed");
        assert_eq!(said(&["/Copy-Image:x"]), "/copy-image needs /DestinationImage /Name:…");
        assert_eq!(said(&["/Get-Image:x", "/Force"]), "/Force: not an option of /get-image");
    }
}
