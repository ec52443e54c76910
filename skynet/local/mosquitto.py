"""A Mosquitto of our own: its configuration from devices.broker, who may log in from the database."""

import secrets
import time
from collections.abc import Iterable
from pathlib import Path

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from devices import broker
from skynet.local.processes import CantRun, give, service_user
from skynet.local.programs import Say, triplet
from store.registry import Credentials


class Mosquitto:
    """One broker: where it keeps its files, and how it is started."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder = folder
        self._programs = programs
        self._owner = service_user()
        self._password_file = folder / "own-password"

    @property
    def password(self) -> str:
        """The password of our own users; made at the first call."""
        if not self._password_file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(secrets.token_urlsafe(24), "utf-8")
        return self._password_file.read_text("utf-8").strip()

    def prepare(self, port: int, logins: Iterable[broker.Login], progress: Say) -> None:
        """Write its configuration and who may log in, from the registry, which is the truth of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        give(self.folder, self._owner)
        give(data, self._owner)
        self._move_broken_store(data / "mosquitto.db", progress)
        write_files(
            self.folder,
            self.password,
            logins,
            host="127.0.0.1",
            port=port,
            plugin=self._programs / "usr/lib" / triplet() / "mosquitto_dynamic_security.so",
            data=data,
        )
        give(self.folder / "dynamic-security.json", self._owner)

    def _move_broken_store(self, store: Path, progress: Say) -> None:
        """A store that Mosquitto can't read keeps it from starting at all; the devices' spools hold what matters."""
        if store.exists() and store.read_bytes()[:15] != b"\x00\xb5\x00mosquitto db":
            self.start_empty(progress)

    def start_empty(self, progress: Say) -> None:
        """Put the broker's store aside, so that the next start is without it."""
        store = self.folder / "data" / "mosquitto.db"
        if store.exists():
            broken = store.with_suffix(f".broken-{time.time_ns()}")
            store.rename(broken)
            progress(f"the broker's store can't be used; it was moved to {broken.name}")

    def is_prepared(self) -> bool:
        """Whether its files were written before."""
        return (self.folder / "dynamic-security.json").exists()

    def command(self) -> list[str]:
        """How it is started, without the user it runs as."""
        return [str(self._programs / "usr/sbin/mosquitto"), "-c", str(self.folder / "mosquitto.conf")]


def write_files(
    folder: Path, password: str, logins: Iterable[broker.Login], *, host: str, port: int, plugin: Path, data: Path
) -> None:
    """Write mosquitto.conf and dynamic-security.json into a folder, the latter readable by its owner alone."""
    security = folder / "dynamic-security.json"
    fresh = folder / "dynamic-security.new"
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(orjson.dumps(broker.security_document(password, logins), option=orjson.OPT_INDENT_2))
    fresh.rename(security)
    (folder / "mosquitto.conf").write_text(
        broker.configuration(host=host, port=port, plugin=plugin, security=security, data=data), "utf-8"
    )


def logins(credentials: Iterable[Credentials], prefixes: dict[tuple[str, str], str | None]) -> list[broker.Login]:
    """Who may log in, from the registry's credentials and the prefixes of its gateways."""
    return [
        broker.Login(
            one.site,
            one.device,
            broker.Password(one.salt, one.iterations, one.password_hash),
            prefixes.get((one.site, one.device)),
        )
        for one in credentials
    ]


def answers(host: str, port: int, password: str, user: str = "skynet-probe") -> bool:
    """Whether the broker lets one of our users in."""
    accepted: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=user, clean_session=True)
    client.username_pw_set(user, password)
    client.on_connect = lambda _c, _d, _f, reason, _p: accepted.append(not reason.is_failure)
    try:
        client.connect(host, port, 5)
        deadline = time.monotonic() + 2
        while not accepted and time.monotonic() < deadline:
            client.loop(0.1)
        client.disconnect()
    except OSError:
        return False
    return accepted == [True]


def wait_for(host: str, port: int, password: str, seconds: float = 20.0) -> None:
    """Wait until the broker lets us in.

    Raises CantRun.
    """
    deadline = time.monotonic() + seconds
    while not answers(host, port, password):
        if time.monotonic() > deadline:
            raise CantRun(f"the broker at {host}:{port} does not let us in after {seconds:.0f} s; read its log")
        time.sleep(0.05)
