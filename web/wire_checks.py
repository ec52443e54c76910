"""Proposals that somebody look at a button, as they go over HTTP."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from web.wire import Text, Wire


class DeviceCheck(Wire):
    """A proposal that somebody look at a button; it keeps nothing quiet. `figures` is what it rests on.

    `regular-hours`: it fires at the same time of day, mostly for nothing. `low-battery`: its battery is low, and its presses
    came to nothing.
    """

    id: str
    site: str
    device: str
    reason: Literal["regular-hours", "low-battery"]
    figures: dict[str, Any]
    proposed_at: datetime
    done_at: datetime | None = Field(description="when somebody had looked; null: it waits")
    done_by: str | None
    note: str | None = Field(description="what they found")


class DoneBody(BaseModel):
    """What was found at the button."""

    note: Text = Field(min_length=1, max_length=2000)


class PressShare(Wire):
    """What became of a button's presses of the last 30 days, exercises left out. It says something of the device and its
    place, nothing of who pressed.
    """

    site: str
    device: str
    presses: int
    cancelled: int = Field(description="taken back by the resident")
    false: int
    test: int
    real: int
    share: float | None = Field(description="those that came to nothing, of those of which it is known; null: of none")


def check_of(row: dict[str, Any]) -> dict[str, Any]:
    """A proposal's row as it goes over the wire."""
    return {**row, "id": str(row["id"])}
