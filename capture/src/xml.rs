//! The `IMAGE` element of a captured image.

use wim::FileTime;

/// What the XML data says of an image.
pub(crate) struct ImageFacts<'a> {
    /// The number of directories, the root included.
    pub(crate) directories: u64,
    /// The number of other names; each hard link counts.
    pub(crate) files: u64,
    /// The uncompressed bytes of all streams; each hard link counts.
    pub(crate) bytes: u64,
    /// Of these, the bytes of links beyond the first.
    pub(crate) link_bytes: u64,
    pub(crate) now: FileTime,
    pub(crate) name: &'a str,
    pub(crate) description: Option<&'a str>,
}

impl ImageFacts<'_> {
    /// The element, in the order of Windows' own tools; its number is set when it is written.
    pub(crate) fn element(&self) -> String {
        let mut out = String::from("<IMAGE>");
        let numbers = [
            ("DIRCOUNT", self.directories),
            ("FILECOUNT", self.files),
            ("TOTALBYTES", self.bytes),
            ("HARDLINKBYTES", self.link_bytes),
        ];
        for (name, number) in numbers {
            out.push_str(&format!("<{name}>{number}</{name}>"));
        }
        let FileTime(now) = self.now;
        for name in ["CREATIONTIME", "LASTMODIFICATIONTIME"] {
            let (high, low) = (now >> 32, now as u32);
            out.push_str(&format!("<{name}><HIGHPART>0x{high:08X}</HIGHPART><LOWPART>0x{low:08X}</LOWPART></{name}>"));
        }
        let description = self.description.map(|text| ("DESCRIPTION", text));
        for (name, text) in [("NAME", self.name)].into_iter().chain(description) {
            out.push_str(&format!("<{name}>{}</{name}>", escaped(text)));
        }
        out.push_str("</IMAGE>");
        out
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_element_is_in_the_order_of_windows() {
        let facts = ImageFacts {
            directories: 1,
            files: 5,
            bytes: 162,
            link_bytes: 3,
            now: FileTime(0x01DD_7F7C_7984_5AAE),
            name: "A & B",
            description: Some("<d>"),
        };
        let time = "<HIGHPART>0x01DD7F7C</HIGHPART><LOWPART>0x79845AAE</LOWPART>";
        assert_eq!(
            facts.element(),
            format!(
                "<IMAGE><DIRCOUNT>1</DIRCOUNT><FILECOUNT>5</FILECOUNT><TOTALBYTES>162</TOTALBYTES>\
                 <HARDLINKBYTES>3</HARDLINKBYTES><CREATIONTIME>{time}</CREATIONTIME>\
                 <LASTMODIFICATIONTIME>{time}</LASTMODIFICATIONTIME><NAME>A &amp; B</NAME>\
                 <DESCRIPTION>&lt;d&gt;</DESCRIPTION></IMAGE>"
            )
        );
    }
}
