"""Zigbee2MQTT, a gateway to small battery buttons: presses, batteries and who is there. Pure.

A button's message is its state as JSON on `<prefix>/<name>`; its press is `action`, which null, "" and a missing member
are not, nor the release of a long press. Often the same press comes again as text on `<name>/action`, and as the same
frame twice: what comes within `presses.WINDOW` is one press. Names may hold '/', blanks and Chinese, so the registry
decides where a name ends.

Any press-like action of a registered button is a press; of a name that nobody registered only `emergency` or `panic`.

Limits: a press has no id. Ours is made of the button and `last_seen`, where Zigbee2MQTT is set to send that, else of
the arrival. Without `last_seen` a press that is delivered again after a crash is known as the same only by the window;
beyond it, it counts as a repeat and joins the incident that the first one opened.
"""

import re
from datetime import datetime
from typing import Any

from devices import jsontext, own, times
from devices.jsontext import Unreadable
from devices.messages import Alarm, Alive, Decoded, Reject, Status, Telemetry, Unregistered
from devices.presses import PressWindow, made_up_id
from devices.registry import NO_EXPECTATION, Device, Registry, name_for_native

_RELEASE = re.compile(r"(.*[_\-. ])?releas(e|ed)", re.IGNORECASE)
_UNMISTAKABLE = frozenset({"emergency", "panic"})
_COMMANDS = frozenset({"get", "set"})  # what others ask of a device, not what it says
_LARGEST = 262_144  # bytes


def decode(
    gateway: Device,
    topic: str,
    payload: bytes,
    retained: bool,
    received_at: datetime,
    registry: Registry,
    window: PressWindow,
) -> list[Decoded]:
    """What one message of a Zigbee2MQTT says; [] for what we don't read."""
    name = topic[len(gateway.prefix or "") + 1 :]
    if name == "bridge/state":
        return _availability(gateway, payload, retained)
    if name == "bridge" or name.startswith("bridge/"):
        return [] if retained else [Alive(gateway.site, gateway.device)]
    base, _, last = name.rpartition("/")
    known = registry.native(gateway.site, gateway.device, name)
    is_part = known is None and base != ""  # a topic below a device's own, as far as the registry tells
    if is_part and last == "availability":
        owner = registry.native(gateway.site, gateway.device, base)
        return [] if owner is None else _availability(owner, payload, retained)
    if retained or (is_part and (last in _COMMANDS or base.rpartition("/")[2] in _COMMANDS)):
        return []
    source = _Source(gateway, registry, window, received_at)
    said = source.action_text(base, payload) if is_part and last == "action" else source.state(name, known, payload)
    return [Alive(gateway.site, gateway.device), *said]


def _availability(device: Device, payload: bytes, retained: bool) -> list[Decoded]:
    """Text, or JSON with a `state`, by version and setting. A retained `online` proves nothing."""
    word: object = payload.strip().decode(errors="replace")
    if payload.lstrip().startswith(b"{"):
        try:
            members, _ = jsontext.members(payload)
        except Unreadable as exc:
            return [Reject(f"availability: {exc}", device.site, device.device)]
        word = members["state"].string if "state" in members else None
    if word not in ("online", "offline"):
        return [Reject("availability is neither online nor offline", device.site, device.device)]
    return [] if retained and word == "online" else [Status(device.site, device.device, word == "online")]


class _Source:
    """Where a message came from, for as long as it is read."""

    def __init__(self, gateway: Device, registry: Registry, window: PressWindow, received_at: datetime) -> None:
        self._gateway = gateway
        self._registry = registry
        self._window = window
        self._received_at = received_at

    def state(self, name: str, known: Device | None, payload: bytes) -> list[Decoded]:
        """A device's state, with its press if there is one."""
        if not payload.lstrip().startswith(b"{"):
            return self._not_an_object(name, known)
        device, stranger = self._device(name, known)
        if len(payload) > _LARGEST:
            return [Reject(f"too large: {len(payload)} bytes", self._gateway.site, device)]
        try:
            members, faults = jsontext.members(payload)
            fields = {key: _value(member) for key, member in members.items()}
        except Unreadable as exc:
            return [Reject(f"not readable: {exc}", self._gateway.site, device)]
        last_seen = _clock(fields.get("last_seen"))
        said: list[Decoded] = [self._telemetry(device, fields, last_seen)]
        action, odd = _action(fields.get("action"))
        if action is not None and self._counts(known, action):
            facts = str(fields["last_seen"]) if last_seen is not None else self._arrival()
            press = self._press(device, action, facts, last_seen, (*faults, *odd))
            said = said if press is None else [press, *said]
        return said if stranger is None else [stranger, *said]

    def action_text(self, name: str, payload: bytes) -> list[Decoded]:
        """The plain text twin of a press."""
        known = self._registry.native(self._gateway.site, self._gateway.device, name)
        action, _ = _action(payload.decode(errors="replace"))
        if action is None or action == "null" or not self._counts(known, action):
            return []
        device, stranger = self._device(name, known)
        press = self._press(device, action, self._arrival(), None, ())
        return [said for said in (stranger, press) if said is not None]

    def _not_an_object(self, name: str, known: Device | None) -> list[Decoded]:
        """A single attribute on a topic of its own (a setting of Zigbee2MQTT) is nothing to us; a wrong state is a
        reject.
        """
        if known is None and "/" in name:
            return []
        device = self._device(name, known)[0]
        return [Reject("the state is not a JSON object", self._gateway.site, device)]

    def _device(self, name: str, known: Device | None) -> tuple[str, Unregistered | None]:
        if known is not None:
            return known.device, None
        native = jsontext.clean_text(name)
        device = name_for_native(self._gateway.device, native)
        stranger = Unregistered(self._gateway.site, device, "button", self._gateway.device, native, NO_EXPECTATION)
        return device, stranger

    def _counts(self, known: Device | None, action: str) -> bool:
        registered_button = known is not None and known.registered and known.kind == "button"
        return registered_button or action.lower() in _UNMISTAKABLE

    def _arrival(self) -> str:
        return f"arrival {self._received_at.isoformat()}"

    def _press(
        self, device: str, action: str, facts: str, ts: datetime | None, faults: tuple[str, ...]
    ) -> Alarm | None:
        press_id = made_up_id("zigbee", self._gateway.device, device, facts)
        site = self._gateway.site
        if not self._window.admit(site, device, press_id, self._received_at):
            return None
        unlikely = times.fault(ts, self._received_at)
        noted = faults if unlikely is None else (*faults, unlikely)
        attrs: dict[str, Any] = {"source": "zigbee2mqtt", "action": action}
        return Alarm(site, device, press_id, "press", ts, noted, attrs, anonymous=True)

    def _telemetry(self, device: str, fields: dict[str, Any], ts: datetime | None) -> Telemetry:
        """Figures of the state. A battery of 0 % that has just sent a message is one that misreports: not believed."""
        values = own.numbers(fields)
        values.pop("last_seen", None)
        battery = values.pop("battery", None)
        believed = battery if battery is not None and 0 < battery <= 100 else None
        return Telemetry(self._gateway.site, device, ts, believed, values)


def _value(member: jsontext.Member) -> object:
    """A member's value; None where it can't be read, for one odd attribute must not cost a press."""
    try:
        return member.value
    except Unreadable:
        return None


def _action(value: object) -> tuple[str | None, tuple[str, ...]]:
    """The action as a word, None where there is none that is like a press; and what was odd about it."""
    if not value:
        return None, ()
    if not isinstance(value, str):
        return str(value)[:64], ("action not a text",)
    action = value.strip()[:64]
    return (None if not action or _RELEASE.fullmatch(action) else jsontext.clean_text(action)), ()


def _clock(value: object) -> datetime | None:
    """`last_seen`: ISO 8601 or epoch milliseconds, as it is set there."""
    if isinstance(value, str):
        return times.from_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return times.from_milliseconds(value)
    return None
