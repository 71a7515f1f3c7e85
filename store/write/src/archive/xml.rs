//! The XML data of an archive that is written: the elements of its images as they are, with their
//! numbers and names.

/// The XML data: `images` are `IMAGE` elements, in order; `total_bytes` is where the data begins.
pub(crate) fn document(images: &[String], total_bytes: u64) -> Vec<u8> {
    let mut text = format!("\u{FEFF}<WIM><TOTALBYTES>{total_bytes}</TOTALBYTES>");
    for (number, image) in (1_u32..).zip(images) {
        text.push_str(&with_index(image, number));
    }
    text.push_str("</WIM>");
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// An `IMAGE` element with another number.
fn with_index(image: &str, number: u32) -> String {
    let Some(head) = image.find('>') else { return format!("<IMAGE INDEX=\"{number}\"></IMAGE>") };
    let tag = &image[..head];
    let found = tag.find("INDEX").and_then(|name| {
        let quote = tag[name..].find(['"', '\''])? + name;
        let end = tag[quote + 1..].find(&tag[quote..=quote])? + quote + 1;
        Some(quote + 1..end)
    });
    match found {
        Some(value) => format!("{}{number}{}", &image[..value.start], &image[value.end..]),
        None => format!("<IMAGE INDEX=\"{number}\"{}", &image["<IMAGE".len()..]),
    }
}

/// An `IMAGE` element with another text in one of its direct children, such as `NAME`.
pub(crate) fn with_element(image: &str, name: &str, text: &str) -> String {
    let element = format!("<{name}>{}</{name}>", escaped(text));
    if let Some(range) = child(image, name) {
        return format!("{}{element}{}", &image[..range.start], &image[range.end..]);
    }
    match image.rfind("</IMAGE>") {
        Some(end) => format!("{}{element}{}", &image[..end], &image[end..]),
        None => format!("<IMAGE>{element}</IMAGE>"),
    }
}

/// Where a direct child of the element is.
fn child(image: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let mut depth = 0_u32;
    let mut start = None;
    let mut at = 0;
    while let Some(open) = image[at..].find('<').map(|found| at + found) {
        let close = image[open..].find('>').map(|found| open + found + 1)?;
        let tag = &image[open + 1..close - 1];
        at = close;
        if tag.starts_with(['!', '?']) {
            continue;
        }
        if let Some(ending) = tag.strip_prefix('/') {
            depth = depth.saturating_sub(1);
            if depth == 1
                && ending.trim_end() == name
                && let Some(start) = start
            {
                return Some(start..close);
            }
            continue;
        }
        let is_named = tag.split([' ', '\t', '\r', '\n', '/']).next() == Some(name);
        if depth == 1 && is_named {
            if tag.ends_with('/') {
                return Some(open..close);
            }
            start = Some(open);
        }
        if !tag.ends_with('/') {
            depth += 1;
        }
    }
    None
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "<IMAGE INDEX=\"7\" X=\"1\"><WINDOWS><NAME>no</NAME></WINDOWS><NAME>a</NAME><E/></IMAGE>";

    #[test]
    fn numbers_and_names_are_replaced() {
        assert_eq!(with_index(IMAGE, 12), IMAGE.replace("\"7\"", "\"12\""));
        assert_eq!(with_index("<IMAGE></IMAGE>", 2), "<IMAGE INDEX=\"2\"></IMAGE>");
        assert_eq!(with_element(IMAGE, "NAME", "<b>"), IMAGE.replace(">a<", ">&lt;b&gt;<"));
        assert_eq!(with_element(IMAGE, "E", "x"), IMAGE.replace("<E/>", "<E>x</E>"));
        assert_eq!(with_element("<IMAGE></IMAGE>", "NAME", "n"), "<IMAGE><NAME>n</NAME></IMAGE>");
    }
}
