"""The crates that really get compiled on Linux x86-64, read from `cargo tree`.

`cargo metadata` also lists optional crates that no feature switches on (it names `ring` below rustls-webpki),
so a gate that read it would refuse what nobody builds. `cargo tree` resolves features as the compiler sees them.
"""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = "x86_64-unknown-linux-gnu"
LINE = re.compile(r"^(?P<depth>\d+)(?P<name>[\w-]+) v(?P<version>[^\s;]+)[^;]*;(?P<licence>.*?)(?: \(\*\))?$")


@dataclass
class Crate:
    name: str
    version: str
    licence: str
    parents: set = field(default_factory=set)

    def __str__(self):
        return f"{self.name} {self.version}"


def read_graph(kinds="normal,build,dev", features=("--all-features",)):
    """Every crate below the workspace's members, members included, keyed by (name, version)."""
    command = ["cargo", "tree", "--locked", "--workspace", "--target", TARGET, "--edges", kinds]
    command += ["--prefix", "depth", "--format", "{p};{l}", *features]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return parse_tree(text)


def parse_tree(text):
    crates, path = {}, []
    for line in filter(None, text.splitlines()):
        found = LINE.match(line)
        if not found:
            raise ValueError(f"cargo tree printed a line this script does not know: {line!r}")
        key = (found["name"], found["version"])
        crate = crates.setdefault(key, Crate(*key, found["licence"]))
        # A `{l}` that carries the repeat marker instead of a licence must not hide the licence seen elsewhere.
        crate.licence = crate.licence or found["licence"]
        del path[int(found["depth"]):]
        if path:
            crate.parents.add(path[-1])
        path.append(key)
    return crates


def ancestors(crates, key):
    """The names of everything that brings this crate in, itself not counted."""
    seen, queue = set(), [key]
    while queue:
        for parent in crates[queue.pop()].parents - seen:
            seen.add(parent)
            queue.append(parent)
    return {name for name, _ in seen}


def report(gate, problems, summary):
    """Prints the outcome the same way for every gate and returns the exit code."""
    for problem in problems:
        print(f"{gate}: {problem}")
    if not problems:
        print(f"{gate}: {summary}")
    return 1 if problems else 0
