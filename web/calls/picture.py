"""The picture: sites, grids, devices, and what devices said."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from store import reading
from store.reading import PAGE, Window
from web.cursors import all_at_once, page, read_cursor
from web.problems import not_found
from web.services import calling
from web.wire import Device, Event, Grid, Page, Reject, Site, Text, Time, reject_of

router = APIRouter(tags=["picture"])

SiteAsked = Annotated[Text | None, Query(description="only this site; without it, all of mine")]
CursorAsked = Annotated[Text | None, Query(description="the `next` of the page before", max_length=1000)]
FromAsked = Annotated[Time | None, Query(alias="from", description="this moment and later")]
ToAsked = Annotated[Time | None, Query(alias="to", description="before this moment")]


@router.get("/sites", response_model=Page[Site], summary="My sites")
def sites(request: Request) -> dict[str, Any]:
    """Every site of mine, all at once."""
    with calling(request) as caller:
        return all_at_once(reading.sites(caller.conn, caller.person.sites))


@router.get("/grids", response_model=Page[Grid], summary="Grids with their polygons")
def grids(request: Request, site: SiteAsked = None) -> dict[str, Any]:
    """The grids of a site, or of all of mine, all at once."""
    with calling(request) as caller:
        return all_at_once(reading.grids(caller.conn, caller.chosen(site)))


@router.get("/devices", response_model=Page[Device], summary="Devices and how they are")
def devices(request: Request, site: SiteAsked = None) -> dict[str, Any]:
    """The devices of a site, or of all of mine, all at once."""
    with calling(request) as caller:
        return all_at_once(reading.devices(caller.conn, caller.chosen(site)))


@router.get("/devices/{site}/{device}", response_model=Device, summary="One device")
def device(request: Request, site: Text, device: Text) -> dict[str, Any]:
    """A device and how it is."""
    with calling(request) as caller:
        caller.chosen(site)
        found = reading.device(caller.conn, site, device)
    if found is None:
        raise not_found("device")
    return found


@router.get("/events", response_model=Page[Event], summary="What devices said")
def events(
    request: Request,
    site: SiteAsked = None,
    device: Annotated[Text | None, Query(description="only this device")] = None,
    arrived_from: FromAsked = None,
    arrived_to: ToAsked = None,
    cursor: CursorAsked = None,
) -> dict[str, Any]:
    """Events and alarms as stored, newest first by arrival. Without `device`, those of devices that are registered now."""
    before = read_cursor(cursor, tuple[datetime, str, str, str, str])
    window = Window(device=device, arrived_from=arrived_from, arrived_to=arrived_to, before=before)
    with calling(request) as caller:
        found = reading.events(caller.conn, caller.chosen(site), window, PAGE + 1)
    return page(found, PAGE, reading.position)


@router.get("/rejects", response_model=Page[Reject], summary="What was refused, and why")
def rejects(request: Request, site: SiteAsked = None, cursor: CursorAsked = None) -> dict[str, Any]:
    """Messages that could not be made events, newest first. An admin who names no site sees also those of no site."""
    before = read_cursor(cursor, int)
    with calling(request) as caller:
        nobodys = caller.person.role == "admin" and site is None
        found = reading.rejects(caller.conn, caller.chosen(site), nobodys=nobodys, before=before, limit=PAGE + 1)
    return page([reject_of(row) for row in found], PAGE, lambda last: last["id"])
