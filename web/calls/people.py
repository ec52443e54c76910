"""People of a site, nearest first, and what a lead manages of them: posts and shifts."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request

from alerts.duty import Roster, shift_fault
from store import duty, feed
from store.people import PeopleError
from web import roster
from web.calls.picture import SiteAsked
from web.cursors import all_at_once
from web.problems import Refusal, not_found
from web.services import Caller, calling
from web.wire import Page, Text
from web.wire_people import PostsBody, Shift, ShiftBody, Staff

router = APIRouter(tags=["people"])

_FAR = 1_000_000
ThisSite = Annotated[Text, Query(description="this site")]
Near = Annotated[Text | None, Query(description="those with a post at this grid come first, then up the tree")]


@router.get("/people", response_model=Page[Staff], summary="Who works for a site")
def people(request: Request, site: ThisSite, grid: Near = None) -> dict[str, Any]:
    """Everybody of a site with posts and shifts, on duty now or not; nearest to the grid first, then who is on duty."""
    with calling(request) as caller:
        caller.chosen(site)
        return all_at_once(_staff(caller, site, grid))


@router.put("/people/{site}/{name}", response_model=Staff, summary="Give a person posts (leads)")
def put_posts(request: Request, site: Text, name: Text, body: PostsBody) -> dict[str, Any]:
    """Let a person have just these posts at a site."""
    with calling(request) as caller:
        _must_lead(caller, site)
        try:
            duty.remove_posts(caller.conn, site, name)
            for post in body.posts:
                duty.add_post(caller.conn, duty.Post(site=site, name=name, tier=post.tier, grid=post.grid))
        except PeopleError as exc:
            raise Refusal(422, str(exc)) from exc
        found = next((one for one in _staff(caller, site, None) if one["name"] == name), None)
        if found is None:
            raise not_found("person")
        return found


@router.delete("/people/{site}/{name}", status_code=204, summary="Take a person off posts and shifts (leads)")
def take_off(request: Request, site: Text, name: Text) -> None:
    """Take away all posts and shifts that a person has at a site; their log-in stays as it is."""
    with calling(request) as caller:
        _must_lead(caller, site)
        if duty.remove_posts(caller.conn, site, name) + duty.leave_shifts(caller.conn, site, name) == 0:
            raise not_found("person with posts or shifts")


@router.get("/shifts", response_model=Page[Shift], summary="Shifts")
def shifts(request: Request, site: SiteAsked = None) -> dict[str, Any]:
    """The shifts of a site, or of all of mine."""
    with calling(request) as caller:
        return all_at_once([msgspec.to_builtins(one) for one in duty.shifts(caller.conn, caller.chosen(site))])


@router.put("/shifts/{site}/{shift}", response_model=Shift, summary="Make or change a shift (leads)")
def put_shift(request: Request, site: Text, shift: Text, body: ShiftBody) -> dict[str, Any]:
    """Store a whole shift, in the place of one of that name."""
    given = duty.Shift(
        site=site, shift=shift, hours=body.hours, days=tuple(sorted(set(body.days))), members=tuple(body.members)
    )
    with calling(request) as caller:
        _must_lead(caller, site)
        if (fault := shift_fault(given)) is not None:
            raise Refusal(422, fault)
        try:
            duty.put_shift(caller.conn, given)
        except PeopleError as exc:
            raise Refusal(422, str(exc)) from exc
        stored = duty.find_shift(caller.conn, site, shift)
    return msgspec.to_builtins(stored)  # type: ignore[no-any-return]


@router.delete("/shifts/{site}/{shift}", status_code=204, summary="Remove a shift (leads)")
def remove_shift(request: Request, site: Text, shift: Text) -> None:
    """Remove a shift; its members are then always on duty, unless another shift has them."""
    with calling(request) as caller:
        _must_lead(caller, site)
        if not duty.remove_shift(caller.conn, site, shift):
            raise not_found("shift")


def _must_lead(caller: Caller, site: str) -> None:
    caller.chosen(site)
    caller.must_lead("people and shifts are managed by a lead: ask yours")


def _staff(caller: Caller, site: str, grid: str | None) -> list[dict[str, Any]]:
    known = roster.of_site(caller.conn, site)
    now = feed.clock(caller.conn)
    found = [
        _person(row, known, grid) | {"on_duty": known.works(row["name"], now)} for row in duty.staff(caller.conn, site)
    ]
    return sorted(
        found,
        key=lambda one: (_FAR if one["steps_away"] is None else one["steps_away"], not one["on_duty"], one["name"]),
    )


def _person(row: dict[str, Any], known: Roster, grid: str | None) -> dict[str, Any]:
    name = row["name"]
    return row | {
        "posts": [{"tier": post.tier, "grid": post.grid} for post in known.posts if post.name == name],
        "shifts": [shift.shift for shift in known.shifts if name in shift.members],
        "steps_away": known.steps_away(name, grid),
    }
