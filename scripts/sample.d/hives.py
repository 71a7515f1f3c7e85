#!/usr/bin/env python3
"""hives.py DIR PRODUCT EDITION TYPE KIND: makes the registry hives SOFTWARE and SYSTEM in DIR.

They hold the values from which imaging tools tell what an image is: the product's name, its edition, its installation
type (Client, Server, Server Core) and its kind (WinNT, ServerNT). hivexsh fills hives but cannot make one, so an empty
hive is written here first: a base block of 4096 bytes and one bin of 4096 bytes with two cells, the root key and its
security descriptor.
"""
import struct
import subprocess
import sys

BLOCK = 4096
BIN_HEADER = 0x20
NONE = 0xFFFFFFFF
WRITTEN = 132_500_000_000_000_000  # FILETIME, 2020-11-16
ROOT_NAME = b"CMI-CreateHive{00000000-0000-0000-0000-000000000000}"
# O:BAG:SYD:(A;CI;0xf003f;;;SY)(A;CI;0x20019;;;BU), self-relative.
DESCRIPTOR = bytes.fromhex(
    "01000480480000005800000000000000140000000200340002000000000214003f000f00010100000000000512000000"
    "0002180019000200010200000000000520000000200200000102000000000005200000002002000001020000000000052000000020020000"
)


def cell(data: bytes) -> bytes:
    """A cell in use: its negative length, the data, padding to 8 bytes."""
    length = (4 + len(data) + 7) & ~7
    return struct.pack("<i", -length) + data.ljust(length - 4, b"\0")


def root_key(security: int) -> bytes:
    """The root's `nk` record; `security` is the offset of its `sk` cell in the bin."""
    head = b"nk" + struct.pack("<HQII", 0x2C, WRITTEN, 0, NONE)
    lists = struct.pack("<8I", 0, 0, NONE, NONE, 0, NONE, security, NONE)
    return head + lists + struct.pack("<5IHH", 0, 0, 0, 0, 0, len(ROOT_NAME), 0) + ROOT_NAME


def bin_of_cells() -> bytes:
    """The one bin: header, root key, security record, and the free rest."""
    security = BIN_HEADER + len(cell(root_key(0)))
    record = b"sk" + struct.pack("<H4I", 0, security, security, 1, len(DESCRIPTOR)) + DESCRIPTOR
    cells = cell(root_key(security)) + cell(record)
    free = BLOCK - BIN_HEADER - len(cells)
    header = b"hbin" + struct.pack("<IIQQI", 0, BLOCK, 0, WRITTEN, 0)
    return header + cells + struct.pack("<i", free).ljust(free, b"\0")


def base_block() -> bytes:
    """The base block, with the checksum over its first 127 words."""
    block = bytearray(BLOCK)
    block[:4] = b"regf"
    struct.pack_into("<IIQIIIIIII", block, 4, 1, 1, WRITTEN, 1, 5, 0, 1, BIN_HEADER, BLOCK, 1)
    checksum = 0
    for (word,) in struct.iter_unpack("<I", block[:508]):
        checksum ^= word
    struct.pack_into("<I", block, 508, checksum)
    return bytes(block)


def commands(keys: dict[str, dict[str, str]]) -> str:
    """What hivexsh must do to add these keys (paths from the root, parents first) with their values."""
    lines = []
    for path, values in keys.items():
        parent, _, name = path.rpartition("\\")
        lines += [f"cd \\{parent}", f"add {name}", f"cd {name}", f"setval {len(values)}"]
        for value, data in values.items():
            lines += [value, data]
    return "\n".join([*lines, "commit", ""])


def write_hive(path: str, keys: dict[str, dict[str, str]]) -> None:
    """Writes a hive with these keys."""
    with open(path, "wb") as out:
        out.write(base_block() + bin_of_cells())
    subprocess.run(["hivexsh", "-w", path], input=commands(keys), text=True, check=True)


def main() -> None:
    if len(sys.argv) != 6:
        sys.exit("usage: hives.py DIR PRODUCT EDITION TYPE KIND")
    directory, product, edition, installation, kind = sys.argv[1:]
    write_hive(f"{directory}/SOFTWARE", {
        "Microsoft": {},
        "Microsoft\\Windows NT": {},
        "Microsoft\\Windows NT\\CurrentVersion": {
            "ProductName": f"string:{product}",
            "EditionID": f"string:{edition}",
            "InstallationType": f"string:{installation}",
            "CurrentBuild": "string:19045",
            "CurrentMajorVersionNumber": "dword:10",
            "CurrentMinorVersionNumber": "dword:0",
        },
    })
    write_hive(f"{directory}/SYSTEM", {
        "ControlSet001": {},
        "ControlSet001\\Control": {},
        "ControlSet001\\Control\\ProductOptions": {"ProductType": f"string:{kind}"},
        "ControlSet001\\Control\\MUI": {},
        "ControlSet001\\Control\\MUI\\UILanguages": {},
        "ControlSet001\\Control\\MUI\\UILanguages\\en-US": {},
        "ControlSet001\\Control\\Nls": {},
        "ControlSet001\\Control\\Nls\\Language": {"InstallLanguage": "string:0409"},
    })


if __name__ == "__main__":
    main()
