"""Readiness tells the truth about each thing the system needs; the console's files; and the process as a whole."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
from fastapi import FastAPI
from pydantic import SecretStr
from servers import Broker
from webserver import Web, add_people, free_port, running_web

from alerts import openings
from alerts.rules import load_rules
from devices.messages import Alarm
from devices.registry import PROBE, SELF_SITE
from store import alarms, feed, incidents, parts, registry
from store.connect import connect
from web import console_files, problems

Eventually = Callable[..., None]


def beat(database: str, *names: str) -> None:
    now = datetime.now(UTC)
    with connect(database, part="test") as conn:
        for name in names:
            parts.beat(conn, name, "one", started_at=now, ready_since=now)


def checks_of(web: Web) -> tuple[int, dict[str, bool]]:
    prove(web.database)  # an alerts process that sends synthetic alarms, and an ingest that takes them
    answer = httpx.get(f"{web.url}/readyz", timeout=20)
    return answer.status_code, {name: check["ok"] for name, check in answer.json()["checks"].items()}


def prove(database: str) -> None:
    now = datetime.now(UTC)
    with connect(database, part="test") as conn:
        alarm = Alarm(SELF_SITE, PROBE, now.isoformat().replace("+", "."), "press", now)
        opening = openings.for_press(alarm, None, registry.load(conn), load_rules(), now)
        alarms.insert(conn, [(alarm, now)])
        feed.append(conn, [openings.repeated(incidents.open_or_join(conn, opening).incident)])


def test_ready_only_while_everything_is(database: str, mqtt: Broker, eventually: Eventually) -> None:
    beat(database, "ingest", "alerts")
    everything = dict.fromkeys(
        ("database", "migrations", "broker", "ingest", "alerts", "feed", "pipeline", "rules"), True
    )
    with running_web(database, mqtt_url=mqtt.url, mqtt_password=SecretStr(mqtt.password)) as web:
        eventually(lambda: checks_of(web) == (200, everything))
        with psycopg.connect(database) as conn:
            conn.execute("UPDATE parts SET beat_at = beat_at - interval '11 seconds' WHERE part = 'ingest'")
        eventually(lambda: checks_of(web) == (503, everything | {"ingest": False}))
        beat(database, "ingest")
        eventually(lambda: checks_of(web) == (200, everything))
        with psycopg.connect(database) as conn:
            conn.execute("UPDATE parts SET ready_since = NULL WHERE part = 'alerts'")
        eventually(lambda: checks_of(web) == (503, everything | {"alerts": False}))
        beat(database, "ingest", "alerts")
        mqtt.kill()
        eventually(lambda: checks_of(web) == (503, everything | {"broker": False}))
        mqtt.restart()
        beat(database, "ingest", "alerts")
        eventually(lambda: checks_of(web) == (200, everything))
        with psycopg.connect(database) as conn:
            conn.execute("UPDATE alembic_version SET version_num = '0000'")
        eventually(lambda: checks_of(web)[1]["migrations"] is False)


def test_a_bad_rules_file_is_told_and_costs_no_readiness(
    database: str, mqtt: Broker, tmp_path: Path, eventually: Eventually
) -> None:
    beat(database, "ingest", "alerts")
    rules = tmp_path / "mine.toml"
    rules.write_text("[press]\n")
    with running_web(database, mqtt_url=mqtt.url, mqtt_password=SecretStr(mqtt.password), rules_file=rules) as web:
        eventually(lambda: checks_of(web)[0] == 200)
        rules.write_text("[pres]\n")
        eventually(lambda: checks_of(web)[1]["rules"] is False)
        beat(database, "ingest", "alerts")
        answer = httpx.get(f"{web.url}/readyz", timeout=20)
        assert (answer.status_code, answer.json()["ready"]) == (200, True)
        check = answer.json()["checks"]["rules"]
        assert check["warning"] is True
        assert "mine.toml" in check["reason"]
        rules.write_text("[press]\n")
        eventually(lambda: checks_of(web)[1]["rules"])


def test_each_reason_says_what_to_do(database: str) -> None:
    with running_web(database) as web:
        checks = httpx.get(f"{web.url}/readyz", timeout=20).json()["checks"]
    assert "SKYNET_MQTT_URL" in checks["broker"]["reason"]
    assert "skynet ingest" in checks["ingest"]["reason"]


def test_the_console_is_served_for_every_path_that_is_nothing_else(tmp_path: Path) -> None:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<title>console</title>")
    (static / "assets" / "a-1234.js").write_text("1")
    (tmp_path / "secret").write_text("secret")
    app = FastAPI()
    problems.register(app)
    console_files.register(app, static)

    def get(path: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
                return await client.get(path)

        return asyncio.run(ask())

    for path in ("/", "/login", "/incidents/7", "/../secret", "/%2e%2e/secret", "/%2fetc/passwd", "/a%00b"):
        page = get(path)
        assert (page.status_code, page.text) == (200, "<title>console</title>"), path
        assert page.headers["cache-control"] == "no-cache"
    assert "immutable" in get("/assets/a-1234.js").headers["cache-control"]
    for path in ("/assets/gone.js", "/api/v1/gone", "/api"):
        assert get(path).headers["content-type"] == "application/problem+json", path
    (static / "index.html").unlink()
    page = get("/")
    assert (page.status_code, "make setup" in page.text) == (503, True)


def test_the_process_serves_and_ends_cleanly(database: str, eventually: Eventually, tmp_path: Path) -> None:
    add_people(database)
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SKYNET_")
    } | {"SKYNET_DATABASE_URL": database, "SKYNET_WEB_PORT": str(port), "SKYNET_DATA_DIR": str(tmp_path)}  # fmt: skip
    code = "from skynet.settings import load; from web.server import run; run(load())"
    process = subprocess.Popen([sys.executable, "-P", "-c", code], env=environment, cwd=tmp_path)
    try:

        def alive() -> bool:
            assert process.poll() is None
            try:
                return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
            except httpx.TransportError:
                return False

        eventually(alive, within=30)
        with Web(f"http://127.0.0.1:{port}", database, port).client("anna") as client:
            assert client.get("/api/v1/me").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
