"""Incidents as rows: opened or joined in one statement that concurrent writers can't split, locked, saved."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from psycopg import Connection
from psycopg.rows import RowMaker, tuple_row
from psycopg.types.json import Jsonb

from store.records import CameraView, Incident

_FIELDS = tuple(Incident.__struct_fields__)
_COLUMNS = ", ".join(_FIELDS)
_NEW = tuple(name for name in _FIELDS if name != "id")
# what changes over an incident's life; the rest is as it was opened
_MUTABLE = (
    "join_key", "priority", "state", "title", "updated_at", "last_event_at", "tracks", "devices", "cancelled_at",
    "arrived_at", "resolved_at", "version", "count", "owner", "tier", "deadline", "outcome", "answered_at",
    "dispatched_to", "progress_at", "clock_since", "clock_ran", "escalated", "shown_at", "quiet", "shelved_until",
    "shelved_by",
)  # fmt: skip
TRACKS_KEPT = 32
IS_UNRESOLVED = "state IN ('open', 'acknowledged', 'dispatched')"
# what a person opened again, and nothing has repeated since, ends by a person
NOT_REOPENED = """'reopen' IS DISTINCT FROM (SELECT verb FROM changes WHERE incident = incidents.id
    AND verb IN ('open', 'repeat', 'reopen') ORDER BY seq DESC LIMIT 1)"""
_RANKS = "ARRAY['critical', 'high', 'medium', 'low']"

# the device that came now stands at the head of the cameras, since it saw what it tells
_OPEN_OR_JOIN = f"""
INSERT INTO incidents ({", ".join(_NEW)}) VALUES ({", ".join(f"%({name})s" for name in _NEW)})
ON CONFLICT (site, join_key) WHERE join_key IS NOT NULL AND {IS_UNRESOLVED}
DO UPDATE SET
    count = incidents.count + 1,
    updated_at = greatest(incidents.updated_at, excluded.updated_at),
    last_event_at = greatest(incidents.last_event_at, excluded.last_event_at),
    tracks = (excluded.tracks || incidents.tracks)[:{TRACKS_KEPT}],
    devices = CASE WHEN incidents.devices @> excluded.devices THEN incidents.devices
                   ELSE incidents.devices || excluded.devices END,
    cameras = CASE WHEN incidents.devices @> excluded.devices THEN incidents.cameras
                   ELSE jsonb_path_query_array(excluded.cameras, '$[*] ? (@.device == $d)',
                                               jsonb_build_object('d', excluded.device))
                        || jsonb_path_query_array(incidents.cameras, '$[*] ? (@.device != $d)',
                                                  jsonb_build_object('d', excluded.device)) END,
    priority = CASE WHEN array_position({_RANKS}, excluded.priority) < array_position({_RANKS}, incidents.priority)
                    THEN excluded.priority ELSE incidents.priority END,
    quiet = CASE WHEN incidents.quiet = 'chattering' OR excluded.quiet = 'chattering' THEN excluded.quiet
                 ELSE incidents.quiet END,
    shown_at = CASE WHEN incidents.kind = 'press' THEN NULL ELSE incidents.shown_at END,
    cancelled_at = CASE WHEN incidents.cancelled_at IS NULL THEN NULL ELSE excluded.cancelled_at END
WHERE (incidents.last_event_at >= %(join_after)s OR incidents.shelved_until IS NOT NULL)
    AND (excluded.tracks = '{{}}' OR NOT incidents.tracks @> excluded.tracks)
RETURNING {_COLUMNS}, xmax = 0
"""
_SAVE = f"UPDATE incidents SET {', '.join(f'{name} = %({name})s' for name in _MUTABLE)} WHERE id = %(id)s"
SELECT_INCIDENT = f"SELECT {_COLUMNS} FROM incidents"


class Joined:
    """What became of an opening: the incident, and whether it was `opened`, `repeated`, or only continued (neither)."""

    __slots__ = ("incident", "opened", "repeated")

    def __init__(self, incident: Incident, *, opened: bool, repeated: bool) -> None:
        self.incident = incident
        self.opened = opened
        self.repeated = repeated


def incident_row(_cursor: object) -> RowMaker[Incident]:
    """A psycopg row factory for SELECT_INCIDENT."""
    return _from_row


def _from_row(values: Sequence[Any]) -> Incident:
    named = dict(zip(_FIELDS, values, strict=False))
    named["cameras"] = tuple(CameraView(**camera) for camera in named["cameras"])
    named["tracks"], named["devices"] = tuple(named["tracks"]), tuple(named["devices"])
    return Incident(**named)


def _parameters(incident: Incident) -> dict[str, Any]:
    named = {name: getattr(incident, name) for name in _FIELDS}
    cameras = [{"device": view.device, "score": view.score} for view in incident.cameras]
    named["cameras"] = Jsonb(cameras, dumps=orjson.dumps)
    named["tracks"], named["devices"] = list(incident.tracks), list(incident.devices)
    return named


def open_or_join(conn: Connection, opening: Incident, *, join_after: datetime | None = None) -> Joined:
    """Store an opening as a new incident, or join it to the unresolved one with its key.

    With `join_after`, an unresolved incident whose last event is older lets go of the key, and a new one opens. An opening
    of a track that the incident saw lately only continues it: its last event moves, its count does not. Callers that open
    several in one transaction do so in the order of (site, join_key).
    """
    parameters = _parameters(opening) | {
        "join_after": join_after or datetime.min.replace(tzinfo=opening.opened_at.tzinfo)
    }
    while True:
        row = conn.execute(_OPEN_OR_JOIN, parameters).fetchone()
        if row is not None:
            opened = bool(row[-1])
            return Joined(_from_row(row[:-1]), opened=opened, repeated=not opened)
        if (held := holder(conn, opening.site, opening.join_key)) is None:
            continue  # it was resolved between the two statements: the key is free now
        if join_after is not None and held.last_event_at < join_after and held.shelved_until is None:
            conn.execute("UPDATE incidents SET join_key = NULL WHERE id = %s", (held.id,))
            continue
        at = max(held.last_event_at, opening.last_event_at)
        conn.execute("UPDATE incidents SET last_event_at = %s WHERE id = %s", (at, held.id))
        return Joined(held, opened=False, repeated=False)


def holder(conn: Connection, site: str, join_key: str | None) -> Incident | None:
    """The unresolved incident of a site that has this join key, held until the transaction ends."""
    with conn.cursor(row_factory=incident_row) as cur:
        return cur.execute(
            f"{SELECT_INCIDENT} WHERE site = %s AND join_key = %s AND {IS_UNRESOLVED} FOR UPDATE",
            (site, join_key),
        ).fetchone()


def holding(conn: Connection, join_key: str) -> dict[str, int]:
    """Ids of the unresolved incidents that have this join key, by site."""
    return dict(
        conn.execute(
            f"SELECT site, id FROM incidents WHERE join_key = %s AND {IS_UNRESOLVED} ORDER BY site", (join_key,)
        ).fetchall()
    )


def reopened(conn: Connection, incident_id: int) -> bool:
    """Whether a person opened it again, and nothing has repeated since: it ends by a person then."""
    row = conn.execute(f"SELECT NOT ({NOT_REOPENED}) FROM incidents WHERE id = %s", (incident_id,)).fetchone()
    return row is not None and bool(row[0])


def lock(conn: Connection, incident_id: int) -> Incident | None:
    """The incident, held until the transaction ends; None when there is none."""
    with conn.cursor(row_factory=incident_row) as cur:
        return cur.execute(f"{SELECT_INCIDENT} WHERE id = %s FOR UPDATE", (incident_id,)).fetchone()


def lock_many(conn: Connection, incident_ids: Sequence[int]) -> dict[int, Incident]:
    """Several incidents, held until the transaction ends; locked in the order of their keys."""
    with conn.cursor(row_factory=incident_row) as cur:
        cur.execute(
            f"{SELECT_INCIDENT} WHERE id = ANY(%s) ORDER BY site, join_key, id FOR UPDATE", (list(incident_ids),)
        )
        return {incident.id: incident for incident in cur}


def by_id(conn: Connection, incident_id: int) -> Incident | None:
    """The incident as it is now, not held."""
    with conn.cursor(row_factory=incident_row) as cur:
        return cur.execute(f"{SELECT_INCIDENT} WHERE id = %s", (incident_id,)).fetchone()


def save(conn: Connection, incident: Incident) -> None:
    """Write back an incident that this transaction holds."""
    conn.execute(_SAVE, _parameters(incident))


def key_taken(conn: Connection, site: str, join_key: str, *, besides: int) -> bool:
    """Whether another unresolved incident of the site has this join key."""
    with conn.cursor(row_factory=tuple_row) as cur:
        row = cur.execute(
            f"SELECT 1 FROM incidents WHERE site = %s AND join_key = %s AND id <> %s AND {IS_UNRESOLVED}",
            (site, join_key, besides),
        ).fetchone()
    return row is not None


def step_taken(
    conn: Connection,
    incident_id: int,
    actor: str,
    verb: str,
    base_version: int,
    note: str | None,
    outcome: str | None = None,
) -> bool:
    """Whether this person has already taken this very step on this version: the same request, sent again.

    Shelving does not move the version: what was shelved or brought back since is another shelving, and another step.
    """
    undone = {"shelve": "unshelve", "unshelve": "shelve"}.get(verb)
    row = conn.execute(
        "SELECT 1 FROM changes WHERE incident = %s AND actor = %s AND verb = %s AND base_version = %s"
        " AND note IS NOT DISTINCT FROM %s AND (%s::text IS NULL OR body->>'outcome' = %s)"
        " AND NOT EXISTS (SELECT FROM changes AS later WHERE later.incident = changes.incident AND later.site = changes.site"
        " AND later.seq > changes.seq AND later.verb = %s::text) LIMIT 1",
        (incident_id, actor, verb, base_version, note, outcome, outcome, undone),
    ).fetchone()
    return row is not None
