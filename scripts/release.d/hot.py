#!/usr/bin/env python3
"""The functions that a program runs all the time or at every start, laid side by side in it.

usage: hot.py order LIST PROGRAM      prints the symbols of PROGRAM that LIST names, for the linker
       hot.py add PROGRAM COMMAND..   adds to the list what each COMMAND runs, by valgrind
       hot.py add-serving PROGRAM     adds what an issuer runs from its start until it has answered, and its end
       hot.py add-edge PROGRAM OTHERS
                                      adds what a gateway runs from its start until its end, with requests, refusals and
                                      streams between; OTHERS is the folder with the issuer, the model server and the load,
                                      as scripts/bench leaves them

The list of PROGRAM lies beside this file, as PROGRAM.txt, with names as people read them: those of the symbols change with
every compiler. To write it anew, empty it, and for `keyfob` add `token` and `status` of a fresh login in the file, and
`token` of an expired one whose lock (`flock CODEX_HOME/keyfob/refresh.lock`) somebody holds until they have put another
login and another `state.json` there.
"""

import contextlib
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 120.0


def list_of(program):
    return Path(__file__).with_name(f"{Path(program).name}.txt")


def symbols(program):
    """Returns each symbol of the program with its readable name."""
    listed = [
        subprocess.run(["nm", *options, program], check=True, capture_output=True, text=True).stdout.splitlines()
        for options in (["--no-sort"], ["--no-sort", "--demangle"])
    ]
    for raw, readable in zip(*listed):
        symbol, name = (line[17:].split(" ", 1) for line in (raw, readable))
        if symbol[0] in "tTwW":
            yield symbol[1], name[1]


def order(names, program):
    hot = set(Path(names).read_text(encoding="utf-8").splitlines())
    print("\n".join(symbol for symbol, name in symbols(program) if name in hot))


def add(program, runs):
    """Adds to the list what is run while each of `runs` takes the words that run the program under a tool."""
    names = dict(symbols(program))
    hot, known = set(), list_of(program).read_text(encoding="utf-8").splitlines()
    for run in runs:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "out")
            run(["valgrind", "--quiet", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={out}", program])
            text = out.read_text(encoding="utf-8", errors="replace")
        hot.update(re.findall(r"^c?fn=\(\d+\) ([^\s']+)", text, re.MULTILINE))
    names_now = sorted({names[symbol] for symbol in hot if symbol in names}.union(known))
    list_of(program).write_text("\n".join(names_now) + "\n", encoding="utf-8")


def command(word):
    return lambda tool: subprocess.run([*tool, word], check=True, stdout=subprocess.DEVNULL)


def serve(tool):
    """Makes an issuer, and lets it serve one request under `tool`."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = "127.0.0.1:{}".format(found.getsockname()[1])
        found.close()
        init = [tool[-1], "init", "--data", f"{folder}/data", "--url", f"http://{address}", "--owner", "mia@example.org"]
        subprocess.run(init, input="a password to record with", text=True, check=True, stderr=subprocess.DEVNULL)
        with subprocess.Popen([*tool, "serve", "--data", f"{folder}/data"]) as server:
            end = time.monotonic() + LIMIT
            while not answers(address) and server.poll() is None and time.monotonic() < end:
                time.sleep(0.1)
            server.terminate()
        if server.returncode != 0:
            sys.exit(f"error: {tool[-1]} ended with {server.returncode}")


def edge(others):
    """Lets a gateway serve under `tool`, before the programs that the benchmark puts around it."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "bench.d"))
    import gateways

    def run(tool):
        with gateways.surroundings(others) as (folder, issuer, model), contextlib.ExitStack() as stack:
            gateway = gateways.edge(tool, folder / "gateway", issuer, model, "gateway")
            stack.callback(gateway.stop)
            token = issuer.token()
            gateways.ask(gateway, 4, 2, token, folder)
            gateways.follow(others, gateway, 4, 20, 1_000, token, folder)

    return run


def answers(address):
    host, port = address.split(":")
    try:
        with socket.create_connection((host, int(port)), LIMIT) as stream:
            stream.sendall(f"GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            return stream.recv(12) != b""
    except OSError:
        return False


match sys.argv[1:]:
    case ["order", names, program]:
        order(names, program)
    case ["add", program, *words] if words:
        add(program, [command(word) for word in words])
    case ["add-serving", program]:
        add(program, [serve])
    case ["add-edge", program, others]:
        add(program, [edge(Path(others))])
    case _:
        sys.exit(__doc__)
