"""`skynet up` as its user meets it: from nothing to ready, through crashes of every kind, to no process left."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from servers import Broker
from whole_system import SKYNET, WholeSystem, _environment, running_system

Eventually = Callable[..., None]
PARTS = ("database", "broker", "ingest", "alerts", "web")


def up(data_dir: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """`skynet up` that is expected to fail at once."""
    command = [*SKYNET, "up", "--data-dir", str(data_dir), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=_environment())


def works(system: WholeSystem) -> bool:
    try:
        return httpx.get(f"{system.web}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow
def test_from_nothing_through_crashes_of_every_part_to_no_process_left(tmp_path: Path, eventually: Eventually) -> None:
    data = tmp_path / "data"
    with running_system(data) as system:
        assert set(system.urls) == {"web", "login", "mqtt", "database"}
        assert (data / "run" / "system.json").stat().st_mode & 0o777 == 0o600
        assert data.with_suffix(".ready.json").stat().st_mode & 0o777 == 0o600
        secret = system.urls["database"].split(":")[2].split("@")[0]
        for part in PARTS:
            words = psutil.Process(system.pid(part)).cmdline()
            assert not any(secret in word for word in words)
        assert psutil.Process(system.pid("ingest")).cmdline()[-2:] == [SKYNET[1], "ingest"]
        assert psutil.Process(system.pid("database")).cmdline()[1] == "-D"
        system.command("sites", "add", "s1", "--name", "One")
        for part in PARTS:
            before = system.pid(part)
            system.kill(part)
            eventually(lambda part=part, before=before: system.pid(part) != before, 30)
            eventually(lambda: works(system), 30)
        again = up(data)
        assert again.returncode == 1
        assert "already runs" in again.stderr
    assert not (data / "run" / "system.json").exists()
    assert not data.with_suffix(".ready.json").exists()

    kept = (data / "run" / "ports.json").read_bytes()
    (data / "mosquitto" / "data" / "mosquitto.db").write_bytes(b"not what it was")
    with running_system(data) as system:
        assert (data / "run" / "ports.json").read_bytes() == kept
        assert [site["site"] for site in system.command("sites", "list")["items"]] == ["s1"]
    assert list((data / "mosquitto" / "data").glob("*.broken-*"))


@pytest.mark.slow
def test_after_kill_of_the_supervisor_nothing_is_left_and_the_next_start_works(
    tmp_path: Path, eventually: Eventually
) -> None:
    data, ready = tmp_path / "data", tmp_path / "ready.json"
    options = ["--web-port", "0", "--mqtt-port", "0", "--db-port", "0", "--ready-file", str(ready)]
    with subprocess.Popen(
        [*SKYNET, "up", "--data-dir", str(data), *options], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env=_environment(),
    ) as supervisor:  # fmt: skip
        eventually(ready.exists, 60)
        parts = psutil.Process(supervisor.pid).children()
        assert len(parts) == len(PARTS)
        frozen = json.loads((data / "run" / "ingest.pid").read_text())["pid"]
        os.kill(frozen, signal.SIGSTOP)  # deaf to every signal but the last
        supervisor.kill()
    eventually(lambda: [one.pid for one in parts if one.is_running()] == [frozen], 20)
    with running_system(data) as system:
        assert not psutil.pid_exists(frozen)
        assert works(system)


@pytest.mark.slow
def test_servers_that_are_there_are_used(database: str, mqtt: Broker, tmp_path: Path, eventually: Eventually) -> None:
    given = {"SKYNET_DATABASE_URL": database, "SKYNET_MQTT_URL": mqtt.url, "SKYNET_MQTT_PASSWORD": mqtt.password}
    data = tmp_path / "data"
    with running_system(data, environment=given) as system:
        assert (system.urls["database"], system.urls["mqtt"]) == (database, mqtt.url)
        running = {path.stem for path in (data / "run").glob("*.pid")}
    assert running == {"ingest", "alerts", "web"}
    assert not (data / "postgres").exists()
    assert not (data / "mosquitto").exists()


def test_a_port_that_is_asked_for_and_taken_is_said_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = up(tmp_path / "data", "--web-port", str(port))
    assert done.returncode == 1
    assert f"port {port} for the web is taken" in done.stderr
