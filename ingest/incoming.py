"""A message as it came off MQTT. Pure data."""

from datetime import datetime

import msgspec


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """A message as it came, with what is needed to acknowledge it."""

    topic: str
    payload: bytes
    retained: bool
    received_at: datetime
    qos: int
    mid: int
    generation: int
