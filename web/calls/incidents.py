"""Incidents: lists, one with everything about it, and a person's step."""

from datetime import UTC, datetime
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Query, Request

from alerts import steps
from alerts.lifecycle import Conflict, NotAllowed, Step, Verb
from store import incidents as stored
from store import reading
from store.reading import PAGE, Asked
from store.records import Incident as StoredIncident
from store.records import State, incident_wire
from web.calls.picture import CursorAsked, FromAsked, SiteAsked, ToAsked
from web.cursors import page, read_cursor
from web.problems import Refusal, not_found, number_of
from web.services import Caller, calling, services_of
from web.wire import Incident, IncidentDetail, Page, StepBody, Text

router = APIRouter(tags=["incidents"])

_STATES = get_args(State)


@router.get("/incidents", response_model=Page[Incident], summary="Incidents")
def incidents(
    request: Request,
    site: SiteAsked = None,
    state: Annotated[Text | None, Query(description="open, acknowledged, …; several with commas")] = None,
    grid: Annotated[Text | None, Query(description="this grid and those below it")] = None,
    kind: Annotated[Text | None, Query(description="press, intrusion, offline, …")] = None,
    opened_from: FromAsked = None,
    opened_to: ToAsked = None,
    cursor: CursorAsked = None,
) -> dict[str, Any]:
    """Incidents of my sites, newest first."""
    asked = Asked(
        states=_states(state),
        grid=grid,
        kind=kind,
        opened_from=opened_from,
        opened_to=opened_to,
        before=read_cursor(cursor, int),
    )
    with calling(request) as caller:
        found = reading.incidents(caller.conn, caller.chosen(site), asked, PAGE + 1)
    return page([incident_wire(incident) for incident in found], PAGE, lambda last: int(last["id"]))


def _states(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    states = tuple(text.split(","))
    if strange := [state for state in states if state not in _STATES]:
        raise Refusal(422, f"{strange[0]!r} is not a state: use {', '.join(_STATES)}, several with commas")
    return states


@router.get("/incidents/{incident_id}", response_model=IncidentDetail, summary="One incident with everything about it")
def incident(request: Request, incident_id: Text) -> dict[str, Any]:
    """An incident, its timeline, the alarms and events it is made of, and the cameras that see its place."""
    with calling(request) as caller:
        found = visible(caller, incident_id)
        return incident_wire(found) | {
            "timeline": reading.timeline(caller.conn, found.id),
            "events": reading.events_of_incident(caller.conn, found),
            "contributions": reading.contributions(caller.conn, found),
        }


def visible(caller: Caller, incident_id: str) -> StoredIncident:
    """An incident of the caller's sites.

    Raises Refusal (404) for any other.
    """
    found = stored.by_id(caller.conn, number_of(incident_id, "incident"))
    if found is None or found.site not in caller.person.sites:
        raise not_found("incident")
    return found


@router.post("/incidents/{incident_id}/{verb}", response_model=Incident, summary="A person's step")
def take_step(request: Request, incident_id: Text, verb: Verb, body: StepBody) -> dict[str, Any]:
    """Take a step on an incident, with the version of it that you saw.

    409: somebody was first, that is, state or owner have changed since; the document says who has it now. 422: not a step
    that this state allows, or something it needs is missing. The same step sent again is answered as the first time.
    """
    step = Step(
        verb=verb,
        version=body.version,
        note=body.note or None,
        to=body.to or None,
        outcome=body.outcome,
        until=None if body.until is None else body.until.astimezone(UTC),
    )
    number = number_of(incident_id, "incident")
    web = services_of(request)
    rules = web.rules.now()
    with calling(request) as caller:
        result = steps.take(caller.conn, rules, number, step, caller.actor, _now, web.links)
    if isinstance(result, steps.NotTheirs):
        raise Refusal(403, result.reason)
    if isinstance(result, steps.NotFound):
        raise not_found("incident")
    if isinstance(result, Conflict):
        raise _somebody_was_first(result.incident)
    if isinstance(result, NotAllowed):
        raise Refusal(422, result.reason)
    return incident_wire(result.incident)


def _now() -> datetime:
    return datetime.now(UTC)


def _somebody_was_first(incident: StoredIncident) -> Refusal:
    has_it = f"{incident.owner} has it" if incident.owner else "nobody has it"
    return Refusal(
        409,
        f"somebody was first: the incident is {incident.state}, {has_it}",
        owner=incident.owner,
        state=incident.state,
        version=incident.version,
    )
