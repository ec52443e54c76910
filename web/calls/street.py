"""The link of a dispatched person: its page and buttons, and the call that gives the link to be read out or shown as QR."""

import math
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

import structlog
from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from psycopg import Connection

from alerts import dispatching, street
from alerts.dispatching import Opened
from alerts.duty import zone_of
from alerts.street import DOINGS, ON_THE_WAY, Press
from store import links as rows
from store.records import Outcome
from web import roster, street_page
from web.calls.incidents import visible
from web.problems import Refusal
from web.services import Web, calling, services_of
from web.street_limit import BadTries
from web.street_page import Lang, Said, View
from web.street_words import STYLE, WORDS
from web.wire import Text
from web.wire_people import DispatchLink

log = structlog.get_logger(__name__)
router = APIRouter(tags=["incidents"])
pages_router = APIRouter(include_in_schema=False)

NOTES = 12  # the newest ones; who stands in the street reads no history
LONGEST_NOTE = 2000

Token = Annotated[str, Path(max_length=1200)]


def _spoken(lang: Annotated[str, Query(max_length=20)] = "zh") -> Lang:
    return "en" if lang == "en" else "zh"


Spoken = Annotated[Lang, Depends(_spoken)]

_tries = BadTries()
_tries_lock = threading.Lock()


@router.get("/incidents/{incident_id}/link", response_model=DispatchLink, summary="The link of whoever is sent")
def link(request: Request, incident_id: Text) -> DispatchLink:
    """The link that opens the incident on the phone of the person it is dispatched to, to be read out or shown as QR.

    404 when nobody of the site is sent: dispatch it `to` a log-in name first.
    """
    links = services_of(request).links
    with calling(request) as caller:
        incident = visible(caller, incident_id)
        found = dispatching.current(caller.conn, links, incident)
        if found is None:
            raise Refusal(
                404, "no link: the incident is not dispatched to a person of the site (`to` is a log-in name)"
            )
        made, url = found
        told = rows.has_contact(caller.conn, made.person)
    if made.at + links.lasts <= datetime.now(UTC):
        raise Refusal(404, f"the link of {made.person} has expired: dispatch the incident to {made.person} again")
    return DispatchLink(url=url, person=made.person, expires_at=made.at + links.lasts, told=told)


@pages_router.get("/street.css")
async def style() -> Response:
    """The page's style; a policy without inline styles needs it apart."""
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "no-cache"})


@pages_router.get("/d/{token}")
def show(request: Request, token: Token, web: Web, lang: Spoken) -> HTMLResponse:
    """The page. Looking changes nothing: what fetches links to show a preview presses no buttons."""
    now = datetime.now(UTC)
    with web.pool.connection() as conn:
        found = dispatching.opened(conn, web.links, token, now)
        return _answer(request, conn, found, lang, now)


@pages_router.post("/d/{token}")
def press(
    request: Request,
    token: Token,
    web: Web,
    lang: Spoken,
    doing: Annotated[str, Form(max_length=20)] = "",
    outcome: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=4 * LONGEST_NOTE)] = "",
) -> Response:
    """One of the buttons: a change like any other, in the name of whom the link is for."""
    now = datetime.now(UTC)
    pressed = _pressed(doing, outcome, note)
    with web.pool.connection() as conn:
        if pressed is None:
            return _answer(
                request, conn, dispatching.opened(conn, web.links, token, now), lang, now, complaint="choose"
            )
        found = street.act(conn, web.rules.now(), web.links, token, pressed, lambda: datetime.now(UTC))
        if isinstance(found, street.Refused):
            log.warning("a step from the street was refused", reason=found.reason)
            found = dispatching.opened(conn, web.links, token, now)
            return _answer(request, conn, found, lang, now, complaint="again")
        if found is None or found.dead is not None:
            return _answer(request, conn, found, lang, now)
    return RedirectResponse(f"{request.url.path}?lang={lang}", status_code=303)


def _pressed(doing: str, outcome: str, note: str) -> Press | None:
    """The button that was pressed; None for one that we did not draw, or an end without an outcome."""
    said = note.replace("\x00", "").strip()[:LONGEST_NOTE] or None
    known: Outcome | None = next((one for one in get_args(Outcome) if one == outcome), None)
    if doing not in DOINGS or (doing == "done" and known is None):
        return None
    if doing == "done":
        return Press("done", known, said)
    return Press("coming" if doing == "coming" else "arrived")


def _answer(
    request: Request,
    conn: Connection,
    found: Opened | None,
    lang: Lang,
    now: datetime,
    *,
    complaint: Literal["choose", "again"] | None = None,
) -> HTMLResponse:
    if found is None:
        return _unknown(request, lang)
    site, grid, zone = rows.place_names(conn, found.incident.site, found.incident.grid)
    if found.dead is not None:
        return _dead(conn, found, lang, site, now)
    incident, person = found.incident, found.link.person
    view = View(
        incident=incident,
        person=person,
        site=site,
        grid=grid,
        zone=zone_of(zone),
        now=now,
        coming_at=rows.said_since(conn, incident.id, found.link.begin, person, ON_THE_WAY),
        notes=[Said(one["at"], one["actor"], one["note"]) for one in rows.notes_of(conn, incident.id, NOTES)],
        complaint=complaint,
    )
    status = {None: 200, "choose": 422, "again": 409}[complaint]
    return HTMLResponse(street_page.show(view, lang), status, headers=street_page.HEADERS)


def _dead(conn: Connection, found: Opened, lang: Lang, site: str, now: datetime) -> HTMLResponse:
    incident, person, by = found.incident, found.link.person, None
    if found.dead == "resolved" and (last := rows.last_of(conn, incident.id, "resolve")) is not None:
        by = None if last["actor"] == "system" else str(last["actor"])
    call = _whom_to_call(conn, found, now)
    page = street_page.dead(lang, site, found.dead, call, by, own=by == person)
    return HTMLResponse(page, 410, headers=street_page.HEADERS)


def _whom_to_call(conn: Connection, found: Opened, now: datetime) -> Sequence[str]:
    """Who has the incident; else who sent them; else who is on duty above the grids."""
    incident, person = found.incident, found.link.person
    sent = rows.last_of(conn, incident.id, "dispatch")
    for name in (incident.owner, None if sent is None else str(sent["actor"])):
        if name is not None and name != person:
            return (name,)
    duty = roster.of_site(conn, incident.site)
    return [
        name for name in duty.on_duty("community", None, now) or duty.on_duty("district", None, now) if name != person
    ]


def _unknown(request: Request, lang: Lang) -> HTMLResponse:
    """A token that we never signed: nobody guesses one, but whoever tries for long is slowed."""
    address = request.client.host if request.client else "unknown"
    with _tries_lock:
        wait = _tries.note(address, time.monotonic())
    if wait > 0:
        headers = street_page.HEADERS | {"Retry-After": str(math.ceil(wait))}
        return HTMLResponse(street_page.plain(lang, WORDS[lang]["busy"]), 429, headers=headers)
    return HTMLResponse(street_page.dead(lang, "", None, ()), 404, headers=street_page.HEADERS)
