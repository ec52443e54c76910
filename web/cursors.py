"""Where a list goes on: the position of its last item, written so that nobody builds on what is inside. Pure."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")
Row = dict[str, Any]


class BadCursor(Exception):
    """Not a cursor that we wrote."""


def write_cursor(position: object) -> str:
    """A position as text that fits into a URL as it is."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


@overload
def read_cursor(text: None, kind: type[T]) -> None: ...
@overload
def read_cursor(text: str, kind: type[T]) -> T: ...
@overload
def read_cursor(text: str | None, kind: type[T]) -> T | None: ...
def read_cursor(text: str | None, kind: type[T]) -> T | None:
    """The position again; None for no text.

    Raises BadCursor for what we never wrote.
    """
    if text is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as exc:
        raise BadCursor("the cursor can't be read: give the `next` of the page before, as it was") from exc


def page(found: list[Row], limit: int, position: Callable[[Row], object]) -> dict[str, Any]:
    """One page of a list of which `limit` + 1 items were asked for: whether that one came says if there is more."""
    items = found[:limit]
    return {"items": items, "next": write_cursor(position(items[-1])) if len(found) > limit else None}


def all_at_once(items: list[Row]) -> dict[str, Any]:
    """A list that has no second page."""
    return {"items": items, "next": None}
