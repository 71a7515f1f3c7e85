"""Where the time of a row goes, by sampling all processors while wimstore does it once more."""
import collections
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator

# What a sample counts for: the first kind of which a word is in the name of one of its functions.
KINDS = (
    ("idle", ("pv_native_safe_halt", "default_idle", "intel_idle", "acpi_idle", "mwait")),
    ("fresh memory", ("exc_page_fault", "sysmalloc", "madvise", "munmap", "exit_mmap")),
    ("decode", ("wim::codec",)),
    ("hash", ("sha1",)),
    ("FUSE", ("fuse_", "fuser", "request_wait_answer")),
    ("page cache, copies", ("filemap_", "copy_to_iter", "shmem_", "tmpfs_", "page_cache")),
)
COLUMNS = [kind for kind, _ in KINDS] + ["rest of wimstore", "rest of the reader"]


def shares(work: Callable[[], object]) -> dict[str, float]:
    """Does `work` and tells which part of all processors' time went where; the keys are `COLUMNS`."""
    if shutil.which("perf") is None:
        raise SystemExit("bench: --profile needs perf (Debian: linux-perf)")
    with tempfile.TemporaryDirectory(prefix="wimstore-profile.") as folder:
        path = os.path.join(folder, "perf.data")
        with sampling(path):
            work()
        counts = collections.Counter(kind_of(command, functions) for command, functions in samples(path))
    total = sum(counts.values())
    if total == 0:
        raise SystemExit("bench: perf took no samples")
    return {column: counts[column] / total for column in COLUMNS}


@contextlib.contextmanager
def sampling(path: str) -> Iterator[None]:
    """Samples all processors into a file, from the moment it is entered on: perf takes a while to start, and says when it did."""
    (commands, command), (answer, answers) = os.pipe(), os.pipe()
    record = ["perf", "record", "--quiet", "--all-cpus", "-F", "1999", "-g", "-o", path, "-D", "-1"]
    perf = subprocess.Popen([*record, f"--control=fd:{commands},{answers}"], pass_fds=(commands, answers),
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(commands)
    os.close(answers)
    try:
        os.write(command, b"enable\n")
        if not os.read(answer, 16).startswith(b"ack"):
            raise SystemExit("bench: perf does not start; it needs root here, or a lower kernel.perf_event_paranoid")
        yield
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait()
        os.close(command)
        os.close(answer)


def samples(path: str) -> Iterator[tuple[str, list[str]]]:
    """The command and the functions, innermost first, of each sample in a file of perf's."""
    script = ["perf", "script", "-i", path, "-F", "comm,ip,sym"]
    text = subprocess.run(script, capture_output=True, check=True).stdout.decode(errors="replace")
    for block in text.split("\n\n"):
        command, *frames = block.strip("\n").split("\n")
        yield command.strip(), [frame.strip().partition(" ")[2] for frame in frames]


def kind_of(command: str, functions: list[str]) -> str:
    """The column that a sample counts for."""
    for kind, words in KINDS:
        if any(word in function for function in functions for word in words):
            return kind
    return "rest of wimstore" if command.startswith(("wimstore", "fuser-", "read-ahead", "follow")) else "rest of the reader"


def table(found: dict[str, dict[str, float]]) -> str:
    """Rows of name -> column -> share, as Markdown in percent."""
    lines = [f"| work | {' | '.join(COLUMNS)} |", f"|---|{'---:|' * len(COLUMNS)}"]
    lines += [f"| {name} | {' | '.join(f'{100 * parts[column]:.0f}' for column in COLUMNS)} |" for name, parts in found.items()]
    return "\n".join(lines)
