#!/usr/bin/env python3
"""Refuses statements whose text is made at run time (I-74): what a request brings is bound, never written into one.

sqlx takes nothing but texts that are part of the program, unless `AssertSqlSafe` vouches for one. So each place that
vouches is named here, with what its text is made of; and a pattern escapes what it is given.
"""

import re
import sys

from graph import ROOT, report

# File → how often it vouches, and for what.
VOUCHED = {
    "keyfob-issuer-sql/src/backup.rs": (4, "names of tables and columns: of the database itself, or of letters, digits and _"),
    "keyfob-issuer-sql/src/schema.rs": (1, "the steps of the schema, which are part of the program"),
}
VOUCH = re.compile(r"AssertSqlSafe\(")
RAW = re.compile(r"\braw_sql\b|\.execute_unchecked\b|\bQueryBuilder\b")
PATTERN = re.compile(r"\b(?:I?LIKE|GLOB|SIMILAR TO)\s+(?:\$\d|\?|'%' *\|\|)(?!.*\bESCAPE\b)", re.IGNORECASE)


def violations(name, text):
    code = text.split("#[cfg(test)]")[0]
    vouched = len(VOUCH.findall(code))
    allowed, _ = VOUCHED.get(name, (0, ""))
    if vouched != allowed:
        yield f"{name} vouches for {vouched} statements, not {allowed}: bind what is not part of the program"
    for number, line in enumerate(code.splitlines(), 1):
        if RAW.search(line):
            yield f"{name}:{number} sends a text to the database as it is"
        if PATTERN.search(line):
            yield f"{name}:{number} matches a pattern without ESCAPE: what is typed may hold % and _"


def main():
    crates = ROOT / "crates"
    sources = sorted(path for path in crates.glob("*/src/**/*.rs"))
    found = [
        line for path in sources for line in violations(str(path.relative_to(crates)), path.read_text(encoding="utf-8"))
    ]
    return report("bound-sql", found, f"{len(VOUCHED)} of {len(sources)} files vouch for statements")


if __name__ == "__main__":
    sys.exit(main())
