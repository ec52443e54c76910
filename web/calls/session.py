"""Logging in and out, by password and by a one-time link; and who somebody is."""

import math
from datetime import timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from store import people
from store.people import Person, Role
from web import pages, passwords
from web.problems import Refusal
from web.services import COOKIE, Services, Web, calling, services_of
from web.wire import LogIn, Me

log = structlog.get_logger(__name__)
router = APIRouter(tags=["session"])
pages_router = APIRouter(include_in_schema=False)

FAILURES = 10
WINDOW = timedelta(minutes=1)
PATIENCE = 5.0  # seconds to wait for a turn

_OFFICER = ["see", "step"]
MAY: dict[Role, list[str]] = {
    "officer": _OFFICER,
    "lead": [*_OFFICER, "shelve", "people", "shifts", "reports"],
    "admin": [*_OFFICER, "shelve", "people", "shifts", "reports", "admin"],
}


@router.post("/session", response_model=Me, summary="Log in")
def log_in(body: LogIn, request: Request, response: Response, web: Web) -> Me:
    """Log in by name and password; the session is a cookie. 401: not these two. 429: too many tries in a minute."""
    address = request.client.host if request.client else "unknown"
    _refuse_too_many(web, body.name, address)
    if not passwords.TURNS.acquire(timeout=PATIENCE):
        raise Refusal(503, "too many are logging in at once: try again", headers={"Retry-After": "2"})
    try:
        right = _password_is_right(web, body, address)
    finally:
        passwords.TURNS.release()
    if not right:
        log.warning("log-in failed", address=address)
        raise Refusal(401, "name or password is wrong")
    with web.pool.connection() as conn:
        person = people.find(conn, body.name)
        if person is None:
            raise Refusal(401, "name or password is wrong")
        token = people.open_session(conn, body.name, timedelta(hours=web.settings.session_hours))
    _give_cookie(response, token, web)
    return _me(person)


def _refuse_too_many(web: Services, name: str, address: str) -> None:
    with web.pool.connection() as conn:
        failed, wait = people.login_failures(conn, name, address, WINDOW)
    if failed >= FAILURES:
        seconds = str(max(1, math.ceil(wait)))
        raise Refusal(429, f"too many failed log-ins: try again in {seconds} s", headers={"Retry-After": seconds})


def _password_is_right(web: Services, body: LogIn, address: str) -> bool:
    _refuse_too_many(web, body.name, address)  # again: those who waited for their turn have seen others fail
    with web.pool.connection() as conn:
        kept = people.password_hash_of(conn, body.name)
    if passwords.matches(kept, body.password):
        return True
    with web.pool.connection() as conn:
        people.note_login_failure(conn, body.name, address)
    return False


@router.delete("/session", status_code=204, summary="Log out")
def log_out(request: Request, response: Response) -> None:
    """End the session, its cookie and the live feeds that hang on it."""
    with calling(request) as caller:
        people.end_session(caller.conn, caller.token_hash)
    services_of(request).live.end_session(caller.token_hash)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


@router.get("/me", response_model=Me, summary="Who am I, and what may I do")
def me(request: Request) -> Me:
    """The person of this session."""
    with calling(request) as caller:
        return _me(caller.person)


def _me(person: Person) -> Me:
    return Me(name=person.name, role=person.role, sites=list(person.sites), may=MAY[person.role])


def _give_cookie(response: Response, token: str, web: Services) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=round(web.settings.session_hours * 3600),
        path="/",
        httponly=True,
        samesite="strict",
        secure=web.https,
    )
    response.headers["Cache-Control"] = "no-store"


Token = Annotated[str, Path(max_length=200)]


@pages_router.get("/page.css")
async def page_style() -> Response:
    """The style of the pages that are not the console's; a policy without inline styles needs it apart."""
    return Response(pages.STYLE, media_type="text/css", headers={"Cache-Control": "no-cache"})


@pages_router.get("/login/{token}")
def link_page(token: Token) -> HTMLResponse:  # noqa: ARG001 - looking at a link must not spend it, so it is not looked up
    """A page with a button: what fetches links to show a preview doesn't press buttons."""
    return HTMLResponse(pages.login_button(), headers=pages.HEADERS)


@pages_router.post("/login/{token}")
def spend_link(token: Token, web: Web) -> Response:
    """Spend a one-time link: a session, and on to the console."""
    with web.pool.connection() as conn:
        name = people.spend_login_link(conn, token)
        session = name and people.open_session(conn, name, timedelta(hours=web.settings.session_hours))
    if session is None:
        return HTMLResponse(pages.link_spent(), status_code=410, headers=pages.HEADERS)
    response = RedirectResponse("/", status_code=303)
    _give_cookie(response, session, web)
    return response
