#!/usr/bin/env python3
"""decorate_ntfs.py MOUNTED: gives files of an NTFS volume, mounted by ntfs-3g, what only NTFS has.

Security descriptors, file attributes, a short name, an object id, named streams, a junction and an absolute symbolic
link, on the paths that sample-store's client system has.
"""
import os
import struct
import sys

SYSTEM, ADMINISTRATORS, USERS = (18,), (32, 544), (32, 545)
FULL, READ_AND_EXECUTE = 0x1F01FF, 0x1200A9
INHERITED_BY_ALL = 0x03  # by files and by folders
HIDDEN, IS_SYSTEM, ARCHIVE = 0x02, 0x04, 0x20
JUNCTION, SYMLINK = 0xA0000003, 0xA000000C


def sid(parts: tuple[int, ...]) -> bytes:
    """S-1-5-parts."""
    return struct.pack("<BB", 1, len(parts)) + (5).to_bytes(6, "big") + struct.pack(f"<{len(parts)}I", *parts)


def descriptor(access: list[tuple[tuple[int, ...], int]]) -> bytes:
    """A self-relative security descriptor, owned by SYSTEM, whose protected DACL allows these accesses."""
    aces = b""
    for who, mask in access:
        aces += struct.pack("<BBHI", 0, INHERITED_BY_ALL, 8 + len(sid(who)), mask) + sid(who)
    dacl = struct.pack("<BBHHH", 2, 0, 8 + len(aces), len(access), 0) + aces
    owner_at = 20 + len(dacl)
    control = 0x8000 | 0x1000 | 0x0004  # self-relative, DACL protected, DACL present
    return struct.pack("<BBHIIII", 1, 0, control, owner_at, owner_at + len(sid(SYSTEM)), 0, 20) + dacl + sid(SYSTEM) * 2


def reparse_data(tag: int, target: str) -> bytes:
    """A junction or symbolic link to an absolute path on the drive, such as C:\\Users."""
    substitute, shown = ("\\??\\" + target).encode("utf-16-le"), target.encode("utf-16-le")
    lengths = struct.pack("<HHHH", 0, len(substitute), len(substitute) + 2, len(shown))
    flags = struct.pack("<I", 0) if tag == SYMLINK else b""
    data = lengths + flags + substitute + b"\0\0" + shown + b"\0\0"
    return struct.pack("<IHH", tag, len(data), 0) + data


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: decorate_ntfs.py MOUNTED")
    os.chdir(sys.argv[1])
    os.setxattr("Windows", "system.ntfs_acl", descriptor([(SYSTEM, FULL), (ADMINISTRATORS, FULL), (USERS, READ_AND_EXECUTE)]))
    os.setxattr("Windows/System32/config", "system.ntfs_acl", descriptor([(SYSTEM, FULL), (ADMINISTRATORS, FULL)]))
    os.setxattr("Users/Public/desktop.ini", "system.ntfs_attrib", struct.pack("<I", HIDDEN | IS_SYSTEM | ARCHIVE))
    os.setxattr("Program Files", "system.ntfs_dos_name", b"PROGRA~1")
    os.setxattr("Windows/explorer.exe", "system.ntfs_object_id", bytes(range(16)))
    licence = "Users/Public/licence.txt"
    os.setxattr(licence, "user.Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=https://www.debian.org/\r\n")
    with open(licence, "rb") as text:
        os.setxattr(licence, "user.first lines", text.read(4000))
    for name, tag, target in [("Documents and Settings", JUNCTION, "C:\\Users"), ("Users/All Users", SYMLINK, "C:\\ProgramData")]:
        os.mkdir(name)
        os.setxattr(name, "system.ntfs_reparse_data", reparse_data(tag, target))


if __name__ == "__main__":
    main()
