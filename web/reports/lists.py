"""The three lists, read page by page: 问题清单, 措施清单, 责任清单."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg import Connection

from alerts.responsibility import Move, stints
from store import report_lists
from store.report_lists import Span

Line = dict[str, Any]
ListName = Literal["problems", "measures", "responsibility"]
Connect = Callable[[], AbstractContextManager[Connection]]

BATCH = 2000  # lines that are read at once for a file: no connection is held while they are written


class ListKind(msgspec.Struct, frozen=True):
    """How a list is read: from behind a position, at most so many lines; and what the position of a line is."""

    read: Callable[[Connection, Span, Any, int], list[Line]]
    position: Callable[[Line], object]
    cursor: type


def _responsibility(conn: Connection, span: Span, before: tuple[int, int] | None, limit: int) -> list[Line]:
    """Who had the incidents that opened in a time; `before` is the incident and the line of it that was seen last."""
    lines: list[Line] = []
    up_to, seen = before or (None, 0)
    batch = limit // 2 + 1
    while len(lines) < limit:
        found = report_lists.timelines(conn, span, up_to, batch)
        for incident in found:
            lines += _lines(incident)[seen:]
            seen = 0
            up_to = int(incident["incident"]) - 1
        if len(found) < batch:
            break
    return lines[:limit]


def _lines(incident: Line) -> list[Line]:
    moves = msgspec.json.decode(incident["moves"] or "[]", type=list[Move])
    about = {name: value for name, value in incident.items() if name != "moves"}
    return [
        {**about, "line": line, **msgspec.structs.asdict(stint)} for line, stint in enumerate(stints(moves), start=1)
    ]


LISTS: dict[ListName, ListKind] = {
    "problems": ListKind(report_lists.problems, lambda line: int(line["incident"]), int),
    "measures": ListKind(report_lists.measures, lambda line: (line["at"], line["seq"]), tuple[datetime, int]),
    "responsibility": ListKind(_responsibility, lambda line: (int(line["incident"]), line["line"]), tuple[int, int]),
}


def whole(name: ListName, connect: Connect, span: Span) -> Iterator[Line]:
    """A list from its first line to its last, read in batches."""
    kind, before = LISTS[name], None
    while True:
        with connect() as conn:
            found = kind.read(conn, span, before, BATCH)
        yield from found
        if len(found) < BATCH:
            return
        before = kind.position(found[-1])
