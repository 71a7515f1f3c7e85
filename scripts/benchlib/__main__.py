"""Arguments, and the order of things: capture, compare, time, report."""
import argparse
import os
import shutil
import signal
import sys
import tempfile

from . import corpus as trees
from . import equality, measure, programs, report
from .corpus import Corpus
from .measure import Cost
from .rows import Row, Setting, rows

INTRODUCTION = """# Benchmarks

Written by `scripts/bench --write`. Times are of one machine; the ratios are what counts.

"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true", help="a small tree and one run")
    parser.add_argument("--corpus", required=True, help="the tree to capture")
    parser.add_argument("--check", action="store_true", help="archives with an integrity table")
    parser.add_argument("--runs", type=int, default=3, help="how often each thing is timed")
    parser.add_argument("--only", default="", metavar="WORD", help="only rows whose name has this word")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.runs = 1
    return options


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def compare(setting: Setting, contenders: list[programs.Program], expected_hash: str) -> None:
    """Checks that each program's mount and extracted tree equal the corpus."""
    for program in contenders:
        with program.mount(setting.archive, setting.directory) as mount:
            equality.check(setting.corpus, mount.directory, f"the mount of {program.name}", expected_hash)
        target = os.path.join(setting.scratch, "out")
        os.makedirs(target)
        measure.run(program.extract_command(setting.archive, target))
        equality.check(setting.corpus, target, f"what {program.name} extracted", expected_hash)
        shutil.rmtree(target)


def time_row(row: Row, runs: int) -> dict[str, Cost]:
    """Times a row, the programs in turn."""
    costs = {program.name: [] for program in row.programs}
    for _ in range(runs):
        for program in row.programs:
            costs[program.name].append(row.once(program))
    return {name: measure.median(found) for name, found in costs.items()}


def scratch_parent() -> str | None:
    """A folder in memory, if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def bench_archive(options: argparse.Namespace, corpus: Corpus, compression: str, expected_hash: str, scratch: str) -> str:
    """Compares and times on the corpus captured with one compression; gives the table."""
    ours, wimlib, seven_zip = programs.Wimstore(options.program), programs.Wimlib(), programs.SevenZip()
    say(f"capturing with {compression}, unless it was before")
    setting = Setting(corpus, corpus.archive(compression, options.check), os.path.join(options.work, "mnt"), scratch,
                      random_reads=2_000 if options.quick else 20_000)
    say(f"{compression}: comparing what the programs give")
    compare(setting, [ours, wimlib], expected_hash)
    results = {}
    for row in rows(setting, ours, wimlib, seven_zip):
        if options.only in row.name:
            say(f"{compression}: {row.name}")
            results[row.name] = time_row(row, options.runs)
    return f"## {compression}, {os.path.getsize(setting.archive) / 1e6:.0f} MB\n\n{report.table(results)}\n"


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    programs.detach(os.path.join(options.work, "mnt"))  # of a run that was killed
    corpus = Corpus(options.corpus, options.work)
    expected_hash = trees.content_hash(corpus.root, corpus.files)
    with tempfile.TemporaryDirectory(prefix="wimstore-bench.", dir=scratch_parent()) as scratch:
        tables = [bench_archive(options, corpus, compression, expected_hash, scratch) for compression in trees.COMPRESSIONS]
    text = report.heading(corpus, options.runs, options.check) + "\n\n" + "\n".join(tables)
    print(text)
    if options.write:
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "benchmarks.md"), "w", encoding="utf-8") as out:
            out.write(INTRODUCTION + text)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
