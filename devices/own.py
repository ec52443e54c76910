"""Our own format, `skynet/v1/{site}/{device}/{channel}`: bytes in, facts or a reject out. Pure, and fast for events.

An event is checked strictly. An alarm needs only a readable `id` and `action`: when the strict reading fails, a lenient
one takes what is there and notes what was wrong. A copy that the broker had retained raises nothing; a retained
`online` proves nothing, a retained `offline` is a device's last word.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, cast, get_args

import msgspec

from devices import jsontext, times
from devices.jsontext import Member, Unreadable
from devices.messages import Action, Alarm, Decoded, Event, Phase, Reject, Status, Telemetry, Unregistered
from devices.registry import Kind, Registry, is_name

ROOT = "skynet/v1/"
UP_CHANNELS = ("alarm", "event", "status", "telemetry", "snapshot")
LARGEST = 65_536  # bytes of a JSON payload

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_is_id = _ID.fullmatch
_KIND = re.compile(r"[a-z][a-z0-9-]{0,47}")
_ACTIONS: tuple[str, ...] = get_args(Action)
_KNOWN_KINDS = frozenset(
    ("person", "vehicle", "motion", "intrusion", "loitering", "crowd", "fall", "fire", "smoke", "water", "noise")
) | {"tamper", "video-loss"}
_TELEMETRY_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_NONE = msgspec.Raw(b"null")
_FIRMWARE_LENGTH = 128

_Clock = Annotated[datetime, msgspec.Meta(tz=True)] | int | float


class _Event(msgspec.Struct, gc=False):
    id: str
    ts: _Clock
    kind: str
    phase: Phase
    track: str | None = None
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    attrs: msgspec.Raw = _NONE


class _Alarm(msgspec.Struct, gc=False):
    id: str
    action: Literal["press", "cancel", "test"]
    ts: _Clock
    attrs: msgspec.Raw = _NONE


_read_event = msgspec.json.Decoder(_Event).decode
_read_alarm = msgspec.json.Decoder(_Alarm).decode


def decode(topic: str, payload: bytes, retained: bool, received_at: datetime, registry: Registry) -> list[Decoded]:
    """What a message of our own format says, or a Reject of it; [] when there is nothing to keep."""
    levels, site, device, channel = _parts(topic)
    if channel == "event" and levels == 5 and (site, device) in registry.devices:  # the many: straight through
        return [] if retained else [event(site, device, payload)]
    fault = _topic_fault(levels, site, device, channel, registry)
    if fault is not None:
        return [fault]
    stranger: list[Decoded] = []
    if (site, device) not in registry.devices:
        kind: Kind = "button" if channel == "alarm" else "camera"
        stranger = [Unregistered(site, device, kind)]
    said = _said(site, device, channel, payload, retained, received_at)
    if stranger and said is not None and not isinstance(said, Reject):
        return [*stranger, said]
    return [] if said is None else [said]


def _topic_fault(levels: int, site: str, device: str, channel: str, registry: Registry) -> Reject | None:
    if levels < 5:
        return Reject("the topic is not skynet/v1/{site}/{device}/{channel}")
    if site not in registry.sites:
        return Reject(f"unknown site {site[:48]!r}")
    if (site, device) not in registry.devices and not is_name(device):
        return Reject(f"{device[:48]!r} can't be a device's name", site)
    if levels > 5 and channel != "snapshot":
        return Reject("the topic has more levels than skynet/v1/{site}/{device}/{channel}", site, device)
    return None


@lru_cache(maxsize=8192)
def _parts(topic: str) -> tuple[int, str, str, str]:
    """How many levels a topic has, and which site, device and channel it names."""
    levels = topic.split("/")
    _, _, site, device, channel, *_ = (*levels, "", "", "")
    return len(levels), site, device, channel


def _said(
    site: str, device: str, channel: str, payload: bytes, retained: bool, received_at: datetime
) -> Alarm | Event | Status | Telemetry | Reject | None:
    if channel == "event":
        return None if retained else event(site, device, payload)
    if channel == "alarm":
        return None if retained else alarm(site, device, payload, received_at)
    if channel == "telemetry":
        return None if retained else telemetry(site, device, payload)
    if channel == "status":
        said = status(site, device, payload)
        return None if retained and isinstance(said, Status) and said.online else said
    if channel in ("snapshot", "receipt", "command"):
        return None  # pictures are not stored yet; the others go down to the device
    return Reject(f"unknown channel {channel[:48]!r}; there are {', '.join(UP_CHANNELS)}", site, device)


def event(site: str, device: str, payload: bytes) -> Event | Reject:
    """An event, checked strictly."""
    if len(payload) > LARGEST:
        return Reject(f"too large: {len(payload)} bytes, at most {LARGEST} are taken", site, device)
    try:
        said = _read_event(payload)
        if not payload.isascii():
            payload.decode()
        raw = bytes(said.attrs)
        attrs = None if raw == b"null" else jsontext.storable(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Unreadable) as exc:
        return Reject(_why(exc), site, device)
    clock = said.ts
    ts = clock if isinstance(clock, datetime) and clock.tzinfo is UTC else _clock(clock)
    fault = _event_fault(said, ts, attrs)
    if fault is not None:
        return Reject(fault, site, device)
    return Event(site, device, said.id, said.kind, said.phase, said.track, said.confidence, ts, attrs)


def _event_fault(said: _Event, ts: datetime | None, attrs: bytes | None) -> str | None:
    if _is_id(said.id) is None:
        return f"id {said.id[:80]!r} is not [A-Za-z0-9._:-]{{1,64}}"
    if said.kind not in _KNOWN_KINDS and _KIND.fullmatch(said.kind) is None:
        return f"kind {said.kind[:80]!r} is not a lower-case word"
    if attrs is not None and not attrs.startswith(b"{"):
        return "attrs is not an object"
    if said.track is not None and (len(said.track) > 256 or "\0" in said.track):
        return "track is longer than 256 characters or holds U+0000"
    return f"ts {said.ts!r} is in no calendar" if ts is None else None


def alarm(site: str, device: str, payload: bytes, received_at: datetime) -> Alarm | Reject:
    """A press, a cancel or a test: taken whenever its id and action can be read."""
    try:
        said = _read_alarm(payload)
        ts = _clock(said.ts)
        if len(payload) <= LARGEST and payload.isascii() and said.attrs == _NONE and ts and _ID.fullmatch(said.id):
            return Alarm(site, device, said.id, said.action, ts, _faults([], ts, received_at))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the lenient reading says what is wrong
    return _lenient_alarm(site, device, payload, received_at)


def _lenient_alarm(site: str, device: str, payload: bytes, received_at: datetime) -> Alarm | Reject:
    try:
        members, faults = jsontext.members(payload)
    except Unreadable as exc:
        return Reject(f"not readable: {exc}", site, device)
    if len(payload) > LARGEST:
        faults.append(f"too large: {len(payload)} bytes")
    alarm_id, named = _id_of(members, faults)
    if alarm_id is None:
        return Reject(f"id {named!r} is not [A-Za-z0-9._:-]{{1,64}}" if named else "no id", site, device)
    action = members["action"].string if "action" in members else None
    if _ID.fullmatch(alarm_id) is None:
        return Reject(f"id {alarm_id[:80]!r} is not [A-Za-z0-9._:-]{{1,64}}", site, device, alarm_id)
    if action not in _ACTIONS:
        shown = jsontext.clean_text(members["action"].raw[:80]) if "action" in members else "missing"
        return Reject(f"action is {shown}; it must be press, cancel or test", site, device, alarm_id)
    ts = _lenient_clock(members.get("ts"), faults)
    attrs = _lenient_attrs(members.get("attrs"), faults)
    return Alarm(site, device, alarm_id, cast("Action", action), ts, _faults(faults, ts, received_at), attrs)


def _id_of(members: dict[str, Member], faults: list[str]) -> tuple[str | None, str]:
    """The id, and how it stands there. A whole number is readable as an id, if not as we asked for it."""
    member = members.get("id")
    if member is None:
        return None, ""
    if member.string is not None:
        return jsontext.clean_text(member.string), ""
    if re.fullmatch(r"\d{1,64}", member.raw, re.ASCII):
        faults.append("id is a number")
        return member.raw, ""
    return None, jsontext.clean_text(member.raw[:80])


def _lenient_clock(member: Member | None, faults: list[str]) -> datetime | None:
    if member is None:
        faults.append("ts missing")
        return None
    read: datetime | None = None
    if member.string is not None:
        read = times.from_text(member.string)
    elif re.fullmatch(r"-?\d{1,18}(\.\d*)?([eE]\+?\d{1,2})?", member.raw, re.ASCII):
        read = times.from_milliseconds(float(member.raw))
    if read is None:
        faults.append(f"ts not readable: {jsontext.clean_text(member.raw[:80])}")
    return read


def _lenient_attrs(member: Member | None, faults: list[str]) -> dict[str, Any] | None:
    if member is None or member.raw == "null":
        return None
    if member.string is not None or not member.raw.startswith("{"):
        faults.append("attrs not an object")
        return None
    if len(member.raw) > LARGEST:
        faults.append("attrs too large")
        return None
    try:
        value = member.value
    except Unreadable as exc:
        faults.append(f"attrs {str(exc)[:80]}")
        return None
    return cast("dict[str, Any]", value)


def status(site: str, device: str, payload: bytes) -> Status | Reject:
    """A device's own word that it is there, or gone; only `online` must be right."""
    fields = _object(payload)
    if isinstance(fields, str):
        return Reject(fields, site, device)
    online = fields.get("online")
    if not isinstance(online, bool):
        return Reject("online is not true or false", site, device)
    firmware = fields.get("firmware")
    shown = firmware[:_FIRMWARE_LENGTH] if isinstance(firmware, str) else None
    return Status(site, device, online, _field_clock(fields.get("ts")), shown)


def telemetry(site: str, device: str, payload: bytes) -> Telemetry | Reject:
    """Figures of a device: what are numbers is kept, `battery` only from 0 to 100."""
    fields = _object(payload)
    if isinstance(fields, str):
        return Reject(fields, site, device)
    values = numbers(fields)
    values.pop("ts", None)
    battery = values.pop("battery", None)
    if battery is not None and not 0 <= battery <= 100:
        battery = None
    return Telemetry(site, device, _field_clock(fields.get("ts")), battery, values)


def numbers(fields: dict[str, Any]) -> dict[str, float]:
    """Those members of an object that are numbers, at most 64 of them."""
    found = {
        name: value
        for name, value in fields.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and _TELEMETRY_NAME.fullmatch(name)
    }
    return dict(list(found.items())[:64])


def _object(payload: bytes) -> dict[str, Any] | str:
    """A JSON object's members fit for storing, or why there are none."""
    if len(payload) > LARGEST:
        return f"too large: {len(payload)} bytes, at most {LARGEST} are taken"
    try:
        value = jsontext.value_of(payload.decode())
    except UnicodeDecodeError:
        return "not UTF-8"
    except Unreadable as exc:
        return str(exc)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else "it is not a JSON object"


def _clock(ts: datetime | float) -> datetime | None:
    return times.utc(ts) if isinstance(ts, datetime) else times.from_milliseconds(ts)


def _field_clock(value: object) -> datetime | None:
    if isinstance(value, str):
        return times.from_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return times.from_milliseconds(value)
    return None


def _faults(faults: list[str], ts: datetime | None, received_at: datetime) -> tuple[str, ...]:
    unlikely = times.fault(ts, received_at)
    return tuple(faults) if unlikely is None else (*faults, unlikely)


def _why(exc: Exception) -> str:
    """The reason for people, of a bounded length and without what PostgreSQL can't hold."""
    if isinstance(exc, RecursionError):
        return "nested too deeply"
    if isinstance(exc, UnicodeDecodeError):
        return "not UTF-8"
    return jsontext.clean_text(str(exc)[:200])
