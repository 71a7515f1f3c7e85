"""An archive's header, tables and resources, with no checks beyond those needed to read them."""

import struct
from dataclasses import dataclass
from pathlib import Path

from rules.codecs import Chunk, decode_lzx, decode_xpress

HEADER_SIZE = 208
ROW_SIZE = 50

METADATA, COMPRESSED, SOLID = 0x02, 0x04, 0x10
ZERO_HASH = bytes(20)


class Unreadable(Exception):
    """The archive cannot be read far enough to check the rule."""


@dataclass(frozen=True)
class Place:
    """A resource header: where a resource lies. Sizes and offsets in bytes."""

    stored: int
    flags: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + self.stored


@dataclass(frozen=True)
class Row:
    """A row of the blob table."""

    place: Place
    part: int
    references: int
    sha1: bytes


def place_at(data: bytes, at: int) -> Place:
    low, offset, size = struct.unpack_from("<QQQ", data, at)
    return Place(low & 0x00FF_FFFF_FFFF_FFFF, low >> 56, offset, size)


class WimFile:
    """An archive in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path.read_bytes()
        if len(self.data) < HEADER_SIZE or self.data[:8] != b"MSWIM\0\0\0":
            raise Unreadable("not a WIM archive")
        fields = struct.unpack_from("<IIII16sHHI", self.data, 8)
        self.header_size, self.version, self.flags, self.chunk_size = fields[:4]
        self.guid, self.part, self.parts, self.image_count = fields[4:]
        self.table, self.xml, self.boot = (place_at(self.data, at) for at in (0x30, 0x48, 0x60))
        (self.boot_index,) = struct.unpack_from("<I", self.data, 0x78)
        self.integrity = place_at(self.data, 0x7C)
        self.rows = [self._row(at) for at in range(self.table.offset, self.table.end - ROW_SIZE + 1, ROW_SIZE)]

    def _row(self, at: int) -> Row:
        part, references, sha1 = struct.unpack_from("<HI20s", self.data, at + 24)
        return Row(place_at(self.data, at), part, references, sha1)

    def stored(self, place: Place) -> bytes:
        """The bytes of a resource as they lie in the file."""
        if place.end > len(self.data):
            raise Unreadable(f"resource at {place.offset:#x} reaches past the end of the file")
        return self.data[place.offset : place.end]

    def metadata_rows(self) -> list[Row]:
        return [row for row in self.rows if row.place.flags & METADATA]

    def blob_rows(self) -> list[Row]:
        """The rows of file data, without those of solid resources themselves."""
        return [row for row in self.rows if not row.place.flags & METADATA and row.sha1 != ZERO_HASH]

    def chunks(self, place: Place) -> list[Chunk]:
        """The chunks of a compressed resource that is not solid."""
        stored, count = self.stored(place), -(-place.size // self.chunk_size)
        width = 4 if place.size <= 0xFFFF_FFFF else 8
        table = (count - 1) * width
        starts = [0, *(int.from_bytes(stored[at : at + width], "little") for at in range(0, table, width))]
        ends = [*starts[1:], len(stored) - table]
        sizes = [min(self.chunk_size, place.size - index * self.chunk_size) for index in range(count)]
        return [Chunk(stored[table + a : table + b], size) for a, b, size in zip(starts, ends, sizes)]

    def bytes_of(self, place: Place) -> bytes:
        """The uncompressed bytes of a resource in XPRESS, LZX or none."""
        if not place.flags & COMPRESSED:
            return self.stored(place)
        decode = {0x20000: decode_xpress, 0x40000: decode_lzx}.get(self.flags & 0x2E_0000)
        if decode is None:
            raise Unreadable("LZMS is not decoded here")
        chunks = self.chunks(place)
        return b"".join(c.stored if c.is_raw else decode(c.stored, c.size).data for c in chunks)
