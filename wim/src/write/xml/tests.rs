//! Documents edited, and text that is refused.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{FileTime, XmlData};

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn parse(text: &str) -> XmlDocument {
    XmlDocument::parse(&utf16(text)).unwrap()
}

fn text_of(document: &XmlDocument) -> String {
    let bytes = document.to_bytes();
    let units: Vec<u16> = bytes.as_chunks().0.iter().map(|&unit| u16::from_le_bytes(unit)).collect();
    let text = String::from_utf16(&units).unwrap();
    text.strip_prefix('\u{FEFF}').unwrap().to_owned()
}

/// A document with all that edits must keep.
const FULL: &str = "<?xml version=\"1.0\"?>\n<!-- head --><WIM v='>'>\r\n  <X a=\"INDEX\"/> <IMAGE Y='INDEX=\"7\"' INDEX = '2' >\
    <NAME>b</NAME><!-- <NAME>no</NAME> --></IMAGE>\n<TOTALBYTES>12</TOTALBYTES><TOTALBYTES>13</TOTALBYTES>\
    <IMAGE INDEX=\"1\"><WINDOWS><NAME>no</NAME><![CDATA[<NAME>]]></WINDOWS><NAME lang=\"x\">a &amp; &#65;</NAME><FLAGS/>\
    <LANGUAGE>1</LANGUAGE><LANGUAGE>2</LANGUAGE><END/></IMAGE> <?tail?> </WIM> <!-- end -->";

#[test]
fn documents_are_written_as_they_were_read() {
    for text in [FULL, "<WIM></WIM>", "<WIM ></WIM >", "<WIM><TOTALBYTES/>ä€😀</WIM>\n"] {
        let bytes = [vec![0xFF, 0xFE], utf16(text)].concat();
        assert_eq!(XmlDocument::parse(&bytes).unwrap().to_bytes(), bytes, "{text}");
        assert_eq!(parse(text).to_bytes(), bytes, "a byte order mark is added to {text}");
    }
}

#[test]
fn an_edit_changes_its_range_alone() {
    type Edit = fn(&mut XmlDocument);
    fn set(document: &mut XmlDocument, number: u32, path: &str, text: &str) {
        document.image_mut(number).unwrap().set(path, text).unwrap();
    }
    let cases: &[(Edit, &str, &str)] = &[
        (|d| set(d, 2, "NAME", "<c>"), "<NAME>b<", "<NAME>&lt;c&gt;<"),
        (|d| set(d, 1, "NAME", ""), ">a &amp; &#65;<", "><"),
        (|d| set(d, 1, "WINDOWS/NAME", "yes"), "<WINDOWS><NAME>no<", "<WINDOWS><NAME>yes<"),
        (|d| set(d, 1, "FLAGS", "x"), "<FLAGS/>", "<FLAGS>x</FLAGS>"),
        (|d| set(d, 1, "LANGUAGE[2]", "x"), "<LANGUAGE>2<", "<LANGUAGE>x<"),
        (|d| set(d, 1, "LANGUAGE[3]", "x"), "<END/>", "<LANGUAGE>x</LANGUAGE><END/>"),
        (|d| set(d, 1, "DESCRIPTION", "x"), "<FLAGS/>", "<DESCRIPTION>x</DESCRIPTION><FLAGS/>"),
        (|d| set(d, 1, "END/A/B", "x"), "<END/>", "<END><A><B>x</B></A></END>"),
        (|d| set(d, 1, "DIRCOUNT", "3"), "<WINDOWS>", "<DIRCOUNT>3</DIRCOUNT><WINDOWS>"),
        (|d| set(d, 2, "OTHER", "x"), "</NAME><!-- <", "</NAME><OTHER>x</OTHER><!-- <"),
        (|d| d.set_total_bytes(99), "<TOTALBYTES>12<", "<TOTALBYTES>99<"),
        (|d| assert!(d.image_mut(1).unwrap().remove("LANGUAGE").unwrap()), "<LANGUAGE>1</LANGUAGE>", ""),
        (|d| assert!(!d.image_mut(1).unwrap().remove("LANGUAGE[3]").unwrap()), "", ""),
        (|d| assert_eq!(d.add_image(ImageElement::default()), 3), " <?tail?>", "<IMAGE INDEX=\"3\"></IMAGE> <?tail?>"),
        (|d| d.set_image_count(2), "", ""),
    ];
    for (edit, old, new) in cases {
        let mut document = parse(FULL);
        edit(&mut document);
        assert!(old.is_empty() || FULL.matches(old).count() == 1, "{old} is there once");
        let want = if old.is_empty() { FULL.to_owned() } else { FULL.replace(old, new) };
        assert_eq!(text_of(&document), want);
        assert_eq!(XmlDocument::parse(&document.to_bytes()).unwrap(), parse(&want));
    }
}

#[test]
fn images_are_removed_and_renumbered() {
    let image = FULL.find("<IMAGE INDEX=\"1\">").unwrap();
    let end = FULL.rfind("</IMAGE>").unwrap() + "</IMAGE>".len();
    let mut document = parse(FULL);
    assert!(document.remove_image(1) && !document.remove_image(2));
    let want = format!("{}{}", &FULL[..image], &FULL[end..]).replace("INDEX = '2'", "INDEX = '1'");
    assert_eq!(text_of(&document), want);
    assert_eq!(document.image(1).unwrap().values().name.as_deref(), Some("b"));

    let mut document = parse(FULL);
    document.set_image_count(1);
    assert_eq!((document.image_count(), document.image(1).unwrap().values().name.as_deref()), (1, Some("a & A")));
    document.set_image_count(3);
    assert_eq!((document.image_count(), document.image(3).unwrap().text()), (3, "<IMAGE INDEX=\"3\"></IMAGE>"));
}

#[test]
fn an_empty_root_gets_an_end() {
    let mut document = parse("<WIM a='1'/><!-- end -->");
    document.set_total_bytes(5);
    assert_eq!(text_of(&document), "<WIM a='1'><TOTALBYTES>5</TOTALBYTES></WIM><!-- end -->");
    let mut image = ImageElement::parse("<IMAGE/>").unwrap();
    image.set("NAME", "n").unwrap();
    document.add_image(image);
    assert_eq!(document.image(1).unwrap().text(), "<IMAGE INDEX=\"1\"><NAME>n</NAME></IMAGE>");
}

#[test]
fn a_capture_is_described() {
    let mut image = ImageElement::default();
    image.set("NAME", "n").unwrap();
    image.set_modified(FileTime(0x01D2_F5A4_89AB_CDEF)).unwrap();
    image.set_created(FileTime(0x2_0000_0001)).unwrap();
    let counts = ImageCounts { directories: 3, files: 4, total_bytes: 5_000_000_000, hard_link_bytes: 6 };
    image.set_counts(&counts).unwrap();
    let want = "<IMAGE><DIRCOUNT>3</DIRCOUNT><FILECOUNT>4</FILECOUNT><TOTALBYTES>5000000000</TOTALBYTES>\
        <HARDLINKBYTES>6</HARDLINKBYTES><CREATIONTIME><HIGHPART>0x00000002</HIGHPART><LOWPART>0x00000001</LOWPART>\
        </CREATIONTIME><LASTMODIFICATIONTIME><HIGHPART>0x01D2F5A4</HIGHPART><LOWPART>0x89ABCDEF</LOWPART>\
        </LASTMODIFICATIONTIME><NAME>n</NAME></IMAGE>";
    assert_eq!(image.text(), want);
    let values = image.values();
    assert_eq!((values.file_count, values.created), (Some(4), Some(FileTime(0x2_0000_0001))));
}

#[test]
fn damaged_documents_are_refused() {
    let deep = "<D>".repeat(60);
    let cases: &[(&str, &str)] = &[
        ("", "XML data at 0x0: it has no element"),
        ("text", "text outside of the root element"),
        ("<WIM></WIM>text", "text outside of the root element"),
        ("<WIM></WIM>&amp;", "text outside of the root element"),
        ("<WIM></WIM><WIM></WIM>", "XML data at 0xb: a second root element"),
        ("<XIM></XIM>", "its root is XIM, not WIM"),
        ("<WIM>", "it ends inside an element"),
        ("<WIM><IMA", "syntax error"),
        ("<WIM></IMAGE>", "ill-formed document"),
        ("<WIM><A></B></WIM>", "ill-formed document"),
        ("<WIM><!-- a -- b --></WIM>", "ill-formed document"),
        ("<WIM>&e;</WIM>", "unknown reference &e;"),
        ("<WIM>&#0;</WIM>", "unknown reference &#0;"),
        ("<WIM>a & b</WIM>", "ill-formed document"),
        ("<WIM><A b='&e;'/></WIM>", "e"),
        ("<WIM><A b='<'/></WIM>", "the attribute b has a <"),
        ("<WIM><A b=1/></WIM>", "attribute value must be enclosed"),
        ("<WIM><A b='1' b='2'/></WIM>", "duplicated attribute"),
        ("<WIM><1/></WIM>", "an element cannot be named \"1\""),
        ("<WIM><A\"/></WIM>", "syntax error"),
        ("<WIM>\u{1}</WIM>", "the character '\\u{1}' is not allowed"),
        ("<!DOCTYPE WIM [<!ENTITY e 'f'>]><WIM>&e;</WIM>", "a document type is not allowed"),
        (&format!("<WIM>{deep}</WIM>"), "elements are nested deeper than 50"),
        ("<WIM><IMAGE INDEX='2'/></WIM>", "its images are not numbered from 1 on"),
        ("<WIM><IMAGE INDEX='1'/><IMAGE INDEX='1'/></WIM>", "its images are not numbered from 1 on"),
        ("<WIM><IMAGE/></WIM>", "its images are not numbered from 1 on"),
        ("<WIM><IMAGE XINDEX='1'/></WIM>", "its images are not numbered from 1 on"),
    ];
    for (text, want) in cases {
        let error = XmlDocument::parse(&utf16(text)).expect_err(text).to_string();
        assert!(error.contains(want), "{text}: {error}");
    }
    let half = XmlDocument::parse(&[0]).unwrap_err().to_string();
    let lone = XmlDocument::parse(&[0, 0xD8]).unwrap_err().to_string();
    assert_eq!([half, lone], ["XML data at 0x0: it is not UTF-16"; 2]);
}

#[test]
fn values_that_cannot_be_stored_are_refused() {
    let cases = [
        ("NAME", "\0", "NAME: the character '\\0' is not allowed"),
        ("", "x", ": it is not the path of an element"),
        ("A B", "x", "A B: it is not the path of an element"),
        ("A[0]", "x", "A[0]: it is not the path of an element"),
        ("A[2]x", "x", "A[2]x: it is not the path of an element"),
        ("A[2]", "x", "A[2]: there are only 0 A"),
        ("A/B[2]", "x", "A/B[2]: there are only 0 A"),
        ("WINDOWS", "x", "WINDOWS: it has elements inside"),
    ];
    for (path, text, want) in cases {
        let old = ImageElement::parse("<IMAGE><WINDOWS><ARCH>9</ARCH></WINDOWS></IMAGE>").unwrap();
        let mut image = old.clone();
        assert_eq!(image.set(path, text).expect_err(want).to_string(), want);
        assert_eq!(image, old, "a refused edit changes nothing");
    }
    for text in ["", "<A/>", " <IMAGE/>", "<IMAGE></IMAGE><!-- x -->", "<IMAGE>", "<IMAGE/><IMAGE/>"] {
        assert!(ImageElement::parse(text).is_err(), "{text}");
    }
}

/// Content of an element: text, comments, and elements of few names, so that paths often hit one.
fn content() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(String::new()),
        "[a-zä😀 \n]{1,6}",
        Just("&amp;&#65;".to_owned()),
        Just("<!-- </A> -->".to_owned()),
        Just("<![CDATA[</IMAGE><A>]]>".to_owned()),
        Just("<?p ?>".to_owned()),
        Just("<A/>".to_owned()),
        Just("<NAME x='>' />".to_owned()),
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        (prop::sample::select(vec!["A", "NAME", "WINDOWS", "FLAGS"]), vec(inner, 0..4), 0..2_u8).prop_map(
            |(name, inner, space)| {
                let space = " ".repeat(space.into());
                format!("<{name}{space}>{}</{name}{space}>", inner.concat())
            },
        )
    })
}

fn document() -> impl Strategy<Value = String> {
    vec((content(), content()), 0..4).prop_map(|images| {
        let mut text = "<WIM>".to_owned();
        for (number, (image, after)) in (1..).zip(images) {
            text.push_str(&format!("<IMAGE q='>' INDEX=\"{number}\">{image}</IMAGE>{after}"));
        }
        text + "</WIM>"
    })
}

proptest! {
    #[test]
    fn edits_keep_all_other_text(
        old in document(),
        number in 1..5_u32,
        path in prop::sample::select(vec!["NAME", "A", "WINDOWS/A", "FLAGS/NAME/A", "A[2]", "DESCRIPTION"]),
        value in "[a-z<&>ä]{0,5}",
    ) {
        let mut document = parse(&old);
        prop_assert_eq!(&text_of(&document), &old);
        let Some(image) = document.image_mut(number) else { return Ok(()) };
        let place = old.find(image.text()).unwrap();
        let range = place..place + image.text().len();
        let values = image.values();
        match image.set(path, &value) {
            Ok(()) => {
                let new = text_of(&document);
                let (before, after) = (&old[..range.start], &old[range.end..]);
                prop_assert!(new.len() >= before.len() + after.len(), "{} -> {}", old, new);
                prop_assert!(new.starts_with(before) && new.ends_with(after), "{} -> {}", old, new);
                prop_assert_eq!(parse(&new), document.clone());
                let read = XmlData::parse(&document.to_bytes());
                prop_assert!(read.warnings().is_empty(), "{:?}", read.warnings());
                if path == "NAME" {
                    prop_assert_eq!(&read.image(number).unwrap().name, &Some(value));
                } else {
                    prop_assert_eq!(&read.image(number).unwrap().name, &values.name);
                }
            }
            Err(_) => prop_assert_eq!(text_of(&document), old),
        }
    }

    #[test]
    fn removing_keeps_all_other_text(old in document(), number in 1..5_u32) {
        let mut document = parse(&old);
        let Some(image) = document.image(number).map(|image| image.text().to_owned()) else { return Ok(()) };
        prop_assert!(document.remove_image(number));
        let mut want = old.replacen(&image, "", 1);
        for higher in number + 1..5 {
            want = want.replacen(&format!("INDEX=\"{higher}\""), &format!("INDEX=\"{}\"", higher - 1), 1);
        }
        prop_assert_eq!(text_of(&document), want);
    }

    #[test]
    fn noise_is_an_error_or_stays_whole(text in "[<>/WIM&;\"'= A!\\[\\]-]{0,40}") {
        for text in [text.clone(), format!("<WIM>{text}</WIM>"), format!("<WIM><IMAGE INDEX='1' {text}></IMAGE></WIM>")] {
            let Ok(mut document) = XmlDocument::parse(&utf16(&text)) else { continue };
            document.add_image(ImageElement::default());
            document.set_total_bytes(1);
            if let Some(image) = document.image_mut(1) {
                let _ = image.set("NAME", "n"); // it may have elements inside
            }
            prop_assert_eq!(XmlDocument::parse(&document.to_bytes()).unwrap().image_count(), document.image_count());
        }
    }
}
