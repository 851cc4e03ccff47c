#!/usr/bin/env python3
"""Refuses source files over 400 lines, their tests included.

Counted: tracked and untracked (but not ignored) Rust, Python, shell, SQL and HTML files, and everything executable in
scripts/ and .ci/. Prose is not counted.
"""

import subprocess
import sys
from pathlib import Path

from graph import ROOT, report

LIMIT = 400
SUFFIXES = {".rs", ".py", ".sh", ".sql", ".html", ".css", ".js"}
SCRIPT_FOLDERS = {"scripts", ".ci"}


def is_source(path):
    return path.suffix in SUFFIXES or (path.parts[0] in SCRIPT_FOLDERS and path.suffix == "")


def too_long(root, names):
    for name in sorted(names):
        path = Path(name)
        if not is_source(path) or not (root / path).is_file():
            continue
        lines = len((root / path).read_bytes().splitlines())
        if lines > LIMIT:
            yield f"{name} has {lines} lines; the limit is {LIMIT}"


def main():
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    names = {name for name in names if name}
    counted = sum(is_source(Path(name)) for name in names)
    return report("file-length", list(too_long(ROOT, names)), f"{counted} files within {LIMIT} lines")


if __name__ == "__main__":
    sys.exit(main())
