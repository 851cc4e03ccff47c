#!/usr/bin/env python3
"""The functions that `keyfob token` and `keyfob status` run, laid side by side in the program.

usage: hot.py order PROGRAM           prints the symbols of PROGRAM that hot.txt names, for the linker
       hot.py add PROGRAM COMMAND..   adds to hot.txt what each COMMAND runs, by valgrind

hot.txt has names as people read them: those of the symbols change with every compiler. To write it anew, empty it and
add `token` and `status` of a fresh login in the file, and `token` of an expired one whose lock
(`flock CODEX_HOME/keyfob/refresh.lock`) somebody holds until they have put another login and another `state.json` there.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

LIST = Path(__file__).with_name("hot.txt")


def symbols(program):
    """Returns each symbol of the program with its readable name."""
    listed = [
        subprocess.run(["nm", *options, program], check=True, capture_output=True, text=True).stdout.splitlines()
        for options in (["--no-sort"], ["--no-sort", "--demangle"])
    ]
    for raw, readable in zip(*listed):
        symbol, name = (line[17:].split(" ", 1) for line in (raw, readable))
        if symbol[0] in "tTwW":
            yield symbol[1], name[1]


def order(program):
    hot = set(LIST.read_text(encoding="utf-8").splitlines())
    print("\n".join(symbol for symbol, name in symbols(program) if name in hot))


def add(program, commands):
    names = dict(symbols(program))
    hot, known = set(), LIST.read_text(encoding="utf-8").splitlines()
    for command in commands:
        with tempfile.NamedTemporaryFile() as out:
            tool = ["valgrind", "--quiet", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={out.name}"]
            subprocess.run([*tool, program, command], check=True, stdout=subprocess.DEVNULL)
            text = Path(out.name).read_text(encoding="utf-8", errors="replace")
        hot.update(re.findall(r"^c?fn=\(\d+\) ([^\s']+)", text, re.MULTILINE))
    names_now = sorted({names[symbol] for symbol in hot if symbol in names}.union(known))
    LIST.write_text("\n".join(names_now) + "\n", encoding="utf-8")


if sys.argv[1:2] == ["order"] and len(sys.argv) == 3:
    order(sys.argv[2])
elif sys.argv[1:2] == ["add"] and len(sys.argv) > 3:
    add(sys.argv[2], sys.argv[3:])
else:
    sys.exit(__doc__)
