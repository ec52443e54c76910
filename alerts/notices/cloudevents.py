"""A notice as a CloudEvent 1.0 for other systems, signed as Standard Webhooks has it. Pure.

The receiver checks HMAC-SHA256 over `id.timestamp.body`, and knows a repeat by its id.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Any

import orjson

from alerts.notices.wording import Told
from store.records import incident_wire

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
PREFIX = "whsec_"
LEAST_KEY = 24  # bytes, as Standard Webhooks asks


def key_of(secret: str) -> bytes:
    """The key in `whsec_BASE64`. Raises ValueError for another form, and for one that is short."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"the secret must begin with {PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {PREFIX} in the secret must be base64") from None
    if len(key) < LEAST_KEY:
        raise ValueError(f"the secret must hold {LEAST_KEY} bytes or more")
    return key


def event(told: Told, notice: int, site: str, console: str | None) -> tuple[str, bytes]:
    """The event's id, the same however often it is sent, and the event as structured JSON."""
    event_id = f"notice-{notice}"
    facts = {name: value for name, value in told.facts.items() if name != "link"}  # a link is for one person
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"{console or ''}/sites/{site}",
        "type": f"micro-skynet.notice.{told.why}",
        "time": told.created_at,
        "datacontenttype": "application/json",
    }
    if told.tier is not None:
        body["tier"] = told.tier
    if told.incident is None:
        body["data"] = {"site": site, **facts}
    else:
        body |= {"subject": str(told.incident.id), "data": incident_wire(told.incident)}
    return event_id, orjson.dumps(body, option=orjson.OPT_UTC_Z)


def trial(site: str, console: str | None, now: datetime) -> tuple[str, bytes]:
    """An event that proves a channel."""
    event_id = f"test-{int(now.timestamp() * 1000)}"
    body = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"{console or ''}/sites/{site}",
        "type": "micro-skynet.test",
        "time": now,
        "datacontenttype": "application/json",
        "data": {"site": site},
    }
    return event_id, orjson.dumps(body, option=orjson.OPT_UTC_Z)


def headers(key: bytes, event_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """What goes with the event: its type, and the signature as of this sending."""
    timestamp = str(int(now.timestamp()))
    digest = hmac.new(key, b".".join([event_id.encode(), timestamp.encode(), body]), hashlib.sha256).digest()
    return {
        "Content-Type": CONTENT_TYPE,
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
