"""The programs that are compared: how each verifies, extracts and mounts an archive's first image."""
import os
import subprocess
import time

from . import measure
from .measure import Cost


class Mount:
    """An image mounted by one of the programs."""

    def __init__(self, directory: str, pid: int | None, cost: Cost, unmount: list[str]):
        self.directory = directory
        self.pid = pid  # the process that serves it; None if the kernel does
        self.cost = cost  # from starting the program to the end of the first `ls`
        self._unmount = unmount

    def measure(self, commands: list[list[str]]) -> Cost:
        """Runs commands at once in the mounted image; the serving process's CPU and peak memory count too."""
        before = self.server_cost()
        cost = measure.run_together(commands, self.directory)
        server = self.server_cost()
        return Cost(cost.wall, cost.cpu + server.cpu - before.cpu, server.memory or cost.memory)

    def server_cost(self) -> Cost:
        """What the serving process has used since it began; nothing if the kernel serves."""
        return Cost(0, 0) if self.pid is None else Cost(0, measure.cpu_of(self.pid), measure.peak_memory_of(self.pid))

    def __enter__(self) -> "Mount":
        return self

    def __exit__(self, *_: object) -> None:
        if subprocess.run(self._unmount, capture_output=True, check=False).returncode != 0:
            detach(self.directory)
        deadline = time.monotonic() + 10
        while self.pid is not None and is_running(self.pid) and time.monotonic() < deadline:
            time.sleep(0.01)


def detach(directory: str) -> None:
    """Takes a mount away, whatever state it is in."""
    lazy = ["umount", "--lazy"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
    subprocess.run([*lazy, directory], capture_output=True, check=False)


class Program:
    """A program under comparison."""

    name: str
    verify: list[str]  # complete but for the archive; empty if the program cannot verify
    unmount: list[str]  # complete but for the directory; empty if it cannot mount

    def mount_command(self, archive: str, directory: str) -> list[str]:
        """What mounts the first image and returns when it is up."""
        raise NotImplementedError

    def extract_command(self, archive: str, directory: str) -> list[str]:
        """What writes the first image into an existing empty directory."""
        raise NotImplementedError

    def one_file_command(self, archive: str, path: str, directory: str) -> list[str]:
        """What writes one file of the first image into a directory."""
        raise NotImplementedError

    def mount(self, archive: str, directory: str) -> Mount:
        """Mounts the first image of the archive."""
        os.makedirs(directory, exist_ok=True)
        before = naming(directory)
        try:
            cost = measure.run(self.mount_command(archive, directory)) + measure.run(["ls", directory])
        except BaseException:
            detach(directory)
            raise
        serving = naming(directory) - before
        if len(serving) != 1:
            detach(directory)
            raise SystemExit(f"bench: {self.name}: not one process serves {directory}, but {len(serving)}")
        return Mount(directory, serving.pop(), cost, [*self.unmount, directory])


class Wimstore(Program):
    """Ours."""

    name = "wimstore"

    def __init__(self, program: str, options: tuple[str, ...] = ("--image", "1"), decode: str = ""):
        self.verify = [program, "verify"]
        self.unmount = [program, "umount"]
        self.decode = decode  # a program that decodes an archive
        self._program = program
        self._options = options  # of a mount

    def mount_command(self, archive: str, directory: str) -> list[str]:
        return [self._program, "mount", archive, directory, *self._options]

    def extract_command(self, archive: str, directory: str) -> list[str]:
        return [self._program, "extract", archive, directory, "--image", "1"]


class Wimlib(Program):
    """The peer: Debian's wimtools."""

    name = "wimlib"
    verify = ["wimlib-imagex", "verify"]
    unmount = ["wimlib-imagex", "unmount"]

    def mount_command(self, archive: str, directory: str) -> list[str]:
        return ["wimlib-imagex", "mount", archive, "1", directory]

    def extract_command(self, archive: str, directory: str) -> list[str]:
        return ["wimlib-imagex", "apply", archive, "1", directory]

    def one_file_command(self, archive: str, path: str, directory: str) -> list[str]:
        return ["wimlib-imagex", "extract", archive, "1", "/" + path, f"--dest-dir={directory}"]


class Kernel(Program):
    """A file system of the kernel's on a loop device: no peer, but what can be reached."""

    verify = []
    unmount = ["umount"]

    def __init__(self, name: str, image: str, kind: str):
        self.name = name
        self._image = image
        self._kind = kind

    def mount(self, archive: str, directory: str) -> Mount:
        os.makedirs(directory, exist_ok=True)
        command = ["mount", "-t", self._kind, "-o", "loop,ro", self._image, directory]
        return Mount(directory, None, measure.run(command) + measure.run(["ls", directory]), [*self.unmount, directory])


class Zeros(Program):
    """A FUSE mount of a tree with the same names and sizes whose files hold zeros: what FUSE alone costs."""

    name = "zeros by FUSE"
    verify = []
    unmount = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]

    def __init__(self, program: str, tree: str):
        self._program = program
        self._tree = tree

    def mount_command(self, archive: str, directory: str) -> list[str]:
        return [self._program, self._tree, directory]


class SevenZip(Program):
    """7-Zip: it tests and extracts, and cannot mount."""

    name = "7-Zip"
    verify = ["7zz", "t", "-bd"]
    unmount = []

    def extract_command(self, archive: str, directory: str) -> list[str]:
        return ["7zz", "x", "-snld20", "-bd", "-y", f"-o{directory}", archive]  # it takes links with `..` for dangerous else


def naming(directory: str) -> set[int]:
    """Processes whose arguments name the directory."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                if os.fsencode(directory) in cmdline.read().split(b"\0"):
                    found.add(int(pid))
        except OSError:
            continue
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there and not only waiting for its parent to notice its end."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
