"""A duty desk for tests: a real browser at a real system, and buttons that are pressed in earnest."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect
from whole_system import WholeSystem

PASSWORD = "a long enough pass phrase"
WITHIN = 15_000  # ms, for anything that must happen sooner or later
expect.set_options(timeout=WITHIN)


class Thing:
    """A device on its own connection, keeping the receipts it got."""

    kind = "button"
    called = "按钮"

    def __init__(self, system: WholeSystem, site: str, device: str, **place: float) -> None:
        options = [word for name, value in place.items() for word in (f"--{name}", str(value))]
        name = f"{self.called}{device}"
        made = system.command("devices", "add", site, device, "--kind", self.kind, "--name", name, *options)
        self.site, self.device = site, device
        self.receipts: list[dict[str, Any]] = []
        self._connected = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=made["username"])
        self._client.username_pw_set(made["username"], made["password"])
        self._client.on_message = self._receipt
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._connected.set()
        host, port = system.mqtt
        self._client.connect(host, port)
        self._client.loop_start()
        assert self._connected.wait(15), "the device could not connect"

    def _subscribe(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(f"skynet/v1/{self.site}/{self.device}/receipt", qos=1)

    def _receipt(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.receipts.append(json.loads(message.payload))

    def _send(self, channel: str, message: dict[str, Any]) -> None:
        topic = f"skynet/v1/{self.site}/{self.device}/{channel}"
        self._client.publish(topic, json.dumps({"ts": "2026-11-24T04:00:00Z", **message}), qos=1).wait_for_publish(15)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Button(Thing):
    """An alarm button."""

    def stages(self, press: str) -> list[str]:
        """The stages of the receipts for a press so far."""
        return [receipt["stage"] for receipt in self.receipts if receipt["id"] == press]

    def press(self, press: str) -> None:
        """Press it; the id makes it this press and no other."""
        self._send("alarm", {"id": press, "action": "press"})


class Camera(Thing):
    """A camera that tells what it sees."""

    kind = "camera"
    called = "探头"

    def sees(self, kind: str, event: str) -> None:
        """It sees something; the id makes it this event and no other."""
        self._send("event", {"id": event, "kind": kind, "phase": "start", "track": event})


class Desk:
    """One officer's browser. `frames` are the live feed's frames of all its connections, in order of arrival."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.frames: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.on("websocket", self._listen)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if "Security Policy" in said.text else None)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda text: self.frames.append(json.loads(text)))

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        self.page.goto(self.base)
        self.page.locator("[name=name]").fill(name)
        self.page.locator("[name=password]").fill(password)
        self.page.locator("button[type=submit]").click()

    def row(self, incident: str) -> Locator:
        return self.page.locator(f'button.row[data-incident="{incident}"]')

    def row_of(self, title: str) -> Locator:
        return self.page.locator("button.row", has_text=title)

    def incident_of(self, title: str) -> str:
        """The id of the incident in the row with this title, once it is there."""
        row = self.row_of(title)
        expect(row).to_have_count(1, timeout=WITHIN)
        incident = row.get_attribute("data-incident")
        assert incident is not None
        return incident

    def rows(self, of: str = "alarms") -> list[str]:
        """The ids in a list as it stands on the screen."""
        return [
            str(row.get_attribute("data-incident")) for row in self.page.locator(f'[data-list="{of}"] button.row').all()
        ]

    def sound(self) -> Locator:
        """Where the state of the sound stands in the page; reading it by a script would count as a click."""
        return self.page.get_by_test_id("sound")

    def says(self, text: str) -> None:
        """A short message with this text is shown."""
        expect(self.page.get_by_test_id("toasts")).to_contain_text(text, timeout=WITHIN)

    def changes(self, site: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == "change" and frame["site"] == site]

    def wait(self, condition: Callable[[], object]) -> None:
        """Until a condition holds, while the browser's own events go on."""
        for _ in range(WITHIN // 50):
            if condition():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"not within {WITHIN} ms")


def resolve_all(system: WholeSystem, name: str, site: str) -> None:
    """Resolve what is left, so that the next test begins quietly."""
    with closing(system.password_client(name, PASSWORD)) as client:
        for one in client.get("/api/v1/incidents", params={"site": site}).json()["items"]:
            if one["state"] not in {"resolved", "closed"}:
                body = {"version": one["version"], "outcome": "test", "note": "测试结束"}
                client.post(f"/api/v1/incidents/{one['id']}/resolve", json=body)


@contextmanager
def desk(browser: Browser, base: str, **options: Any) -> Iterator[Desk]:
    """A desk in a browser context of its own, as wide as the screens of duty offices are."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, **options)
    context.set_default_timeout(WITHIN)
    try:
        one = Desk(context.new_page(), base)
        yield one
        assert one.faults == []
    finally:
        context.close()
