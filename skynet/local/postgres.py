"""A TimescaleDB of our own: made once in the data directory, safe by its settings, reached by TCP on 127.0.0.1 alone."""

import os
import secrets
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from skynet.local.processes import CantRun, as_user, give, service_user
from skynet.local.programs import Say

USER = "skynet"
DATABASE = "skynet"

_SETTINGS = """
# Written by skynet at the first start; yours from then on, but fsync, full_page_writes and synchronous_commit must stay on.
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = 256MB
work_mem = 8MB
maintenance_work_mem = 64MB
max_wal_size = 2GB
wal_compression = on
fsync = on
full_page_writes = on
synchronous_commit = on
log_min_messages = warning
log_checkpoints = off
log_timezone = 'UTC'
timezone = 'UTC'
"""


class Postgres:
    """One cluster: where it is, and how it is started."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "cluster"
        self._bin = programs / "usr/lib/postgresql/17/bin"
        self._owner = service_user()
        self._password_file = folder / "password"

    def prepare(self, progress: Say) -> None:
        """Make the cluster, if it is not there. One that was made by halves is made again.

        Raises CantRun.
        """
        if (self.data / "PG_VERSION").exists() and self._password_file.exists():
            return
        progress("making the database")
        self.folder.mkdir(parents=True, exist_ok=True)
        give(self.folder, self._owner)
        password = secrets.token_urlsafe(24)
        made = self.folder / "cluster.partial"
        subprocess.run(["rm", "-rf", str(made), str(self.data)], check=True)
        handed = self.folder / "password.partial"
        handed.touch(mode=0o600)
        handed.write_text(password, "utf-8")
        give(handed, self._owner)
        command = [
            str(self._bin / "initdb"), "-D", str(made), "-U", USER, "--auth=scram-sha-256", f"--pwfile={handed}",
            "--locale=C.UTF-8", "--encoding=UTF8", "--data-checksums", "--no-instructions",
        ]  # fmt: skip
        done = subprocess.run(
            as_user(command, self._owner, self.folder / "x"), capture_output=True, text=True, check=False, cwd="/",
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        if done.returncode:
            raise CantRun(
                f"initdb failed below {self.folder} ({done.stderr.strip().splitlines()[-1:]}); give another --data-dir"
            )
        with (made / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(_SETTINGS)
        made.rename(self.data)
        give(handed, None)
        handed.rename(self._password_file)

    def command(self, port: int) -> list[str]:
        """How it is started, without the user it runs as."""
        return [str(self._bin / "postgres"), "-D", str(self.data), "-p", str(port)]

    @property
    def password(self) -> str:
        """The password of our user."""
        return self._password_file.read_text("utf-8").strip()

    def url(self, port: int, database: str = DATABASE) -> str:
        """The database's URL, password included."""
        return f"postgresql://{USER}:{quote(self.password, safe='')}@127.0.0.1:{port}/{database}"

    def create_database(self, port: int) -> None:
        """Make the database in the running cluster, if it is not there."""
        with psycopg.connect(self.url(port, "postgres"), autocommit=True) as conn:
            if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
                conn.execute(f"CREATE DATABASE {DATABASE}")

    def forget_stale_pid(self) -> None:
        """Take away the pid file of a crash, if its pid is something else's by now: PostgreSQL would refuse to start.

        While a PostgreSQL of this cluster runs, the file stays: two on one cluster would destroy it.
        """
        file = self.data / "postmaster.pid"
        try:
            pid = int(file.read_text("utf-8").splitlines()[0])
            running = psutil.Process(pid).cmdline()
        except (OSError, ValueError, IndexError, psutil.Error):
            return  # no such file, or no such process, which PostgreSQL finds out by itself
        if str(self.data) not in running:
            file.unlink(missing_ok=True)


def answers(url: str) -> bool:
    """Whether the server takes connections."""
    try:
        psycopg.connect(url, connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True


def wait_for(url: str, seconds: float = 30.0) -> None:
    """Wait until the server takes connections.

    Raises CantRun.
    """
    deadline = time.monotonic() + seconds
    while not answers(url):
        if time.monotonic() > deadline:
            raise CantRun(f"PostgreSQL does not answer after {seconds:.0f} s; read its log in the data directory")
        time.sleep(0.05)
