"""Feeds as files: what was said over MQTT, one JSON object a line, to be replayed or made. Pure but for nothing at all.

`{"at": seconds from the start, "topic", "payload" | "payload_base64", "qos", "retain"}`: `payload` is the text as it
was sent, or (written by hand) an object, which is sent as compact JSON; what is not UTF-8 stands as `payload_base64`.
"""

import base64
import binascii
import math
from collections.abc import Iterable, Iterator

import msgspec
import orjson


class Record(msgspec.Struct, frozen=True):
    """One message of a feed; `at` is seconds from its start."""

    at: float
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class FeedError(ValueError):
    """A line of a feed can't be used; the message names it and says why."""


def line(record: Record) -> bytes:
    """A record as its line, with the line's end."""
    try:
        payload = {"payload": record.payload.decode()}
    except UnicodeDecodeError:
        payload = {"payload_base64": base64.b64encode(record.payload).decode()}
    fields = {"at": round(record.at, 6), "topic": record.topic, **payload, "qos": record.qos, "retain": record.retain}
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def read(lines: Iterable[bytes]) -> Iterator[Record]:
    """The records of a feed's lines, in their order; blank lines are passed over.

    Raises FeedError at the first line that is not a record.
    """
    for number, text in enumerate(lines, 1):
        if text.strip():
            try:
                yield _record(orjson.loads(text))
            except (ValueError, binascii.Error) as exc:
                raise FeedError(f"line {number} of the feed: {exc}") from exc


def _record(fields: object) -> Record:
    if not isinstance(fields, dict):
        raise ValueError("it is not a JSON object with at, topic and payload")  # noqa: TRY004 - one kind of fault
    at, topic, qos, retain = fields.get("at"), fields.get("topic"), fields.get("qos", 1), fields.get("retain", False)
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at) or at < 0:
        raise ValueError(f"at is {at!r}; it must be seconds from the start, 0 or more")
    if not isinstance(topic, str) or not topic or any(sign in topic for sign in "#+\0") or len(topic.encode()) > 65_535:
        raise ValueError(f"topic is {str(topic)[:80]!r}; it must be a topic one can publish to")
    if isinstance(qos, bool) or qos not in (0, 1, 2) or not isinstance(retain, bool):
        raise ValueError("qos must be 0, 1 or 2, and retain true or false")
    return Record(float(at), topic, _payload(fields), int(qos), retain)


def _payload(fields: dict[str, object]) -> bytes:
    if ("payload" in fields) == ("payload_base64" in fields):
        raise ValueError("it needs either payload or payload_base64")
    if "payload_base64" in fields:
        return base64.b64decode(str(fields["payload_base64"]), validate=True)
    payload = fields["payload"]
    return payload.encode() if isinstance(payload, str) else orjson.dumps(payload)
