#!/usr/bin/env python3
"""Refuses crates with a known vulnerability that nobody has looked at.

The database is a file of RustSec advisories, one JSON object a line, named by KEYFOB_ADVISORIES or found beside the
repository. Where there is none, the gate says that it did not run. A vulnerability passes only with a reason in
`advisories-ignored.tsv` (id, tab, reason); unmaintained and unsound crates are printed and pass.
"""

import json
import os
import re
import sys
from pathlib import Path

from graph import ROOT, read_graph, report

IGNORED = Path(__file__).with_name("advisories-ignored.tsv")
BESIDE = ROOT.parent / "shared" / "advisories" / "advisories.jsonl"


def version_key(text):
    """Orders versions as semver does: numbers by value, a pre-release before its release."""
    core, _, rest = text.split("+")[0].partition("-")
    numbers = ([int(n) for n in core.split(".")] + [0, 0])[:3]
    parts = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in rest.split(".")] if rest else []
    return numbers, not rest, parts


def after_compatible(text):
    """The first version that `^text` no longer accepts: the leftmost number that is not zero goes up."""
    given = [int(n) for n in text.split("-")[0].split(".")]
    at = next((i for i, n in enumerate(given) if n), len(given) - 1)
    return ".".join(str(n) for n in given[:at] + [given[at] + 1])


def satisfies(version, requirement):
    """Whether `version` meets every comparator of `requirement`, as RustSec writes them."""
    have = version_key(version)
    for comparator in requirement.split(","):
        operator, bound = re.fullmatch(r"\s*(>=|<=|>|<|=|\^|)\s*(\S+)\s*", comparator).groups()
        edge = version_key(bound)
        met = {
            ">=": have >= edge,
            "<=": have <= edge,
            ">": have > edge,
            "<": have < edge,
            "=": have == edge,
        }
        if operator in met:
            if not met[operator]:
                return False
        elif not edge <= have < version_key(after_compatible(bound)):
            return False
    return True


def is_affected(version, advisory):
    safe = advisory.get("patched", []) + advisory.get("unaffected", [])
    return not any(satisfies(version, requirement) for requirement in safe)


def judge(crates, advisories, ignored):
    """Returns the problems that fail the gate and the notes that are only printed."""
    problems, notes, used = [], [], set()
    for advisory in advisories:
        for (name, version), crate in sorted(crates.items()):
            if name != advisory["package"] or not is_affected(version, advisory):
                continue
            kind = advisory.get("kind", "vulnerability")
            line = f"{crate}: {advisory['id']} ({kind}, {advisory['date']})"
            if kind != "vulnerability":
                notes.append(line)
            elif advisory["id"] in ignored:
                used.add(advisory["id"])
                notes.append(f"{line}, ignored: {ignored[advisory['id']]}")
            else:
                problems.append(line)
    problems += [f"{IGNORED.name} ignores {id_}, which affects nothing" for id_ in sorted(ignored.keys() - used)]
    return problems, notes


def read_ignored(text):
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {id_: reason for id_, reason in rows if reason.strip()}


def main():
    database = Path(os.environ.get("KEYFOB_ADVISORIES") or BESIDE)
    if not database.is_file():
        print("advisories: did not run: no database (name one with KEYFOB_ADVISORIES)")
        return 0
    readme = database.with_name("README.md")
    dated = re.search(r"as of (\d{4}-\d\d-\d\d)", readme.read_text()) if readme.is_file() else None
    advisories = [json.loads(line) for line in database.read_text().splitlines()]
    date = dated[1] if dated else "newest entry " + max(a["date"] for a in advisories)

    crates = read_graph()
    problems, notes = judge(crates, advisories, read_ignored(IGNORED.read_text()))
    for note in notes:
        print(f"advisories: note: {note}")
    return report("advisories", problems, f"{len(crates)} crates against {len(advisories)} advisories of {date}")


if __name__ == "__main__":
    sys.exit(main())
