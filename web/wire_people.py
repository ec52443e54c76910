"""What goes over HTTP of people: posts, shifts, links of dispatched people, handovers."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from store.people import Role
from store.records import Priority, Purpose, State, Tier
from web.wire import DeviceState, Text, Wire

Name = Annotated[Text, Field(min_length=1, max_length=64)]


class Post(Wire):
    """A person's place: at one grid, or at a tier above the grids (`grid` null)."""

    tier: Tier
    grid: str | None = Field(None, max_length=200)


class Staff(Wire):
    """Somebody who works for a site. Whether a contact is known is told, the contact never."""

    name: str
    role: Role
    posts: list[Post]
    shifts: list[str] = Field(description="in none: always on duty")
    on_duty: bool = Field(description="it is their shift now")
    steps_away: int | None = Field(
        description="from the grid asked for to their post, up the tree; null: not on that way"
    )
    reachable: bool = Field(description="a contact of theirs is known")


class PostsBody(Wire):
    """All posts of a person at a site, in the place of those they had."""

    posts: list[Post] = Field(max_length=200)


class Shift(Wire):
    """`hours` of the site's own time, the end not included, over midnight where it ends before it begins; `days` (1 is
    Monday) are those it begins on.
    """

    site: str
    shift: str
    hours: str
    days: list[int]
    members: list[str]


class ShiftBody(Wire):
    """A whole shift, in the place of what it was."""

    hours: Text = Field(max_length=11, description='"22:00-06:00"')
    days: list[int] = Field([1, 2, 3, 4, 5, 6, 7], max_length=7, description="1 is Monday")
    members: list[Name] = Field(default_factory=list, max_length=500)


class DispatchLink(Wire):
    """The link of whoever is sent to an incident: to be read out or shown as QR. `told`: it was also sent to them."""

    url: str
    person: str
    expires_at: datetime
    told: bool


class SheetIncident(Wire):
    """An incident on a sheet of a handover, as it was then."""

    id: str
    title: str
    kind: str
    priority: Priority
    state: State
    tier: Tier
    grid: str | None
    opened_at: datetime
    owner: str | None
    dispatched_to: str | None
    deadline: datetime | None
    shelved_until: datetime | None
    shelved_by: str | None
    drill: bool


class SheetClaims(Wire):
    """What one person has."""

    owner: str
    incidents: list[SheetIncident]


class SheetWindow(Wire):
    """A maintenance or a drill that runs."""

    purpose: Purpose
    grid: str | None
    device: str | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_by: str


class SheetDevice(Wire):
    """A device that is faulty, offline or not proven."""

    device: str
    name: str
    grid: str | None
    state: DeviceState
    since: datetime | None
    last_seen: datetime | None
    last_proven: datetime | None


class SheetNote(Wire):
    """What a person wrote down on an incident that is not resolved."""

    incident: str
    title: str
    at: datetime
    actor: str
    note: str


class Sheet(Wire):
    """What is to be handed over at a site as of a moment."""

    site: str
    at: datetime
    claims: list[SheetClaims] = Field(description="by person")
    open: list[SheetIncident] = Field(description="nobody has them, and they are not shelved")
    shelved: list[SheetIncident]
    windows: list[SheetWindow]
    faulty: list[SheetDevice] = Field(description="offline or at fault")
    unproven: list[SheetDevice] = Field(description="buttons that never proved themselves, or not for `proven_days`")
    proven_days: int
    notes: list[SheetNote] = Field(description="newest first")


class HandoverBody(Wire):
    """A handover, signed by who sends it; `to` is the log-in name of who comes."""

    site: Text
    to: Name
    note: Text | None = Field(None, max_length=4000)
    proven_days: int = Field(30, ge=1, le=3650)


class Handover(Wire):
    """A signed sheet; `accepted_at` is when who comes signed it too, `moved` the claims that moved with it."""

    id: str
    site: str
    from_name: str
    to_name: str
    note: str | None
    signed_at: datetime
    accepted_at: datetime | None
    moved: list[str]
    sheet: Sheet
