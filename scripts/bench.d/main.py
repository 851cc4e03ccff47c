"""The goals of design A1 to A3, B1 to B6, C1 to C5 and D1, measured and judged. Run by scripts/bench, on a bus of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import fixtures
import gateway
import issuer
import measure
from measure import Command, ratios, spread
from verdict import BUSY, by_round, judge


def client(programs, codex, count, folder):
    home = folder / "codex"
    fixtures.private(home / "auth.json", fixtures.document())
    key_home = folder / "codex-key"
    fixtures.private(key_home / "auth.json", '{"auth_mode":"apikey","OPENAI_API_KEY":"sk-test-0123456789abcdef"}')
    ring_home = folder / "codex-keyring"
    fixtures.private(ring_home / "config.toml", 'cli_auth_credentials_store = "keyring"\n')
    daemon = fixtures.open_keyring(folder)
    entry = fixtures.store_in_keyring(ring_home, json.dumps(json.loads(fixtures.document())))
    git, question, gh = fixtures.peers(folder)
    bus = {"DBUS_SESSION_BUS_ADDRESS": os.environ["DBUS_SESSION_BUS_ADDRESS"]}
    keyfob = str(programs / "keyfob")
    # Neighbours of a like weight: whoever runs after a heavy one finds its caches cold.
    commands = [
        Command("floor", [str(programs / "floor-token"), str(home / "auth.json")]),
        Command("token", [keyfob, "token"], {"CODEX_HOME": str(home)}),
        Command("status", [keyfob, "status"], {"CODEX_HOME": str(home)}),
        Command("git", [path_of("git"), "credential-store", "--file", git, "get"], stdin=question),
        Command("keyring token", [keyfob, "token"], {"CODEX_HOME": str(ring_home), **bus}),
        Command("secret-tool", [path_of("secret-tool"), "lookup", *entry], bus),
        Command("codex", [codex, "login", "status"], {"CODEX_HOME": str(key_home)}),
        Command("gh", [path_of("gh"), "auth", "token"], gh),
    ]
    pressure = measure.pressure()
    series = measure.rounds(commands, count)
    decided = max(pressure, measure.pressure()) < BUSY
    print(f"\nA: {count} rounds; pressure before {pressure}, after {measure.pressure()}\n")
    # valgrind never comes back from Go programs, and is too slow for the 5 s that a keyring has to answer.
    counted = {c.name: measure.instructions(c) for c in commands if c.name not in ("gh", "keyring token")}
    calls = {c.name: measure.system_calls(c) for c in commands}
    memory = {c.name: measure.peak_memory(c) for c in commands}
    daemon.kill()
    daemon.wait()
    print(f"{'':14} {'instructions':>13} {'calls':>6} {'peak MiB':>8}  wall ms, CPU ms: median (range)")
    for name, runs in series.items():
        walls, cpus = ([run[what] for run in runs] for what in (0, 1))
        shown = f"{counted[name]:,}" if counted.get(name) else "–"
        print(f"{name:14} {shown:>13} {sum(calls[name].values()):>6} {memory[name]:>8.1f}  {spread(walls)}, {spread(cpus)}")
    token = counted["token"]
    threads = sum(calls["token"].get(name, 0) for name in ("clone", "clone3", "fork", "vfork"))
    sockets = sum(calls["token"].get(name, 0) for name in ("socket", "connect"))
    yield judge("A1", "token, instructions / floor", 1.8, token / counted["floor"])
    yield judge("A1", "token, instructions / codex login status", 1 / 20, token / counted["codex"])
    yield judge("A1", "token, system calls", 60, sum(calls["token"].values()))
    yield judge("A1", "token, threads and sockets", 0, threads + sockets)
    yield judge("A1", "token, peak memory, MiB", 4, memory["token"])
    for peer, limit in (("git", 0.75), ("codex", 1 / 10), ("gh", 1 / 40)):
        yield by_round("A2", f"token, wall / {peer}", limit, ratios(series, "token", peer, 0), decided)
    yield judge("A3", "status, instructions / token", 1.5, counted["status"] / token)
    yield by_round("A3", "keyring token, CPU / secret-tool", 0.6, ratios(series, "keyring token", "secret-tool", 1))
    walls = ratios(series, "keyring token", "secret-tool", 0)
    yield by_round("A3", "keyring token, wall / secret-tool", 0.6, walls, decided)


def storm(programs, count):
    pressure = measure.pressure()
    command = [str(programs / "keyfob-storm"), str(count + 1)]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    # The first round warms up.
    runs = [json.loads(line) for line in lines][1:]
    # The storm itself is the pressure afterwards.
    print(f"\nD1: {count} rounds of 64 processes; pressure before {pressure}\n")
    for name, what in (("fresh", "64, fresh token"), ("refresh", "1, refreshing"), ("expired", "64, expired token")):
        print(f"{what:18} ms until the last has its token: {spread([run[name] for run in runs])}")
    most = max(run["refreshes"] for run in runs)
    yield judge("D1", "64 expired, refreshes at the issuer", 1, most)
    waits = [(run["expired"] - run["refresh"]) / run["fresh"] for run in runs]
    yield by_round("D1", "64 expired, (last − a refresh) / last of 64 fresh", 1.5, waits, pressure < BUSY)


def path_of(name):
    return subprocess.run(["which", name], check=True, capture_output=True, text=True).stdout.strip()


def main():
    programs, count, codex, parts = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    with tempfile.TemporaryDirectory(prefix="keyfob-bench-") as folder:
        os.environ["HOME"] = folder
        rows = list(client(programs, codex, count, Path(folder))) if "A" in parts else []
        rows += gateway.measured(programs, codex, count, Path(folder)) if "B" in parts else []
        if "C" in parts:
            # A server of PostgreSQL's owner has to get there.
            Path(folder).chmod(0o755)
            rows += issuer.measured(programs, programs.parent / "oidc", count, Path(folder))
    rows += storm(programs, count) if "D1" in parts else []
    print(f"\n{'goal':4} {'what':50} {'limit':>8}  {'measured':28} verdict")
    for row in rows:
        print(f"{row.goal:4} {row.what:50} {row.limit:>8}  {row.measured:28} {row.verdict}")


if __name__ == "__main__":
    main()
