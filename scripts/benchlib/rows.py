"""The works that are timed. Each has a name and a way to do it, once, for each program that can."""
import dataclasses
import os
import shutil
import sys
from collections.abc import Callable

from .corpus import Corpus
from .measure import Cost
from .programs import Mount, Program, Wimstore
from . import measure


@dataclasses.dataclass
class Row:
    """One line of the table."""

    name: str
    programs: list[Program]
    once: Callable[[Program], Cost]  # prepares, measures, cleans up
    goal: float | None = None  # for our time over the peer's


@dataclasses.dataclass
class Setting:
    """What the rows work on."""

    corpus: Corpus
    archive: str
    directory: str  # for mounts
    scratch: str  # for extracted trees; a tmpfs where there is one
    random_reads: int
    decode_goal: float


def rows(setting: Setting, ours: Wimstore, wimlib: Program, seven_zip: Program, beside: list[Program]) -> list[Row]:
    """All rows for one archive; `beside` are further programs that mount."""
    mounting = [ours, wimlib, *beside]
    corpus = setting.corpus
    all_files = corpus.list_file("all", corpus.files)
    large_files = corpus.list_file("large", corpus.large)
    parts = [corpus.list_file(f"part{i}", part) for i, part in enumerate(corpus.large_in_parts(4))]
    cat_all = [cat(all_files)]
    random_reads = os.path.join(os.path.dirname(__file__), "random_reads.py")

    def cold(name: str, goal: float | None, *commands: list[str]) -> Row:
        return Row(name, mounting, lambda program: on_fresh_mount(setting, program, list(commands)), goal)

    return [
        *rows_of_any_archive(setting, ours, wimlib, seven_zip),
        Row("mount, to the first `ls`", mounting, lambda program: mount_time(setting, program)),
        cold("`ls -lR`, cold", 0.06, ["ls", "-lR"]),
        cold("`find`, cold", None, ["find", "-name", "*.dll"]),
        cold("`cat` of every file, cold", 0.30, *cat_all),
        Row("`cat` of every file, again", mounting, lambda program: second_time(setting, program, cat_all), 0.5),
        cold("`cat` of the largest files, cold", 0.55, cat(large_files)),
        cold("4 readers of the largest files, cold", 0.35, *[cat(part) for part in parts]),
        cold("4 KiB random reads, cold", 0.25, [sys.executable, "-S", random_reads, large_files, str(setting.random_reads)]),
        Row("`cp -r` to memory (wimlib: apply)", mounting, lambda program: copy_out(setting, program, wimlib), 1.3),
    ]


def rows_of_any_archive(setting: Setting, ours: Wimstore, wimlib: Program, seven_zip: Program) -> list[Row]:
    """The rows that need no mount."""
    return [
        Row("decode, CPU of one thread (wimlib: verify less hashing)", [ours, wimlib],
            lambda program: decode(setting, program, ours), setting.decode_goal),
        Row("verify", [ours, wimlib, seven_zip], lambda program: measure.run([*program.verify, setting.archive]), 0.45),
        Row("verify, CPU", [ours, wimlib], lambda program: cpu(measure.run([*program.verify, setting.archive])), 0.85),
        Row("extract to memory", [ours, wimlib, seven_zip], lambda program: extract(setting, program), 0.7),
    ]


def solid_rows(setting: Setting, ours: Wimstore, wimlib: Program, seven_zip: Program) -> list[Row]:
    """The rows for a solid archive. wimlib's mount decodes it from a chunk's start for every read, which takes hours."""
    corpus = setting.corpus
    all_files = corpus.list_file("all", corpus.files)
    largest = max(corpus.large, key=lambda path: os.path.getsize(os.path.join(corpus.root, path)))
    size = os.path.getsize(os.path.join(corpus.root, largest)) / 1e6
    both = [ours, wimlib]
    return [
        *rows_of_any_archive(setting, ours, wimlib, seven_zip),
        Row("mount, to the first `ls`", both, lambda program: mount_time(setting, program)),
        Row("`ls -lR`, cold", both, lambda program: on_fresh_mount(setting, program, [["ls", "-lR"]])),
        Row(f"a file of {size:.0f} MB, cold (wimlib: extract)", both,
            lambda program: one_file(setting, program, largest, wimlib), 1.2),
        Row("`cat` of every file, cold", [ours], lambda program: on_fresh_mount(setting, program, [cat(all_files)])),
    ]


def cpu(cost: Cost) -> Cost:
    """A cost whose time is that of the processors."""
    return Cost(cost.cpu, cost.cpu, cost.memory)


def decode(setting: Setting, program: Program, ours: Wimstore) -> Cost:
    """Decodes an archive without looking at what comes out. The peer has no such command: what it needs to hash as many bytes is
    taken off its verifying."""
    if program is ours:
        return cpu(measure.run([ours.decode, "--unverified", setting.archive]))
    verifying = measure.run([*program.verify, setting.archive])
    decoding = verifying.cpu - setting.corpus.hashing
    return Cost(decoding, decoding, verifying.memory)


def cat(list_file: str) -> list[str]:
    """A command that reads the files in a list, in order."""
    return ["xargs", "-0", "-a", list_file, "cat"]


def mounted(setting: Setting, program: Program) -> Mount:
    """A mount of the archive. It is new, so nothing of the image is in memory; the archive itself is."""
    return program.mount(setting.archive, setting.directory)


def on_fresh_mount(setting: Setting, program: Program, commands: list[list[str]]) -> Cost:
    with mounted(setting, program) as mount:
        return mount.measure(commands)


def second_time(setting: Setting, program: Program, commands: list[list[str]]) -> Cost:
    with mounted(setting, program) as mount:
        mount.measure(commands)
        return mount.measure(commands)


def mount_time(setting: Setting, program: Program) -> Cost:
    with mounted(setting, program) as mount:
        return mount.cost + mount.server_cost()


def empty_target(setting: Setting) -> str:
    target = os.path.join(setting.scratch, "out")
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    return target


def extract(setting: Setting, program: Program) -> Cost:
    target = empty_target(setting)
    cost = measure.run(program.extract_command(setting.archive, target))
    shutil.rmtree(target)
    return cost


def copy_out(setting: Setting, program: Program, applying: Program) -> Cost:
    """Copies out of a mount; the peer whose mount is slower may apply the image."""
    if program is applying:
        return extract(setting, program)
    target = empty_target(setting)
    with mounted(setting, program) as mount:
        cost = mount.measure([["cp", "-r", "--preserve=timestamps,links", ".", target]])
    shutil.rmtree(target)
    return cost


def one_file(setting: Setting, program: Program, path: str, extracting: Program) -> Cost:
    """Reads one file through a new mount, the mounting included, or has it extracted."""
    if program is not extracting:
        with mounted(setting, program) as mount:
            return mount.cost + mount.measure([["cat", path]])
    target = empty_target(setting)
    cost = measure.run(program.one_file_command(setting.archive, path, target))
    shutil.rmtree(target)
    return cost
