#!/usr/bin/env python3
"""share_resources.py GROUP ARCHIVE...: puts archives into an image group folder the way WDS keeps them.

Each ARCHIVE, an ordinary WIM, becomes GROUP/<its name> with its images but no file data (flag "metadata only"); the file
data of all of them goes once each into GROUP/Res.rwm (flag "resource only"). Resources are copied as they are stored, so
all archives must have the same compression and chunk size. Both kinds of file get an integrity table.
"""
import hashlib
import os
import struct
import sys
from typing import Any

HEADER_SIZE = 208
ENTRY = struct.Struct("<QQQHI20s")  # stored size and flags, offset, size, part, references, SHA-1
CHECK_BLOCK = 10 << 20
RESOURCE_ONLY, METADATA_ONLY = 0x10, 0x20
IS_METADATA = 0x02
SPANNED_OR_SOLID = 0x18
AT_BLOB_TABLE, AT_XML, AT_BOOT, AT_INTEGRITY = 0x30, 0x48, 0x60, 0x7C


class Archive:
    """An ordinary WIM, read only as far as this needs."""

    def __init__(self, path: str):
        self.path = path
        self.file = open(path, "rb")
        self.header = self.file.read(HEADER_SIZE)
        if self.header[:8] != b"MSWIM\0\0\0" or struct.unpack_from("<HH", self.header, 0x28) != (1, 1):
            sys.exit(f"{path}: not a WIM in one part")
        self.kind = struct.unpack_from("<II", self.header, 0x10)  # flags and chunk size
        self.xml = self.resource(AT_XML)
        entries = list(ENTRY.iter_unpack(self.resource(AT_BLOB_TABLE)))
        if any(sized >> 56 & SPANNED_OR_SOLID for sized, *_ in entries):
            sys.exit(f"{path}: has solid or spanned resources")
        self.blobs = [entry for entry in entries if not entry[0] >> 56 & IS_METADATA]
        self.metadata = [entry for entry in entries if entry[0] >> 56 & IS_METADATA]

    def resource(self, at: int) -> bytes:
        """The stored bytes of the resource whose header is at `at` of the archive's header."""
        sized, offset, _ = struct.unpack_from("<QQQ", self.header, at)
        return self.stored(offset, sized)

    def stored(self, offset: int, sized: int) -> bytes:
        """The bytes at `offset`, as many as the low 56 bits of `sized` say."""
        self.file.seek(offset)
        return self.file.read(sized & (1 << 56) - 1)


class Writer:
    """A WIM being written: resources, then the blob table, XML data, integrity table and header."""

    def __init__(self, path: str, header: bytes):
        self.file = open(path, "w+b")
        self.header = bytearray(header)
        self.file.write(bytes(HEADER_SIZE))
        self.entries: list[list[Any]] = []  # as ENTRY unpacks them

    def add(self, source: Archive, entry: tuple[Any, ...]) -> None:
        """Copies the resource of a blob table entry."""
        sized, offset, *rest = entry
        self.entries.append([sized, self.file.tell(), *rest])
        self.file.write(source.stored(offset, sized))

    def place(self, at: int, data: bytes) -> None:
        """Appends a resource that the header names, and names it there."""
        flags = 0 if at == AT_INTEGRITY else IS_METADATA
        struct.pack_into("<QQQ", self.header, at, len(data) | flags << 56, self.file.tell(), len(data))
        self.file.write(data)

    def finish(self, xml: str, flag: int, images: int) -> None:
        """Writes what follows the resources, and the header. `{total}` in `xml` becomes the end of the blob table."""
        self.place(AT_BLOB_TABLE, b"".join(ENTRY.pack(*entry) for entry in self.entries))
        covered_end = self.file.tell()
        self.place(AT_XML, ("\ufeff" + xml.replace("{total}", str(covered_end))).encode("utf-16-le"))
        self.place(AT_INTEGRITY, self.integrity_table(covered_end))
        flags = struct.unpack_from("<I", self.header, 0x10)[0] | flag
        struct.pack_into("<I", self.header, 0x10, flags)
        struct.pack_into("<I", self.header, 0x2C, images)
        self.file.seek(0)
        self.file.write(self.header)
        self.file.close()

    def integrity_table(self, covered_end: int) -> bytes:
        """SHA-1 of each 10 MiB between the header and the end of the blob table."""
        hashes, here = [], self.file.tell()
        for at in range(HEADER_SIZE, covered_end, CHECK_BLOCK):
            self.file.seek(at)
            hashes.append(hashlib.sha1(self.file.read(min(CHECK_BLOCK, covered_end - at))).digest())
        self.file.seek(here)
        return struct.pack("<III", 12 + 20 * len(hashes), len(hashes), CHECK_BLOCK) + b"".join(hashes)


def write_metadata_only(group: str, archive: Archive) -> None:
    """Writes the archive's images without file data."""
    writer = Writer(os.path.join(group, os.path.basename(archive.path)), archive.header)
    boot = struct.unpack_from("<QQQ", archive.header, AT_BOOT)
    for entry in archive.metadata:
        if boot[1] == entry[1]:
            struct.pack_into("<QQQ", writer.header, AT_BOOT, entry[0], writer.file.tell(), entry[2])
        writer.add(archive, entry)
    xml = archive.xml.decode("utf-16").lstrip("\ufeff")
    head, _, tail = xml.rpartition("<TOTALBYTES>")  # wimlib writes the archive's own last
    writer.finish(head + "<TOTALBYTES>{total}" + tail[tail.index("<"):], METADATA_ONLY, len(archive.metadata))


def write_resources(group: str, archives: list[Archive]) -> None:
    """Writes Res.rwm: every file blob of the archives once, with the sum of its references."""
    header = bytearray(archives[0].header)
    header[0x18:0x28] = os.urandom(16)  # GUID
    header[AT_BOOT:AT_INTEGRITY] = bytes(AT_INTEGRITY - AT_BOOT)
    writer = Writer(os.path.join(group, "Res.rwm"), header)
    by_hash = {}
    for archive in archives:
        for entry in archive.blobs:
            if entry[5] not in by_hash:
                writer.add(archive, entry)
                by_hash[entry[5]] = writer.entries[-1]
            else:
                by_hash[entry[5]][4] += entry[4]
    writer.finish("<WIM><TOTALBYTES>{total}</TOTALBYTES></WIM>", RESOURCE_ONLY, 0)


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit("usage: share_resources.py GROUP ARCHIVE...")
    group, archives = sys.argv[1], [Archive(path) for path in sys.argv[2:]]
    if any(archive.kind != archives[0].kind for archive in archives):
        sys.exit("archives of one group must have the same compression")
    write_resources(group, archives)
    for archive in archives:
        write_metadata_only(group, archive)


if __name__ == "__main__":
    main()
