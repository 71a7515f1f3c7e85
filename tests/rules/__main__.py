"""The rules, one function each; its doc string is the rule."""

import argparse
import hashlib
import re
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from rules.codecs import Broken, decode_lzx, decode_xpress
from rules.metadata import REPARSE_POINT, dentries, rounded, security
from rules.wim_file import COMPRESSED, HEADER_SIZE, METADATA, SOLID, ZERO_HASH, Place, Unreadable, WimFile

XPRESS, LZX, LZMS, XPRESS_2 = 0x20000, 0x40000, 0x80000, 0x200000
COMPRESSION, READ_ONLY, WRITE_IN_PROGRESS = 0x02, 0x04, 0x40
VERSION, VERSION_SOLID = 0x10D00, 0xE00
CHUNK, SOLID_CHUNK = 32 << 10, 64 << 20

Rule = Callable[[WimFile], Iterator[str]]
RULES: list[Rule] = []


def rule(check: Rule) -> Rule:
    RULES.append(check)
    return check


@rule
def header_flags(wim: WimFile) -> Iterator[str]:
    """Exactly one compression, none in progress, never read-only."""
    kinds = [kind for kind in (XPRESS, LZX, LZMS, XPRESS_2) if wim.flags & kind]
    if wim.flags & COMPRESSION and len(kinds) != 1:
        yield f"flags {wim.flags:#x} name {len(kinds)} kinds of compression"
    if not wim.flags & COMPRESSION and (kinds or wim.chunk_size):
        yield f"flags {wim.flags:#x} and chunk size {wim.chunk_size} without compression"
    for flag, name in ((READ_ONLY, "read-only"), (WRITE_IN_PROGRESS, "write in progress")):
        if wim.flags & flag:
            yield f"flag {name} is set"


@rule
def chunk_size(wim: WimFile) -> Iterator[str]:
    """XPRESS and LZX in 32 KiB, solid LZMS in 64 MiB at most."""
    if wim.flags & (XPRESS | LZX) and wim.chunk_size != CHUNK:
        yield f"chunks of {wim.chunk_size} bytes"
    for row in wim.rows:
        if row.place.flags & SOLID and row.sha1 == ZERO_HASH:
            (size,) = struct.unpack_from("<I", wim.data, row.place.offset + 8)
            if size > SOLID_CHUNK:
                yield f"solid chunks of {size} bytes"


@rule
def version(wim: WimFile) -> Iterator[str]:
    """1.13; 0.14 exactly where there is LZMS or a solid resource."""
    is_new = bool(wim.flags & LZMS) or any(row.place.flags & SOLID for row in wim.rows)
    want = VERSION_SOLID if is_new else VERSION
    if wim.header_size != HEADER_SIZE or wim.version != want:
        yield f"header of {wim.header_size} bytes, version {wim.version:#x}, not {want:#x}"


@rule
def guid(wim: WimFile) -> Iterator[str]:
    """A random one: version 4, variant 1."""
    if wim.guid[7] >> 4 != 4 or wim.guid[8] >> 6 != 2:
        yield f"GUID {wim.guid.hex()} is not random"


@rule
def boot(wim: WimFile) -> Iterator[str]:
    """The boot image's resource header is copied to 0x60; all zero without one."""
    images = wim.metadata_rows()
    if wim.boot_index > len(images):
        yield f"boot index {wim.boot_index} of {len(images)} images"
    elif wim.boot != (images[wim.boot_index - 1].place if wim.boot_index else Place(0, 0, 0, 0)):
        yield "the boot image's place is another one"


@rule
def layout(wim: WimFile) -> Iterator[str]:
    """Header, blobs and metadata, blob table, XML, integrity table, and nothing else."""
    last = wim.integrity if wim.integrity.stored else wim.xml
    if wim.table.end > wim.xml.offset or last.end != len(wim.data):
        yield f"table ends at {wim.table.end:#x}, XML begins at {wim.xml.offset:#x}, file of {len(wim.data):#x}"
    if wim.integrity.stored and wim.integrity.offset < wim.xml.end:
        yield "the integrity table lies before the end of the XML"
    places = sorted((row.place.offset, row.place.end) for row in wim.rows if is_on_disk(row.place, row.sha1))
    for (start, end), (following, _) in zip(places, [*places[1:], (wim.table.offset, 0)]):
        if start < HEADER_SIZE or end > following:
            yield f"resource at {start:#x} overlaps what follows at {following:#x}"


def is_on_disk(place: Place, sha1: bytes) -> bool:
    return not place.flags & SOLID or sha1 == ZERO_HASH


@rule
def tables_are_plain(wim: WimFile) -> Iterator[str]:
    """Blob table, XML and integrity table are not compressed; the first two are marked as metadata."""
    for name, place, flags in (("blob table", wim.table, METADATA), ("XML", wim.xml, METADATA)):
        if place.flags != flags or place.size != place.stored:
            yield f"{name} with flags {place.flags:#x}, {place.stored} of {place.size} bytes"
    if wim.integrity.stored and (wim.integrity.flags or wim.integrity.size != wim.integrity.stored):
        yield f"integrity table with flags {wim.integrity.flags:#x}"
    if wim.table.stored % 50:
        yield f"blob table of {wim.table.stored} bytes"


@rule
def rows(wim: WimFile) -> Iterator[str]:
    """Each content once (metadata: a row for each image), in this part, not empty, never larger than its data."""
    seen = Counter(row.sha1 for row in wim.blob_rows())
    yield from (f"{sha1.hex()} is in the table {count} times" for sha1, count in seen.items() if count > 1)
    for row in wim.rows:
        place = row.place
        if row.part != wim.part:
            yield f"row of part {row.part}"
        if place.flags & SOLID:
            continue
        if place.size == 0:
            yield f"row without data: {row.sha1.hex()}"
        if place.flags & COMPRESSED and place.stored >= place.size:
            yield f"resource at {place.offset:#x} takes {place.stored} of {place.size} bytes, compressed"
        if not place.flags & COMPRESSED and place.stored != place.size:
            yield f"resource at {place.offset:#x} is plain with unequal sizes"


@rule
def reference_counts(wim: WimFile) -> Iterator[str]:
    """Metadata 1; data as often as the images' entries use it, if the archive has images of its own."""
    for row in wim.metadata_rows():
        if row.references != 1:
            yield f"metadata at {row.place.offset:#x} with {row.references} references"
    uses: Counter[bytes] = Counter()
    for data in images(wim):
        for dentry in dentries(data):
            uses.update(dentry.hashes())
    if wim.image_count == 0 or wim.flags & LZMS:
        return
    for row in wim.blob_rows():
        if row.references != uses[row.sha1]:
            yield f"{row.sha1.hex()} with {row.references} references, used {uses[row.sha1]} times"


@rule
def xml(wim: WimFile) -> Iterator[str]:
    """BOM, root WIM, TOTALBYTES first, INDEX from 1 in order, a NAME in each IMAGE."""
    data = wim.stored(wim.xml)
    if data[:2] != b"\xff\xfe":
        yield "no byte order mark"
        return
    root = ElementTree.fromstring(data.decode("utf-16"))
    found = root.findall("IMAGE")
    if root.tag != "WIM" or len(root) == 0 or root[0].tag != "TOTALBYTES":
        yield f"root {root.tag}, first child {root[0].tag if len(root) else None}"
    if int(root.findtext("TOTALBYTES") or -1) != wim.table.end:
        yield f"TOTALBYTES {root.findtext('TOTALBYTES')}, and the blob table ends at {wim.table.end}"
    if [image.get("INDEX") for image in found] != [str(index + 1) for index in range(wim.image_count)]:
        yield f"INDEX {[image.get('INDEX') for image in found]} of {wim.image_count} images"
    for image in found:
        yield from image_xml(image)


def image_xml(image: ElementTree.Element) -> Iterator[str]:
    if not image.findtext("NAME"):
        yield f"image {image.get('INDEX')} without NAME"
    for time in (*image.iter("CREATIONTIME"), *image.iter("LASTMODIFICATIONTIME")):
        for part in ("HIGHPART", "LOWPART"):
            if not re.fullmatch("0x[0-9A-F]{8}", time.findtext(part) or ""):
                yield f"image {image.get('INDEX')}: {time.tag}/{part} is {time.findtext(part)}"


@rule
def integrity(wim: WimFile) -> Iterator[str]:
    """The table covers all from the header to the end of the blob table, each block by its SHA-1."""
    if not wim.integrity.stored:
        return
    data = wim.stored(wim.integrity)
    size, count, block = struct.unpack_from("<III", data)
    starts = range(HEADER_SIZE, wim.table.end, block)
    if size != len(data) or size != 12 + 20 * count or count != len(starts):
        yield f"{count} blocks of {block} bytes in {size} bytes; {len(starts)} are due"
    for index, start in enumerate(starts):
        want = data[12 + 20 * index : 32 + 20 * index]
        if hashlib.sha1(wim.data[start : min(start + block, wim.table.end)]).digest() != want:
            yield f"block at {start:#x} does not match"


@rule
def chunks(wim: WimFile) -> Iterator[str]:
    """XPRESS with its end mark; LZX of verbatim and aligned blocks; nothing after the last word."""
    kind = wim.flags & (XPRESS | LZX)
    if not kind or wim.chunk_size != CHUNK:
        return
    for row in wim.rows:
        if not row.place.flags & COMPRESSED or row.place.flags & SOLID:
            continue
        data = []
        for index, chunk in enumerate(wim.chunks(row.place)):
            at = f"chunk {index} of the resource at {row.place.offset:#x}"
            if chunk.is_raw:
                data.append(chunk.stored)
                continue
            try:
                decoded = (decode_xpress if kind == XPRESS else decode_lzx)(chunk.stored, chunk.size)
            except Broken as error:
                yield f"{at}: {error}"
                continue
            data.append(decoded.data)
            if kind == XPRESS and not decoded.has_end_mark:
                yield f"{at}: no end mark"
            if decoded.read < len(chunk.stored) or len(chunk.stored) >= chunk.size:
                yield f"{at}: {decoded.read} of {len(chunk.stored)} bytes are used, for {chunk.size}"
        if hashlib.sha1(b"".join(data)).digest() != row.sha1:
            yield f"resource at {row.place.offset:#x} does not match its SHA-1"


def images(wim: WimFile) -> Iterator[bytes]:
    if wim.flags & LZMS:
        return
    for row in wim.metadata_rows():
        yield wim.bytes_of(row.place)


@rule
def metadata(wim: WimFile) -> Iterator[str]:
    """Aligned entries, ended lists, each descriptor once and self-relative, links of two names or more."""
    for number, data in enumerate(images(wim), 1):
        yield from (f"image {number}: {problem}" for problem in metadata_problems(data))


def metadata_problems(data: bytes) -> Iterator[str]:
    end, descriptors = security(data)
    if len(set(descriptors)) != len(descriptors):
        yield "a security descriptor is stored twice"
    for descriptor in descriptors:
        if descriptor[0] != 1 or not int.from_bytes(descriptor[2:4], "little") & 0x8000:
            yield "a security descriptor is not self-relative"
    if data[end : end + 8] == bytes(8):
        yield "no root"
        return
    links: Counter[int] = Counter()
    for index, dentry in enumerate(dentries(data)):
        links[dentry.link] += 1
        if dentry.at % 8 or rounded(dentry.length) != dentry.length:
            yield f"entry at {dentry.at:#x} of {dentry.length} bytes is not aligned"
        if not -1 <= dentry.security < len(descriptors):
            yield f"entry at {dentry.at:#x} has descriptor {dentry.security} of {len(descriptors)}"
        if (index == 0) != (dentry.name == b""):
            yield f"entry at {dentry.at:#x} has the name {dentry.name.decode('utf-16-le', 'replace')!r}"
        unnamed = [bool(stream.name) for stream in dentry.streams]
        if unnamed != sorted(unnamed):
            yield f"entry at {dentry.at:#x} has an unnamed stream after a named one"
        if dentry.streams and dentry.sha1 != ZERO_HASH:
            yield f"entry at {dentry.at:#x} has streams and a main hash"
        if dentry.attributes & REPARSE_POINT and not dentry.hashes():
            yield f"entry at {dentry.at:#x} is a reparse point without data"
    yield from (f"link {link:#x} has one name" for link, count in links.items() if link and count == 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", nargs="+", type=Path)
    parser.add_argument("--except", dest="left_out", action="append", default=[], metavar="RULE")
    options = parser.parse_args()
    broken = 0
    for path in options.archives:
        for check in RULES:
            if check.__name__ in options.left_out:
                continue
            try:
                found = list(check(WimFile(path)))
            except (Unreadable, Broken, struct.error, ElementTree.ParseError) as error:
                found = [f"cannot be checked: {error}"]
            broken += len(found)
            for problem in found:
                print(f"{path}: {check.__name__}: {problem}")
    return 1 if broken else 0


sys.exit(main())
