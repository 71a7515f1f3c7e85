"""The figures as Markdown."""
import datetime
import os
import pathlib
import platform
import subprocess

from .corpus import Corpus
from .measure import Cost


def table(results: dict[str, dict[str, Cost]], goals: dict[str, float], programs: list[str]) -> str:
    """Rows of name -> program -> median. Ratios are ours / wimlib's: below 1, ours is better."""
    lines = [
        f"| work | {' | '.join(programs)} | wall, ours / wimlib | goal | CPU, ours / wimlib | peak memory |",
        f"|---|{'---:|' * (len(programs) + 4)}",
    ]
    for name, costs in results.items():
        cells = [seconds(costs[program].wall) if program in costs else "" for program in programs]
        lines.append(f"| {' | '.join([name, *cells, *comparison(costs, goals.get(name))])} |")
    return "\n".join(lines)


def comparison(costs: dict[str, Cost], goal: float | None) -> list[str]:
    """Both ratios with the goal of the first, and the memory, of a row, as far as there is a peer."""
    ours, wimlib = costs["wimstore"], costs.get("wimlib")
    if wimlib is None:
        return ["", "", "", megabytes(ours.memory)]
    return [
        f"**{ours.wall / wimlib.wall:.2f}**",
        "" if goal is None else f"{goal:.2f}",
        f"{ours.cpu / wimlib.cpu:.2f}" if wimlib.cpu >= 0.05 else "",
        f"{megabytes(ours.memory)} / {megabytes(wimlib.memory)}",
    ]


def seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def megabytes(value: int) -> str:
    return f"{value / 1e6:.0f} MB"


def machine(*packages: str) -> str:
    """When, where and with what was measured; `packages` are Debian's."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return "\n".join([
        f"- {datetime.date.today()}, wimstore at {output('git', 'describe', '--always', '--dirty')}, {output('rustc', '--version')}",
        f"- {cpu_name()}, {os.cpu_count()} cores, {memory()} of memory, Linux {platform.release()}; load {load}",
        f"- {', '.join(map(package, packages))} of Debian",
    ])


def document(name: str) -> pathlib.Path:
    """A file of the project's documents."""
    return pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / name


def heading(corpus: Corpus, runs: int, check: bool) -> str:
    """Where, with what and on what was measured."""
    return "\n".join([
        machine("wimtools", "7zip", "squashfs-tools", "erofs-utils"),
        f"- corpus: {len(corpus.files):,} files of {corpus.bytes / 1e9:.2f} GB; the largest are {len(corpus.large)} files of"
        f" {corpus.large_bytes / 1e6:.0f} MB; archives {'with' if check else 'without'} integrity table",
        f"- medians of {runs}, programs in turn; what takes over a minute is timed once. The archive is in the page cache. \"Cold\" means"
        " a new mount: nothing of the image is in memory.",
        "- wimstore compares every byte with its SHA-1 before a mount hands it out; wimlib's mount does not.",
        "- squashfs, EROFS (LZ4) and the FUSE mount that serves zeros are no peers: they show what the kernel and FUSE can reach,"
        " and are timed once.",
        "- CPU is that of the command and of the program that serves the mount; memory is that of the program.",
    ])


def output(*argv: str) -> str:
    """The first line that is not empty of what a command prints; empty if there is no such command."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in done.stdout.splitlines() if line.strip()), "")


def package(name: str) -> str:
    """A Debian package and its version."""
    return f"{name} {output('dpkg-query', '-W', '-f', '${Version}', name)}"


def cpu_name() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        return next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), platform.machine())


def memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / (1 << 30):.0f} GiB"
