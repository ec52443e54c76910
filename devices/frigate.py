"""Frigate, a video recorder that recognises things: `events`, `reviews`, `available` and what its figures say. Pure.

What becomes what (below the gateway's prefix; Frigate 0.11 to 0.18):

- `events`: an event of the camera; kind from the label, `track` the tracked object, id made of object, type and frame.
  A false positive is no event until Frigate takes that back; then it starts.
- `reviews`: an event with `attrs.severity`. Severity `alert` with a person in it is kind `intrusion`, because a review
  is what Frigate's owner asked to be told of, by zone and label; rules say when that opens an incident. All else has
  the kind of its first object and is stored. `track` is the review.
- `available`: the gateway is online, or not (`offline`, `stopped`).
- `stats`: a camera whose frames come in is alive. `<camera>/status/detect`: it is online or offline.

Only named fields are taken over. Recognised identities (`sub_label`, `sub_labels`, plates, `-verified` labels, faces,
descriptions) are not among them, so they are dropped before anything is stored. Times are seconds with a fraction.
"""

import re
from datetime import datetime
from typing import Any, cast

import orjson

from devices import jsontext, times
from devices.messages import Alive, Decoded, Event, Phase, Reject, Status, Unregistered
from devices.presses import PressWindow, made_up_id
from devices.registry import NO_EXPECTATION, Device, Registry, name_for_native

TOPICS = ("available", "events", "reviews", "stats", "+/status/detect")
"""What is read below a prefix; a camera's name has no '/'."""

_PHASES: dict[str, Phase] = {"new": "start", "update": "update", "end": "end"}
_VEHICLES = frozenset(
    {"airplane", "bicycle", "boat", "bus", "car", "motorcycle", "school_bus", "train", "truck", "vehicle", "van"}
)
_SOUNDS = frozenset({"bark", "crying", "explosion", "glass", "gunshot", "scream", "shatter", "shout", "speech", "yell"})
_IDENTITIES = frozenset({"face", "license_plate"})  # of whom, of whose: not an event of ours
_LARGEST = 1_048_576  # bytes; an event of Frigate's own is some 3 KB
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def decode(
    gateway: Device,
    topic: str,
    payload: bytes,
    retained: bool,
    _received_at: datetime,
    registry: Registry,
    _window: PressWindow,
) -> list[Decoded]:
    """What one message of a Frigate says; [] for what we don't read."""
    below = topic[len(gateway.prefix or "") + 1 :]
    if below == "available":
        return _available(gateway, payload, retained)
    if retained:
        return []  # none of the others is retained by Frigate; a copy of old news raises nothing
    if below in ("events", "reviews"):
        return [Alive(gateway.site, gateway.device), *_seen(gateway, below, payload, registry)]
    if below == "stats":
        return [Alive(gateway.site, gateway.device), *_stats(gateway, payload, registry)]
    if below.endswith("/status/detect"):
        return _camera_status(gateway, below.removesuffix("/status/detect"), payload, registry)
    return []


def _available(gateway: Device, payload: bytes, retained: bool) -> list[Decoded]:
    word = payload.strip().lower()
    if word not in (b"online", b"offline", b"stopped"):
        return [Reject("available is neither online nor offline nor stopped", gateway.site, gateway.device)]
    if word == b"online" and retained:
        return []
    return [Status(gateway.site, gateway.device, word == b"online")]


def _camera_status(gateway: Device, name: str, payload: bytes, registry: Registry) -> list[Decoded]:
    camera = registry.native(gateway.site, gateway.device, name)
    if camera is None or payload not in (b"online", b"offline"):
        return []
    return [Status(camera.site, camera.device, payload == b"online")]


def _stats(gateway: Device, payload: bytes, registry: Registry) -> list[Decoded]:
    """Signs of life of the cameras that deliver frames; before 0.13 they stood at the top level."""
    stats = _object(payload)
    cameras = stats.get("cameras", stats) if stats is not None else None
    if not isinstance(cameras, dict):
        return [Reject("stats is not a JSON object", gateway.site, gateway.device)]
    alive: list[Decoded] = []
    for name, figures in cameras.items():
        camera = registry.native(gateway.site, gateway.device, name)
        rate = _number(figures.get("camera_fps")) if isinstance(figures, dict) else None
        if camera is not None and rate:
            alive.append(Alive(camera.site, camera.device))
    return alive


def _seen(gateway: Device, what: str, payload: bytes, registry: Registry) -> list[Decoded]:
    message = _object(payload)
    if message is None:
        return [Reject(f"{what}: not a JSON object", gateway.site, gateway.device)]
    after = message.get("after")
    phase = _PHASES.get(message.get("type") or "") if isinstance(message.get("type"), str) else None
    if phase is None or not isinstance(after, dict):
        return [Reject(f"{what}: no type new, update or end, or no after", gateway.site, gateway.device)]
    track, name = after.get("id"), after.get("camera")
    if not (isinstance(track, str) and track and isinstance(name, str) and name):
        return [Reject(f"{what}: no id or no camera", gateway.site, gateway.device)]
    before = message.get("before")
    device, stranger = _camera(gateway, jsontext.clean_text(name), registry)
    make = _event if what == "events" else _review
    event = make(gateway.site, device, phase, before if isinstance(before, dict) else {}, after)
    if event is None:
        return []
    return [event] if stranger is None else [stranger, event]


def _camera(gateway: Device, name: str, registry: Registry) -> tuple[str, Unregistered | None]:
    """Our device for a camera's name, and the stranger to keep if nobody registered it."""
    known = registry.native(gateway.site, gateway.device, name)
    if known is not None:
        return known.device, None
    made = name_for_native(gateway.device, name)
    return made, Unregistered(gateway.site, made, "camera", gateway.device, name, NO_EXPECTATION)


def _event(site: str, device: str, phase: Phase, before: dict[str, Any], after: dict[str, Any]) -> Event | None:
    label = _text(after.get("label")) or "object"
    if after.get("false_positive") is True or label in _IDENTITIES:
        return None
    if phase == "update" and before.get("false_positive") is True:
        phase = "start"  # the first that we take of it
    track = jsontext.clean_text(after["id"])
    frame = _number(after.get("frame_time"))
    moment = _number(after.get("end_time")) if phase == "end" else frame
    moment = moment or frame or _number(after.get("start_time"))
    kind_of_message = {"start": "new", "update": "update", "end": "end", "instant": "new"}[phase]
    best = _number(after.get("top_score")) or _number(after.get("score"))
    return Event(
        site,
        device,
        _fitting(f"{track}:{kind_of_message}:{frame if frame is not None else 'none'}"),
        kind_of_label(label),
        phase,
        track[:256],
        best if best is not None and 0 <= best <= 1 else None,
        None if moment is None else times.from_seconds(moment),
        _attrs(
            source="frigate",
            label=label,
            zones=_texts(after.get("current_zones")),
            entered_zones=_texts(after.get("entered_zones")),
            stationary=after.get("stationary") is True,
            has_snapshot=after.get("has_snapshot") is True,
            has_clip=after.get("has_clip") is True,
        ),
    )


def _review(site: str, device: str, phase: Phase, _before: dict[str, Any], after: dict[str, Any]) -> Event | None:
    data = after.get("data")
    data = data if isinstance(data, dict) else {}
    severity = _text(after.get("severity")) or "detection"
    objects = [label.removesuffix("-verified") for label in _texts(data.get("objects")) + _texts(data.get("audio"))]
    objects = list(dict.fromkeys(label for label in objects if label not in _IDENTITIES))
    track = jsontext.clean_text(after["id"])
    moment = (_number(after.get("end_time")) if phase == "end" else None) or _number(after.get("start_time"))
    kind = kind_of_label(objects[0]) if objects else "motion"
    if severity == "alert" and "person" in objects:
        kind = "intrusion"
    kind_of_message = next(word for word, known in _PHASES.items() if known == phase)
    return Event(
        site,
        device,
        _fitting(f"{track}:{kind_of_message}:{severity}"),
        kind,
        phase,
        track[:256],
        None,
        None if moment is None else times.from_seconds(moment),
        _attrs(source="frigate", review=True, severity=severity, objects=objects, zones=_texts(data.get("zones"))),
    )


def kind_of_label(label: str) -> str:
    """The kind of an event for a label of Frigate's models: our word where there is one, else the label as a word."""
    if label in _VEHICLES:
        return "vehicle"
    if label in _SOUNDS:
        return "noise"
    word = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:48].strip("-")
    return word if word and word[0].isalpha() else "object"


def _fitting(long_id: str) -> str:
    """The id, or a short one that is always the same for it, where it does not fit our pattern."""
    return long_id if _ID.fullmatch(long_id) else made_up_id("frigate", long_id)


def _object(payload: bytes) -> dict[str, Any] | None:
    if len(payload) > _LARGEST:
        return None
    try:
        read = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, Any]", read) if isinstance(read, dict) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return jsontext.clean_text(value)[:64] if isinstance(value, str) else None


def _texts(value: object) -> list[str]:
    """Short texts of a list, at most 32."""
    if not isinstance(value, list):
        return []
    return [text for text in map(_text, value[:32]) if text]


def _attrs(**facts: object) -> bytes:
    return orjson.dumps({name: fact for name, fact in facts.items() if fact not in (None, [], False)})
