"""How cost grows: with the entries of an image, the chunks of a file and the archives of a group; and large stores.

Ends with 1 if a limit was broken.
"""
import argparse
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

from . import measure, report, synthetic
from .measure import Cost
from .programs import Mount, Wimlib, Wimstore

MEMORY = 256 << 20  # the budget that large stores are mounted with
BESIDE = 32 << 20  # what the program may take for everything else
PASS = 150 << 20  # what `info` and `verify` may take, whatever the number of archives
DOCUMENT = "scaling.md"

INTRODUCTION = """# How cost grows

Written by `scripts/bench --scaling --write`. The archives are made for this, their data is stored as it is.

"""


PATIENCE = 300  # seconds after which what does not come is taken for lost


def timed(mount: Mount, work: Callable[[], object]) -> Cost:
    """What work in a mount takes, of us and of the process that serves it."""
    cpu, start = mount.server_cost().cpu + time.process_time(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - start, mount.server_cost().cpu + time.process_time() - cpu)


class Limits:
    """What may be taken, and whether more was.

    The quick form, which is a test, holds processor time against limits of time: a busy machine
    takes no more of that.
    """

    def __init__(self, quick: bool):
        self.quick, self.broken = quick, False

    def seconds(self, cost: Cost, limit: float) -> str:
        """A time, with its limit."""
        if self.quick:
            return f"{cost.wall:.3g} s, {self.show(cost.cpu, 's of processors', limit)}"
        return self.show(cost.wall, "s", limit)

    def show(self, value: float, unit: str, limit: float | None = None) -> str:
        """A figure, with its limit if there is one."""
        if limit is None:
            return f"{value:.3g} {unit}"
        self.broken |= value > limit
        return f"{value:.3g} {unit} (limit {limit:.4g}{', BROKEN' if value > limit else ''})"


def table(title: str, columns: list[str], rows: list[list[str]]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def peak(mount: Mount) -> int:
    """The most bytes that the mount had resident."""
    return mount.server_cost().memory


def listed(mount: Mount, command: list[str]) -> float:
    """Seconds that a command takes in the mount."""
    return mount.measure([command]).wall


class Scaling:
    """What all measurements share."""

    def __init__(self, program: str, work: pathlib.Path, quick: bool):
        self.program, self.work, self.quick = program, work, quick
        self.limits = Limits(quick)

    def mount(self, source: pathlib.Path, *options: str) -> Mount:
        return Wimstore(self.program, options).mount(str(source), str(self.work / "mount"))

    def entries(self) -> str:
        """Images of more and more entries."""
        rows, base = [], 0
        for entries in (1_000, 10_000) if self.quick else (1_000, 10_000, 100_000, 1_000_000):
            path = self.work / "entries.wim"
            metadata, blobs = synthetic.write_archive(path, synthetic.small_contents(entries - entries // 1000))
            with self.mount(path, "--image", "1") as mount:
                first, find, details = mount.cost.wall, listed(mount, ["find"]), listed(mount, ["ls", "-lR"])
                base = base or peak(mount)  # what the program takes in any case
                memory = (peak(mount) - base) / entries
            with Wimlib().mount(str(path), str(self.work / "mount")) as mount:
                peer = mount.cost.wall
            tells = entries >= 100_000  # the memory of smaller ones is lost in that of the program
            rows.append([
                f"{entries:,}",
                self.limits.show(first, "s", 1 if entries == 1_000_000 else None), f"{peer:.3g} s",
                f"{1e6 * find / entries:.2f} us", f"{1e6 * details / entries:.2f} us",
                f"{memory:.0f} B" if tells else "",
                self.limits.show(memory - (metadata + blobs) / entries, "B", 64) if tells else "",
            ])
            path.unlink()
        columns = ["entries of an image", "mount, to the first `ls`", "wimlib's", "`find`, each entry", "`ls -lR` then, each entry",
                   "peak memory, each entry", "beside what the archive has of it: metadata and blob table"]
        return table("Entries", columns, rows)

    def chunks(self) -> str:
        """Files of more and more chunks."""
        rows = []
        for chunks in (32, 1_024) if self.quick else (32, 1_024, 32_768):
            path, content = self.work / "chunks.wim", os.urandom(chunks * synthetic.CHUNK)
            synthetic.write_archive(path, [content])
            name = "folder 0000/some file 00000.txt"
            with self.mount(path, "--image", "1") as mount:
                seconds = listed(mount, ["cat", name])
                same = pathlib.Path(mount.directory, name).read_bytes() == content
            if not same:
                raise SystemExit(f"bench: a file of {chunks} chunks was read wrongly")
            rows.append([f"{chunks:,}", f"{seconds:.3g} s", f"{1e6 * seconds / chunks:.1f} us"])
            path.unlink()
        return table("Chunks", ["chunks of a file", "`cat`, cold", "each chunk"], rows)

    def archives(self) -> str:
        """Groups of more and more archives."""
        rows = []
        template = self.work / "small.wim"
        synthetic.write_archive(template, synthetic.small_contents(10))
        for count in (1, 10, 100) if self.quick else (1, 10, 100, 1_000, 10_000):
            store = self.work / f"store of {count}"
            synthetic.fill(store / "Images" / "group", template, count)
            with self.mount(store, "--metadata-cache", str(MEMORY)) as mount:
                group = pathlib.Path(mount.directory, "group")
                first = timed(mount, lambda: os.listdir(group))
                attributes = timed(mount, lambda: [entry.stat() for entry in os.scandir(group)]).wall
                inside = timed(mount, lambda: [os.listdir(image) for image in os.scandir(group)]).wall
                os.link(template, store / "Images" / "group" / "new.wim")
                appears = timed(mount, lambda: wait_for(group / "Image (new.wim 1)"))
                rows.append([
                    f"{count:,}", self.limits.seconds(mount.cost, 1), self.limits.seconds(first, 0.5),
                    f"{1e6 * first.wall / count:.0f} us", f"{1e6 * attributes / count:.0f} us", f"{1e6 * inside / count:.0f} us",
                    self.limits.seconds(appears, 2), self.limits.show(peak(mount) / 2**20, "MiB", (MEMORY + BESIDE) / 2**20),
                ])
        columns = ["archives of a group", "mount", "first listing", "each archive", "attributes, each", "listing inside, each",
                   "until one more is shown", "peak memory"]
        return table("Archives", columns, rows)

    def passes(self) -> str:
        """Passes of `info` and `verify` through more and more archives of many blobs."""
        blobs, counts = (500, (5, 50)) if self.quick else (14_766, (10, 100, 500))
        rows, template = [], self.work / "many blobs.wim"
        synthetic.write_archive(template, synthetic.small_contents(blobs))
        for count in counts:
            store = self.work / f"pass through {count}"
            synthetic.fill(store / "Images" / "group", template, count)
            costs = [measure.run([self.program, command, "--json", str(store)]) for command in ("info", "verify")]
            shown = [[f"{cost.wall:.3g} s", self.limits.show(cost.memory / 2**20, "MiB", PASS / 2**20)] for cost in costs]
            rows.append([f"{count:,}", *shown[0], *shown[1]])
        columns = [f"archives of {blobs:,} blobs", "`info`", "peak memory", "`verify`", "peak memory"]
        return table("Passes through all archives", columns, rows)

    def large_store(self) -> str:
        """A store of many groups of large images, and a reader who crosses them."""
        groups, images, entries, walked = (4, 5, 2_000, 5) if self.quick else (200, 50, 100_000, 60)
        template, store = self.work / "template.wim", self.work / "store"
        synthetic.write_archive(template, synthetic.small_contents(entries - entries // 1000))
        for number in range(groups):
            synthetic.fill(store / "Images" / f"group {number:03}", template, images)
        rows, show, limit = [], self.limits.show, (MEMORY + BESIDE) / 2**20
        with self.mount(store, "--metadata-cache", str(MEMORY)) as mount:
            root = pathlib.Path(mount.directory)
            rows.append(["mount", self.limits.seconds(mount.cost, 1)])
            first = timed(mount, lambda: os.listdir(root / "group 000"))
            rows.append(["first listing of a group", self.limits.seconds(first, 1)])
            every = timed(mount, lambda: [os.listdir(group) for group in root.iterdir()])
            rows.append(["all groups listed", show(every.wall, "s")])
            rows.append(["peak memory then", show(peak(mount) / 2**20, "MiB", limit)])
            path = root / "group 000" / "Image" / "folder 0000" / "some file 00000.txt"
            number = path.stat().st_ino
            with open(path, "rb") as file:
                paths = [image for group in sorted(root.iterdir())[1:] for image in sorted(group.iterdir())][::7][:walked]
                seconds = timed(mount, lambda: [count_files(path) for path in paths]).wall
                if file.read() != next(synthetic.small_contents(1)) or path.stat().st_ino != number:
                    raise SystemExit("bench: a file that was open is another one after the walk")
            rows.append([f"a walk through {len(paths)} images, each", show(seconds / len(paths), "s")])
            rows.append(["peak memory then", show(peak(mount) / 2**20, "MiB", limit)])
        return table(f"A store of {groups} groups of {images} images of {entries:,} entries", ["what", "measured"], rows)


def wait_for(path: pathlib.Path) -> None:
    start = time.perf_counter()
    while not path.exists():
        if time.perf_counter() - start > PATIENCE:
            raise SystemExit(f"bench: {path} does not appear")
        time.sleep(0.01)


def count_files(folder: pathlib.Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench --scaling", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small ones, to see that everything works")
    parser.add_argument("--write", action="store_true", help=f"also write docs/{DOCUMENT}")
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="wimstore-scaling.") as folder:
        scaling = Scaling(options.program, pathlib.Path(folder), options.quick)
        text = report.machine("wimtools") + "\n"
        print(text, flush=True)
        for section in (scaling.entries, scaling.chunks, scaling.archives, scaling.passes, scaling.large_store):
            found = section()
            print(found, flush=True)
            text += "\n" + found
    if options.write:
        report.document(DOCUMENT).write_text(INTRODUCTION + text, encoding="utf-8")
    return int(scaling.limits.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
