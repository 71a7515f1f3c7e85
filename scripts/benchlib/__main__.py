"""Arguments, and the order of things: capture, compare, time, report."""
import argparse
import os
import shutil
import signal
import sys
import tempfile

from . import corpus as trees
from . import chart, equality, measure, profile, programs, report
from .corpus import Corpus
from .measure import Cost
from .rows import Row, Setting, rows, solid_rows

INTRODUCTION = """# Benchmarks

Written by `scripts/bench --write`. Times are of one machine; the ratios are what counts. [performance.md](performance.md) says what
bounds them.

![Times of wimstore, where wimlib takes 1](benchmarks.png)

"""

PROFILE = """Where the time of both wimstore and who reads goes, in percent of all processors' time from mounting to unmounting:"""

# What takes so many seconds is timed once.
LONG = 60

# Compression -> row -> program -> cost.
Results = dict[str, dict[str, dict[str, Cost]]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true", help="a small tree and one run")
    parser.add_argument("--corpus", required=True, help="the tree to capture")
    parser.add_argument("--check", action="store_true", help="archives with an integrity table")
    parser.add_argument("--runs", type=int, default=3, help="how often each thing is timed")
    parser.add_argument("--only", default="", metavar="WORD", help="only rows whose name has this word")
    parser.add_argument("--compression", action="append", choices=trees.COMPRESSIONS,
                        help="only this compression; may be repeated (default: all)")
    parser.add_argument("--profile", action="store_true", help="also tell where wimstore's time goes")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and .png")
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tools", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.runs = 1
    return options


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def compare(setting: Setting, mounting: list[programs.Program], extracting: list[programs.Program], expected_hash: str) -> None:
    """Checks that what each program mounts and extracts equals the corpus."""
    for program in mounting:
        with program.mount(setting.archive, setting.directory) as mount:
            compare_tree(setting.corpus, mount.directory, program, "the mount of", expected_hash)
    for program in extracting:
        target = os.path.join(setting.scratch, "out")
        os.makedirs(target)
        measure.run(program.extract_command(setting.archive, target))
        compare_tree(setting.corpus, target, program, "the tree extracted by", expected_hash)
        shutil.rmtree(target)


def compare_tree(corpus: Corpus, directory: str, program: programs.Program, which: str, expected_hash: str) -> None:
    """Stops the bench unless a tree equals the corpus; the trees of others than the two peers need only have its bytes."""
    check = equality.check if isinstance(program, programs.Wimstore | programs.Wimlib) else equality.check_bytes
    check(corpus, directory, f"{which} {program.name}", expected_hash)


def time_row(row: Row, runs: int) -> dict[str, Cost]:
    """Times a row, the programs in turn; those that are no peers, and what takes long, once."""
    costs: dict[str, list[Cost]] = {program.name: [] for program in row.programs}
    for run in range(runs):
        for program in row.programs:
            found = costs[program.name]
            is_peer = not isinstance(program, programs.Kernel | programs.Zeros)
            if run == 0 or is_peer and found[-1].wall < LONG:
                found.append(row.once(program))
    return {name: measure.median(found) for name, found in costs.items()}


def scratch_parent() -> str | None:
    """A folder in memory, if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def kernel_programs(options: argparse.Namespace, corpus: Corpus) -> list[programs.Program]:
    """File systems of the kernel's with the same tree, and FUSE with nothing behind it. Only root can mount the former."""
    zeros = programs.Zeros(os.path.join(options.tools, "zeros"), corpus.root)
    if os.geteuid() != 0:
        say("not root: squashfs and EROFS are left out")
        return [zeros]
    say("making squashfs and EROFS of the tree, unless they were made before")
    return [
        programs.Kernel("squashfs zstd", corpus.squashfs("zstd"), "squashfs"),
        programs.Kernel("squashfs xz", corpus.squashfs("xz"), "squashfs"),
        programs.Kernel("EROFS", corpus.erofs(), "erofs"),
        zeros,
    ]


def bench_archive(options: argparse.Namespace, setting: Setting, compression: str, beside: list[programs.Program],
                  expected_hash: str) -> tuple[dict[str, dict[str, Cost]], dict[str, float], dict[str, dict[str, float]]]:
    """Compares, times and on demand profiles on the corpus captured with one compression: costs, goals, shares."""
    ours = programs.Wimstore(options.program, decode=os.path.join(options.tools, "decode"))
    wimlib, seven_zip = programs.Wimlib(), programs.SevenZip()
    say(f"{compression}: comparing what the programs give")
    if compression == trees.SOLID:
        compare(setting, [ours], [ours, wimlib, seven_zip], expected_hash)
        chosen = solid_rows(setting, ours, wimlib, seven_zip)
    else:
        kernel = [program for program in beside if isinstance(program, programs.Kernel)]
        compare(setting, [ours, wimlib, *kernel], [ours, wimlib, seven_zip], expected_hash)
        chosen = rows(setting, ours, wimlib, seven_zip, beside)
    results, goals, shares = {}, {}, {}
    for row in chosen:
        if options.only in row.name:
            say(f"{compression}: {row.name}")
            results[row.name] = time_row(row, options.runs)
            if row.goal is not None:
                goals[row.name] = row.goal
            if options.profile:
                shares[row.name] = profile.shares(lambda: row.once(ours))
    return results, goals, shares


def bench_all(options: argparse.Namespace, corpus: Corpus, scratch: str) -> tuple[list[str], Results]:
    """The tables, one for each compression, and what they show. What does not depend on it is timed with the first and shown
    in all."""
    expected_hash = trees.content_hash(corpus.root, corpus.files)
    beside = kernel_programs(options, corpus)
    columns = ["wimstore", "wimlib", "7-Zip", *(program.name for program in beside)]
    found_beside: dict[str, dict[str, Cost]] = {}
    tables, all_results = [], {}
    for compression in options.compression or trees.COMPRESSIONS:
        say(f"capturing with {compression}, unless it was before")
        archive = corpus.archive(compression, options.check)
        setting = Setting(corpus, archive, os.path.join(options.work, "mnt"), scratch,
                          random_reads=2_000 if options.quick else 20_000,
                          decode_goal=0.75 if compression in ("XPRESS", "LZX") else 0.85)
        results, goals, shares = bench_archive(options, setting, compression, beside, expected_hash)
        if compression != trees.SOLID and beside:
            names = {program.name for program in beside}
            found_beside = {row: {name: cost for name, cost in costs.items() if name in names} for row, costs in results.items()}
            beside = []
        shown = {row: {**found_beside.get(row, {}), **costs} for row, costs in results.items()}
        all_results[compression] = shown
        table = report.table(shown, goals, columns)
        tables.append(f"## {compression}, {os.path.getsize(archive) / 1e6:.0f} MB\n\n{table}\n")
        if shares:
            tables.append(f"{PROFILE}\n\n{profile.table(shares)}\n")
    return tables, all_results


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    programs.detach(os.path.join(options.work, "mnt"))  # of a run that was killed
    corpus = Corpus(options.corpus, options.work)
    with tempfile.TemporaryDirectory(prefix="wimstore-bench.", dir=scratch_parent()) as scratch:
        tables, results = bench_all(options, corpus, scratch)
    text = report.heading(corpus, options.runs, options.check) + "\n\n" + "\n".join(tables)
    print(text)
    if options.write:
        report.document("benchmarks.md").write_text(INTRODUCTION + text, encoding="utf-8")
        chart.draw(results, str(report.document("benchmarks.png")))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
