"""kill -9 of every part in turn while presses arrive: nothing that was promised is lost, nobody misses a change.

The same with an ingester that promises too early must report losses: the negative control of the whole test.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from ledger import Ledger, Verdict, verdict
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect as websocket
from whole_system import WholeSystem, running_system

from devices.button import Button

Eventually = Callable[..., None]
SITE = "s1"
BUTTONS = 10
RATE = 20.0  # presses a second, all buttons together
PARTS = ("ingest", "alerts", "web", "broker", "database")


class Console(threading.Thread):
    """A console that keeps a log of the changes it saw, and comes back by cursor whenever it loses the feed."""

    def __init__(self, name: str, system: WholeSystem, cookie: str) -> None:
        super().__init__(name=name, daemon=True)
        self.seen: list[tuple[str, int]] = []
        self.faults: list[str] = []
        self.presses: list[tuple[str, int]] = []  # open incidents, for whoever answers
        self._url = system.web.replace("http", "ws", 1) + "/api/v1/live"
        self._headers = {"Cookie": cookie, "Origin": system.web}
        self._last: dict[str, int] = {SITE: 0}
        self._feed = ""
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._watch()
            except (OSError, WebSocketException, TimeoutError):
                self._ended.wait(0.1)

    def _watch(self) -> None:
        after = ",".join(f"{site}:{seq}" for site, seq in self._last.items())
        url = f"{self._url}?after={after}&feed={self._feed}" if self._feed else self._url
        with websocket(url, additional_headers=self._headers, open_timeout=5, proxy=None) as socket:
            while not self._ended.is_set():
                self._take(json.loads(socket.recv(timeout=6)))

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "hello":
            if self._feed and frame["sites"][SITE]["mode"] != "changes":
                self.faults.append("came back by cursor and was given a snapshot")
            self._feed = frame["feed"]
        elif frame["type"] == "change":
            self.seen.append((frame["site"], frame["seq"]))
            self._last[frame["site"]] = frame["seq"]
            if frame["verb"] == "open":
                self.presses.append((frame["incident"]["id"], frame["incident"]["version"]))

    def end(self) -> None:
        self._ended.set()


def answer(client: httpx.Client, console: Console, ended: threading.Event) -> None:
    """An officer who takes every new incident and resolves every second one."""
    number = 0
    while not ended.wait(0.05):
        while console.presses:
            incident, version = console.presses[0]
            number += 1
            try:
                client.post(f"/api/v1/incidents/{incident}/acknowledge", json={"version": version})
                if number % 2:
                    client.post(
                        f"/api/v1/incidents/{incident}/resolve", json={"version": version + 1, "outcome": "false"}
                    )
            except httpx.HTTPError:
                break
            console.presses.pop(0)


def press_on(buttons: dict[str, Button], ledger: Ledger, ended: threading.Event) -> None:
    """Presses at RATE, each in the ledger before it is made."""
    began, number = time.monotonic(), 0
    while not ended.wait(max(0.0, began + number / RATE - time.monotonic())):
        device = f"b{number % BUTTONS}"
        alarm_id = f"p{number}"
        ledger.invoke(device, alarm_id)
        buttons[device].press(alarm_id=alarm_id)
        number += 1


def note_receipts(buttons: dict[str, Button], ledger: Ledger) -> None:
    for device, button in buttons.items():
        for receipt in list(button.receipts):
            if receipt.stage == "stored" and (device, receipt.id) not in ledger.stored:
                ledger.ok(device, receipt.id)


def run_with_faults(system: WholeSystem, folder: Path, parts: tuple[str, ...], eventually: Eventually) -> Verdict:
    system.command("sites", "add", SITE, "--name", "One")
    ledger = Ledger(folder / "ledger.txt")
    host, port = system.mqtt
    buttons: dict[str, Button] = {}
    for number in range(BUTTONS):
        name = f"b{number}"
        account = system.command("devices", "add", SITE, name, "--kind", "button")
        buttons[name] = Button(host, port, SITE, name, account["password"], folder / f"{name}.spool")
    client = system.log_in()
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    consoles = [Console(f"console {number}", system, cookie) for number in range(3)]
    ended = threading.Event()
    for console in consoles:
        console.start()
    eventually(lambda: all(console._feed for console in consoles))
    for button in buttons.values():
        button.start()
    workers = [
        threading.Thread(target=press_on, args=(buttons, ledger, ended), daemon=True),
        threading.Thread(target=answer, args=(client, consoles[0], ended), daemon=True),
    ]
    for worker in workers:
        worker.start()

    def stored_since(before: int) -> bool:
        note_receipts(buttons, ledger)
        return len(ledger.stored) > before + RATE

    eventually(lambda: stored_since(0), 30)
    for part in parts:
        before = len(ledger.stored)
        system.kill(part)
        eventually(lambda before=before: stored_since(before), 60)
    ended.set()
    for worker in workers:
        worker.join(10)
    eventually(lambda: all(button.pending == 0 for button in buttons.values()), 90)
    note_receipts(buttons, ledger)
    found = judge(system, ledger, consoles, eventually)
    for button in buttons.values():
        button.close()
    for console in consoles:
        console.end()
        console.join(10)
    ledger.close()
    client.close()
    return found


def judge(system: WholeSystem, ledger: Ledger, consoles: list[Console], eventually: Eventually) -> Verdict:
    with psycopg.connect(system.urls["database"], autocommit=True) as conn:

        def heads() -> dict[str, int]:
            return dict(conn.execute("SELECT site, seq FROM feed_counters WHERE site = %s", (SITE,)).fetchall())

        def caught_up() -> bool:
            return all(console._last == heads() for console in consoles)

        eventually(caught_up, 30)
        presses = {
            (device, alarm_id): incident
            for device, alarm_id, incident in conn.execute(
                "SELECT device, id, incident FROM alarms WHERE action = 'press' AND site = %s", (SITE,)
            )
        }
        counts = {
            incident: (count, told)
            for incident, count, told in conn.execute(
                "SELECT incidents.id, count, (SELECT count(*) FROM changes WHERE incident = incidents.id"
                " AND verb IN ('open', 'repeat')) FROM incidents WHERE kind = 'press' AND site = %s",
                (SITE,),
            )
        }
        found = verdict(ledger, presses, counts, heads(), {console.name: console.seen for console in consoles})
    found.gaps += [f"{console.name}: {fault}" for console in consoles for fault in console.faults]
    return found


@pytest.mark.slow
def test_every_part_killed_in_turn_loses_nothing(tmp_path: Path, eventually: Eventually) -> None:
    with running_system(tmp_path / "data") as system:
        found = run_with_faults(system, tmp_path, PARTS, eventually)
    assert found == Verdict(set(), set(), set(), set(), [], [])


@pytest.mark.slow
def test_the_same_with_an_unsafe_ingester_reports_losses(tmp_path: Path, eventually: Eventually) -> None:
    unsafe = [sys.executable, str(Path(__file__).with_name("unsafe_system.py")), "up"]
    with running_system(tmp_path / "data", command=unsafe) as system:
        found = run_with_faults(system, tmp_path, ("ingest", "ingest", "ingest"), eventually)
    assert found.lost
