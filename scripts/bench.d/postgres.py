"""A PostgreSQL of the bench's own, with its usual durability, and pgbench on it."""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from servers import CONNECTIONS

SCRIPT = Path(__file__).with_name("refresh.sql")
SESSIONS = Path(__file__).with_name("refresh-sessions.sql")


class Postgres:
    """A server in `folder` that only its socket leads to."""

    @classmethod
    def of(cls, folder):
        """Returns the server that was made in `folder`."""
        server = cls.__new__(cls)
        server.find(folder)
        return server

    def __init__(self, folder):
        self.find(folder)
        folder.mkdir(mode=0o755)
        if self.owner:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.run("initdb", "--username=keyfob", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-D", folder / "data")
        settings = f"listen_addresses=''\nunix_socket_directories='{folder}'\nshared_buffers=128MB\n"
        with open(folder / "data" / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(settings)
        self.control("start")

    def find(self, folder):
        self.folder = folder
        versions = [int(path.name) for path in Path("/usr/lib/postgresql").iterdir() if path.name.isdigit()]
        self.programs = Path(f"/usr/lib/postgresql/{max(versions)}/bin")
        # It refuses to be root's.
        self.owner = []
        if os.geteuid() == 0:
            self.owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def run(self, program, *arguments):
        argv = [*self.owner, self.programs / program, *map(str, arguments)]
        run = subprocess.run(argv, cwd="/", capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise SystemExit(f"error: {program}: {run.stderr}")
        return run.stdout

    def control(self, what):
        # The server keeps what it is started with open, so its output goes to a file.
        log = self.folder / "log"
        argv = [*self.owner, self.programs / "pg_ctl", what, "--wait", "--silent", "-D", self.folder / "data", "-l", log]
        subprocess.run(argv, cwd="/", check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def database(self, name):
        """Makes an empty database; returns its address."""
        self.run("createdb", "-h", self.folder, "-U", "keyfob", name)
        return f"postgres://keyfob@localhost/{name}?host={self.folder}"

    def statements(self, database, number, seconds):
        """Returns how often a second `pgbench` does the statements of a refresh, on sessions of the run `number`."""
        where = ["-h", self.folder, "-U", "keyfob"]
        for file in (SESSIONS, SCRIPT):
            shutil.copy(file, self.folder)
            (self.folder / file.name).chmod(0o644)
        setting = ["-v", f"run={number}", "-v", f"sessions={CONNECTIONS}", "-v", "ON_ERROR_STOP=1", "-q"]
        self.run("psql", *where, *setting, "-f", self.folder / SESSIONS.name, database)
        how = ["-n", "-M", "prepared", "-c", CONNECTIONS, "-j", 2, "-T", seconds, "-D", f"run={number}", "-D", "at=0"]
        told = self.run("pgbench", *where, *how, "-f", self.folder / SCRIPT.name, database)
        return float(re.search(r"^tps = ([\d.]+)", told, re.M)[1])
