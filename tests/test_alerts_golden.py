"""A night written by hand, with all that can happen in it, gives the incidents and steps that a person has read and agreed to.

tests/data/golden_night.jsonl is the night: what devices say, what consoles show and what people do, by the site's clock.
tests/data/golden_night.expected.txt is what must come of it. To write that anew after a change that is meant:

    GOLDEN=write .venv/bin/python -m pytest tests/test_alerts_golden.py

and read the difference (`git diff tests/data`) before it is committed.
"""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from replaying import LEAD, Replay

from devices import siteplan
from devices.feed import Record
from store import windows
from store.records import Window

DATA = Path(__file__).parent / "data"
EXPECTED = DATA / "golden_night.expected.txt"
ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 3, 2, 22, 0, tzinfo=ZONE)


def offset(clock: str) -> float:
    """Seconds from 22:00 to a time of the night."""
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return ((hours - 22) % 24) * 3600 + minutes * 60 + seconds


class Night:
    """The night's lines: messages for the feed, and the rest as things done at their moments."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self.headings: list[tuple[datetime, str]] = []
        self.records: list[Record] = []
        for number, text in enumerate((DATA / "golden_night.jsonl").read_bytes().splitlines()):
            line = orjson.loads(text)
            at = offset(line["at"])
            if "topic" in line:
                self.records.append(Record(at, line["topic"], orjson.dumps(line["payload"])))
            elif "heading" in line:
                self.headings.append((self._moment(at), line["heading"]))
            else:
                replay.plan(self._moment(at), (number,), self._action(line))

    @staticmethod
    def _moment(at: float) -> datetime:
        return BEGIN + timedelta(seconds=at)

    def _action(self, line: dict[str, Any]) -> Callable[[datetime], None]:
        replay = self._replay
        if "shown" in line:
            return lambda at: self._show(line["shown"], at)
        if "mute" in line:
            return lambda _at: replay.mute(*line["mute"])
        if "speak" in line:
            return lambda _at: replay.unmute(*line["speak"])
        if "window" in line:
            return lambda at: self._window(line["window"], at)
        given = {name: line[name] for name in ("note", "to", "outcome") if name in line}
        return lambda at: replay.step(self._newest(line["of"]), line["person"], at, line["verb"], **given)

    def _show(self, keys: list[str], at: datetime) -> None:
        for key in keys:
            self._replay.show(self._newest(key), at)

    def _newest(self, key: str) -> int:
        row = self._replay.conn.execute("SELECT max(id) FROM incidents WHERE join_key = %s", (key,)).fetchone()
        assert row is not None
        assert row[0] is not None, key
        return int(row[0])

    def _window(self, given: dict[str, Any], at: datetime) -> None:
        window = Window(
            id=0, site=self._replay.site, purpose=given["purpose"], grid=given.get("grid"), device=given.get("device"),
            starts_at=at, ends_at=self._moment(offset(given["until"])), reason=given["reason"], made_by=LEAD, made_at=at,
        )  # fmt: skip
        self._replay.windows += (windows.add(self._replay.conn, window),)
        self._replay.conn.commit()


def told(replay: Replay, headings: list[tuple[datetime, str]]) -> str:
    """What came of it, for a person to read: each incident with its timeline, under the heading it belongs to."""
    rows = replay.conn.execute(
        "SELECT id, opened_at, kind, priority, coalesce(grid, '-'), title, count, state, outcome, tier, quiet,"
        " array_to_string(devices, ' ') FROM incidents ORDER BY opened_at, kind, device, title"
    ).fetchall()
    lines: list[str] = []
    coming = list(headings)
    for incident, opened_at, kind, priority, grid, title, count, state, outcome, tier, quiet, devices in rows:
        while coming and coming[0][0] <= opened_at:
            lines.append(f"\n# {clock(coming[0][0])} {coming.pop(0)[1]}")
        lines.append(f"{clock(opened_at)} {kind} {priority} in {grid}: {title}")
        lines.append(f"    {devices or '-'} · count {count} · {tier} · {state} {outcome or ''} {quiet or ''}".rstrip())
        lines += [f"    {line}" for line in timeline(replay, incident)]
    lines += [f"\n# {clock(at)} {heading}" for at, heading in coming]
    return "\n".join(lines).strip() + "\n"


def timeline(replay: Replay, incident: int) -> Iterator[str]:
    rows = replay.conn.execute(
        "SELECT seq, verb, actor, note, body->>'tier', body->>'owner' FROM changes WHERE incident = %s ORDER BY seq",
        (incident,),
    ).fetchall()
    before: tuple[Any, Any] = ("grid", None)
    for seq, verb, actor, note, tier, owner in rows:
        moved = [
            f"→ {after}" if after else "→ nobody"
            for was, after in zip(before, (tier, owner), strict=True)
            if was != after
        ]
        before = (tier, owner)
        yield " ".join([clock(replay.seen[seq]), verb, "by", actor, *moved, *([f"「{note}」"] if note else [])])


def clock(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%H:%M:%S}"


@pytest.fixture
def night(database: str) -> Iterator[tuple[Replay, Night]]:
    replay = Replay(database, siteplan.read_plan(DATA / "golden_site.geojson"), BEGIN, scripted=False)
    yield replay, Night(replay)
    replay.close()


def test_the_golden_night(night: tuple[Replay, Night]) -> None:
    replay, written = night
    replay.run(written.records, offset("04:00:00"))
    found = told(replay, written.headings)
    if os.environ.get("GOLDEN") == "write":
        EXPECTED.write_text(found, "utf-8")
    assert found == EXPECTED.read_text("utf-8")
