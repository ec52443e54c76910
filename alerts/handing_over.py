"""A shift's handover, taken: a sheet signed by who goes, then by who comes, and the claims that move with it."""

from collections.abc import Callable
from datetime import datetime

import msgspec
from psycopg import Connection

from alerts import handover, steps
from alerts.rules import Rules
from store import feed, handovers, incidents, windows
from store.belonging import is_person_of
from store.handovers import Signed
from store.records import Change, Incident


class Unsigned(msgspec.Struct, frozen=True):
    """It was not signed; `reason` says why and what to do."""

    reason: str


def draft(conn: Connection, site: str, proven_days: int, now: datetime) -> handover.Row:
    """What is to be handed over at a site now."""
    return handover.sheet(
        site,
        now,
        incidents=handovers.unresolved(conn, site),
        windows=windows.of_sites(conn, [site], now),
        devices=handovers.devices(conn, site),
        notes=handovers.notes(conn, site),
        proven_days=proven_days,
    )


def sign(
    conn: Connection, site: str, from_name: str, to_name: str, note: str | None, proven_days: int, now: datetime
) -> Signed | Unsigned:
    """Sign for who goes, inside the caller's transaction: the sheet is kept as it is now, for good."""
    if to_name == from_name:
        return Unsigned("a shift is handed to somebody else: `to` is your own name")
    if not is_person_of(conn, to_name, site):
        return Unsigned(f"nobody named {to_name!r} works for {site}: `to` is a log-in name of this site")
    sheet = draft(conn, site, proven_days, now)
    signed = handovers.find(conn, handovers.put(conn, site, from_name, to_name, note, sheet, now))
    assert signed is not None
    return signed


def accept(conn: Connection, rules: Rules, signed: Signed, clock: Callable[[], datetime]) -> Signed | Unsigned:
    """Sign for who comes, and move the claims; all of it or nothing. A second time changes nothing.

    What was taken over, given back or resolved since the sheet was signed stays as it is.
    """
    return steps.tried(conn, lambda: _accept(conn, rules, signed, clock()))


def _accept(conn: Connection, rules: Rules, signed: Signed, now: datetime) -> Signed | Unsigned:
    if signed.accepted_at is None:
        if now >= signed.signed_at + handover.STANDS_FOR:
            return Unsigned("this sheet is a day old: let it be signed anew, so that it says how it is now")
        if handovers.accept(conn, signed.id, now):
            _move(conn, rules, signed, now)
    done = handovers.find(conn, signed.id)
    assert done is not None
    return done


def _move(conn: Connection, rules: Rules, signed: Signed, now: datetime) -> None:
    held = incidents.lock_many(conn, handover.claims_of(signed.sheet, signed.from_name))
    changes = [change for one in held.values() if (change := _moved(conn, rules, signed, one, now)) is not None]
    handovers.note_moves(conn, signed.id, [change.incident.id for change in changes])
    if changes:
        feed.append(conn, changes)


def _moved(conn: Connection, rules: Rules, signed: Signed, incident: Incident, now: datetime) -> Change | None:
    taken = handover.moves(incident, signed.from_name, signed.to_name, now)
    if taken is None:
        return None
    after = steps.keep(conn, rules, taken.incident)
    return Change(incident=after, actor=signed.to_name, verb="assign", note=taken.note, base_version=incident.version)
