"""Every format in one call: which one a topic belongs to, and what its message says. Pure.

A message that can't be read is data, a Reject; `decode` raises nothing, whatever the bytes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from devices import frigate, own, zigbee2mqtt
from devices.messages import INTERNAL, Decoded, Reject
from devices.presses import PressWindow
from devices.registry import Device, Registry

__all__ = ["CHANNELS_OF_LANE", "LANE_OF_FORMAT", "PressWindow", "decode", "topics_of_gateway"]

Lane = Literal["alarms", "events"]
_Decoder = Callable[[Device, str, bytes, bool, datetime, Registry, PressWindow], list[Decoded]]

_DECODERS: dict[str, _Decoder] = {"frigate": frigate.decode, "zigbee2mqtt": zigbee2mqtt.decode}

LANE_OF_FORMAT: dict[str, Lane] = {"frigate": "events", "zigbee2mqtt": "alarms"}
"""Buttons' systems go with the alarms, cameras' with the bulk; the formats that a gateway may have are its keys."""

CHANNELS_OF_LANE: dict[Lane, tuple[str, ...]] = {"alarms": ("alarm",), "events": ("event", "status", "telemetry")}


def topics_of_gateway(gateway: Device) -> tuple[str, ...]:
    """What to subscribe to for a gateway; only what is read, so that no picture crosses the wire for nothing."""
    if gateway.prefix is None:
        return ()
    if gateway.format == "frigate":
        return tuple(f"{gateway.prefix}/{topic}" for topic in frigate.TOPICS)
    return (f"{gateway.prefix}/#",)


def decode(
    topic: str,
    payload: bytes,
    retained: bool,
    received_at: datetime,
    registry: Registry,
    window: PressWindow | None = None,
) -> list[Decoded]:
    """What a message says, in our terms and in this order; [] when there is nothing to keep.

    `retained` means a copy delivered because we subscribed. `window` knows the last presses of buttons whose system
    gives presses no id; without one, nothing is taken for a copy. Never raises: a fault of ours is a Reject whose
    reason begins with INTERNAL.
    """
    try:
        if topic.startswith(own.ROOT):
            return own.decode(topic, payload, retained, received_at, registry)
        gateway = registry.gateway_for(topic)
        if gateway is None:
            return [Reject("no gateway has a prefix that this topic lies below")]
        decoder = _DECODERS.get(gateway.format or "")
        if decoder is None:
            return [Reject(f"no format {gateway.format!r} is known", gateway.site, gateway.device)]
        return decoder(gateway, topic, payload, retained, received_at, registry, window or PressWindow())
    except Exception as exc:  # noqa: BLE001 - whatever it is, what is behind this message must go on
        return [Reject(f"{INTERNAL}{type(exc).__name__}: {str(exc)[:200]!r}", *_whose(topic, registry))]


def _whose(topic: str, registry: Registry) -> tuple[str | None, str | None]:
    """Site and device that a topic of our own format names, if there is such a site."""
    parts = topic.split("/", 4)
    known = len(parts) > 3 and topic.startswith(own.ROOT) and parts[2] in registry.sites
    return (parts[2], parts[3][:48]) if known else (None, None)
