"""What was told of an incident outside of the console: to whom, when, and what became of it."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from store import deliveries
from store.notices import Why
from store.records import Tier
from web.calls.incidents import visible
from web.cursors import all_at_once
from web.services import calling
from web.wire import Page, Text, Wire

router = APIRouter(tags=["incidents"])

NoticeState = Literal["waiting", "sending", "sent", "failed", "spared", "unaddressed"]


class IncidentNotice(Wire):
    """A notice of an incident on its way to one channel or one person."""

    id: str
    why: Why
    tier: Tier | None
    noticed_at: datetime = Field(description="when it was put into the outbox")
    channel: str | None
    person: str | None = Field(description="a log-in name")
    instead_of: str | None = Field(description="the channel that failed, so that this one was taken")
    digest: bool = Field(description="it went with others in one message")
    state: NoticeState = Field(
        description="`spared`: somebody had taken it by then; `unaddressed`: no channel or contact was there"
    )
    tries: int
    done_at: datetime | None
    error: str | None = Field(description="what the service said last, when it did not take it")


@router.get(
    "/incidents/{incident_id}/notices",
    response_model=Page[IncidentNotice],
    summary="What was told of an incident outside of the console",
)
def notices(request: Request, incident_id: Text) -> dict[str, Any]:
    """Everything that was sent for an incident or waits to be, newest first, all at once."""
    with calling(request) as caller:
        found = visible(caller, incident_id)
        return all_at_once(deliveries.of_incident(caller.conn, found.id))
