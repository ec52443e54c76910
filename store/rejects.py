"""Messages that could not be made events: kept with the reason and the first 4 KiB of what came."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg import Connection

KEPT_BYTES = 4096


class Refused(msgspec.Struct, frozen=True):
    """One message that was refused; `site` and `device` where its topic named them."""

    received_at: datetime
    site: str | None
    device: str | None
    topic: str
    reason: str
    payload: bytes


def insert(conn: Connection, refused: Sequence[Refused]) -> None:
    """Keep rejects; a site or topic that PostgreSQL could not hold is made printable first."""
    with conn.cursor() as cur:
        cur.executemany(
            "INSERT INTO rejects (received_at, site, device, topic, reason, payload, size)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    one.received_at,
                    one.site,
                    one.device,
                    _printable(one.topic),
                    _printable(one.reason),
                    one.payload[:KEPT_BYTES],
                    len(one.payload),
                )
                for one in refused
            ],
        )


def _printable(text: str) -> str:
    return text.replace("\x00", "\\0").encode("utf-8", "backslashreplace").decode()
