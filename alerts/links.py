"""The link that a dispatched person opens on a phone: signed, expiring, for one incident and one person. Pure.

A link names its incident, its person, and the change after which the dispatch began. It is dead once that dispatch is
over, for ever: an incident that is dispatched to the same person again begins another.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer

from store.records import UNRESOLVED, Incident

PURPOSE = "dispatch"
PATH = "/d/"
_ANY = datetime(2000, 1, 1, tzinfo=UTC)  # reading asks for no time: the age of a link is looked at by itself

Dead = Literal["expired", "stranger", "resolved", "released", "other", "renewed"]
"""Why a link opens nothing: too old; no longer of the site; settled; given back; sent to somebody else; sent anew."""


class Link(msgspec.Struct, frozen=True):
    """What a link stands for. `begin` is the number of the change after which the dispatch began; `at` is when it was made."""

    incident: int
    person: str
    begin: int
    at: datetime


class Links(msgspec.Struct, frozen=True):
    """Where links lead, and how long they last."""

    base: str
    lasts: timedelta

    def url(self, key: bytes, link: Link) -> str:
        """The address that opens a link."""
        return f"{self.base.rstrip('/')}{PATH}{write(key, link)}"


def write(key: bytes, link: Link) -> str:
    """A link as a token that fits into an address."""
    return str(_serializer(key, link.at).dumps([link.incident, link.person, link.begin]))


def read(key: bytes, token: str) -> Link | None:
    """The link of a token; None for one that we did not sign. Whether it is alive is another question."""
    try:
        payload, at = _serializer(key, _ANY).loads(token, return_timestamp=True)
        incident, person, begin = msgspec.convert(payload, tuple[int, str, int])
    except (BadSignature, msgspec.ValidationError):
        return None
    return Link(incident, person, begin, at)


def fault(link: Link, incident: Incident, begin: int, lasts: timedelta, now: datetime, *, belongs: bool) -> Dead | None:
    """Why a link is dead, or None. `begin` is where the incident's dispatch to this person began as of now, `belongs`
    whether the person works for the site.
    """
    if not belongs:
        return "stranger"
    if incident.state not in UNRESOLVED:
        return "resolved"
    if incident.state != "dispatched":
        return "released"
    if incident.dispatched_to != link.person:
        return "other"
    if begin != link.begin:
        return "renewed"
    return "expired" if now >= link.at + lasts else None


def _serializer(key: bytes, at: datetime) -> URLSafeTimedSerializer:
    class Signer(TimestampSigner):
        """Signs at a moment that is given."""

        def get_timestamp(self) -> int:
            return int(at.timestamp())

    return URLSafeTimedSerializer(key, salt=PURPOSE, signer=Signer)
