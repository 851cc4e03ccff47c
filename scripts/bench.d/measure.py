"""Running one command and counting what it costs."""

import os
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field


RUNS = 9


@dataclass
class Command:
    name: str
    argv: list
    env: dict = field(default_factory=dict)
    stdin: str = "/dev/null"

    def environment(self):
        # The same few variables for everybody; a long environment costs instructions.
        return {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **self.env}


def once(command):
    """Runs it; returns wall and CPU time in milliseconds."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, command.stdin, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
    ]
    environment = command.environment()
    began = time.perf_counter()
    process = os.posix_spawn(command.argv[0], command.argv, environment, file_actions=actions)
    _, status, usage = os.wait4(process, 0)
    wall = (time.perf_counter() - began) * 1000
    if status != 0:
        raise SystemExit(f"error: `{command.name}` ended with {os.waitstatus_to_exitcode(status)}")
    return wall, (usage.ru_utime + usage.ru_stime) * 1000


def rounds(commands, count):
    """Runs every command once a round, side by side; the first round warms up and is dropped."""
    series = {command.name: [] for command in commands}
    for number in range(count + 1):
        for command in commands:
            cost = once(command)
            if number:
                series[command.name].append(cost)
    return series


def under(tool, command):
    with open(command.stdin, "rb") as stdin:
        return subprocess.run([*tool, *command.argv], env=command.environment(), stdin=stdin, capture_output=True)


def instructions(command):
    """What it executes outside the kernel, its children included; None for programs that valgrind cannot run."""
    with tempfile.TemporaryDirectory() as folder:
        tool = ["valgrind", "-q", "--trace-children=yes", "--tool=callgrind", f"--callgrind-out-file={folder}/%p"]
        if under(tool, command).returncode != 0:
            return None
        texts = [open(os.path.join(folder, name), encoding="utf-8", errors="replace").read() for name in os.listdir(folder)]
    return sum(int(found[1]) for text in texts if (found := re.search(r"^totals: (\d+)", text, re.M)))


def system_calls(command):
    """How often it calls the system, by name."""
    with tempfile.NamedTemporaryFile("r") as out:
        under(["strace", "-f", "-qq", "-o", out.name], command)
        calls = re.findall(r"^\d+ +(\w+)\(", out.read(), re.M)
    return {name: calls.count(name) for name in set(calls)}


def peak_memory(command):
    """In MiB, the most of several runs: how much of the file is mapped depends on what the system has in memory."""
    runs = [under(["/usr/bin/time", "-f", "%M"], command) for _ in range(RUNS)]
    return max(int(run.stderr.split()[-1]) for run in runs) / 1024


def pressure():
    """How many percent of the last ten seconds somebody waited for a CPU."""
    with open("/proc/pressure/cpu", encoding="utf-8") as file:
        return float(re.search(r"^some avg10=([\d.]+)", file.read(), re.M)[1])


def ratios(series, ours, other, what):
    """Of wall (0) or CPU (1), round by round."""
    return [mine[what] / theirs[what] for mine, theirs in zip(series[ours], series[other])]


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"
