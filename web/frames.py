"""The frames of the live feed as bytes on the wire: JSON text in a websocket frame, made once however many consoles hear it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from websockets.frames import Frame, Opcode

from store.feed import wire_json
from store.floods import Flood
from store.reading import Snapshot
from store.records import NumberedChange
from web.hub import Mode


def text_frame(text: bytes) -> bytes:
    """A whole websocket text frame, as a server sends it: unmasked, not compressed, hence the same for everybody."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def change(one: NumberedChange) -> bytes:
    """A change, with the incident as it was stored with it."""
    head = _json(
        {
            "type": "change",
            "site": one.site,
            "seq": one.seq,
            "at": one.at,
            "actor": one.actor,
            "verb": one.verb,
            "note": one.note,
        }
    )
    return text_frame(b'%b,"incident":%b}' % (head[:-1], one.body.encode()))


def hello(feed: str, sites: Mapping[str, tuple[int, Mode]]) -> bytes:
    """The first frame: whose feed this is, and how each site goes on."""
    modes = {site: {"seq": seq, "mode": mode} for site, (seq, mode) in sites.items()}
    return text_frame(_json({"type": "hello", "feed": feed, "sites": modes}))


def snapshot(one: Snapshot) -> bytes:
    """A site anew."""
    incidents = ",".join([wire_json(incident) for incident in one.incidents])
    return text_frame(
        b'{"type":"snapshot","site":%b,"seq":%d,"incidents":[%b],"devices":%b}'
        % (_json(one.site), one.seq, incidents.encode(), _json(one.devices))
    )


def devices(states: Mapping[tuple[str, str], str]) -> bytes:
    """A frame for each device, one behind the other."""
    return b"".join(
        [
            text_frame(_json({"type": "device", "site": site, "device": device, "state": state}))
            for (site, device), state in states.items()
        ]
    )


def floods(standing: Iterable[Flood]) -> bytes:
    """Who is in a flood, as far as it concerns this console."""
    officers = [{"name": one.name, "since": one.since} for one in standing]
    return text_frame(_json({"type": "flood", "officers": officers}))


def heartbeat(cursors: Mapping[str, int], now: datetime) -> bytes:
    """The database can be read, and these numbers were the last sent here."""
    beat: dict[str, Any] = {"type": "heartbeat", "seq": dict(cursors), "ts": now}
    return text_frame(_json(beat))
