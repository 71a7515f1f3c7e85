"""Archives of any size, written without a program that captures, which would take long."""
import hashlib
import os
import pathlib
import struct
from collections.abc import Iterable, Iterator

METADATA, COMPRESSED = 0x02, 0x04  # flags of a resource
XPRESS = 0x0002_0002  # flags of an archive
HEADER_SIZE = 208
CHUNK = 32768
FILES_OF_A_FOLDER = 999  # and the folder itself, which is an entry as well

XML = '\ufeff<WIM><IMAGE INDEX="1"><NAME>Image</NAME></IMAGE></WIM>'.encode("utf-16-le")


def dentry(name: str, attributes: int, children: int = 0, sha1: bytes = bytes(20)) -> bytes:
    """A directory entry without times, streams or a second name; `children` is the offset of a directory's list."""
    encoded = name.encode("utf-16-le")
    fixed = struct.pack("<IiQQQQQQ20sIQHHH", attributes, -1, children, 0, 0, 0, 0, 0, sha1, 0, 0, 0, 0, len(encoded))
    body = fixed + encoded + bytes(2)
    length = (8 + len(body) + 7) // 8 * 8
    return struct.pack("<Q", length) + body.ljust(length - 8, b"\0")


def tree(hashes: list[bytes]) -> bytes:
    """The metadata of an image with a file for each hash, in folders of up to 999 files."""
    folders = [hashes[at:at + FILES_OF_A_FOLDER] for at in range(0, len(hashes), FILES_OF_A_FOLDER)]
    names = [f"folder {number:04}" for number in range(len(folders))]
    lists = [
        b"".join(dentry(f"some file {number:05}.txt", 0x20, 0, sha1) for number, sha1 in enumerate(files)) + bytes(8)
        for files in folders
    ]
    start = 8 + len(dentry("", 0x10)) + 8
    offset = start + sum(len(dentry(name, 0x10)) for name in names) + 8
    top = b""
    for name, content in zip(names, lists):
        top += dentry(name, 0x10, offset)
        offset += len(content)
    return struct.pack("<II", 8, 0) + dentry("", 0x10, start) + bytes(8) + top + bytes(8) + b"".join(lists)


def chunk_table(size: int) -> bytes:
    """Of a resource whose chunks are all stored as they are: where each but the first begins."""
    return b"".join(struct.pack("<I", at) for at in range(CHUNK, size, CHUNK))


def write_archive(path: pathlib.Path, contents: Iterable[bytes]) -> tuple[int, int]:
    """Writes an XPRESS archive with one image that has a file for each of the contents, which are stored as they are; returns
    the sizes of its metadata and its blob table."""
    hashes, table = [], []
    with open(path, "wb") as file:
        file.write(bytes(HEADER_SIZE))

        def add(content: bytes, flags: int) -> None:
            at, chunks = file.tell(), chunk_table(len(content))
            file.write(chunks + content)
            flags |= COMPRESSED if chunks else 0
            hashes.append(hashlib.sha1(content).digest())
            size = file.tell() - at
            table.append(struct.pack("<QQQHI20s", size | flags << 56, at, len(content), 1, 1, hashes[-1]))

        for content in contents:
            add(content, 0)
        metadata = tree(hashes)
        add(metadata, METADATA)
        at = file.tell()
        file.writelines(table)
        size = file.tell() - at
        file.write(XML)
        header = struct.pack("<8sIIII16sHHI", b"MSWIM\0\0\0", HEADER_SIZE, 0x10D00, XPRESS, CHUNK, bytes(16), 1, 1, 1)
        header += struct.pack("<QQQ", size, at, size) + struct.pack("<QQQ", len(XML), at + size, len(XML))
        file.seek(0)
        file.write(header)
    return len(metadata), size


def small_contents(count: int) -> Iterator[bytes]:
    """Contents of a few bytes, no two of them alike."""
    return (f"content {number}\n".encode() for number in range(count))


def fill(group: pathlib.Path, template: pathlib.Path, count: int) -> None:
    """Puts links to an archive into a group."""
    group.mkdir(parents=True)
    for number in range(count):
        os.link(template, group / f"image {number:05}.wim")
