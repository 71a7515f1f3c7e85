"""Running a command and saying what it cost."""
import dataclasses
import os
import select
import statistics
import subprocess
import time


@dataclasses.dataclass
class Cost:
    """What one run took."""

    wall: float  # seconds
    cpu: float  # seconds of all processes that worked for it, in user and kernel mode
    memory: int = 0  # most bytes one of them had resident

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


def median(costs: list[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        int(statistics.median(cost.memory for cost in costs)),
    )


def run(argv: list[str], cwd: str | None = None) -> Cost:
    """Runs a command to its end, output thrown away. A command that fails stops the bench."""
    return run_together([argv], cwd)


def run_together(commands: list[list[str]], cwd: str | None = None) -> Cost:
    """Runs commands at once and waits for all of them."""
    start = time.perf_counter()
    children = [start_command(argv, cwd) for argv in commands]
    try:
        costs = [finish(child) for child in children]
    finally:
        for child in children:  # all are done, unless we are being stopped
            if child.returncode is None:
                child.kill()
                child.wait()
    wall = time.perf_counter() - start
    return Cost(wall, sum(cost.cpu for cost in costs), max(cost.memory for cost in costs))


def start_command(argv: list[str], cwd: str | None) -> subprocess.Popen[bytes]:
    """Starts a command whose output nobody reads."""
    return subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(child: subprocess.Popen[bytes]) -> Cost:
    """Waits for a command and says what it and its children took; wall time is the caller's to measure.

    Memory is looked at while it runs, since what the kernel tells at the end includes us, its parent before `exec`.
    """
    stderr = child.stderr
    assert stderr is not None, "start_command gives it a pipe"
    complaint = b""
    memory = 0
    while True:
        ready, _, _ = select.select([stderr], [], [], 0.01)
        if ready:
            part = os.read(stderr.fileno(), 65536)
            if not part:
                break
            complaint += part
        memory = max(memory, peak_memory_of(child.pid))
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"bench: {child.args!r} failed ({child.returncode}): {complaint.decode(errors='replace')}")
    return Cost(0, usage.ru_utime + usage.ru_stime, memory)


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a running process has used, in user and kernel mode."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory_of(pid: int) -> int:
    """Most bytes that a process has had resident; 0 once it is ending."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
