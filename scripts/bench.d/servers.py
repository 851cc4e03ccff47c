"""Servers that redeem tokens: ours, the floor and the peer; how they start, and what they cost."""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from people import CLIENT, EMAIL, PASSWORD, REDIRECT, Person

CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")
LIMIT = 60.0


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@dataclass
class Server:
    name: str
    argv: list
    port: int
    path: str
    folder: Path
    process: subprocess.Popen = None
    ready: float = 0.0
    env: dict = field(default_factory=dict)

    def start(self):
        """Starts it; `ready` is then how many milliseconds it took until it answered a request."""
        with open(self.folder / "log", "ab") as log:
            began = time.perf_counter()
            environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **self.env}
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log, env=environment)
        while not self.answers():
            if self.process.poll() is not None or time.perf_counter() - began > LIMIT:
                raise SystemExit(f"error: {self.name} does not start; see {self.folder / 'log'}")
            time.sleep(0.001)
        self.ready = (time.perf_counter() - began) * 1000
        return self

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as stream:
                stream.settimeout(5)
                host = f"127.0.0.1:{self.port}"
                stream.sendall(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                return stream.recv(12) != b""
        except OSError:
            return False

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def cpu(self):
        """Returns the milliseconds of CPU that it has used, with those of threads that have ended."""
        return sum(sum(map(int, self.of(pid, "stat").rsplit(")", 1)[1].split()[11:13])) for pid in self.processes()) * 1000 / TICKS

    def memory(self):
        """Returns what it holds and its fair share of what others hold too, in MiB: RSS and PSS."""
        texts = [self.of(pid, "smaps_rollup") for pid in self.processes()]
        found = (sum(int(re.search(rf"^{what}:\s+(\d+)", text, re.M)[1]) for text in texts) for what in ("Rss", "Pss"))
        return tuple(kibibytes / 1024 for kibibytes in found)

    def processes(self):
        """Returns its process and the workers that this has made."""
        first = self.process.pid
        return [first, *self.of(first, f"task/{first}/children").split()]

    @staticmethod
    def of(pid, what):
        return Path(f"/proc/{pid}/{what}").read_text(encoding="utf-8")

    def tokens(self):
        return self.folder / "tokens"

    def load(self, program, *how):
        """Lets `program` ask as fast as it answers; adds the CPU of each answer, in milliseconds."""
        before = self.cpu()
        argv = [program, f"127.0.0.1:{self.port}", self.path, CLIENT, *map(str, how), str(CONNECTIONS)]
        run = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode != 0:
            raise SystemExit(f"error: {self.name} did not answer; see {self.folder / 'log'}")
        told = json.loads(run.stdout)
        return told | {"cpu": (self.cpu() - before) / told["answers"], "rate": told["answers"] / told["seconds"]}

    def refresh(self, programs, seconds):
        return self.load(programs / "load-tokens", "refresh", seconds, self.tokens())

    def redeem(self, programs, codes):
        file = self.folder / "codes"
        file.write_text("\n".join(codes), encoding="utf-8")
        return self.load(programs / "load-tokens", "codes", REDIRECT, file)


def ours(programs, folder, name="keyfob-issuer", database=None):
    """Makes an issuer, with as many sessions as there are connections, and starts it."""
    folder.mkdir()
    port = free_port()
    program, data = programs / "keyfob-issuer", folder / "data"
    init = [program, "init", "--data", data, "--url", f"http://127.0.0.1:{port}", "--owner", EMAIL]
    init += ["--database", database] if database else []
    subprocess.run(init, input=PASSWORD, text=True, check=True, stderr=subprocess.DEVNULL)
    server = Server(name, [program, "serve", "--data", data], port, "/oauth/token", folder).start()
    person = Person(port)
    tokens = [person.refresh_token() for _ in range(CONNECTIONS)]
    server.tokens().write_text("\n".join(tokens), encoding="utf-8")
    return server


def grown(programs, small, folder, count):
    """Makes an issuer as `small` is, with `count` more people and sessions, and starts it."""
    server = ours(programs, folder, f"{small.name}, {count:,} more")
    server.stop()
    with sqlite3.connect(folder / "data" / "issuer.db") as database:
        database.row_factory = sqlite3.Row

        def copy(table, changes):
            row = dict(database.execute(f"SELECT * FROM {table} LIMIT 1").fetchone())
            columns, places = ", ".join(row), ", ".join("?" * len(row))
            rows = (tuple((row | changes(number)).values()) for number in range(count))
            database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)

        who, where = "person-{}".format, "place-{}".format
        copy("users", lambda n: {"subject": who(n), "email": f"{n}@example.org"})
        copy("workspaces", lambda n: {"id": where(n), "personal_of": who(n)})
        copy("members", lambda n: {"workspace_id": where(n), "subject": who(n)})
        family = "01890000-0000-7000-8000-{:012x}".format
        copy("refresh_families", lambda n: {"id": family(n), "subject": who(n), "workspace_id": where(n)})
        copy("refresh_tokens", lambda n: {"digest": os.urandom(32), "family_id": family(n), "generation": 0})
    return server.start()


def floor(programs, folder, *beside):
    folder.mkdir()
    port = free_port()
    argv = [programs / "floor-issuer", f"127.0.0.1:{port}", folder, str(CONNECTIONS), *beside]
    return Server(" + ".join(["floor", *beside]), argv, port, "/", folder).start()


def peer(tools, folder, codes):
    folder.mkdir()
    port = free_port()
    shutil.copy(Path(__file__).with_name("oidc.mjs"), tools)
    argv = [shutil.which("node"), tools / "oidc.mjs", str(port), str(codes), str(CONNECTIONS), folder]
    return Server("oidc-provider", argv, port, "/token", folder).start()


def idle(programs, folder):
    """Starts an issuer that nobody has asked anything; made at the first time."""
    port = free_port()
    program, data = programs / "keyfob-issuer", folder / "data"
    if not folder.exists():
        folder.mkdir()
        init = [program, "init", "--data", data, "--url", "http://127.0.0.1:1", "--owner", EMAIL]
        subprocess.run(init, input=PASSWORD, text=True, check=True, stderr=subprocess.DEVNULL)
    argv = [program, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"]
    return Server("idle", argv, port, "/oauth/token", folder).start()
