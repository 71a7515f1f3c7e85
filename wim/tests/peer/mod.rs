//! Tells about an archive in the words of `wimdir --detailed` and `wiminfo`, so that texts can be
//! compared.

use std::collections::BTreeSet;
use std::path::Path;

use wim::{Archive, Attributes, Blob, BlobHash, Dentry, FileTime, InodeId, Metadata, NodeId, ResourceFlags};

/// What wimlib says about an image: a block of lines for each path.
pub(crate) fn wimdir(archive: &Path, number: usize) -> BTreeSet<String> {
    let text =
        testkit::wimlib(["dir".as_ref(), archive.as_os_str(), number.to_string().as_ref(), "--detailed".as_ref()]);
    let rule = "-".repeat(76);
    let block = |block: &str| {
        // The spelled-out flags only repeat numbers.
        let lines = block.lines().map(str::trim).filter(|line| !line.is_empty() && !line.ends_with(" is set"));
        lines.collect::<Vec<_>>().join("\n")
    };
    text.split(&rule).map(block).filter(|block| !block.is_empty()).collect()
}

/// The same of ours.
pub(crate) fn describe(archive: &Archive, tree: &Metadata) -> BTreeSet<String> {
    (0..tree.node_count()).map(|node| describe_node(archive, tree, NodeId(node))).collect()
}

fn describe_node(archive: &Archive, tree: &Metadata, node: NodeId) -> String {
    let dentry = tree.dentry(node);
    let inode = tree.inode(node);
    let mut lines = vec![
        format!("Full Path           = \"/{}\"", String::from_utf8(tree.path(node)).unwrap()),
        format!("Short Name          = \"{}\"", dentry.short_name()),
        format!("Attributes          = {:#010x}", dentry.attributes().0),
    ];
    if let Some(descriptor) = dentry.security_id().and_then(|id| tree.security_descriptor(id)) {
        lines.push(format!("Security Descriptor = {}", testkit::hex(descriptor)));
    }
    let times = [
        ("Creation Time  ", dentry.created()),
        ("Last Write Time", dentry.written()),
        ("Last Access Time", dentry.accessed()),
    ];
    lines.extend(times.map(|(name, time)| format!("{name:<19} = {}", date(time))));
    lines.extend(dentry.reparse().map(|head| format!("Reparse Tag         = {:#x}", head.tag)));
    lines.push(format!("Link Group ID       = {:#018x}", dentry.hard_link_id().map_or(0, u64::from)));
    lines.push(format!("Link Count          = {}", names(tree, inode)));
    lines.extend(dentry.object_id().map(|id| format!("Object ID           = 0x{}", testkit::hex(&id[..16]))));
    if let Some(unix) = dentry.unix_data() {
        let (uid, gid, mode, rdev) = (unix.uid, unix.gid, unix.mode, unix.rdev);
        lines.push(format!("UNIX Data           = uid:{uid} gid:{gid} mode:0{mode:o} rdev:{rdev:#x}"));
    }
    streams(archive, &dentry, &mut lines);
    lines.join("\n")
}

fn names(tree: &Metadata, inode: InodeId) -> usize {
    tree.nodes_of(inode).count()
}

fn streams(archive: &Archive, dentry: &Dentry<'_>, lines: &mut Vec<String>) {
    let streams = dentry.streams();
    let is_reparse_point = dentry.attributes().contains(Attributes::REPARSE_POINT);
    let first = if is_reparse_point {
        ("Reparse point stream:", streams.reparse)
    } else {
        ("Unnamed data stream:", streams.unnamed)
    };
    let first = (first.0.to_owned(), first.1);
    let named = streams.named().map(|stream| (format!("Named data stream \"{}\":", stream.name), stream.hash));
    for (title, hash) in [first].into_iter().chain(named) {
        lines.push(title);
        let blob = hash.map(|hash| archive.blobs().get(archive.blobs().find(&hash).unwrap()));
        lines.extend(describe_blob(blob));
    }
}

/// What wimlib says about every blob, metadata too.
pub(crate) fn wiminfo_blobs(archive: &Path) -> BTreeSet<String> {
    let text = testkit::wimlib(["info".as_ref(), archive.as_os_str(), "--blobs".as_ref()]);
    let lines = |block: &str| block.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    text.trim().split("\n\n").map(lines).filter(|block| !block.is_empty()).collect()
}

/// The same of ours.
pub(crate) fn describe_blobs(archive: &Archive) -> BTreeSet<String> {
    let all = archive.blobs().iter().chain(archive.blobs().metadata());
    all.map(|blob| describe_blob(Some(blob)).join("\n")).collect()
}

fn describe_blob(blob: Option<&Blob>) -> [String; 7] {
    let flag = |flag, name| if blob.is_some_and(|blob| blob.place.flags.contains(flag)) { name } else { "" };
    let flags = [
        flag(ResourceFlags::COMPRESSED, "WIM_RESHDR_FLAG_COMPRESSED  "),
        flag(ResourceFlags::METADATA, "WIM_RESHDR_FLAG_METADATA"),
    ];
    [
        format!("Hash              = 0x{}", blob.map_or(BlobHash::ZERO, |blob| blob.hash)),
        format!("Uncompressed size = {} bytes", blob.map_or(0, Blob::size)),
        format!("Compressed size   = {} bytes", blob.map_or(0, |blob| blob.place.stored_size)),
        format!("Offset in WIM     = {} bytes", blob.map_or(0, |blob| blob.place.offset)),
        format!("Part Number       = {}", blob.map_or(0, |blob| blob.part)),
        format!("Reference Count   = {}", blob.map_or(0, |blob| blob.references)),
        format!("Flags             = {}", flags.concat()).trim().to_owned(),
    ]
}

/// What wimlib says about the header, without the words for flags.
pub(crate) fn wiminfo_header(archive: &Path) -> Vec<String> {
    let text = testkit::wimlib(["info".as_ref(), archive.as_os_str(), "--header".as_ref()]);
    let lines = text.lines().filter(|line| !line.ends_with(" is set") && !line.is_empty());
    lines.map(|line| line.trim().to_owned()).collect()
}

/// The same of ours.
pub(crate) fn describe_header(archive: &Archive) -> Vec<String> {
    let header = archive.header();
    let line = |name: &str, value: String| format!("{name:<27} = {value}");
    let mut lines = vec![
        line("Magic Characters", "MSWIM\\0\\0\\0".into()),
        line("Header Size", wim::HEADER_SIZE.to_string()),
        line("Version", format!("{:#x}", header.version)),
        line("Flags", format!("{:#x}", header.flags.0)),
        line("Chunk Size", header.chunk_size.to_string()),
        line("GUID", testkit::hex(&header.guid.0)),
        line("Part Number", header.part.number.to_string()),
        line("Total Parts", header.part.total.to_string()),
        line("Image Count", header.image_count.to_string()),
    ];
    let places = [("Blob Table", header.blob_table), ("XML Data", header.xml), ("Boot Metadata", header.boot_metadata)];
    for (name, place) in places {
        let original = if name == "Blob Table" { "Original_size" } else { "Original Size" };
        lines.push(line(&format!("{name} Size"), place.stored_size.to_string()));
        lines.push(line(&format!("{name} Flags"), format!("{:#x}", place.flags.0)));
        lines.push(line(&format!("{name} Offset"), place.offset.to_string()));
        lines.push(line(&format!("{name} {original}"), place.size.to_string()));
    }
    lines.push(line("Boot Index", header.boot_index.to_string()));
    let integrity = header.integrity;
    lines.push(line("Integrity Size", integrity.stored_size.to_string()));
    lines.push(line("Integrity Flags", format!("{:#x}", integrity.flags.0)));
    lines.push(line("Integrity Offset", integrity.offset.to_string()));
    lines.push(line("Integrity Original_size", integrity.size.to_string()));
    lines
}

/// As C's `asctime` writes it, in UTC.
fn date(time: FileTime) -> String {
    let seconds = time.to_unix().0;
    let (days, second) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days.rem_euclid(7) as usize];
    let (mut year, mut day) = (1970, days);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while day < 0 {
        year -= 1;
        day += 365 + i64::from(is_leap(year));
    }
    while day >= 365 + i64::from(is_leap(year)) {
        day -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{weekday} {} {:02} {hour:02}:{minute:02}:{:02} {year} UTC", months[month], day + 1, second % 60)
}
