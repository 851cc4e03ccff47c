"""The goals C1 to C5: our issuer beside its floor, npm's oidc-provider, and what PostgreSQL itself can do."""

import subprocess
import threading
import time
from pathlib import Path

import measure
import servers
from measure import spread
from people import Person
from postgres import Postgres
from verdict import BUSY, at_least, by_round, judge

# How long each is asked to refresh in a round, in seconds.
SECONDS = 2
# How many codes are redeemed in a round, by ours and by the peer, and how many people sign in. Ours redeems five hundred in less time
# than sixteen connections take to be made and to come up to speed.
CODES, PEER_CODES, SIGN_INS = 1_500, 500, 16
MORE = 10_000
# How many sign in at once, again and again, while others refresh.
FLOOD = 8
# Until the pressure of the runs themselves is forgotten, of which the system tells an average over ten seconds; in seconds.
SETTLE = 30


class Flood:
    """Several people who sign in again and again, as long as a block lasts."""

    def __init__(self, port):
        self.port, self.over, self.done = port, threading.Event(), 0
        self.threads = [threading.Thread(target=self.sign_in) for _ in range(FLOOD)]

    def sign_in(self):
        while not self.over.is_set():
            Person(self.port).sign_in()
            self.done += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


class Bench:
    def __init__(self, programs, tools, folder, count):
        self.programs, self.tools, self.folder, self.count = programs, tools, folder, count
        self.postgres = Postgres(folder / "postgres")
        ours = servers.ours(programs, folder / "ours")
        peer_codes = (count + 1) * PEER_CODES
        self.ours, self.peer = ours, servers.peer(tools, folder / "peer", peer_codes)
        self.floor = servers.floor(programs, folder / "floor")
        self.grown = servers.grown(programs, ours, folder / "grown", MORE)
        self.server = servers.ours(
            programs, folder / "on-postgres", "keyfob-issuer on PostgreSQL", self.postgres.database("keyfob")
        )
        self.audit = servers.floor(programs, folder / "audit", "audit")
        self.feed = servers.floor(programs, folder / "feed", "feed")
        self.all = [self.floor, self.ours, self.grown, self.audit, self.feed, self.peer, self.server]
        self.peer_codes = (self.peer.folder / "ready-codes").read_text(encoding="utf-8").split("\n")
        self.idle_runs = 0

    def stop(self):
        for server in self.all:
            server.stop()
        self.postgres.control("stop")

    def round(self, number):
        """Measures everything once, side by side; returns what each cost."""
        run = {server.name: server.refresh(self.programs, SECONDS) for server in self.all}
        run["pgbench"] = {"rate": self.postgres.statements("keyfob", number, SECONDS)}
        # A connection that waits for long is closed, and so is that of the last round.
        person = Person(self.ours.port)
        codes = [person.code() for _ in range(CODES)]
        run["codes"] = self.ours.redeem(self.programs, codes)
        some, self.peer_codes = self.peer_codes[:PEER_CODES], self.peer_codes[PEER_CODES:]
        run["peer codes"] = self.peer.redeem(self.programs, some)
        run["sign-in"] = self.sign_ins()
        with Flood(self.ours.port) as flood:
            run["flooded"] = self.ours.refresh(self.programs, SECONDS)
        run["flooded"]["sign-ins"] = flood.done
        run["ready"] = {"ours": self.started(self.ours), "peer": self.started(self.peer, codes=0)}
        return run

    def sign_ins(self):
        """Returns the CPU of a sign-in with its pages, and that of the hash in it, in milliseconds."""
        before = self.ours.cpu()
        for _ in range(SIGN_INS):
            Person(self.ours.port).sign_in()
        cost = (self.ours.cpu() - before) / SIGN_INS
        program = [self.programs / "floor-password", str(SIGN_INS)]
        told = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True).stdout
        return {"cpu": cost, "hash": float(told)}

    def started(self, server, codes=None):
        """Starts another one like `server`; returns when it was ready and what it holds, doing nothing."""
        if codes is None:
            folder = server.folder.with_name("idle")
            another = servers.idle(self.programs, folder)
        else:
            self.idle_runs += 1
            another = servers.peer(self.tools, server.folder.with_name(f"idle-peer-{self.idle_runs}"), codes)
        time.sleep(0.5)
        memory = another.memory()
        another.stop()
        return {"ready": another.ready, "memory": memory}


def measured(programs, tools, count, folder):
    pressure = measure.pressure()
    bench = Bench(Path(programs), Path(tools), folder, count)
    try:
        runs = [bench.round(number) for number in range(count + 1)][1:]
        time.sleep(SETTLE)
        after = measure.pressure()
    finally:
        bench.stop()
    decided = max(pressure, after) < BUSY
    print(f"\nC: {count} rounds of {SECONDS} s each at {servers.CONNECTIONS} connections; pressure before {pressure}, after {after}\n")
    show(bench, runs)
    yield from judged(bench, runs, decided)


def show(bench, runs):
    print(f"{'refresh':36} {'per second':>26}  CPU ms each           p50 ms                p99 ms")
    names = [server.name for server in bench.all] + ["flooded", "codes", "peer codes"]
    for name in names:
        columns = (spread([run[name][what] for run in runs], digits) for what, digits in (("rate", 0), ("cpu", 3), ("p50", 2), ("p99", 2)))
        rate, cpu, half, most = columns
        print(f"{name:36} {rate:>26}  {cpu:21} {half:21} {most}")
    print(f"{'pgbench':36} {spread([run['pgbench']['rate'] for run in runs], 0):>26}")
    for name in ("ours", "peer"):
        ready = spread([run["ready"][name]["ready"] for run in runs], 0)
        rss, pss = (spread([run["ready"][name]["memory"][at] for run in runs], 1) for at in (0, 1))
        print(f"{name}: ready after {ready} ms; idle RSS {rss} MiB, PSS {pss} MiB")
    print(f"sign-ins in the flood: {spread([run['flooded']['sign-ins'] / SECONDS for run in runs], 0)} a second")


def judged(bench, runs, decided):
    def ratios(mine, other, what):
        return [run[mine][what] / run[other][what] for run in runs]

    ours, base, peer = bench.ours.name, bench.floor.name, bench.peer.name
    yield by_round("C1", "refresh/s / oidc-provider", 5, ratios(ours, peer, "rate"), decided, at_least)
    yield by_round("C1", "refresh, CPU / floor", 1.6, ratios(ours, base, "cpu"))
    yield by_round("C2", "refresh, p99 / floor", 1.5, ratios(ours, base, "p99"), decided)
    yield by_round("C2", "refresh, p99 / oidc-provider", 0.35, ratios(ours, peer, "p99"), decided)
    yield by_round("C2", "code exchange/s / refresh/s", 0.8, ratios("codes", ours, "rate"), decided, at_least)
    yield by_round("C3", "PostgreSQL, refresh/s / pgbench", 0.7, ratios(bench.server.name, "pgbench", "rate"), decided, at_least)
    ready = [run["ready"] for run in runs]
    yield by_round("C4", "ready / oidc-provider", 1 / 4, [one["ours"]["ready"] / one["peer"]["ready"] for one in ready], decided)
    yield judge("C4", "idle memory (RSS), MiB", 16, max(one["ours"]["memory"][0] for one in ready))
    yield by_round("C5", "password sign-in, CPU / Argon2id hash", 1.1, [run["sign-in"]["cpu"] / run["sign-in"]["hash"] for run in runs])
    yield by_round("C5", "refresh p99 in a login flood / without", 3, ratios("flooded", ours, "p99"), decided)
    yield by_round("grow", f"refresh, CPU with {MORE:,} more people and sessions / without", 1.2, ratios(bench.grown.name, ours, "cpu"))
    for beside, what in ((bench.audit, "an audit entry"), (bench.feed, "a line of the feed")):
        more = [run[beside.name]["cpu"] / run[base]["cpu"] for run in runs]
        print(f"floor with {what} in each rotation, CPU / without: {spread(more)}")
