"""What goes over HTTP, as types: answers, bodies and problem documents. The OpenAPI document is made of these."""

import base64
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.types import AwareDatetime

from devices.registry import Kind
from store.people import Role
from store.records import Outcome, Priority, Purpose, Quiet, State, Tier

T = TypeVar("T")
DeviceState = Literal["online", "offline", "fault", "unknown"]


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError("holds a sign that can't be stored (U+0000 or half of a surrogate pair)")
    return text


def _plus_kept(text: object) -> object:
    # in a query string an unescaped + is a blank: "…T08:00:00 08:00" was meant as a zone
    return text.replace(" ", "+") if isinstance(text, str) and "T" in text else text


Text = Annotated[str, AfterValidator(_storable)]
Time = Annotated[AwareDatetime, BeforeValidator(_plus_kept)]


class Wire(BaseModel):
    """The base of all: unknown fields of a body are passed over, so that an old server understands a newer console."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Page(Wire, Generic[T]):
    """One page of a list, newest first; `next` is the `cursor` of the page behind it, null when this is the last."""

    items: list[T]
    next: str | None = None


class Site(Wire):
    """One community. `invented`: a sample that shows no real place."""

    site: str
    name: str
    timezone: str
    lat: float | None
    lon: float | None
    invented: bool


class Grid(Wire):
    """A polygon of a site with its grid officer; `geometry` is GeoJSON in WGS-84, `parent` makes a tree."""

    site: str
    grid: str
    parent: str | None
    name: str
    officer: str | None
    geometry: dict[str, Any]


class Device(Wire):
    """A camera, a button or a gateway, and how it is. `bearing` and `fov` are degrees, `range` metres, `battery` percent.

    `last_proven` is when it last proved itself end to end: a button by a press or a test, a camera by an event. `clock_skew`
    is how many seconds its clock was ahead of ours when it last said its time. `registered: false`: nobody registered the
    name.
    """

    site: str
    device: str
    kind: Kind
    name: str
    grid: str | None
    lat: float | None
    lon: float | None
    bearing: float | None
    fov: float | None
    range: float | None
    registered: bool
    via: str | None
    native: str | None
    state: DeviceState
    last_seen: datetime | None
    last_proven: datetime | None
    battery: float | None
    clock_skew: float | None


class Place(Wire):
    """Where it is: degrees in WGS-84, and the words for it."""

    lat: float | None
    lon: float | None
    address: str | None


class CameraView(Wire):
    """A camera that sees the place; `score` is 0..1."""

    device: str
    score: float


class Incident(Wire):
    """What a person must answer. `version` counts changes of state or owner; `count` the presses or events joined to it."""

    id: str
    site: str
    grid: str | None
    kind: str = Field(description="`press`, a kind of event, `offline`, `fault` or `unusual`")
    priority: Priority
    state: State
    title: str
    opened_at: datetime
    updated_at: datetime
    cancelled_at: datetime | None
    arrived_at: datetime | None
    version: int
    count: int
    device: str | None
    place: Place
    owner: str | None = Field(description="a log-in name")
    tier: Tier
    deadline: datetime | None
    outcome: Outcome | None
    cameras: list[CameraView] = Field(description="nearest first")
    parts: list[str] = Field(description="every device that contributed, in order of arrival")
    answered_at: datetime | None = Field(description="when a person first had it")
    dispatched_to: str | None = Field(description="who was sent last")
    quiet: Quiet | None = Field(description="why it neither sounds nor sends notices; null: it does")
    shelved_until: datetime | None
    shelved_by: str | None
    drill: bool = Field(description="an exercise: shown as such, and in no statistics")


class TimelineEntry(Wire):
    """A change of an incident; `actor` is a log-in name, `device:NAME` or `system`. `seq` counts the changes of its site."""

    seq: int
    at: datetime
    actor: str
    verb: str
    note: str | None


class Event(Wire):
    """What a device said, as stored. Of an alarm, `kind` is its action (press, cancel, test) and `phase` is instant."""

    site: str
    device: str
    id: str
    kind: str
    phase: Literal["start", "update", "end", "instant"]
    track: str | None
    confidence: float | None
    ts: datetime | None = Field(description="the device's own clock, which may be wrong")
    received_at: datetime
    incident: str | None
    attrs: dict[str, Any] | None


class Contribution(Wire):
    """What a device contributed to an incident: how many messages of a kind, from when to when. `count` 0: its silence."""

    device: str
    kind: str
    count: int
    first_at: datetime | None
    last_at: datetime | None


class IncidentDetail(Incident):
    """An incident with its whole timeline, the alarms and events it is made of, each in order, and what each device
    contributed.
    """

    timeline: list[TimelineEntry]
    events: list[Event]
    contributions: list[Contribution]


class Reject(Wire):
    """A message that was refused, and why; the first 4 KiB of it, `size` is what came."""

    site: str | None
    device: str | None
    topic: str
    reason: str
    payload_base64: str
    size: int
    received_at: datetime


class Me(Wire):
    """Who is logged in, which sites are theirs, and what they may do."""

    name: str
    role: Role
    sites: list[str]
    may: list[str]


class LogIn(BaseModel):
    """The body of a log-in."""

    name: Text = Field(max_length=256)
    password: Text = Field(max_length=1024)


class StepBody(BaseModel):
    """A person's step. `version` is the one they saw; `to` is needed by assign and dispatch, `outcome` by resolve, `note` by
    escalate, reopen, shelve and taking over from somebody, `until` by shelve.
    """

    version: int = Field(ge=0, lt=2**31)
    note: Text | None = Field(None, max_length=2000)
    to: Text | None = Field(None, max_length=64)
    outcome: Outcome | None = None
    until: Time | None = None


class ShownIncident(BaseModel):
    """An incident that is on the screen, as of the change `seq` of its site."""

    incident: Text = Field(pattern=r"^[0-9]{1,18}$")
    seq: int = Field(ge=0, lt=2**63)


class ShownBody(BaseModel):
    """What a console has put on its screen."""

    items: list[ShownIncident] = Field(max_length=500)


class Window(Wire):
    """A time of maintenance (cameras and silence are quiet, presses never) or of a drill (shown as one, in no statistics).

    With `grid` it holds there and in the grids in it, with `device` for that device, with neither for the whole site.
    """

    id: str
    site: str
    purpose: Purpose
    grid: str | None
    device: str | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_by: str
    made_at: datetime
    ended_by: str | None


class WindowBody(BaseModel):
    """A window to make; without `starts_at` it begins now."""

    site: Text
    purpose: Purpose
    grid: Text | None = None
    device: Text | None = None
    starts_at: Time | None = None
    ends_at: Time
    reason: Text = Field(min_length=1, max_length=500)


class Flood(Wire):
    """An officer has more new incidents than they can answer (ISA-18.2), since then."""

    name: str
    since: datetime
    peak: int


class Problem(Wire):
    """An error as RFC 9457 writes it. A 409 also says who was first: `owner`, `state` and `version` as they are now."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    owner: str | None = None
    state: State | None = None
    version: int | None = None


class Check(Wire):
    """One thing that must be right for the system to do its work."""

    ok: bool
    warning: bool = Field(default=False, description="not ok, but the system does its work all the same")
    reason: str | None = Field(None, description="what is wrong, and what to do")


class Readiness(Wire):
    """Whether the system can do its work."""

    ready: bool
    checks: dict[str, Check]


class Alive(Wire):
    """This process lives."""

    alive: Literal[True] = True


def reject_of(row: dict[str, Any]) -> dict[str, Any]:
    """A reject's row as it goes over the wire."""
    return {**row, "payload_base64": base64.b64encode(row["payload"]).decode()}
