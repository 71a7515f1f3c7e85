"""The tree that is captured, its archives, and comparing trees."""
import functools
import hashlib
import os
import subprocess
import time
from collections.abc import Iterator

LARGE = 8_000_000  # bytes; files of at least this size are "the largest files"
COMPRESSIONS = ("XPRESS", "LZX", "LZMS", SOLID := "solid LZMS")


class Corpus:
    """A tree of files. Paths are relative to its root, in the order of a sorted directory walk."""

    def __init__(self, root: str, work: str):
        self.root = os.path.realpath(root)
        key = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:8]
        self._prefix = os.path.join(work, f"{os.path.basename(self.root)}-{key}")
        self.facts = facts(self.root)
        files = [(path, size) for path, kind, size, _, _ in self.facts if kind == "file"]
        self.files = [path for path, _ in files]
        self.bytes = sum(size for _, size in files)
        self.large = [path for path, size in files if size >= LARGE]
        if not self.large:  # a corpus of small files: its largest ones
            self.large = [path for path, _ in sorted(files, key=lambda file: -file[1])[:8]]
        self.large_bytes = sum(size for path, size in files if path in set(self.large))

    @functools.cached_property
    def hashing(self) -> float:
        """Seconds that OpenSSL, which wimlib uses, takes for the SHA-1 of all that an archive of the tree holds, 32 KiB at a time."""
        seen, seconds = set(), 0.0
        for path in self.files:
            total, spent = hashlib.sha1(), 0.0
            with open(os.path.join(self.root, path), "rb", buffering=0) as file:
                while piece := file.read(32768):
                    start = time.perf_counter()
                    total.update(piece)
                    spent += time.perf_counter() - start
            if total.digest() not in seen:
                seen.add(total.digest())
                seconds += spent
        return seconds

    def archive(self, compression: str, check: bool) -> str:
        """The archive of the tree, with an integrity table if `check`, captured if it is not there yet."""
        path = f"{self._prefix}.{compression.lower().replace(' ', '-')}{'.check' if check else ''}.wim"
        how = ["--solid"] if compression == SOLID else [f"--compress={compression}"]
        capture = ["wimlib-imagex", "capture", self.root, f"{path}.part", "corpus", *how, *["--check"] * check]
        return made(path, capture)

    def squashfs(self, compression: str) -> str:
        """A squashfs of the tree, made if it is not there yet."""
        path = f"{self._prefix}.{compression}.squashfs"
        return made(path, ["mksquashfs", self.root, f"{path}.part", "-comp", compression, "-noappend", "-quiet", "-no-progress"])

    def erofs(self) -> str:
        """An EROFS of the tree, compressed with LZ4, made if it is not there yet."""
        path = f"{self._prefix}.erofs"
        return made(path, ["mkfs.erofs", "-zlz4hc", f"{path}.part", self.root])

    def list_file(self, name: str, paths: list[str]) -> str:
        """A file that holds these paths, each ended by NUL."""
        path = f"{self._prefix}.{name}.list"
        with open(path, "wb") as out:
            out.write(b"".join(os.fsencode(file) + b"\0" for file in paths))
        return path

    def large_in_parts(self, count: int) -> list[list[str]]:
        """The largest files dealt out to `count` readers, about equal in bytes."""
        parts: list[list[str]] = [[] for _ in range(count)]
        weights = [0] * count
        sizes = {path: os.path.getsize(os.path.join(self.root, path)) for path in self.large}
        for path in sorted(self.large, key=lambda path: -sizes[path]):
            lightest = weights.index(min(weights))
            parts[lightest].append(path)
            weights[lightest] += sizes[path]
        return [part for part in parts if part]


def made(path: str, command: list[str]) -> str:
    """The path of a file that a command has made as `path` with `.part` behind it, now or before."""
    if not os.path.exists(path):
        if os.path.exists(f"{path}.part"):
            os.remove(f"{path}.part")
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        os.rename(f"{path}.part", path)
    return path


def walk(root: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below a folder, parents first, names sorted; links are not followed."""
    pending = [""]
    while pending:
        directory = pending.pop()
        with os.scandir(os.path.join(root, directory)) as entries:
            children = sorted(entries, key=lambda entry: entry.name)
        for entry in children:
            yield os.path.join(directory, entry.name), entry
        pending += [os.path.join(directory, entry.name) for entry in reversed(children) if entry.is_dir(follow_symlinks=False)]


def facts(root: str) -> list[tuple[str, str, int, int, str]]:
    """Path, kind, size, time in units of 100 ns (0 where none is compared), and link target of everything below a folder."""
    found = []
    for path, entry in walk(root):
        status = entry.stat(follow_symlinks=False)
        if entry.is_symlink():
            found.append((path, "link", 0, 0, os.readlink(os.path.join(root, path))))
        elif entry.is_dir(follow_symlinks=False):
            found.append((path, "folder", 0, status.st_mtime_ns // 100, ""))
        else:
            found.append((path, "file", status.st_size, status.st_mtime_ns // 100, ""))
    return found


def content_hash(root: str, files: list[str]) -> str:
    """SHA-256 over the content of files, in order."""
    total = hashlib.sha256()
    for path in files:
        with open(os.path.join(root, path), "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
