#!/usr/bin/env python3
"""Refuses a dependency between our crates that the architecture does not allow.

The table is docs/architecture.md's, as data: what each crate may name of ours, and which crates of others have exactly
one home. Normal and build dependencies count; a test may name what it needs.
"""

import json
import subprocess
import sys

from graph import ROOT, report

COMMON = {"keyfob-oauth", "keyfob-jose", "keyfob-codex"}

MAY_NAME = {
    "keyfob-oauth": set(),
    "keyfob-jose": {"keyfob-oauth"},
    "keyfob-codex": {"keyfob-oauth"},
    "keyfob-settings": {"keyfob-codex", "keyfob-oauth"},
    "keyfob-client": COMMON | {"keyfob-settings"},
    "keyfob-cli": {"keyfob-client", "keyfob-codex", "keyfob-oauth", "keyfob-settings"},
    "keyfob-issuer-core": COMMON,
    "keyfob-issuer-sql": {"keyfob-issuer-core", "keyfob-oauth"},
    "keyfob-issuer": COMMON | {"keyfob-issuer-core", "keyfob-issuer-sql"},
    "keyfob-gateway": {"keyfob-jose", "keyfob-oauth"},
    "keyfob-testing": COMMON,
    "keyfob-e2e": COMMON | {"keyfob-testing"},
    "keyfob-floors": set(),
}

# A crate of others → the only crates of ours that may name it.
HOMES = {
    "anyhow": {"keyfob-cli", "keyfob-issuer", "keyfob-gateway", "keyfob-e2e", "keyfob-floors", "keyfob-testing"},
    # The gateway serves whoever runs it by axum, apart from the requests that pass it.
    "axum": {"keyfob-issuer", "keyfob-gateway"},
    "clap": {"keyfob-cli", "keyfob-issuer", "keyfob-gateway"},
    "rusqlite": {"keyfob-issuer-sql", "keyfob-gateway", "keyfob-floors"},
    "sqlx": {"keyfob-issuer-sql"},
}

# The vocabulary and the issuer's domain have no effects.
NEVER = {
    "keyfob-oauth": {"tokio", "reqwest", "hyper", "axum", "sqlx", "rusqlite"},
    "keyfob-jose": {"tokio", "reqwest", "hyper", "axum", "sqlx", "rusqlite"},
    "keyfob-codex": {"tokio", "reqwest", "hyper", "axum", "sqlx", "rusqlite"},
    "keyfob-issuer-core": {"tokio", "reqwest", "hyper", "axum", "sqlx", "rusqlite"},
}


def violations(packages):
    """`packages` are those of `cargo metadata --no-deps`."""
    for package in packages:
        name = package["name"]
        if name not in MAY_NAME:
            yield f"{name} is not in the table: add it to docs/architecture.md and to MAY_NAME"
            continue
        named = {d["name"] for d in package["dependencies"] if d["kind"] != "dev"}
        ours = {other for other in named if other.startswith("keyfob-")}
        for other in sorted(ours - MAY_NAME[name]):
            yield f"{name} must not name {other}"
        for other in sorted(named & HOMES.keys()):
            if name not in HOMES[other]:
                yield f"{name} must not name {other}; only {', '.join(sorted(HOMES[other]))} may"
        for other in sorted(named & NEVER.get(name, set())):
            yield f"{name} must not name {other}: it has no effects"


def main():
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    packages = json.loads(text)["packages"]
    return report("dependency-direction", list(violations(packages)), f"{len(packages)} crates point downwards")


if __name__ == "__main__":
    sys.exit(main())
