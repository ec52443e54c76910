"""What every call works with: the database's pool, the live feed, the figures; and who is calling."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request
from psycopg import Connection
from psycopg_pool import ConnectionPool

from alerts.links import Links
from alerts.rules_file import RulesFile
from alerts.steps import Actor
from skynet.settings import Settings
from store import people
from store.people import Person
from web.live import Live
from web.metrics import Metrics
from web.problems import Refusal, not_found
from web.readiness import Prober

COOKIE = "skynet_session"
API = "/api/v1"


@dataclass(frozen=True)
class Services:
    """The parts of one web process, made once."""

    settings: Settings
    pool: ConnectionPool
    live: Live
    metrics: Metrics
    prober: Prober
    rules: RulesFile
    origins: frozenset[str]

    @property
    def https(self) -> bool:
        """Whether browsers reach us by https, so that the cookie is to be sent by nothing else."""
        return (self.settings.web_url or "").startswith("https:")

    @property
    def links(self) -> Links:
        """Where the links of dispatched people lead, and how long they last."""
        base = self.settings.web_url or f"http://127.0.0.1:{self.settings.web_port}"
        return Links(base, timedelta(hours=self.settings.link_hours))


@dataclass(frozen=True)
class Caller:
    """Who is calling, with the connection of this call: one transaction, committed when the call ends well."""

    person: Person
    conn: Connection
    token_hash: bytes

    @property
    def actor(self) -> Actor:
        """The caller as somebody who takes steps."""
        return Actor(self.person.name, self.person.sites, leads=self.person.leads)

    def must_lead(self, refusal: str) -> None:
        """Let nobody on who does not lead. Raises Refusal (403)."""
        if not self.person.leads:
            raise Refusal(403, refusal)

    def chosen(self, site: str | None) -> tuple[str, ...]:
        """The sites asked for: this one, or all of theirs.

        Raises Refusal (404) for a site that is not theirs.
        """
        if site is None:
            return self.person.sites
        if site not in self.person.sites:
            raise not_found("site")
        return (site,)


def services_of(request: Request) -> Services:
    """The services of the app that this request came to."""
    services: Services = request.app.state.services
    return services


Web = Annotated[Services, Depends(services_of)]


def token_of(cookies: dict[str, str]) -> bytes | None:
    """The hash of the session's token that the cookies hold."""
    token = cookies.get(COOKIE)
    return None if not token else people.hash_token(token)


@contextmanager
def calling(request: Request) -> Iterator[Caller]:
    """The caller of a request, for as long as the block lasts.

    Raises Refusal (401) without a session, PoolTimeout when the database can't be reached.
    """
    token_hash = token_of(request.cookies)
    if token_hash is None:
        raise _logged_out()
    with services_of(request).pool.connection() as conn:
        person = people.person_of_session(conn, token_hash)
        if person is None:
            raise _logged_out()
        yield Caller(person, conn, token_hash)


def _logged_out() -> Refusal:
    return Refusal(401, "nobody is logged in, or the session has ended: log in again")
