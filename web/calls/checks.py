"""Buttons to look at: what is proposed and why, that it was done, and what became of each button's presses."""

from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request

from alerts import regular
from alerts.checks import press_of
from store import checks as stored
from store.reading import PAGE
from web.calls.picture import CursorAsked, SiteAsked
from web.cursors import all_at_once, page, read_cursor
from web.problems import Refusal, not_found, number_of
from web.services import calling
from web.wire import Page, Text
from web.wire_checks import DeviceCheck, DoneBody, PressShare, check_of

router = APIRouter(tags=["checks"])


@router.get("/checks", response_model=Page[DeviceCheck], summary="Buttons to look at")
def checks(request: Request, site: SiteAsked = None, cursor: CursorAsked = None) -> dict[str, Any]:
    """What is and was proposed, newest first; `done_at` is null while it waits."""
    before = read_cursor(cursor, int)
    with calling(request) as caller:
        found = stored.of_sites(caller.conn, caller.chosen(site), before=before, limit=PAGE + 1)
    return page([check_of(row) for row in found], PAGE, lambda last: int(last["id"]))


@router.get("/checks/buttons", response_model=Page[PressShare], summary="What became of each button's presses")
def shares(request: Request, site: SiteAsked = None) -> dict[str, Any]:
    """Every button that was pressed in the last 30 days, all at once."""
    since = datetime.now(UTC) - regular.LOOKED_BACK
    with calling(request) as caller:
        presses = stored.presses(caller.conn, since, caller.chosen(site))
    found = []
    for (of_site, device), group in groupby(presses, key=lambda one: (one.site, one.device)):
        found.append({"site": of_site, "device": device, **regular.share([press_of(one) for one in group])})
    return all_at_once(found)


@router.post("/checks/{check_id}/done", response_model=DeviceCheck, summary="Somebody has looked")
def done(request: Request, check_id: Text, body: DoneBody) -> dict[str, Any]:
    """Say what was found. It is proposed again only for what is pressed after this. 409: somebody else was first."""
    number, now = number_of(check_id, "check"), datetime.now(UTC)
    with calling(request) as caller:
        sites, name = caller.person.sites, caller.person.name
        finished = stored.finish(caller.conn, number, sites, name, body.note, now)
        row = stored.by_id(caller.conn, number, sites)
    if row is None:
        raise not_found("check")
    if not finished and (row["done_by"], row["note"]) != (name, body.note):
        raise Refusal(409, f"somebody was first: {row['done_by']} has looked already")
    return check_of(row)
