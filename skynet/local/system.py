"""The whole system on this machine: what is started in which order, on which ports, and when it is ready."""

import fcntl
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import orjson
import psycopg
import structlog

from devices import siteplan
from devices.broker import Login
from skynet.local import mosquitto, ports, postgres
from skynet.local.mosquitto import Mosquitto
from skynet.local.postgres import Postgres
from skynet.local.processes import CantRun
from skynet.local.programs import Say, server_programs
from skynet.local.supervisor import Program, Supervisor
from skynet.settings import Settings, system_file
from store import feed, migrate, people, registry
from store import parts as store_parts
from store.connect import connect

log = structlog.get_logger(__name__)

ADMIN = "admin"
LINK_LASTS = timedelta(hours=12)
# our own server is not asked through anybody's proxy
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SAMPLE_SITES = ("zhihuo", "liujiang")


@dataclass(frozen=True)
class Wanted:
    """What `skynet up` was asked for; a port of None is chosen, of 0 is any free one."""

    data_dir: Path
    host: str
    web_port: int | None
    mqtt_port: int | None
    db_port: int | None
    ready_file: Path | None
    simulate: bool


class System:
    """Everything that `skynet up` runs, from the first file to the last process."""

    def __init__(self, wanted: Wanted, settings: Settings, progress: Say, tell: Say) -> None:
        self._wanted = wanted
        self._settings = settings
        self._say = progress
        self._answer = tell
        self._folder = wanted.data_dir.resolve()
        self._held: IO[str] | None = None
        self._stopping = False
        self._may_break_off = True  # until the first process is ours to end

    def run(self) -> None:
        """Bring everything up, say where it is, keep it running until SIGINT, SIGTERM or SIGHUP, end it.

        Raises CantRun, ProgramsError and psycopg errors when it can't be brought up; what was started is ended first.
        """
        self._hold_folder()
        self._supervisor = Supervisor(self._folder, self._say)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            self._supervisor.end_leftovers()
            self._bring_up()
            while not self._stopping:
                self._supervisor.watch()
                time.sleep(0.1)
        except _Interrupted:
            pass
        except Exception:
            if not self._stopping:  # what fails because the end was asked for (Ctrl-C also ends apt-get) is no fault
                raise
        finally:
            self._stopping = True
            self._may_break_off = False  # a second Ctrl-C must not break the ending
            self._say("ending")
            for announced in (self._wanted.ready_file, system_file(self._folder)):
                if announced is not None:
                    announced.unlink(missing_ok=True)
            self._supervisor.stop()
            self._say("ended")

    def _on_signal(self, _number: int, _frame: object) -> None:
        breaks_off = self._may_break_off and not self._stopping
        self._stopping = True
        if breaks_off:
            raise _Interrupted

    def _start(self, program: Program) -> None:
        self._may_break_off = False
        if self._stopping:
            raise _Interrupted
        self._supervisor.start(program)

    def _hold_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._held = (self._folder / "lock").open("w")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise CantRun(f"a system already runs in {self._folder}: end it, or give another --data-dir") from exc

    def _bring_up(self) -> None:
        if self._wanted.ready_file is not None:
            self._wanted.ready_file.unlink(missing_ok=True)
        chosen = self._ports()
        database_url = self._start_database(chosen["database"])
        self._say("migrating the database")
        migrate.migrate(database_url)
        with connect(database_url, part="up") as conn:  # before anybody asks whether a tier can be reached
            if people.find(conn, ADMIN) is None:
                people.add_user(conn, ADMIN, "admin", (), None)  # no password: the link alone lets in
        if self._wanted.simulate:
            self._import_sample_sites(database_url)
        host, mqtt_port, mqtt_password = self._start_broker(chosen["mqtt"], database_url)
        web_url = self._settings.web_url or f"http://{_shown_host(self._wanted.host)}:{chosen['web']}"
        facts = {
            "database_url": database_url,
            "mqtt_url": f"mqtt://{host}:{mqtt_port}",
            "mqtt_password": mqtt_password,
            "web_url": web_url,
            "host": self._wanted.host,
            "web_port": chosen["web"],
        }
        _write_private(system_file(self._folder), orjson.dumps(facts, option=orjson.OPT_INDENT_2))
        for part in ("ingest", "alerts", "web"):
            self._start(self._part(part, facts))
        self._say("waiting until everything works")
        began = datetime.now(UTC)
        local = f"http://{_shown_host(self._wanted.host)}:{chosen['web']}"
        self._wait(lambda: _ready(local, database_url, began), "the system", 60.0)
        if self._wanted.simulate:
            self._start(self._part("simulate", facts))
        self._tell(facts, web_url)

    def _ports(self) -> dict[str, int]:
        asked = {"web": self._wanted.web_port, "mqtt": self._wanted.mqtt_port, "database": self._wanted.db_port}
        if self._settings.mqtt_url is not None:
            del asked["mqtt"]
        if self._settings.database_url is not None:
            del asked["database"]
        hosts = {"web": self._wanted.host}
        return {"mqtt": 0, "database": 0, **ports.choose(self._folder / "run" / "ports.json", asked, hosts)}

    def _start_database(self, port: int) -> str:
        if self._settings.database_url is not None:
            return self._settings.require_database()
        cluster = Postgres(server_programs(self._say), self._folder / "postgres")
        cluster.prepare(self._say)
        self._say(f"starting TimescaleDB on port {port}")
        self._start(
            Program(
                "database",
                cluster.command(port),
                {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                end=signal.SIGINT,  # PostgreSQL's fast shutdown
                as_service=True,
                reads=cluster.data,
                before=lambda _deaths: cluster.forget_stale_pid(),
            )
        )
        self._wait(lambda: postgres.answers(cluster.url(port, "postgres")), "PostgreSQL", 60.0, part="database")
        cluster.create_database(port)
        return cluster.url(port)

    def _start_broker(self, port: int, database_url: str) -> tuple[str, int, str]:
        if self._settings.mqtt_url is not None:
            return (*self._settings.require_mqtt(), self._settings.require_mqtt_password())
        broker = Mosquitto(server_programs(self._say), self._folder / "mosquitto")

        def before(quick_deaths: int) -> None:
            try:
                broker.prepare(port, _logins(database_url), self._say)
            except psycopg.OperationalError:
                if not quick_deaths and not broker.is_prepared():
                    raise
                # the database is away just now: the file as the plugin has kept it will do
            if quick_deaths > 1:
                broker.start_empty(self._say)

        self._say(f"starting Mosquitto on port {port}")
        self._start(
            Program(
                "broker",
                broker.command(),
                {"PATH": "/usr/bin:/bin"},
                as_service=True,
                reads=broker.folder / "data",
                before=before,
                stage=1,
            )
        )
        answers = lambda: mosquitto.answers("127.0.0.1", port, broker.password)  # noqa: E731
        self._wait(answers, "Mosquitto", 20.0, part="broker")
        return "127.0.0.1", port, broker.password

    def _import_sample_sites(self, database_url: str) -> None:
        with connect(database_url, part="up") as conn:
            known = registry.load(conn).sites
            for name in SAMPLE_SITES:
                if name not in known:
                    self._say(f"importing the invented sample site {name}")
                    registry.import_site(conn, siteplan.sample(name))

    def _part(self, name: str, facts: dict[str, object]) -> Program:
        """A process of ours; what it must know it is given in its environment, since an argument list is public."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("SKYNET_")}
        given = {f"SKYNET_{key.upper()}": str(value) for key, value in facts.items()}
        passed = {
            f"SKYNET_{key.upper()}": str(value.resolve() if isinstance(value, Path) else value)
            for key in self._settings.model_fields_set - set(facts) - {"data_dir"}
            if (value := getattr(self._settings, key)) is not None
        }
        environment = {**ours, **passed, **given, "SKYNET_DATA_DIR": str(self._folder)}
        command = Path(sys.executable).with_name("skynet")
        return Program(name, [sys.executable, str(command), name], environment, stage=2)

    def _wait(self, ready: Callable[[], bool], what: str, seconds: float, part: str | None = None) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if self._stopping:
                raise _Interrupted
            self._supervisor.watch()
            if time.monotonic() > deadline:
                where = self._supervisor.log_of(part) if part else self._folder / "logs"
                raise CantRun(f"{what} does not work after {seconds:.0f} s: read {where}")
            time.sleep(0.05)

    def _tell(self, facts: dict[str, object], web_url: str) -> None:
        database_url = str(facts["database_url"])
        with connect(database_url, part="up") as conn:
            token = people.new_login_link(conn, ADMIN, feed.clock(conn) + LINK_LASTS)
        login = f"{web_url}/login/{token}"
        if self._wanted.ready_file is not None:
            urls = {"web": web_url, "login": login, "mqtt": facts["mqtt_url"], "database": database_url}
            _write_private(self._wanted.ready_file, orjson.dumps(urls, option=orjson.OPT_INDENT_2))
        self._answer(f"Console: {web_url}")
        self._answer(f"Log in once, as {ADMIN}, by this link: {login}")
        self._answer(f"Devices connect to {facts['mqtt_url']}. Ctrl-C ends everything")


def _logins(database_url: str) -> list[Login]:
    """Who may log in at the broker, as the database knows it."""
    with connect(database_url, part="up") as conn:
        known = registry.load(conn)
        prefixes = {key: device.prefix for key, device in known.devices.items()}
        return mosquitto.logins(registry.all_credentials(conn), prefixes)


class _Interrupted(Exception):
    """A signal asks for the end."""


def _shown_host(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _ready(web_url: str, database_url: str, began: datetime) -> bool:
    """Whether every part works: the web server says so, and the parts of this start have beaten."""
    try:
        with _DIRECT.open(f"{web_url}/readyz", timeout=2) as answer:
            if answer.status != 200:
                return False
        with connect(database_url, part="up") as conn:
            working = {one.part for one in store_parts.list_parts(conn) if one.ready_since and one.ready_since >= began}
    except (OSError, urllib.error.URLError, psycopg.OperationalError):
        return False
    return {"ingest", "alerts"} <= working


def _write_private(path: Path, content: bytes) -> None:
    """Write a file with secrets: readable by its owner alone, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)
