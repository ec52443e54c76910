"""The handover of a shift: its draft, its two signatures, and those that were."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request

from alerts import handing_over
from store import handovers as stored
from store.handovers import Signed
from store.reading import PAGE
from web.calls.people import ThisSite
from web.calls.picture import CursorAsked, SiteAsked
from web.cursors import page, read_cursor
from web.problems import Refusal, not_found, number_of
from web.services import calling, services_of
from web.wire import Page, Text
from web.wire_people import Handover, HandoverBody, Sheet

router = APIRouter(tags=["handovers"])

ProvenDays = Annotated[int, Query(ge=1, le=3650, description="a button should have proved itself within so many days")]


@router.get("/handovers/draft", response_model=Sheet, summary="What is to be handed over now")
def draft(request: Request, site: ThisSite, proven_days: ProvenDays = 30) -> dict[str, Any]:
    """Claims by person, what nobody has, what is shelved, windows that run, devices to look after, and notes."""
    with calling(request) as caller:
        caller.chosen(site)
        return handing_over.draft(caller.conn, site, proven_days, _now())


@router.get("/handovers", response_model=Page[Handover], summary="Handovers")
def handovers(request: Request, site: SiteAsked = None, cursor: CursorAsked = None) -> dict[str, Any]:
    """The signed sheets of a site, or of all of mine, newest first."""
    with calling(request) as caller:
        found = stored.of_sites(caller.conn, caller.chosen(site), read_cursor(cursor, int), PAGE + 1)
    return page([_wire(one) for one in found], PAGE, lambda last: int(last["id"]))


@router.post("/handovers", response_model=Handover, status_code=201, summary="Sign for who goes")
def sign(request: Request, body: HandoverBody) -> dict[str, Any]:
    """Sign the sheet as it is now; it is kept like that for good. 422: nobody of that name works for the site."""
    with calling(request) as caller:
        caller.chosen(body.site)
        done = handing_over.sign(
            caller.conn, body.site, caller.person.name, body.to, body.note or None, body.proven_days, _now()
        )
    if isinstance(done, handing_over.Unsigned):
        raise Refusal(422, done.reason)
    return _wire(done)


@router.post("/handovers/{handover_id}/accept", response_model=Handover, summary="Sign for who comes")
def accept(request: Request, handover_id: Text) -> dict[str, Any]:
    """Sign for who comes, which only they may: the claims on the sheet move to them, each as an `assign`.

    What was taken over, given back or resolved meanwhile stays as it is. A second time is answered as the first.
    """
    number = number_of(handover_id, "handover")
    rules = services_of(request).rules.now()
    with calling(request) as caller:
        signed = stored.find(caller.conn, number)
        if signed is None or signed.site not in caller.person.sites:
            raise not_found("handover")
        if signed.to_name != caller.person.name:
            raise Refusal(403, f"this sheet is for {signed.to_name} to accept")
        done = handing_over.accept(caller.conn, rules, signed, _now)
    if isinstance(done, handing_over.Unsigned):
        raise Refusal(422, done.reason)
    return _wire(done)


def _wire(signed: Signed) -> dict[str, Any]:
    return msgspec.structs.asdict(signed) | {"id": str(signed.id), "moved": [str(one) for one in signed.moved]}


def _now() -> datetime:
    return datetime.now(UTC)
