#!/usr/bin/env python3
"""Lets a gateway serve what callers usually ask, so that it counts what it runs then.

usage: train.py OTHERS PROGRAM

OTHERS is the folder with the issuer, the model server and the load.
"""

import contextlib
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "bench.d"))
import gateways
from servers import Server, free_port

SECONDS = 3

CONFIG = """\
listen = "127.0.0.1:{port}"
issuer = "{issuer}"
data = "."
policy = "policy.toml"
[admin]
listen = "127.0.0.1:{admin}"
[tls]
certificate = "chain.pem"
key = "key.pem"
[upstream.model]
url = "http://127.0.0.1:{upstream}/v1"
http2 = true
[limits]
requests_per_minute = 100_000_000
"""

POLICY = """\
default = "deny"
message = "This is nobody's."
[[rule]]
name = "everybody"
outcome = "allow"
"""


def secure(program, folder, issuer, model):
    """Starts `program` with a certificate, a policy, limits and a ledger, and HTTP/2 toward the model server."""
    folder.mkdir()
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    make += ["-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "chain.pem"]
    subprocess.run(make, check=True, stderr=subprocess.DEVNULL)
    port, admin = free_port(), free_port()
    told = {"port": port, "admin": admin, "issuer": issuer.url, "upstream": model.port}
    (folder / "gateway.toml").write_text(CONFIG.format(**told), encoding="utf-8")
    (folder / "policy.toml").write_text(POLICY, encoding="utf-8")
    server = Server("gateway", [program, "edge", "--config", folder / "gateway.toml"], admin, "/live", folder)
    return server.start(), port


def curl(port, token, folder, version, expected):
    """Asks a hundred times on one connection."""
    url = f"https://127.0.0.1:{port}{gateways.PATH}"
    one = [f'url = "{url}"', 'output = "/dev/null"', 'data = "@body"', "insecure", "silent", 'noproxy = "*"', f"http{version}"]
    one += [f'header = "Authorization: Bearer {token}"', 'header = "Content-Type: application/json"']
    one += ['write-out = "%{http_version} %{http_code}\\n"']
    asked = folder / "asked"
    asked.write_text("\nnext\n".join(["\n".join(one)] * 100), encoding="utf-8")
    # Without what the person's own curl is told to do.
    run = subprocess.run(["curl", "--disable", "--config", asked], check=True, cwd=folder, capture_output=True, text=True)
    answered = set(run.stdout.splitlines())
    if answered != {f"{version} {expected}"}:
        sys.exit(f"error: the gateway in training answered {answered}, not {version} {expected}")


def follow(others, gateway, streams, events, pause, token, folder):
    run = gateways.follow(others, gateway, streams, events, pause, token, folder)
    if run["short"]:
        sys.exit(f"error: the gateway in training cut {run['short']} streams")


def end(gateway):
    """Ends it; what it counted is written at an orderly end."""
    process = gateway.process
    gateway.stop()
    if process.returncode != 0:
        sys.exit(f"error: the gateway in training ended with {process.returncode}")


def train(others, program):
    with gateways.surroundings(others) as (folder, issuer, model), contextlib.ExitStack() as stack:
        token = issuer.token()
        gateway = gateways.edge([program], folder / "gateway", issuer, model, "gateway")
        stack.callback(end, gateway)
        for connections in (64, 1):
            gateways.ask(gateway, connections, SECONDS, token, folder)
        follow(others, gateway, 20, 1_000, 1_000, token, folder)
        follow(others, gateway, 200, 100, 10_000, token, folder)
        gateway, port = secure(program, folder / "secure", issuer, model)
        stack.callback(end, gateway)
        body = '{"model":"floor","input":"Say hello.","stream":true,"store":false}'
        (folder / "secure" / "body").write_text(body, encoding="utf-8")
        curl(port, token, folder / "secure", "1.1", 200)
        curl(port, token, folder / "secure", "2", 200)
        curl(port, "nobody", folder / "secure", "1.1", 401)


match sys.argv[1:]:
    case [others, program]:
        train(Path(others), Path(program))
    case _:
        sys.exit(__doc__)
