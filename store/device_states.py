"""How devices are: what ingest writes of their signs of life. Who judges their silence is in store/supervision.py."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg import Connection

_UPSERT = """
INSERT INTO device_states AS known (site, device, state, state_since, last_seen, last_proven, battery, firmware,
                                   clock_skew)
SELECT new.site, new.device, 'online', new.seen_at, new.seen_at, new.proven_at, new.battery, new.firmware,
       new.clock_skew
FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::float8[], %s::text[],
            %s::float8[]) AS new (site, device, seen_at, proven_at, battery, firmware, clock_skew)
JOIN devices USING (site, device)
ON CONFLICT (site, device) DO UPDATE SET
    last_seen = greatest(known.last_seen, excluded.last_seen),
    last_proven = greatest(known.last_proven, excluded.last_proven),
    battery = coalesce(excluded.battery, known.battery),
    firmware = coalesce(excluded.firmware, known.firmware),
    clock_skew = coalesce(excluded.clock_skew, known.clock_skew),
    -- a sign of life older than its going offline does not bring it back
    state = CASE WHEN excluded.last_seen > known.state_since THEN 'online' ELSE known.state END,
    state_since = CASE WHEN known.state <> 'online' AND excluded.last_seen > known.state_since
                       THEN excluded.last_seen ELSE known.state_since END,
    silent_since = CASE WHEN excluded.last_seen > known.state_since THEN NULL ELSE known.silent_since END,
    silence_told = known.silence_told AND excluded.last_seen <= known.state_since
"""


class SignOfLife(msgspec.Struct, frozen=True):
    """What a device's messages since the last time say of it; None where they say nothing."""

    site: str
    device: str
    seen_at: datetime
    proven_at: datetime | None = None
    battery: float | None = None
    firmware: str | None = None
    clock_skew: float | None = None  # seconds its clock is ahead of ours


def note_life(conn: Connection, signs: Sequence[SignOfLife]) -> None:
    """Note that devices live, which makes them online; devices unknown to the registry are passed over."""
    ordered = sorted(signs, key=lambda sign: (sign.site, sign.device))
    columns = zip(*(msgspec.structs.astuple(sign) for sign in ordered), strict=True)
    conn.execute(_UPSERT, [list(column) for column in columns])


def note_offline(conn: Connection, devices: Sequence[tuple[str, str, datetime]]) -> None:
    """Note that devices (site, device, since) said, or their will said, that they are offline.

    It is no sign of life: `last_seen` stays as it is.
    """
    ordered = sorted(devices)
    conn.execute(
        "INSERT INTO device_states AS known (site, device, state, state_since)"
        " SELECT new.site, new.device, 'offline', new.at"
        " FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS new (site, device, at) JOIN devices USING (site, device)"
        " ON CONFLICT (site, device) DO UPDATE SET state = 'offline', state_since = excluded.state_since"
        " WHERE known.state <> 'offline' AND (known.last_seen IS NULL OR known.last_seen <= excluded.state_since)",
        [list(column) for column in zip(*ordered, strict=True)],
    )
