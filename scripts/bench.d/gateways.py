"""Servers in front of a model server: ours, and the peers with the least that does the same."""

import base64
import contextlib
import json
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import servers
from fixtures import private
from people import Person
from servers import Server, free_port

KEY = "sk-upstream-0123456789abcdef0123456789abcdef"
WORKERS = 2
PATH = "/v1/responses"
# How many descriptors each gateway may have that holds many streams.
DESCRIPTORS = 20_000
# How many times so many streams come, each time over new connections of their callers.
CROWDS = 5
# How long a connection to the model server is kept that nobody uses, and some more, in seconds.
KEPT = 100

NGINX = """\
worker_processes {workers}; pid {folder}/pid; error_log {folder}/errors error; daemon off; worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream model {{
        server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://model; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;
            proxy_set_header Connection ""; proxy_set_header Authorization "Bearer {key}";
        }}
    }}
}}
"""

HAPROXY = """\
global
    nbthread {workers}
    maxconn 8192
defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 600s
    timeout server 600s
frontend checking
    bind 127.0.0.1:{port}
    http-request deny deny_status 401 unless {{ req.hdr(authorization) -m found }}
    http-request set-var(txn.bearer) http_auth_bearer
    http-request set-var(txn.iss) http_auth_bearer,jwt_payload_query('$.iss')
    http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless {{ var(txn.iss) -m str {issuer} }}
    http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify("ES256","{folder}/key.pem") 1 }}
    http-request set-header Authorization "Bearer {key}"
    default_backend model
backend model
    http-reuse always
    server model 127.0.0.1:{upstream}
"""


class Issuer:
    """Ours, with one person in it."""

    def __init__(self, programs, folder):
        self.server = servers.ours(programs, folder)
        self.url = f"http://127.0.0.1:{self.server.port}"

    def token(self):
        return Person(self.server.port).token("access_token")

    def key(self):
        """Returns the key that signs, as PEM: SubjectPublicKeyInfo of a point of P-256 (RFC 5480)."""
        with urllib.request.urlopen(f"{self.url}/.well-known/openid-configuration") as answer:
            place = json.load(answer)["jwks_uri"]
        with urllib.request.urlopen(place) as answer:
            key = next(key for key in json.load(answer)["keys"] if key["crv"] == "P-256")
        point = b"".join(base64.urlsafe_b64decode(key[part] + "==") for part in ("x", "y"))
        info = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + point
        return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(info).decode()}-----END PUBLIC KEY-----\n"


@contextlib.contextmanager
def surroundings(programs):
    """Gives a folder, and an issuer and a model server in it, which end with it."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        issuer = Issuer(programs, folder / "issuer")
        stack.callback(issuer.server.stop)
        model = upstream(programs, folder / "model")
        stack.callback(model.stop)
        yield folder, issuer, model


def upstream(programs, folder):
    folder.mkdir()
    port = free_port()
    argv = [programs / "floor-upstream", f"127.0.0.1:{port}", str(WORKERS)]
    return Server("direct", argv, port, PATH, folder).start()


def floor(programs, folder, model):
    folder.mkdir()
    port = free_port()
    argv = [programs / "floor-gateway", f"127.0.0.1:{port}", f"127.0.0.1:{model.port}", KEY, str(WORKERS)]
    return Server("floor", argv, port, PATH, folder).start()


def ours(programs, folder, issuer, model, name="keyfob-gateway"):
    return edge([programs / "keyfob-gateway"], folder, issuer, model, name)


def edge(program, folder, issuer, model, name):
    """Starts `program`, which may be run by another, in front of `model`."""
    folder.mkdir()
    port = free_port()
    secret = folder / "key"
    private(secret, KEY)
    argv = [*program, "edge", "--listen", f"127.0.0.1:{port}", "--issuer", issuer.url]
    argv += ["--upstream", f"http://127.0.0.1:{model.port}/v1", "--upstream-key-file", secret]
    return Server(name, argv, port, PATH, folder).start()


def over_http2(programs, folder, issuer, model):
    """Ours, speaking HTTP/2 to the model server."""
    folder.mkdir()
    port = free_port()
    config = folder / "gateway.toml"
    upstream = f'[upstream.model]\nurl = "http://127.0.0.1:{model.port}/v1"\nhttp2 = true\n'
    config.write_text(f'listen = "127.0.0.1:{port}"\nissuer = "{issuer.url}"\n{upstream}', encoding="utf-8")
    argv = ["sh", "-c", 'ulimit -n "$1" && exec "$0" edge --config "$2"', programs / "keyfob-gateway", str(DESCRIPTORS), config]
    return Server("keyfob-gateway", argv, port, PATH, folder).start()


def nginx(folder, model):
    folder.mkdir()
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, upstream=model.port, key=KEY, workers=WORKERS), encoding="utf-8")
    return Server("nginx", ["/usr/sbin/nginx", "-p", folder, "-c", config], port, PATH, folder).start()


def haproxy(folder, issuer, model):
    folder.mkdir()
    port = free_port()
    (folder / "key.pem").write_text(issuer.key(), encoding="utf-8")
    config = folder / "haproxy.cfg"
    told = {"folder": folder, "port": port, "upstream": model.port, "key": KEY, "workers": WORKERS, "issuer": issuer.url}
    config.write_text(HAPROXY.format(**told), encoding="utf-8")
    return Server("haproxy, jwt_verify", ["/usr/sbin/haproxy", "-f", config], port, PATH, folder).start()


def codex_proxy(program, folder, model):
    """The proxy within the Codex CLI, which reads the key from its input."""
    folder.mkdir()
    port = free_port()
    secret = folder / "key"
    private(secret, KEY)
    # The shell becomes the proxy, so that it ends when it is told to.
    argv = ["sh", "-c", 'exec "$0" responses-api-proxy --port "$1" --upstream-url "$2" < "$3"']
    argv += [program, str(port), f"http://127.0.0.1:{model.port}{PATH}", secret]
    return Server("codex responses-api-proxy", argv, port, PATH, folder, env={"CODEX_HOME": str(folder)}).start()


SCRIPT = """\
wrk.method = "POST"
wrk.body = '{"model":"floor","input":"Say hello in one short sentence, please.","instructions":"You are a coding agent.","stream":false,"store":false}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer TOKEN"
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format('JSON{"answers":%d,"seconds":%f,"p50":%f,"p99":%f,"bad":%d}\\n', summary.requests,
        summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        e.connect + e.read + e.write + e.timeout + e.status))
end
"""


def ask(server, connections, seconds, token, folder):
    """Asks as fast as it answers; returns requests a second, milliseconds until an answer, and milliseconds of CPU of each."""
    script = folder / "ask.lua"
    script.write_text(SCRIPT.replace("TOKEN", token), encoding="utf-8")
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", script]
    before = server.cpu()
    told = subprocess.run([*argv, f"http://127.0.0.1:{server.port}{PATH}"], check=True, capture_output=True, text=True).stdout
    run = json.loads(re.search(r"^JSON(.*)$", told, re.M)[1])
    if run["bad"]:
        raise SystemExit(f"error: {server.name} gave {run['bad']} bad answers; see {server.folder / 'log'}")
    return run | {"cpu": (server.cpu() - before) / run["answers"], "rate": run["answers"] / run["seconds"]}


def share(server, function, within, connections, seconds, token, folder):
    """Returns the part of its CPU that `server` spends in `function` and in what that calls, while it is asked as by `ask`.

    Fails where that cannot be told: most of what is seen in `within` must have been called by `function`.
    """
    samples = folder / "samples"
    # What it calls is a few calls deep, so a little of the stack is enough.
    argv = ["perf", "record", "--quiet", "--event", "cpu-clock", "--freq", "999", "--call-graph", "dwarf,4096"]
    watching = subprocess.Popen([*argv, "--pid", str(server.process.pid), "--output", samples])
    ask(server, connections, seconds, token, folder)
    if watching.poll() is not None:
        raise SystemExit(f"error: perf ended with {watching.returncode}")
    watching.send_signal(signal.SIGINT)
    watching.wait(20)
    argv = ["perf", "script", "--input", samples, "--fields", "ip,sym"]
    stacks = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.strip().split("\n\n")
    called = [function in stack for stack in stacks if within in stack]
    if sum(called) < 0.95 * len(called) or not called:
        raise SystemExit(f"error: of {len(called)} times that {within} was seen, {sum(called)} were within {function}")
    return sum(function in stack for stack in stacks) / len(stacks)


def follow(programs, server, streams, events, pause, token, folder, seconds=60):
    """Follows streams of events, one every `pause` microseconds each; returns what `load-events` tells, and CPU of an event."""
    file = folder / "token"
    file.write_text(token, encoding="utf-8")
    argv = [programs / "load-events", f"127.0.0.1:{server.port}", *map(str, (streams, events, pause)), file, str(seconds)]
    before = server.cpu()
    run = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return run | {"cpu": (server.cpu() - before) / run["events"], "rate": run["events"] / run["seconds"]}


def crowd(programs, folder, issuer, model, streams, events, pause, token):
    """Gives a gateway of its own so many streams again and again; returns the most KiB that it was seen to hold for each, less what
    it holds when it has served one."""
    gate = ours(programs, folder / "crowded", issuer, model)
    file = folder / "token"
    file.write_text(token, encoding="utf-8")
    try:
        running(programs, gate, 1, 1, 0, file, 0).communicate()
        # Another gateway runs the same program, so pages of it would count half in its fair share.
        idle = most = gate.memory()[0]
        for _ in range(CROWDS):
            load = running(programs, gate, streams, events, pause, file, 0)
            while load.poll() is None:
                most = max(most, gate.memory()[0])
                time.sleep(0.02)
            if json.loads(load.communicate()[0])["short"]:
                raise SystemExit(f"error: {gate.name} cut streams; see {gate.folder / 'log'}")
    finally:
        gate.stop()
    return (most - idle) * 1024 / streams


def hold(programs, folder, issuer, model, count, leaving, token):
    """Holds `count` streams open, half of them at each of two gateways, over HTTP/2 to the model server; `leaving` of the callers
    hang up. Returns what came, the KiB that a stream took, the milliseconds until the model server saw each of those end, and
    what was left of memory (MiB) and descriptors when nobody asked any more."""
    gates = [over_http2(programs, folder / f"holding-{number}", issuer, model) for number in (1, 2)]
    file = folder / "token"
    file.write_text(token, encoding="utf-8")
    try:
        # A stream each, so that what every gateway has is there.
        for gate in gates:
            running(programs, gate, 1, 1, 0, file, 0).communicate()
        time.sleep(KEPT)
        descriptors, idle = counted(gates)
        loads = [running(programs, gate, count // 2, 4, 2_000_000, file, leaving // 2) for gate in gates]
        most = idle
        while any(load.poll() is None for load in loads):
            most = max(most, sum(gate.memory()[1] for gate in gates))
            time.sleep(0.25)
        runs = [json.loads(load.communicate()[0]) for load in loads]
        time.sleep(KEPT)
        descriptors_left, left = counted(gates)
    finally:
        for gate in gates:
            gate.stop()
    seen = dict(line.split() for line in (model.folder / "log").read_text(encoding="utf-8").splitlines() if " " in line)
    hung_up = {name: at for run in runs for name, at in run["left"].items()}
    never = float("inf")
    return {
        "memory": (most - idle) * 1024 / count,
        "short": sum(run["short"] for run in runs),
        "first": max(run["first"] for run in runs),
        "aborted": sorted((float(seen.get(name, never)) - at) / 1e6 for name, at in hung_up.items()),
        "left": left - idle,
        "most": most - idle,
        "descriptors": descriptors_left - descriptors,
    }


def running(programs, gate, streams, events, pause, file, leaving):
    # An event every so often: what is measured is open streams, not events.
    how = [str(streams), str(events), str(pause), file, "60", str(leaving)]
    return subprocess.Popen([programs / "load-events", f"127.0.0.1:{gate.port}", *how], stdout=subprocess.PIPE, text=True)


def counted(gates):
    """Returns how many descriptors they have, and how many MiB of memory."""
    descriptors = sum(len(list(Path(f"/proc/{gate.process.pid}/fd").iterdir())) for gate in gates)
    return descriptors, sum(gate.memory()[1] for gate in gates)
