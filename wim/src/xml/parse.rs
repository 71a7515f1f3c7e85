//! Takes what is known out of the XML data, and puts up with the rest.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::{ImageXml, WindowsInfo, WindowsVersion, XmlData};
use crate::warning::Warnings;
use crate::{FileTime, Result, Warning, memory};

/// How deep elements may be nested; the deepest known one is the fifth.
const MAX_DEPTH: usize = 50;
/// The largest number of an image, as in the header.
const MAX_NUMBER: u32 = 0xFFFF;

/// How many times the text is held while it is parsed, at most: an element's content, which grows by
/// doubling, and each image's part of the text.
const TEXTS: usize = 4;
/// How many times each image is.
const IMAGES: usize = 2;

/// See [`XmlData::parse`].
///
/// # Errors
/// [`Error::Io`](crate::Error::Io), when there is too little memory for the text and what is taken from it.
pub(super) fn parse(bytes: &[u8]) -> Result<XmlData> {
    let mut warnings = Warnings::default();
    let text = decode(bytes, &mut warnings)?;
    // It comes in many small pieces, so whether there is enough for them is only tried.
    let images = text.matches("<IMAGE").take(MAX_NUMBER as usize).count() * size_of::<ImageXml>();
    drop(memory::list::<u8>(0, text.len() * TEXTS + images * IMAGES)?);
    let mut parser = Parser { text: &text, warnings, ..Parser::default() };
    parser.run();
    let Parser { images, encrypted, warnings, .. } = parser;
    let (images, warnings) = (images.into_values().collect(), warnings.into_vec());
    Ok(XmlData { text, images, encrypted, warnings })
}

/// The text of UTF-16LE `bytes`, without a byte order mark and with U+FFFD for unpaired surrogates.
fn decode(bytes: &[u8], warnings: &mut Warnings) -> Result<String> {
    let (units, rest) = bytes.as_chunks();
    let units = units.strip_prefix(&[[0xFF, 0xFE]]).unwrap_or(units);
    let all = char::decode_utf16(units.iter().map(|&unit| u16::from_le_bytes(unit)));
    let len = all.clone().map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER).len_utf8()).sum();
    let mut text = String::new();
    text.try_reserve_exact(len).map_err(|error| memory::too_little(0, len, error))?;
    let mut bad = !rest.is_empty();
    for c in all {
        bad |= c.is_err();
        text.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    if bad {
        warnings.push(Warning::Xml { at: 0, problem: "not all of it is UTF-16".into() });
    }
    Ok(text)
}

/// A document being parsed.
#[derive(Default)]
struct Parser<'a> {
    text: &'a str,
    /// The names of the open elements, each followed by a slash.
    path: String,
    depth: usize,
    /// The text of the innermost element since its start, or the last end inside it.
    content: String,
    image: Option<OpenImage>,
    /// How many `IMAGE` elements have been seen.
    seen: u32,
    images: BTreeMap<u32, ImageXml>,
    encrypted: bool,
    warnings: Warnings,
}

/// An `IMAGE` element being parsed.
#[derive(Default)]
struct OpenImage {
    /// Where it starts in the text.
    at: usize,
    image: ImageXml,
    created: Halves,
    modified: Halves,
}

/// The two halves of a time.
#[derive(Default)]
struct Halves {
    high: Option<u32>,
    low: Option<u32>,
}

impl Halves {
    fn time(&self) -> Option<FileTime> {
        Some(FileTime(u64::from(self.high?) << 32 | u64::from(self.low?)))
    }
}

impl Parser<'_> {
    /// Goes through the document, up to its end or to what cannot be understood.
    fn run(&mut self) {
        let mut reader = Reader::from_str(self.text);
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().allow_dangling_amp = true;
        loop {
            let at = reader.buffer_position();
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => return self.warn(reader.error_position(), error.to_string()),
            };
            match event {
                Event::Start(start) if self.depth < MAX_DEPTH => self.start(at, &start),
                Event::Start(_) => return self.warn(at, format!("elements are nested deeper than {MAX_DEPTH}")),
                Event::End(_) => self.end(reader.buffer_position()),
                Event::Text(text) => self.content.push_str(&text.decode().unwrap_or_default()),
                Event::CData(text) => self.content.push_str(&text.decode().unwrap_or_default()),
                Event::GeneralRef(reference) => self.reference(at, &reference),
                Event::Eof if self.depth > 0 => return self.warn(at, "it ends inside an element".into()),
                Event::Eof => return,
                _ => {} // Comments, processing instructions and document types say nothing about images.
            }
        }
    }

    fn warn(&mut self, at: u64, problem: String) {
        self.warnings.push(Warning::Xml { at, problem });
    }

    fn start(&mut self, at: u64, start: &BytesStart<'_>) {
        self.depth += 1;
        self.path.push_str(&String::from_utf8_lossy(start.name().as_ref()));
        self.path.push('/');
        self.content.clear();
        match self.path.as_str() {
            "WIM/IMAGE/" => self.start_image(at, start),
            "WIM/ESD/ENCRYPTED/" => self.encrypted = true,
            _ => {}
        }
    }

    fn start_image(&mut self, at: u64, start: &BytesStart<'_>) {
        self.seen += 1;
        let index = start.try_get_attribute("INDEX").ok().flatten();
        let number = index.and_then(|index| number::<u32>(std::str::from_utf8(&index.value).ok()?));
        let number = number.filter(|number| (1..=MAX_NUMBER).contains(number)).unwrap_or_else(|| {
            self.warn(at, format!("image without a usable INDEX, taken as image {}", self.seen));
            self.seen
        });
        let image = ImageXml { number, ..ImageXml::default() };
        self.image = Some(OpenImage { at: at as usize, image, ..OpenImage::default() });
    }

    /// Ends the innermost element; the text goes on at `after`.
    fn end(&mut self, after: u64) {
        let content = std::mem::take(&mut self.content);
        if self.path == "WIM/IMAGE/" {
            self.end_image(after as usize);
        } else if let (Some(open), Some(path)) = (&mut self.image, self.path.strip_prefix("WIM/IMAGE/")) {
            open.element(path, content);
        }
        self.depth = self.depth.saturating_sub(1);
        let parent = self.path.len().saturating_sub(1);
        self.path.truncate(self.path[..parent].rfind('/').map_or(0, |slash| slash + 1));
    }

    fn end_image(&mut self, after: usize) {
        let Some(OpenImage { at, mut image, created, modified }) = self.image.take() else { return };
        image.raw = self.text.get(at..after).unwrap_or_default().to_owned();
        image.created = created.time();
        image.modified = modified.time();
        let number = image.number;
        if number > MAX_NUMBER || self.images.contains_key(&number) {
            return self.warn(at as u64, format!("a second image {number} is left out"));
        }
        self.images.insert(number, image);
    }

    /// A reference to a character, or to one of the five entities that every document knows.
    fn reference(&mut self, at: u64, reference: &BytesRef<'_>) {
        let name = String::from_utf8_lossy(reference);
        let entity = quick_xml::escape::resolve_xml_entity(&name);
        match (reference.resolve_char_ref(), entity) {
            (Ok(Some(c)), _) => self.content.push(c),
            (_, Some(text)) => self.content.push_str(text),
            _ => {
                self.warn(at, format!("unknown reference &{name};"));
                self.content.push_str(&format!("&{name};"));
            }
        }
    }
}

impl OpenImage {
    /// Takes what an element below `IMAGE` says; of several alike the first one counts.
    fn element(&mut self, path: &str, text: String) {
        let image = &mut self.image;
        match path {
            "NAME/" => first(&mut image.name, text),
            "DESCRIPTION/" => first(&mut image.description, text),
            "DISPLAYNAME/" => first(&mut image.display_name, text),
            "DISPLAYDESCRIPTION/" => first(&mut image.display_description, text),
            "FLAGS/" => first(&mut image.flags, text),
            "DIRCOUNT/" => first_number(&mut image.dir_count, &text),
            "FILECOUNT/" => first_number(&mut image.file_count, &text),
            "TOTALBYTES/" => first_number(&mut image.total_bytes, &text),
            "HARDLINKBYTES/" => first_number(&mut image.hard_link_bytes, &text),
            "WIMBOOT/" => image.wim_boot = number::<u32>(&text).is_some_and(|value| value != 0),
            "CREATIONTIME/HIGHPART/" => first_number(&mut self.created.high, &text),
            "CREATIONTIME/LOWPART/" => first_number(&mut self.created.low, &text),
            "LASTMODIFICATIONTIME/HIGHPART/" => first_number(&mut self.modified.high, &text),
            "LASTMODIFICATIONTIME/LOWPART/" => first_number(&mut self.modified.low, &text),
            _ => {
                if let Some(path) = path.strip_prefix("WINDOWS/") {
                    windows(image.windows.get_or_insert_default(), path, text);
                }
            }
        }
    }
}

fn windows(windows: &mut WindowsInfo, path: &str, text: String) {
    match path {
        "ARCH/" => first_number(&mut windows.arch, &text),
        "PRODUCTNAME/" => first(&mut windows.product_name, text),
        "EDITIONID/" => first(&mut windows.edition_id, text),
        "INSTALLATIONTYPE/" => first(&mut windows.installation_type, text),
        "HAL/" => first(&mut windows.hal, text),
        "PRODUCTTYPE/" => first(&mut windows.product_type, text),
        "PRODUCTSUITE/" => first(&mut windows.product_suite, text),
        "LANGUAGES/LANGUAGE/" => windows.languages.push(text),
        "LANGUAGES/DEFAULT/" => first(&mut windows.default_language, text),
        "SYSTEMROOT/" => first(&mut windows.system_root, text),
        _ => {
            if let Some(path) = path.strip_prefix("VERSION/") {
                version(windows.version.get_or_insert_default(), path, text);
            }
        }
    }
}

fn version(version: &mut WindowsVersion, path: &str, text: String) {
    match path {
        "MAJOR/" => first_number(&mut version.major, &text),
        "MINOR/" => first_number(&mut version.minor, &text),
        "BUILD/" => first_number(&mut version.build, &text),
        "SPBUILD/" => first_number(&mut version.sp_build, &text),
        "SPLEVEL/" => first_number(&mut version.sp_level, &text),
        "BRANCH/" => first(&mut version.branch, text),
        _ => {}
    }
}

fn first(field: &mut Option<String>, text: String) {
    field.get_or_insert(text);
}

fn first_number<T: TryFrom<u64>>(field: &mut Option<T>, text: &str) {
    if let (None, Some(value)) = (&field, number(text)) {
        *field = Some(value);
    }
}

/// The value of a decimal number, or of a hexadecimal one after `0x`; `None` for any other text and
/// for values that do not fit.
fn number<T: TryFrom<u64>>(text: &str) -> Option<T> {
    let text = text.trim();
    let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    T::try_from(value.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn parse_text(text: &str) -> XmlData {
        XmlData::parse(&utf16(text))
    }

    fn warnings(xml: &XmlData) -> Vec<String> {
        xml.warnings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn reads_everything_it_knows() {
        let xml = parse_text(
            "\u{FEFF}<WIM><TOTALBYTES>900</TOTALBYTES><IMAGE INDEX=\"1\"><DIRCOUNT>3</DIRCOUNT><FILECOUNT>4</FILECOUNT>\
            <TOTALBYTES>5000000000</TOTALBYTES><HARDLINKBYTES>6</HARDLINKBYTES><CREATIONTIME><HIGHPART>0x01D2F5A4</HIGHPART>\
            <LOWPART>0x89ABCDEF</LOWPART></CREATIONTIME><LASTMODIFICATIONTIME><LOWPART>0x00000001</LOWPART>\
            <HIGHPART>0x00000002</HIGHPART></LASTMODIFICATIONTIME><WIMBOOT>1</WIMBOOT><WINDOWS><ARCH>9</ARCH>\
            <PRODUCTNAME>Microsoft® Windows®</PRODUCTNAME><EDITIONID>Enterprise</EDITIONID>\
            <INSTALLATIONTYPE>Client</INSTALLATIONTYPE><SERVICINGDATA><IMAGESTATE>x</IMAGESTATE></SERVICINGDATA>\
            <HAL>acpiapic</HAL><PRODUCTTYPE>WinNT</PRODUCTTYPE><PRODUCTSUITE>Terminal Server</PRODUCTSUITE><LANGUAGES>\
            <LANGUAGE>en-US</LANGUAGE><LANGUAGE>de-DE</LANGUAGE><DEFAULT>en-US</DEFAULT></LANGUAGES><VERSION><MAJOR>10</MAJOR>\
            <MINOR>0</MINOR><BUILD>19041</BUILD><SPBUILD>1</SPBUILD><SPLEVEL>2</SPLEVEL><BRANCH>vb_release</BRANCH></VERSION>\
            <SYSTEMROOT>WINDOWS</SYSTEMROOT></WINDOWS><NAME>n</NAME><DESCRIPTION>d</DESCRIPTION><FLAGS>f</FLAGS>\
            <DISPLAYNAME>dn</DISPLAYNAME><DISPLAYDESCRIPTION>dd</DISPLAYDESCRIPTION></IMAGE></WIM>",
        );
        let some = |text: &str| Some(text.to_owned());
        let version = WindowsVersion {
            major: Some(10),
            minor: Some(0),
            build: Some(19041),
            sp_build: Some(1),
            sp_level: Some(2),
            branch: some("vb_release"),
        };
        let windows = WindowsInfo {
            arch: Some(9),
            product_name: some("Microsoft® Windows®"),
            edition_id: some("Enterprise"),
            installation_type: some("Client"),
            hal: some("acpiapic"),
            product_type: some("WinNT"),
            product_suite: some("Terminal Server"),
            languages: vec!["en-US".into(), "de-DE".into()],
            default_language: some("en-US"),
            version: Some(version),
            system_root: some("WINDOWS"),
        };
        let want = ImageXml {
            number: 1,
            name: some("n"),
            description: some("d"),
            display_name: some("dn"),
            display_description: some("dd"),
            flags: some("f"),
            dir_count: Some(3),
            file_count: Some(4),
            total_bytes: Some(5_000_000_000),
            hard_link_bytes: Some(6),
            created: Some(FileTime(0x01D2_F5A4_89AB_CDEF)),
            modified: Some(FileTime(0x2_0000_0001)),
            wim_boot: true,
            windows: Some(windows),
            raw: xml.text()[xml.text().find("<IMAGE").unwrap()..].strip_suffix("</WIM>").unwrap().to_owned(),
        };
        assert_eq!(xml.image(1), Some(&want));
        assert_eq!(xml.images().len(), 1);
        assert!(warnings(&xml).is_empty());
        assert!(!xml.is_encrypted());
    }

    #[test]
    fn text_may_be_written_in_many_ways() {
        let cases = [
            ("a &amp; b &lt;&gt;&quot;&apos;", "a & b <>\"'"),
            ("&#65;&#x1F600;", "A😀"),
            ("a<!-- no -->b<?no ?>c<![CDATA[<&]]>d", "abc<&d"),
            (" two  blanks ", " two  blanks "),
            ("", ""),
        ];
        for (written, want) in cases {
            let xml = parse_text(&format!("<WIM><IMAGE INDEX='1'><NAME>{written}</NAME></IMAGE></WIM>"));
            assert_eq!(xml.image(1).unwrap().name.as_deref(), Some(want), "{written}");
            assert!(warnings(&xml).is_empty(), "{written}");
        }
    }

    #[test]
    fn absent_is_not_empty() {
        let xml = parse_text("<WIM><IMAGE INDEX='1'><NAME/></IMAGE><IMAGE INDEX='2'/></WIM>");
        assert_eq!(xml.image(1).unwrap().name.as_deref(), Some(""));
        assert_eq!(xml.image(2).unwrap().name, None);
        assert_eq!(xml.image(2).unwrap().raw, "<IMAGE INDEX='2'/>");
        assert_eq!(xml.image(3), None);
    }

    #[test]
    fn images_come_in_any_order() {
        let xml =
            parse_text("<WIM><IMAGE INDEX='2'><NAME>b</NAME></IMAGE><IMAGE INDEX='1'><NAME>a</NAME></IMAGE></WIM>");
        let names: Vec<_> = xml.images().iter().map(|image| (image.number, image.name.as_deref())).collect();
        assert_eq!(names, [(1, Some("a")), (2, Some("b"))]);
    }

    #[test]
    fn says_what_it_leaves_out() {
        let image = "<IMAGE INDEX='1'><NAME>a</NAME></IMAGE>";
        let deep = "<D>".repeat(60);
        let cases: &[(&str, String, &str)] = &[
            ("second", format!("<WIM>{image}{image}</WIM>"), "XML data at 0x2c: a second image 1 is left out"),
            ("cut", format!("<WIM>{image}"), "XML data at 0x2c: it ends inside an element"),
            (
                "cut tag",
                format!("<WIM>{image}<IMA"),
                "XML data at 0x2c: syntax error: tag not closed: `>` not found before end of input",
            ),
            ("deep", format!("<WIM>{image}{deep}"), "XML data at 0xbf: elements are nested deeper than 50"),
            (
                "entity",
                format!("<!DOCTYPE x [<!ENTITY e 'f'>]><WIM>{image}<A>&e;</A></WIM>"),
                "XML data at 0x4d: unknown reference &e;",
            ),
            (
                "no number",
                format!("<WIM>{image}<IMAGE><NAME>b</NAME></IMAGE></WIM>"),
                "XML data at 0x2c: image without a usable INDEX, taken as image 2",
            ),
        ];
        for (name, text, want) in cases {
            let xml = parse_text(text);
            assert_eq!(xml.image(1).and_then(|image| image.name.as_deref()), Some("a"), "{name}");
            assert_eq!(warnings(&xml), [*want], "{name}");
        }
    }

    #[test]
    fn text_that_is_not_utf_16_is_used_as_far_as_it_goes() {
        let mut bytes = utf16("<WIM><IMAGE INDEX='1'><NAME>a?</NAME></IMAGE></WIM>");
        let at = bytes.iter().position(|&byte| byte == b'?').unwrap();
        bytes[at..at + 2].copy_from_slice(&0xD800u16.to_le_bytes());
        bytes.push(0);
        let xml = XmlData::parse(&bytes);
        assert_eq!(xml.image(1).unwrap().name.as_deref(), Some("a\u{FFFD}"));
        assert_eq!(warnings(&xml), ["XML data at 0x0: not all of it is UTF-16"]);
    }

    #[test]
    fn encrypted_archives_are_known() {
        assert!(parse_text("<WIM><ESD><ENCRYPTED/></ESD></WIM>").is_encrypted());
        assert!(!parse_text("<WIM><IMAGE INDEX='1'><ENCRYPTED/></IMAGE></WIM>").is_encrypted());
    }

    #[test]
    fn noise_is_no_panic() {
        for text in
            ["", "<", "</WIM>", "<WIM></IMAGE>", "&", "<WIM>&#0;</WIM>", "<WIM><IMAGE INDEX=1/>", "<//><a/b></a/b>"]
        {
            let _ = parse_text(text);
        }
    }
}
