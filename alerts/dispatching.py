"""A dispatch to a person of the site: the link that they get, the notice that brings it, and whether a link still opens."""

from datetime import datetime

import msgspec
from psycopg import Connection

from alerts import links
from alerts.lifecycle import Step
from alerts.links import Dead, Link, Links
from store import incidents
from store import links as rows
from store.belonging import is_person_of
from store.notices import Notice
from store.records import Incident


class Opened(msgspec.Struct, frozen=True):
    """A link that we signed, its incident, and why it opens nothing (None: it does)."""

    link: Link
    incident: Incident
    dead: Dead | None


def notices_of(conn: Connection, made: Links | None, after: Incident, step: Step, now: datetime) -> list[Notice]:
    """What a dispatch tells the person that is sent, inside its transaction: the link, if it is known how to tell them."""
    if made is None or step.verb != "dispatch" or step.to is None:
        return []
    if not is_person_of(conn, step.to, after.site) or not rows.has_contact(conn, step.to):
        return []
    link = Link(after.id, step.to, rows.dispatch_begin(conn, after.id, step.to), now)
    url = made.url(rows.signing_key(conn, links.PURPOSE), link)
    facts = {"link": url} | ({"note": step.note} if step.note else {})
    return [
        Notice(
            site=after.site,
            incident=after.id,
            why="dispatch",
            priority=after.priority,
            person=step.to,
            facts=facts,
            created_at=now,
        )
    ]


def current(conn: Connection, made: Links, incident: Incident) -> tuple[Link, str] | None:
    """The link of whoever is sent to an incident, and its address; None when that is no person of the site.

    However often it is asked for, it ends when the one of the dispatch itself does.
    """
    person = incident.dispatched_to
    if incident.state != "dispatched" or person is None or not is_person_of(conn, person, incident.site):
        return None
    begin = rows.dispatch_begin(conn, incident.id, person)
    at = rows.dispatched_at(conn, incident.id, begin)
    if at is None:
        return None
    link = Link(incident.id, person, begin, at)
    return link, made.url(rows.signing_key(conn, links.PURPOSE), link)


def opened(conn: Connection, made: Links, token: str, now: datetime, *, hold: bool = False) -> Opened | None:
    """What a token opens; None for one that we did not sign. With `hold`, the incident is held until the transaction ends."""
    link = links.read(rows.signing_key(conn, links.PURPOSE), token)
    if link is None:
        return None
    incident = (incidents.lock if hold else incidents.by_id)(conn, link.incident)
    if incident is None:  # signed by us, but of another state of this database: a backup was put back
        return None
    begin = rows.dispatch_begin(conn, link.incident, link.person)
    belongs = is_person_of(conn, link.person, incident.site)
    return Opened(link, incident, links.fault(link, incident, begin, made.lasts, now, belongs=belongs))
