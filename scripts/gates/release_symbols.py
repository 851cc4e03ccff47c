#!/usr/bin/env python3
"""Refuses failpoints in what a user runs.

Two looks: the feature graph of a build without extra features must not hold the `fail` crate, and whatever release
binary is already built must not hold its symbols or source paths. The first look decides and costs nothing; the second
checks the first against real bytes whenever there are any.
"""

import re
import sys

from graph import ROOT, read_graph, report

PROGRAMS = ("keyfob", "keyfob-issuer", "keyfob-gateway")
# Symbols in both mangling schemes, the path that a panic message keeps in a stripped binary, and the variable that only
# a build with failpoints reads.
TRACES = re.compile(rb"_ZN4fail\d|_R\w*Cs\w+_4fail\d|/fail-\d+\.\d+\.\d+/src/|KEYFOB_KILL_AT")


def has_failpoints(binary):
    return TRACES.search(binary) is not None


def violations(crates, binaries):
    """`binaries` are (path, bytes) pairs."""
    for name, version in sorted(crates):
        if name == "fail":
            yield f"fail {version} is compiled without any feature asked for"
    for path, content in binaries:
        if has_failpoints(content):
            yield f"{path} holds failpoints"


def main():
    paths = [ROOT / "target" / profile / name for profile in ("release", "dist") for name in PROGRAMS]
    built = [(path.relative_to(ROOT), path.read_bytes()) for path in paths if path.is_file()]
    crates = read_graph("normal", features=())
    seen = f"{len(built)} release binaries" if built else "no release binary to look into"
    return report("release-symbols", list(violations(crates, built)), f"no failpoints by default ({seen})")


if __name__ == "__main__":
    sys.exit(main())
