"""The pipeline's own proof in the whole system: a part that hangs or dies is seen within 20 s, and so is that it is back."""

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as websocket
from whole_system import WholeSystem, running_system

Eventually = Callable[..., None]
WITHIN = 20.0  # seconds: the promise


def pipeline(system: WholeSystem) -> dict[str, Any]:
    checks = httpx.get(f"{system.web}/readyz", timeout=10).json()["checks"]
    return dict(checks["pipeline"])


def works(system: WholeSystem) -> bool:
    return httpx.get(f"{system.web}/readyz", timeout=10).status_code == 200


def heartbeat(feed: ClientConnection) -> dict[str, Any]:
    """The newest of those that have come."""
    beat: dict[str, Any] = {}
    while True:
        try:
            frame = json.loads(feed.recv(timeout=0 if beat else 10))
        except TimeoutError:
            return beat
        if frame["type"] == "heartbeat":
            beat = dict(frame["pipeline"])


def proven_since(feed: ClientConnection, moment: datetime) -> bool:
    at = heartbeat(feed)["proven_at"]
    return at is not None and datetime.fromisoformat(at) > moment


@pytest.mark.slow
def test_a_part_that_hangs_or_dies_is_seen_and_so_is_its_return(tmp_path: Path, eventually: Eventually) -> None:
    with running_system(tmp_path / "data") as system:
        system.command("sites", "add", "s1", "--name", "One")
        assert [one["site"] for one in system.command("sites", "list")["items"]] == ["s1"]
        assert system.command("devices", "list")["items"] == []
        client = system.log_in()
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        url = system.web.replace("http", "ws", 1) + "/api/v1/live"
        with websocket(url, additional_headers={"Cookie": cookie, "Origin": system.web}, proxy=None) as feed:
            eventually(lambda: heartbeat(feed)["proven_at"], WITHIN)
            for part, reason in (("ingest", "ingest"), ("broker", "the broker"), ("alerts", "alerts")):
                os.kill(system.pid(part), signal.SIGSTOP)
                began = time.monotonic()
                try:
                    eventually(lambda: not pipeline(system)["ok"], WITHIN)
                    assert f"look at {'' if part == 'broker' else '`skynet '}{reason}" in pipeline(system)["reason"]
                    eventually(lambda: not heartbeat(feed)["ok"], WITHIN - (time.monotonic() - began))
                finally:
                    os.kill(system.pid(part), signal.SIGCONT)
                eventually(lambda: works(system) and heartbeat(feed)["ok"], WITHIN)
            for part in ("ingest", "broker", "alerts"):
                killed = datetime.now(UTC)
                system.kill(part)
                eventually(lambda killed=killed: proven_since(feed, killed) and works(system), 40)
        client.close()
        with psycopg.connect(system.urls["database"]) as conn:
            opened = conn.execute("SELECT count(*), max(count) FROM incidents").fetchone()
            assert opened is not None
            assert opened[0] == 1
            assert conn.execute("SELECT count(*) FROM rejects").fetchone() == (0,)
            assert conn.execute("SELECT count(*) FROM notices").fetchone() == (0,)
