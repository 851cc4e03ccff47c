#!/usr/bin/env python3
"""Refuses a crate whose licence we have not agreed to, over everything that is compiled on Linux x86-64."""

import re
import sys

from graph import ancestors, read_graph, report

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}

# Crate → (licence, crates it must stay below in all that is compiled without tests or None, why).
EXCEPTIONS = {
    "webauthn-rs": ("MPL-2.0", None, "file-level copyleft: we do not change its files"),
    "webauthn-rs-core": ("MPL-2.0", None, "as webauthn-rs"),
    "webauthn-rs-proto": ("MPL-2.0", None, "as webauthn-rs"),
    "webauthn-attestation-ca": ("MPL-2.0", None, "as webauthn-rs"),
    "webpki-roots": ("CDLA-Permissive-2.0", None, "a data licence: the list of root certificates"),
    "webdriver": ("MPL-2.0", {"keyfob-e2e", "keyfob-testing", "fantoccini"}, "drives the browser in tests; is in no program we ship"),
}


def is_allowed(expression, allowed):
    """Whether an SPDX expression can be met with `allowed` licences. `/` is the old spelling of OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    merged = []
    for token in tokens:
        if merged and (token == "WITH" or merged[-1].endswith(" WITH")):
            merged[-1] += f" {token}"
        else:
            merged.append(token)

    def either():
        value = both()
        while merged and merged[0] == "OR":
            merged.pop(0)
            value = both() or value
        return value

    def both():
        value = one()
        while merged and merged[0] == "AND":
            merged.pop(0)
            value = one() and value
        return value

    def one():
        token = merged.pop(0)
        if token != "(":
            return token in allowed
        value = either()
        merged.pop(0)
        return value

    return bool(merged) and either()


def violations(crates, without_tests):
    for key, crate in sorted(crates.items()):
        if is_allowed(crate.licence, ALLOWED):
            continue
        licence, below, _reason = EXCEPTIONS.get(crate.name, (None, None, None))
        if licence is None or not is_allowed(crate.licence, ALLOWED | {licence}):
            yield f"{crate}: licence {crate.licence or '(none stated)'!r} is not on the list"
        elif below is not None and key in without_tests and ancestors(without_tests, key) - below:
            outside = ", ".join(sorted(ancestors(without_tests, key) - below))
            yield f"{crate}: {licence} is agreed for {', '.join(sorted(below))} only, not for {outside}"


def main():
    crates = read_graph()
    without_tests = read_graph("normal,build")
    return report("licences", list(violations(crates, without_tests)), f"{len(crates)} crates under agreed licences")


if __name__ == "__main__":
    sys.exit(main())
