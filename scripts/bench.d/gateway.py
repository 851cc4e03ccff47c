"""The goals B1 to B6: our gateway beside nginx, HAProxy, the Codex CLI's own proxy, and the model server alone."""

import time
from pathlib import Path

import gateways
import measure
from measure import spread
from verdict import BUSY, at_least, by_round, judge

MANY = 64
# How many turns a round has, and for how many seconds each is asked in one, at so many connections. How long a request takes at
# one depends on the cores where the system puts the caller and both servers, and each turn is another draw of that.
ASKS = {MANY: (1, 2), 1: (10, 1)}
# How many turns, of how many streams, events of each, and microseconds between two of them.
FLOWS = {"100/s": (3, 200, 200, 10_000), "1,000/s": (3, 20, 2_000, 1_000), "overload": (1, 200, 1_000, 1_000)}
BESIDE_CODEX = "1,000/s"
# What a request pays for its token being verified, when that was done a moment ago: finding it, its SHA-256, and whose it is; no
# other part of a request hashes so. And for how many seconds it is looked at how much of the whole that is.
VERIFYING, HASHING, LOOKED_AT = "Authenticator::recognize", "sha2::sha256", 10
AT_ONCE = 1_000
OPEN = 10_000
LEAVING = 1_000
# Until the pressure of the runs themselves is forgotten, of which the system tells an average over ten seconds; in seconds.
SETTLE = 30


class Bench:
    def __init__(self, programs, codex, folder):
        self.programs, self.folder = programs, folder
        self.issuer = gateways.Issuer(programs, folder / "issuer")
        self.direct = gateways.upstream(programs, folder / "model")
        self.ours = gateways.ours(programs, folder / "gateway", self.issuer, self.direct)
        self.nginx = gateways.nginx(folder / "nginx", self.direct)
        self.floor = gateways.floor(programs, folder / "floor", self.direct)
        self.haproxy = gateways.haproxy(folder / "haproxy", self.issuer, self.direct)
        self.codex = gateways.codex_proxy(codex, folder / "codex", self.direct) if codex != "-" else None
        self.asked = [self.direct, self.floor, self.nginx, self.ours, self.haproxy]
        # Those that are asked in each turn, and those that are followed in each.
        self.often = [self.direct, self.floor, self.nginx, self.ours]
        self.followed = [self.direct, self.nginx, self.ours]
        self.idle = {server.name: server.memory()[1] for server in (self.nginx, self.ours, self.haproxy)}

    def stop(self):
        for server in (self.codex, self.haproxy, self.floor, self.nginx, self.ours, self.direct, self.issuer.server):
            if server is not None:
                server.stop()

    def round(self):
        """Measures everything once, side by side; returns what each cost."""
        token = self.issuer.token()
        run = {}
        for connections, (turns, seconds) in ASKS.items():
            servers = [self.asked] + [self.often] * (turns - 1)
            run[connections] = in_turn(
                servers, "answers", lambda server: gateways.ask(server, connections, seconds, token, self.folder)
            )
        for flow, (turns, *how) in FLOWS.items():
            # It takes five times as long as the others, and is 80 times slower.
            slow = [self.codex] if self.codex is not None and flow == BESIDE_CODEX else []
            servers = [self.followed + slow] + [self.followed] * (turns - 1)
            run[flow] = in_turn(servers, "events", lambda server: self.follow(server, token, *how))
        return run

    def follow(self, server, token, *how):
        return gateways.follow(self.programs, server, *how, token, self.folder)

    def verifying(self):
        """Returns the CPU that our gateway takes for a request, as a multiple of what is left without the verifying."""
        told = (self.ours, VERIFYING, HASHING, MANY, LOOKED_AT, self.issuer.token(), self.folder)
        return 1 / (1 - gateways.share(*told))

    def crowded(self):
        """Returns how many KiB a gateway takes for each stream in overload."""
        _, *how = FLOWS["overload"]
        return gateways.crowd(self.programs, self.folder, self.issuer, self.direct, *how, self.issuer.token())

    def at_once(self):
        """Opens a thousand streams at one moment; returns until when all were connected, and what it then holds."""
        lost = dropped()
        run = self.follow(self.ours, self.issuer.token(), AT_ONCE, 2, 1_000_000)
        return run | {"lost": dropped() - lost}

    def open(self):
        """Holds many streams open, half of them at each of two gateways, while some callers hang up."""
        return gateways.hold(self.programs, self.folder, self.issuer, self.direct, OPEN, LEAVING, self.issuer.token())


def in_turn(turns, counted, measured):
    """Lets `measured` look at the servers of each of `turns`; returns by name what one cost in all of them: CPU of each that is
    `counted`, how many a second, and the medians of their percentiles: a machine that others use too stands still now and then."""
    runs = {}
    for servers in turns:
        for server in servers:
            runs.setdefault(server.name, []).append(measured(server))
    return {name: together(some, counted) for name, some in runs.items()}


def together(runs, counted):
    whole = sum(run[counted] for run in runs)
    return {
        counted: whole,
        "cpu": sum(run["cpu"] * run[counted] for run in runs) / whole,
        "rate": whole / sum(run["seconds"] for run in runs),
        **{time: measure.statistics.median(run[time] for run in runs) for time in ("p50", "p99")},
        **{what: sum(run.get(what, 0) for run in runs) for what in ("reads", "short")},
    }


def dropped():
    """Returns how many connections the system has had no place for."""
    lines = Path("/proc/net/netstat").read_text(encoding="utf-8").splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(values[names.index("ListenDrops")])


def measured(programs, codex, count, folder):
    pressure = measure.pressure()
    bench = Bench(Path(programs), codex, folder)
    try:
        # What may find that it cannot be measured comes first.
        verifying = bench.verifying()
        runs = [bench.round() for _ in range(count + 1)][1:]
        show(bench, runs)
        crowded = bench.crowded()
        at_once = bench.at_once()
        streams = bench.open()
        time.sleep(SETTLE)
        after = measure.pressure()
    finally:
        bench.stop()
    decided = max(pressure, after) < BUSY
    print(f"\nB: {count} rounds; pressure before {pressure}, after {after}\n")
    print(f"{AT_ONCE:,} at once: connected after {at_once['connect']:.0f} ms, {at_once['lost']} lost")
    for connections in (MANY, 1):
        costs = [run[connections] for run in runs]
        more = spread([cost[bench.ours.name]["cpu"] / cost[bench.floor.name]["cpu"] for cost in costs], 3)
        print(f"CPU a request / floor, at {connections}: {more}")
    print(f"{OPEN:,} streams: {streams['memory']:.0f} KiB each, {streams['short']} short; ready after {streams['first']:.0f} ms")
    aborted = streams["aborted"]
    print(f"{len(aborted):,} callers hung up: ended upstream after {aborted[len(aborted) // 2]:.2f} ms (median), {aborted[-1]:.1f} ms (the last)")
    print(f"afterwards: {streams['left']:.1f} MiB of {streams['most']:.0f} and {streams['descriptors']} descriptors more than before")
    yield from judged(bench, runs, decided, verifying)
    yield judge("B5", "overload, KiB a stream", 64, crowded)
    yield judge("B6", "idle memory (PSS), MiB", 8, bench.idle[bench.ours.name])
    yield judge("B6", f"{AT_ONCE:,} connections at once, lost", 0, at_once["lost"])
    yield judge("B6", f"{AT_ONCE:,} connections at once, ms", 200, at_once["connect"], decided=decided)
    yield judge("B6", f"{OPEN:,} open streams, KiB each", 64, streams["memory"])
    yield judge("B6", f"{OPEN:,} open streams, short", 0, streams["short"])
    yield judge("B6", f"{LEAVING:,} hang up, s until all ended upstream", 1, aborted[-1] / 1_000)
    yield judge("B6", "afterwards, memory left / held", 0.1, streams["left"] / streams["most"])
    yield judge("B6", "afterwards, descriptors left", 0, streams["descriptors"])


def show(bench, runs):
    for connections in (MANY, 1):
        print(f"{f'requests at {connections}':28} {'per second':>26}  CPU µs each               p50 ms              p99 ms")
        for server in bench.asked:
            some = [run[connections][server.name] for run in runs]
            rate, half, most = (spread([one[what] for one in some], digits) for what, digits in (("rate", 0), ("p50", 3), ("p99", 2)))
            print(f"{server.name:28} {rate:>26}  {spread([one['cpu'] * 1000 for one in some], 1):25} {half:19} {most}")
    for flow, (_, streams, _, pause) in FLOWS.items():
        print(f"{f'events, {streams} × {1_000_000 // pause:,}/s':28} {'per second':>26}  CPU µs each               p50 ms              p99 ms             events a read, short")
        for name in runs[0][flow]:
            some = [run[flow][name] for run in runs]
            rate, half, most = (spread([one[what] for one in some], digits) for what, digits in (("rate", 0), ("p50", 3), ("p99", 2)))
            reads = spread([one["events"] / one["reads"] for one in some], 1)
            short = sum(one["short"] for one in some)
            print(f"{name:28} {rate:>26}  {spread([one['cpu'] * 1000 for one in some], 1):25} {half:19} {most:18} {reads}, {short}")
    print("idle, PSS MiB: " + ", ".join(f"{name} {memory:.1f}" for name, memory in bench.idle.items()))


def judged(bench, runs, decided, verifying):
    ours, nginx, direct, haproxy = (server.name for server in (bench.ours, bench.nginx, bench.direct, bench.haproxy))

    def ratios(at, mine, other, what):
        return [run[at][mine][what] / run[at][other][what] for run in runs]

    def added(what):
        return [
            (run[1][ours][what] - run[1][direct][what]) / max(run[1][nginx][what] - run[1][direct][what], 0.001)
            for run in runs
        ]

    yield by_round("B1", f"CPU a request, {MANY} connections / nginx", 1.3, ratios(MANY, ours, nginx, "cpu"))
    yield by_round("B1", "CPU a request, 1 connection / nginx", 1.1, ratios(1, ours, nginx, "cpu"))
    yield by_round("B1", "requests/s / nginx", 0.8, ratios(MANY, ours, nginx, "rate"), decided, at_least)
    yield by_round("B2", "added latency, p50 / nginx", 1.1, added("p50"), decided)
    yield by_round("B2", "added latency, p99 / nginx", 1.2, added("p99"), decided)
    yield judge("B3", "CPU a request / without verifying", 1.1, verifying, f"{verifying:.3f}")
    yield by_round("B3", "CPU a request / HAProxy's jwt_verify", 0.4, ratios(MANY, ours, haproxy, "cpu"))
    for flow in ("100/s", "1,000/s"):
        yield by_round("B4", f"events, {flow}, delay p50 / nginx", 1.25, ratios(flow, ours, nginx, "p50"), decided)
        yield by_round("B4", f"events, {flow}, delay p99 / nginx", 1.3, ratios(flow, ours, nginx, "p99"), decided)
        yield by_round("B4", f"events, {flow}, CPU / nginx", 1.25, ratios(flow, ours, nginx, "cpu"))
    if bench.codex is not None:
        slower = ratios(BESIDE_CODEX, ours, bench.codex.name, "p50")
        yield by_round("B4", f"events, {BESIDE_CODEX}, delay p50 / codex's proxy", 1 / 80, slower, decided)
    yield by_round("B5", "overload, events/s / nginx", 0.95, ratios("overload", ours, nginx, "rate"), decided, at_least)
    yield by_round("B5", "overload, CPU an event / nginx", 1.3, ratios("overload", ours, nginx, "cpu"))
    yield by_round("B5", "overload, delay p50 / nginx", 3, ratios("overload", ours, nginx, "p50"), decided)
    yield judge("B5", "overload, streams that stood still", 0, sum(run["overload"][ours]["short"] for run in runs))
