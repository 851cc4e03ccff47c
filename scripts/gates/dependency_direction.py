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
    "keyfob-usage": {"keyfob-oauth"},
    "keyfob-settings": {"keyfob-codex", "keyfob-oauth"},
    "keyfob-client": COMMON | {"keyfob-settings", "keyfob-usage"},
    "keyfob-cli": {"keyfob-client", "keyfob-codex", "keyfob-oauth", "keyfob-settings", "keyfob-usage"},
    "keyfob-issuer-core": COMMON,
    "keyfob-issuer-sql": {"keyfob-issuer-core", "keyfob-oauth"},
    "keyfob-issuer": COMMON | {"keyfob-issuer-core", "keyfob-issuer-sql"},
    "keyfob-gateway": {"keyfob-jose", "keyfob-oauth", "keyfob-usage"},
    "keyfob-testing": COMMON,
    "keyfob-e2e": COMMON | {"keyfob-testing"},
    "keyfob-floors": set(),
}

# What a crate may name behind a feature alone, and the one place of it that does: crate → feature → (folder, names).
BEHIND_FEATURE = {
    "keyfob-gateway": {
        "local": (("src/local/", "src/local_command.rs"), {"keyfob-client", "keyfob-codex", "keyfob-settings"}),
    },
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
    "keyfob-usage": {"tokio", "reqwest", "hyper", "axum", "sqlx", "rusqlite"},
    "keyfob-issuer-core": {"tokio", "reqwest", "hyper", "axum", "sqlx", "rusqlite"},
}


def behind_features(package):
    """Returns what may be named because a feature brings it in and nothing else does."""
    allowed = set()
    for feature, (_places, names) in BEHIND_FEATURE.get(package["name"], {}).items():
        brought = set(package.get("features", {}).get(feature, []))
        optional = {d["name"] for d in package["dependencies"] if d["kind"] != "dev" and d.get("optional")}
        allowed |= {name for name in names & optional if f"dep:{name}" in brought}
    return allowed


def strays(package, files):
    """`files` are pairs of a path in the crate and its text; yields those that name what another place alone may."""
    for feature, (places, names) in BEHIND_FEATURE.get(package, {}).items():
        for path, text in files:
            if path.startswith(places):
                continue
            for name in sorted(names):
                if f"{name.replace('-', '_')}::" in text:
                    yield f"{package}/{path} must not name {name}: only the feature `{feature}` does, in {places[0]}"


def sources(package):
    folder = ROOT / "crates" / package
    return [(str(path.relative_to(folder)), path.read_text()) for path in sorted(folder.glob("src/**/*.rs"))]


def violations(packages):
    """`packages` are those of `cargo metadata --no-deps`."""
    for package in packages:
        name = package["name"]
        if name not in MAY_NAME:
            yield f"{name} is not in the table: add it to docs/architecture.md and to MAY_NAME"
            continue
        named = {d["name"] for d in package["dependencies"] if d["kind"] != "dev"}
        ours = {other for other in named if other.startswith("keyfob-")}
        for other in sorted(ours - MAY_NAME[name] - behind_features(package)):
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
    found = list(violations(packages))
    for package in BEHIND_FEATURE:
        found.extend(strays(package, sources(package)))
    return report("dependency-direction", found, f"{len(packages)} crates point downwards")


if __name__ == "__main__":
    sys.exit(main())
