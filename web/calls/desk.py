"""What a console says of itself and sets for others: what it shows, windows of maintenance and drills, floods."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from store import floods, registry, shown, windows
from store.records import Window as StoredWindow
from web.calls.picture import SiteAsked
from web.cursors import all_at_once
from web.flooded import seen_by
from web.problems import Refusal, not_found, number_of
from web.services import calling
from web.wire import Flood, Page, ShownBody, Text, Window, WindowBody

router = APIRouter(tags=["desk"])

LONGEST = timedelta(days=30)
_LEADS = "maintenance and drills are set by a lead: ask yours"
PAST = timedelta(days=7)  # windows that ended within are still listed


@router.post("/shown", status_code=204, response_class=Response, summary="These incidents are on my screen")
def report_shown(request: Request, body: ShownBody) -> None:
    """A console reports what it has really put on a screen. A press that none reports in time goes up at once."""
    told = {int(one.incident): one.seq for one in body.items}
    with calling(request) as caller:
        shown.report(caller.conn, caller.person.sites, told, datetime.now(UTC))


@router.get("/windows", response_model=Page[Window], summary="Maintenance and drills")
def list_windows(request: Request, site: SiteAsked = None) -> dict[str, Any]:
    """Windows that run, are to come, or ended within a week; the newest first, all at once."""
    with calling(request) as caller:
        found = windows.of_sites(caller.conn, caller.chosen(site), datetime.now(UTC) - PAST)
    return all_at_once([_wire(one) for one in found])


@router.post("/windows", status_code=201, response_model=Window, summary="Begin maintenance or a drill")
def add_window(request: Request, body: WindowBody) -> dict[str, Any]:
    """Make a window; for leads. Every part takes it up within a second."""
    now = datetime.now(UTC)
    starts, ends = (body.starts_at or now).astimezone(UTC), body.ends_at.astimezone(UTC)
    if ends <= max(starts, now) or ends - starts > LONGEST:
        raise Refusal(422, f"a window ends after it begins, in the future, and lasts at most {LONGEST.days} days")
    with calling(request) as caller:
        caller.must_lead(_LEADS)
        caller.chosen(body.site)
        known = registry.load(caller.conn)
        if body.grid is not None and (body.site, body.grid) not in known.grids:
            raise not_found("grid")
        if body.device is not None and (body.site, body.device) not in known.devices:
            raise not_found("device")
        made = StoredWindow(
            id=0,
            site=body.site,
            purpose=body.purpose,
            grid=body.grid,
            device=body.device,
            starts_at=starts,
            ends_at=ends,
            reason=body.reason,
            made_by=caller.person.name,
            made_at=now,
        )
        return _wire(windows.add(caller.conn, made))


@router.post("/windows/{window_id}/end", response_model=Window, summary="End maintenance or a drill now")
def end_window(request: Request, window_id: Text) -> dict[str, Any]:
    """End a window that runs, or take back one that is to come; for leads."""
    number = number_of(window_id, "window")
    with calling(request) as caller:
        caller.must_lead(_LEADS)
        ended = windows.end(caller.conn, number, caller.person.sites, caller.person.name, datetime.now(UTC))
    if ended is None:
        raise not_found("window")
    return _wire(ended)


@router.get("/floods", response_model=Page[Flood], summary="Who is in a flood")
def list_floods(request: Request) -> dict[str, Any]:
    """Officers who have more than they can answer: for a lead those of their sites, for an officer themselves."""
    with calling(request) as caller:
        seen = seen_by(caller.person, floods.current(caller.conn).values())
    return all_at_once([msgspec.structs.asdict(one) for one in seen])


def _wire(window: StoredWindow) -> dict[str, Any]:
    return msgspec.structs.asdict(window) | {"id": str(window.id)}
