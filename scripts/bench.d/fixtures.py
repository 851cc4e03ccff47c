"""Credentials that open nothing, in the places where each peer keeps its own."""

import base64
import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

SIZE = 4096


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def token(claims):
    return ".".join([part({"alg": "ES256", "kid": "k" * 43}), part(claims), "s" * 86])


def document():
    """An `auth.json` as after a sign-in, with a token that is fresh for a month, padded to 4 KiB."""
    now = int(time.time())
    workspace = "0123456789abcdef-0123-4567-89ab-cdef01234567"
    organisations = [{"id": "org-" + "y" * 24, "is_default": True, "role": "owner", "title": "Personal"}] * 2
    codex = {"chatgpt_account_id": workspace, "chatgpt_plan_type": "pro", "organizations": organisations}
    common = {"iss": "https://id.example.org", "sub": "u-1", "iat": now, "https://api.openai.com/auth": codex}
    access = token({**common, "aud": ["https://api.example.org"], "exp": now + 30 * 86400, "jti": "j" * 43})
    tokens = {
        "id_token": token({**common, "aud": "app", "email": "mia@example.org", "exp": now + 3600}),
        "access_token": access,
        "refresh_token": "rt_" + "a" * 80,
        "oauth_provenance": {"issuer": "https://id.example.org", "client_id": "app"},
        "login_owner_id": "o" * 36,
        "account_id": workspace,
    }
    login = {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": tokens}
    login["last_refresh"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return json.dumps(login, indent=2).ljust(SIZE)


def private(path, text):
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def store_in_keyring(home, text):
    """Puts the login where `keyfob` and the Codex CLI look for that of `home`; a keyring must be open."""
    digest = hashlib.sha256(os.fsencode(os.path.realpath(home))).hexdigest()
    entry = ["service", "Codex Auth", "username", f"cli|{digest[:16]}", "target", "default"]
    subprocess.run(["secret-tool", "store", "--label=bench", *entry], input=text, text=True, check=True)
    return entry


def open_keyring(folder):
    """Starts a keyring that lives in `folder`, open, on the bus of this process."""
    os.environ.update(XDG_DATA_HOME=str(folder / "share"), XDG_RUNTIME_DIR=str(folder))
    daemon = ["gnome-keyring-daemon", "--foreground", "--components=secrets", "--unlock"]
    daemon += ["--control-directory", str(folder / "control")]
    process = subprocess.Popen(daemon, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.stdin.write(b"a password")
    process.stdin.close()
    wait = ["gdbus", "wait", "--session", "--timeout=20", "org.freedesktop.secrets"]
    subprocess.run(wait, check=True)
    return process


def peers(folder):
    """Returns the variables and the input with which git and gh find theirs."""
    git = private(Path(folder) / "git", "https://someone:gho_0123456789abcdef@github.com\n")
    question = private(Path(folder) / "question", "protocol=https\nhost=github.com\n\n")
    hosts = "github.com:\n    oauth_token: gho_0123456789\n    user: someone\n    git_protocol: https\n"
    private(Path(folder) / "gh" / "hosts.yml", hosts)
    return git, question, {"GH_CONFIG_DIR": str(Path(folder) / "gh"), "NO_COLOR": "1"}
