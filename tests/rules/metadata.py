"""Images' metadata: security data, dentries and streams."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from rules.wim_file import ZERO_HASH

DIRECTORY, REPARSE_POINT, ENCRYPTED = 0x10, 0x400, 0x4000


@dataclass(frozen=True)
class Stream:
    """An extra stream entry."""

    name: bytes
    sha1: bytes


@dataclass(frozen=True)
class Dentry:
    """A directory entry. `at` is where it begins in the metadata."""

    at: int
    length: int
    attributes: int
    security: int
    children: int
    link: int
    sha1: bytes
    name: bytes
    streams: tuple[Stream, ...]

    @property
    def is_folder(self) -> bool:
        return bool(self.attributes & DIRECTORY) and not self.attributes & REPARSE_POINT

    def hashes(self) -> list[bytes]:
        """The contents that the entry uses, each as often as it does."""
        return [sha1 for sha1 in (self.sha1, *(stream.sha1 for stream in self.streams)) if sha1 != ZERO_HASH]


def rounded(length: int) -> int:
    return length + 7 & ~7


def security(data: bytes) -> tuple[int, list[bytes]]:
    """The length of the security data, and its descriptors."""
    total, count = struct.unpack_from("<II", data)
    sizes = struct.unpack_from(f"<{count}Q", data, 8)
    at, found = 8 + 8 * count, []
    for size in sizes:
        found.append(data[at : at + size])
        at += size
    return rounded(max(total, 8)), found


def dentry_at(data: bytes, at: int) -> tuple[Dentry | None, int]:
    """The entry at `at`, `None` at the end of a list, and where the next one begins."""
    (length,) = struct.unpack_from("<Q", data, at)
    if length <= 8:
        return None, at + 8
    attributes, security_id, children = struct.unpack_from("<IiQ", data, at + 8)
    sha1 = data[at + 0x40 : at + 0x54]
    link, extra, _, name_bytes = struct.unpack_from("<QHHH", data, at + 0x58)
    name = data[at + 0x66 : at + 0x66 + name_bytes]
    end, streams = at + rounded(length), []
    for _ in range(extra):
        stream_length, _, stream_sha1, stream_name = struct.unpack_from("<QQ20sH", data, end)
        streams.append(Stream(data[end + 0x26 : end + 0x26 + stream_name], stream_sha1))
        end += rounded(stream_length)
    is_reparse = attributes & REPARSE_POINT
    found = Dentry(
        at, length, attributes, security_id, children, 0 if is_reparse else link, sha1, name, tuple(streams)
    )
    return found, end


def dentries(data: bytes) -> Iterator[Dentry]:
    """Every entry of an image, the root first."""
    start, _ = security(data)
    root, _ = dentry_at(data, start)
    to_come = [root] if root else []
    while to_come:
        dentry = to_come.pop()
        yield dentry
        if not dentry.is_folder or dentry.children == 0:
            continue
        at = dentry.children
        while True:
            child, at = dentry_at(data, at)
            if child is None:
                break
            to_come.append(child)
