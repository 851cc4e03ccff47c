#!/usr/bin/env python3
"""Refuses failpoints in what a user runs.

Two looks: the feature graph of a build without extra features must not hold the `fail` crate, and the programs that
scripts/quickstart has built (and release builds, if there are any) must not hold its symbols or source paths.
"""

import os
import re
import sys
from pathlib import Path

from graph import ROOT, read_graph, report

PROGRAMS = ("keyfob", "keyfob-issuer", "keyfob-gateway")
# Symbols in both mangling schemes, the path that a panic message keeps in a stripped binary, and the variable that only
# a build with failpoints reads.
TRACES = re.compile(rb"_ZN4fail\d|_R\w*Cs\w+_4fail\d|/fail-\d+\.\d+\.\d+/src/|KEYFOB_FAIL_AT")


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
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    paths = [target / profile / name for profile in ("debug", "release", "dist") for name in PROGRAMS]
    built = [(path, path.read_bytes()) for path in paths if path.is_file()]
    crates = read_graph("normal", features=())
    problems = list(violations(crates, built)) if built else ["no program to look into: run scripts/quickstart first"]
    return report("release-symbols", problems, f"no failpoints by default ({len(built)} programs)")


if __name__ == "__main__":
    sys.exit(main())
