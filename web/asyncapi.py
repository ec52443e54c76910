"""The AsyncAPI document: what goes over MQTT and over the live feed's websocket, made of the same types as the code. Pure."""

from functools import cache
from typing import Any, get_args

import orjson
from pydantic.json_schema import models_json_schema

from devices.messages import Action, Phase
from web import wire_live

_REFS = "#/components/schemas/{model}"
_NAME = r"^[a-z0-9][a-z0-9-]{0,47}$"
_ID = {"type": "string", "pattern": r"^[A-Za-z0-9._:-]{1,64}$", "description": "unique for the device"}
_TS = {
    "description": "RFC 3339 with zone, or epoch milliseconds; the arrival is kept beside it",
    "oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}],
}
_ATTRS = {"type": "object", "additionalProperties": True}
KINDS = (
    "person", "vehicle", "motion", "intrusion", "loitering", "crowd", "fall", "fire", "smoke", "water", "noise", "tamper",
    "video-loss",
)  # fmt: skip
STAGES = ("stored", "acknowledged", "coming", "closed", "cancelled", "rejected")


def as_json() -> bytes:
    """The document as JSON."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _object(required: tuple[str, ...], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": True}


def _text(description: str = "", **more: object) -> dict[str, Any]:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _up() -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        "alarm": (
            "A press, a cancel or a test of a button. Kept by the device and sent again until it is receipted.",
            _object(("id", "action"), id=_ID, ts=_TS, action={"enum": list(get_args(Action))}, attrs=_ATTRS),
        ),
        "event": (
            "What a camera saw.",
            _object(
                ("id", "ts", "kind", "phase"),
                id=_ID,
                ts=_TS,
                kind=_text("any other lower-case word is stored as it is", examples=list(KINDS)),
                phase={"enum": list(get_args(Phase))},
                track=_text("what belongs together; each message has an id of its own"),
                confidence={"type": "number", "minimum": 0, "maximum": 1},
                media=_ATTRS,
                attrs=_ATTRS,
            ),
        ),
        "status": (
            "The device is there, or (as its will) gone. Retained; a retained `online` proves nothing.",
            _object(("online",), online={"type": "boolean"}, ts=_TS, firmware=_text()),
        ),
        "telemetry": (
            "Figures of the device.",
            _object(("ts",), ts=_TS, **{name: {"type": "number"} for name in ("battery", "rssi", "fps")}),
        ),
        "snapshot": ("JPEG bytes, at most 1 MiB.", {"type": "string", "format": "binary"}),
    }


def _down() -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        "receipt": (
            "How far an alarm is. `stored` is sent only after the commit.",
            _object(
                ("id", "stage", "ts"),
                id=_ID,
                stage={"enum": list(STAGES)},
                incident=_text("the incident's id"),
                outcome=_text(),
                ts=_text(format="date-time"),
                reason=_text("of `rejected`"),
            ),
        ),
        "command": (
            "What the device is to do.",
            _object(("id", "ts", "command"), id=_ID, ts=_TS, command=_text()),
        ),
    }


def _mqtt_channel(name: str, description: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "site": {"description": f"a site: {_NAME}"},
        "device": {"description": f"a device: {_NAME}; it logs in as {{site}}.{{device}}"},
    }
    address = f"skynet/v1/{{site}}/{{device}}/{name}"
    if name == "snapshot":
        address += "/{event}"
        parameters["event"] = {"description": "the id of an event"}
    return {
        "address": address,
        "servers": [{"$ref": "#/servers/broker"}],
        "description": description,
        "parameters": parameters,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {"mqtt": {"bindingVersion": "0.2.0"}},
    }


@cache
def document() -> dict[str, Any]:
    """The document: `receive` is what the system takes in, `send` what it says."""
    mqtt = _up() | _down()
    _, schemas = models_json_schema(
        [(frame, "serialization") for frame in wire_live.FRAMES.values()], ref_template=_REFS
    )
    channels = {name: _mqtt_channel(name, said) for name, (said, _) in mqtt.items()}
    channels["live"] = _live_channel()
    messages: dict[str, Any] = {
        name: {"name": name, "summary": said, "payload": schema} for name, (said, schema) in mqtt.items()
    }
    messages["snapshot"] |= {"contentType": "image/jpeg"}
    for name, frame in wire_live.FRAMES.items():
        payload = {"$ref": _REFS.format(model=frame.__name__)}
        messages[f"live-{name}"] = {"name": name, "summary": (frame.__doc__ or "").strip(), "payload": payload}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "micro sky-net 微天网: MQTT and the live feed",
            "version": "1.0.0",
            "description": "Devices speak MQTT (3.1.1 or 5, QoS 1); consoles hear changes on a websocket.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {"host": "localhost:1883", "protocol": "mqtt", "security": [{"type": "userPassword"}]},
            "web": {"host": "localhost:8420", "protocol": "ws", "description": "with the session's cookie"},
        },
        "channels": channels,
        "operations": _operations(),
        "components": {"messages": messages, "schemas": schemas["$defs"]},
    }


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for action, names in (("receive", _up()), ("send", _down())):
        for name in names:
            operations[f"{action}-{name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "bindings": {"mqtt": {"qos": 1, "retain": name == "status", "bindingVersion": "0.2.0"}},
            }
    operations["send-live"] = {"action": "send", "channel": {"$ref": "#/channels/live"}}
    return operations


def _live_channel() -> dict[str, Any]:
    query = {
        "type": "object",
        "properties": {
            "after": _text("where this console was: site:seq,site:seq,…"),
            "feed": _text("the feed those numbers are of, from `hello`"),
        },
    }
    return {
        "address": "/api/v1/live",
        "servers": [{"$ref": "#/servers/web"}],
        "description": (
            "Text frames, one JSON object each. Changes of a site are numbered 1, 2, 3 … without a gap, in commit order; each "
            "is sent exactly once. Closed with 1013: come back with `after`. Closed with 4401: log in again. A foreign Origin "
            "is refused with 403."
        ),
        "messages": {name: {"$ref": f"#/components/messages/live-{name}"} for name in wire_live.FRAMES},
        "bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}},
    }
