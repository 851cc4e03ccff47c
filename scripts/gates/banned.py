#!/usr/bin/env python3
"""Refuses crates that would bring a second crypto library, a system library or a heavier build.

Only what is compiled on Linux x86-64 counts: a line in Cargo.lock that no feature switches on is nobody's burden.
"""

import sys

from graph import read_graph, report

# Crate → (crates that may name it all the same, why it is banned).
BANNED = {
    "bindgen": (set(), "needs libclang"),
    # aws-lc-sys names the crate in its build script, and calls cmake only where its own C build does not serve.
    "cmake": ({"aws-lc-sys"}, "needs cmake"),
    "libdbus-sys": (set(), "needs libdbus; the keyring speaks D-Bus in Rust"),
    "native-tls": (set(), "TLS is rustls"),
    "openssl": (set(), "TLS is rustls, crypto is aws-lc-rs"),
    "openssl-sys": (set(), "TLS is rustls, crypto is aws-lc-rs"),
    "ring": (set(), "one crypto library: aws-lc-rs"),
    "rsa": (set(), "RUSTSEC-2023-0071 has no fix"),
}


def violations(crates):
    for key, crate in sorted(crates.items()):
        allowed, reason = BANNED.get(crate.name, (None, None))
        if allowed is None:
            continue
        for parent, _ in sorted(crate.parents):
            if parent not in allowed:
                yield f"{crate} (named by {parent}) is banned: {reason}"


def main():
    crates = read_graph()
    return report("banned", list(violations(crates)), f"none of {len(BANNED)} banned crates is compiled")


if __name__ == "__main__":
    sys.exit(main())
