"""A feed replayed into a real database by a clock of its own: ingest, the alert engine and the people who answer.

Nothing here waits: the clock jumps from one thing that can happen to the next. Messages go through `ingest.sorting` and
`ingest.writing`, the engine ticks on whole simulated seconds while something can be due, and people take their steps by a
script that a seed and the incident itself decide. What comes out is dumped without ids and without the database's clock, so
that two runs can be compared byte for byte.
"""

import hashlib
import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import orjson
from psycopg import Connection

from alerts import steps
from alerts.engine import Engine
from alerts.lifecycle import Step, Verb
from alerts.rules import Rules, load_rules
from alerts.steps import Actor
from alerts.windows import Windows
from devices import simulator
from devices.feed import Record
from devices.presses import PressWindow
from devices.registry import Device, Registry
from devices.scenarios import Scenario
from devices.siteplan import SitePlan
from ingest.incoming import Incoming
from ingest.life import SignsOfLife, note_signs
from ingest.rejects import Quota
from ingest.sorting import Sorted, sort
from ingest.writing import write
from store import incidents, registry, shown
from store.connect import connect
from store.device_states import SignOfLife, note_life
from store.records import Incident

SECOND = timedelta(seconds=1)
QUIET = timedelta(seconds=300)  # without anything due the engine still looks as often as this
WATCHING = timedelta(seconds=10)  # and this often while some device is silent and not told of
CLOSELY = timedelta(seconds=90)  # how long it does so after a device came or went
LIFE_EVERY = 30.0  # seconds between two signs of life of a device that lives
GRACE = timedelta(seconds=60)

Cut = Literal["whole", "each", "random"]
Action = Callable[[datetime], None]

OFFICERS = ("li", "wang")
LEAD = "zhao"


class Replay:
    """One run: a database, a clock, engines, people."""

    def __init__(
        self,
        url: str,
        plan: SitePlan,
        begin: datetime,
        *,
        seed: int = 1,
        engines: int = 1,
        at_once: bool = False,
        cut: Cut = "whole",
        rules: Rules | None = None,
        scripted: bool = True,
    ) -> None:
        self.url, self.begin, self.now = url, begin, begin
        self.rules = rules or load_rules()
        self.conn = self._connect()
        self.conn.execute(
            "INSERT INTO users (name, role) VALUES ('li', 'officer'), ('wang', 'officer'), ('zhao', 'lead')"
        )
        registry.import_site(self.conn, plan)
        self.site = plan.site.site
        self.conn.execute("INSERT INTO user_sites SELECT name, %s FROM users", (self.site,))
        self.conn.commit()
        self.known: Registry = registry.load(self.conn)
        self.conn.commit()
        self.windows: Windows = ()
        self._engines = [(Engine(lambda: self.rules, GRACE), self._connect()) for _ in range(engines)]
        self._at_once = at_once
        self._cut, self._cutting = cut, random.Random(seed)
        self._quota, self._presses, self._life = Quota(), PressWindow(), SignsOfLife()
        self._mute: set[str] = set()
        self._life_at = begin - timedelta(days=1)
        self._officers = Officers(self, seed) if scripted else None
        self._due: list[tuple[datetime, tuple[Any, ...], int, Action]] = []
        self._count = itertools.count()
        self._cursor = 0
        self.seen: dict[int, datetime] = {}  # when each change of the feed was made, by our clock
        self._ticked, self._soon, self._watched_until = begin, True, begin
        self.ticks = self.messages = 0

    def _connect(self) -> Connection:
        conn = connect(self.url, part="replay")
        conn.execute("SET synchronous_commit = off")  # a test's database has nothing to lose
        conn.commit()
        return conn

    def close(self) -> None:
        """Give all connections back."""
        for conn in (self.conn, *(conn for _, conn in self._engines)):
            conn.close()

    def plan(self, at: datetime, ref: tuple[Any, ...], action: Action) -> None:
        """Let something be done then; of what falls on one moment, `ref` says what comes first."""
        heapq.heappush(self._due, (at, ref, next(self._count), action))

    def run(self, records: Iterable[Record], seconds: float) -> None:
        """Play messages, people and ticks for so many seconds from the beginning."""
        end = self.begin + timedelta(seconds=seconds)
        coming = iter(records)
        record = next(coming, None)
        while True:
            tick = self._next_tick()
            act = self._due[0][0] if self._due else end
            until = min(tick, act, end)
            batch: list[Incoming] = []
            while record is not None and (at := self.begin + timedelta(seconds=record.at)) < until:
                batch.append(_live(record, at))
                if self._moves(record):  # what it opens may be due from the next second on
                    until = min(until, self._whole(at) + SECOND)
                record = next(coming, None)
            self.now = max(self.now, until)
            if batch:
                self._take_in(batch)
            elif act == until and act < end:
                _, _, _, action = heapq.heappop(self._due)
                action(act)
                self._look()
            elif tick == until and tick < end:
                self._tick(tick)
            else:
                return

    def _moves(self, record: Record) -> bool:
        channel = record.topic.rsplit("/", 1)[-1]
        if channel != "event":
            return channel != "telemetry"
        return any(f'"{kind}"'.encode() in record.payload for kind in self.rules.opens)

    def _whole(self, at: datetime) -> datetime:
        return self.begin + timedelta(seconds=math.floor((at - self.begin).total_seconds()))

    def _next_tick(self) -> datetime:
        row = self.conn.execute(
            "SELECT (SELECT min(due_at) FROM timers),"
            " EXISTS (SELECT FROM device_states WHERE NOT silence_told AND (state = 'offline' OR device = ANY(%s)))",
            (sorted(self._mute),),
        ).fetchone()
        self.conn.commit()
        assert row is not None
        first, watching = row[0], row[1] or self.now < self._watched_until
        found = [self._ticked + (WATCHING if watching else QUIET)]
        if first is not None:
            seconds = math.ceil((first - self.begin).total_seconds())
            found.append(max(self._ticked + SECOND, self.begin + timedelta(seconds=seconds)))
        if self._soon:
            found.append(self._ticked + SECOND)
        return max(min(found), self._whole(self.now + SECOND - timedelta(microseconds=1)))

    def _take_in(self, batch: list[Incoming]) -> None:
        if any(one.topic.endswith("/status") for one in batch):  # who goes now lived until now
            self._write_life(self._living(batch[0].received_at))
        for piece in self._pieces(batch):
            sorted_ = sort(piece, self.known, self._quota, self._presses)
            self.messages += len(piece)
            if not sorted_.empty:
                write(self.conn, sorted_, self.known, self.rules, self.windows)
                self.conn.commit()
            self._note_statuses(sorted_)
            note_signs(sorted_, self._life, self.known)
            self._write_life(self._life.take())
        self._look()

    def _pieces(self, batch: list[Incoming]) -> Iterator[Sequence[Incoming]]:
        if self._cut == "whole":
            yield batch
        elif self._cut == "each":
            yield from ([one] for one in batch)
        else:
            while batch:
                size = self._cutting.randint(1, 4)
                yield batch[:size]
                batch = batch[size:]

    def _note_statuses(self, sorted_: Sorted) -> None:
        for status, _ in sorted_.statuses:
            (self._mute.discard if status.online else self._mute.add)(status.device)
            self._watch(self.now)

    def _watch(self, now: datetime) -> None:
        """A device came or went: look closely for a while, until what silence or its end brings is settled."""
        self._soon, self._watched_until = True, now + CLOSELY

    def mute(self, *devices: str) -> None:
        """These devices say nothing more, as when their power is gone."""
        self._write_life(self._living(self.now))
        self._mute |= set(devices)

    def unmute(self, *devices: str) -> None:
        """They speak again."""
        self._mute -= set(devices)
        self._life_at = self.begin - timedelta(days=1)
        self._watch(self.now)

    def _living(self, now: datetime) -> list[SignOfLife]:
        """The newest sign of life of each device that lives; telemetry itself is spared."""
        found = []
        for (site, name), device in sorted(self.known.devices.items()):
            if device.kind != "gateway" and name not in self._mute:
                phase = _number(name) % 30_000 / 1000
                spoken = math.floor(((now - self.begin).total_seconds() - phase) / LIFE_EVERY) * LIFE_EVERY + phase
                found.append(SignOfLife(site, name, self.begin + timedelta(seconds=spoken)))
        return found

    def _write_life(self, signs: list[SignOfLife]) -> None:
        if signs:
            note_life(self.conn, signs)
            self.conn.commit()

    def _tick(self, now: datetime) -> None:
        self._soon = False
        if now - self._life_at >= timedelta(seconds=LIFE_EVERY):
            self._life_at = now
            self._write_life(self._living(now))
        self.conn.execute(
            "INSERT INTO parts (part, instance, started_at, ready_since, beat_at) VALUES ('ingest', 'one', %s, %s, %s)"
            " ON CONFLICT (part, instance) DO UPDATE SET beat_at = excluded.beat_at",
            (self.begin, self.begin - timedelta(days=1), now),
        )
        self.conn.commit()
        self.ticks += 1
        self._ticked = now
        if self._at_once:
            with ThreadPoolExecutor(len(self._engines)) as pool:
                list(pool.map(lambda one: one[0].tick(one[1], now), self._engines))
        else:
            turn = self.ticks % len(self._engines)
            for engine, conn in self._engines[turn:] + self._engines[:turn]:
                engine.tick(conn, now)
        self._look()

    def _look(self) -> None:
        """What has happened since the last look, told to the people."""
        rows = self.conn.execute(
            "SELECT seq, verb, actor, incident, (body->>'updated_at')::timestamptz FROM changes"
            " WHERE site = %s AND seq > %s ORDER BY seq",
            (self.site, self._cursor),
        ).fetchall()
        for seq, verb, actor, incident_id, updated_at in rows:
            self._cursor = seq
            self.seen[seq] = updated_at if actor.startswith("device:") else self.now
            if self._officers is not None:
                incident = incidents.by_id(self.conn, incident_id)
                assert incident is not None
                self._officers.see(incident, verb, actor, self.now)
        self.conn.commit()

    def step(self, incident_id: int, person: str, now: datetime, verb: Verb, **given: Any) -> None:
        """A person takes a step; what is not allowed any more, or was done by another, is let be."""
        incident = incidents.by_id(self.conn, incident_id)
        assert incident is not None
        self.conn.commit()
        step = Step(verb=verb, version=incident.version, **given)
        who = Actor(person, {self.site}, leads=person == LEAD)
        steps.take(self.conn, self.rules, incident_id, step, who, lambda: now)

    def show(self, incident_id: int, now: datetime) -> None:
        """A console reports that it shows the press."""
        row = self.conn.execute("SELECT max(seq) FROM changes WHERE incident = %s", (incident_id,)).fetchone()
        assert row is not None
        shown.report(self.conn, [self.site], {incident_id: row[0]}, now)
        self.conn.commit()

    def dump(self, *, by_incident: bool = False) -> bytes:
        """All that came of it, as JSON lines. `by_incident`: without the order between incidents."""
        return dump(self.conn, by_incident=by_incident)


class Officers:
    """People who answer by a script: what each does with an incident hangs on the seed and the incident alone."""

    def __init__(self, replay: Replay, seed: int) -> None:
        self._replay, self._seed = replay, seed

    def see(self, incident: Incident, verb: str, actor: str, now: datetime) -> None:
        """Decide what is done about a change."""
        ref = (incident.opened_at.isoformat(), incident.kind, incident.device or "", incident.title)
        chance = random.Random(_number(self._seed, *ref, verb, incident.count, incident.version))
        if incident.kind == "press" and verb in {"open", "repeat"} and chance.random() < 0.9:
            self._at(now, chance.uniform(1, 2), ref, lambda at: self._replay.show(incident.id, at))
        lapsed = verb in {"release", "unshelve"} and actor == steps.SYSTEM
        if verb in {"open", "reopen"} or lapsed:
            self._script(incident.id, incident.kind, ref, chance, now)

    def _at(self, now: datetime, after: float, ref: tuple[str, ...], action: Action) -> None:
        self._replay.plan(now + timedelta(milliseconds=math.ceil(after * 1000)), ref, action)

    def _script(self, id_: int, kind: str, ref: tuple[str, ...], chance: random.Random, now: datetime) -> None:
        who, other = chance.sample(OFFICERS, 2)
        after = 1 + chance.expovariate(1 / 20)

        def then(person: str, wait: float, verb: Verb, **given: Any) -> None:
            nonlocal after
            after += wait
            self._at(now, after, ref, lambda at: self._replay.step(id_, person, at, verb, **given))

        if kind in {"offline", "fault"} and chance.random() < 0.6:
            after += 3600  # it heals by itself, mostly
        outcome = chance.choice(["real", "real", "real", "false"])
        way = chance.random()
        if way < 0.1:  # taken and forgotten: the claim lapses
            then(who, 0, "acknowledge")
        elif way < 0.2:  # nobody comes before it has gone all the way up
            then(LEAD, chance.uniform(60, 1200), "acknowledge")
            then(LEAD, chance.uniform(60, 600), "resolve", outcome=outcome)
        elif way < 0.27:
            then(who, 0, "acknowledge")
            then(other, chance.uniform(5, 60), "assign", to=other, note="换班")
            then(other, chance.uniform(60, 900), "resolve", outcome=outcome)
        elif way < 0.32:
            then(LEAD, 0, "shelve", note="等维修", until=now + timedelta(seconds=after + 1800))
        elif way < 0.37:
            then(who, 0, "escalate", note="需要支援")
            then(LEAD, chance.uniform(10, 90), "acknowledge")
            then(LEAD, chance.uniform(60, 900), "resolve", outcome=outcome)
        elif way < 0.42:
            then(who, 0, "resolve", outcome="false")
            then(other, chance.uniform(30, 600), "reopen", note="又响了")
        else:
            then(who, 0, "acknowledge")
            if chance.random() < 0.5:
                then(who, chance.uniform(20, 300), "dispatch", to="张网格员")
                then(who, chance.uniform(60, 600), "arrive")
            if chance.random() < 0.3:
                then(who, chance.uniform(5, 200), "note", note="已电话联系")
            then(who, chance.uniform(60, 1800), "resolve", outcome=outcome)


def _live(record: Record, at: datetime) -> Incoming:
    """A message as it comes live, whatever the broker keeps of it."""
    return Incoming(record.topic, record.payload, retained=False, received_at=at, qos=1, mid=0, generation=0)


def _number(*facts: object) -> int:
    digest = hashlib.blake2b("\0".join(map(str, facts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest)


def dump(conn: Connection, *, by_incident: bool = False) -> bytes:
    """Incidents, changes, notices, timers and devices as canonical JSON lines, with numbers of their own instead of ids."""
    lines: list[dict[str, Any]] = []
    with conn.cursor(row_factory=incidents.incident_row) as cur:
        found = cur.execute(incidents.SELECT_INCIDENT).fetchall()
    found.sort(key=lambda one: (one.opened_at, one.site, one.kind, one.device or "", one.title))
    numbers = {one.id: number for number, one in enumerate(found, start=1)}
    lines += [{"incident": numbers[one.id]} | _without_id(one) for one in found]
    changes = conn.execute(
        "SELECT site, seq, incident, actor, verb, note, base_version, body FROM changes ORDER BY site, seq"
    ).fetchall()
    for site, seq, incident, actor, verb, note, base, body in changes:
        line = {"change": numbers[incident], "site": site, "actor": actor, "verb": verb, "note": note, "base": base}
        lines.append(line | {"body": body | {"id": ""}} | ({} if by_incident else {"seq": seq}))
    for incident, *rest in conn.execute(
        "SELECT incident, site, why, tier, person, means, priority, facts, created_at FROM notices ORDER BY id"
    ):
        lines.append({"notice": numbers.get(incident), "told": rest})
    for incident, step, due_at in conn.execute("SELECT incident, step, due_at FROM timers"):
        lines.append({"timer": [numbers[incident], step, due_at]})
    lines += [
        {"device": row}
        for row in conn.execute(
            "SELECT site, device, state, state_since, silence_told FROM device_states ORDER BY 1, 2"
        )
    ]
    conn.commit()
    lines.sort(key=lambda line: _rank(line, by_incident=by_incident))
    return b"".join(
        orjson.dumps(_plain(line), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE) for line in lines
    )


def _without_id(incident: Incident) -> dict[str, Any]:
    fields = msgspec.structs.asdict(incident)
    del fields["id"]
    return fields


def _rank(line: dict[str, Any], *, by_incident: bool) -> tuple[Any, ...]:
    kind = next(iter(line))
    if kind == "timer":
        return (3, line["timer"][0], str(line["timer"]))
    if by_incident and kind in {"change", "notice"}:  # within an incident they stay in order: sorting is stable
        return (("change", "notice").index(kind) + 1, line[kind] or 0, "")
    return (("incident", "change", "notice", "timer", "device").index(kind), 0, "")


def _plain(value: Any) -> Any:
    """Times in UTC to the microsecond; structs as objects."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, msgspec.Struct):
        return _plain(msgspec.structs.asdict(value))
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def simulated(
    devices: Sequence[Device], scenario: Scenario, seed: int, begin: datetime, seconds: float
) -> Iterator[Record]:
    """The simulator's feed, without its first greetings (every device lives from the beginning)."""
    for said in simulator.simulate(devices, scenario, seed, begin):
        if said.at >= seconds:
            return
        if said.at > 0:
            yield said.record(begin)
