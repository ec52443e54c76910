"""Histories of incidents at times of their own: written as the system writes them, by its own life cycle, with any clock."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from psycopg import Connection

from alerts import timing
from alerts.lifecycle import Step, Taken, take_step
from alerts.rules import EscalationStep, Rules, load_rules
from store import feed, incidents
from store.records import Incident, Tier

PEOPLE = ("li", "wang", "cora")


class History:
    """One site's incidents; each step is a change at the time that is given."""

    def __init__(self, conn: Connection, site: str = "s1") -> None:
        self.conn, self.site = conn, site
        self.rules: Rules = load_rules()
        self.made: dict[int, Incident] = {}
        self.moves: list[tuple[datetime, Incident, str, str, str | None]] = []

    def open(self, at: datetime, kind: str = "press", grid: str | None = None, **more: Any) -> int:
        opening = Incident(
            site=self.site, join_key=None, grid=grid, kind=kind, priority="critical" if kind == "press" else "low",
            title=f"{kind} · 一号院", device="b1", lat=1.0, lon=2.0, address="一号院", opened_at=at, updated_at=at,
            last_event_at=at, devices=("b1",), **more,
        )  # fmt: skip
        opening = timing.with_deadline(timing.begun(opening, self.rules), self.rules)
        stored = incidents.open_or_join(self.conn, opening).incident
        self._keep(stored, at, "device:b1", "open", None)
        return stored.id

    def step(self, one: int, at: datetime, actor: str, verb: str, **more: Any) -> None:
        """A step as the life cycle takes it; it must be one that the state allows."""
        step = Step(verb=verb, version=self.made[one].version, **more)  # type: ignore[arg-type]
        taken = take_step(self.made[one], step, actor, at)
        assert isinstance(taken, Taken), taken
        self._keep(taken.incident, at, actor, verb, taken.note)

    def escalate(self, one: int, at: datetime, tier: Tier) -> None:
        """It goes up by itself."""
        up = timing.stepped_up(self.made[one], EscalationStep(after=0.0, tier=tier), at)
        self._keep(up, at, "system", "escalate", "等待30秒无人认领")

    def lapse(self, one: int, at: datetime) -> None:
        """The claim ends by itself."""
        self._keep(timing.lapsed(self.made[one], at), at, "system", "release", "认领后超时没有进展,自动放回")

    def _keep(self, incident: Incident, at: datetime, actor: str, verb: str, note: str | None) -> None:
        incident = timing.with_deadline(incident, self.rules)
        self.made[incident.id] = incident
        self.moves.append((at, incident, actor, verb, note))

    def write(self) -> None:
        """Store all of it, in the order of time."""
        self.moves.sort(key=lambda move: move[0])
        with self.conn.cursor() as cur:
            cur.executemany(
                "INSERT INTO changes (site, seq, incident, at, actor, verb, note, body)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (self.site, seq, incident.id, at, actor, verb, note, feed.wire_json(incident))
                    for seq, (at, incident, actor, verb, note) in enumerate(self.moves, start=1)
                ],
            )
        self.conn.execute("UPDATE feed_counters SET seq = %s WHERE site = %s", (len(self.moves), self.site))
        for incident in self.made.values():
            incidents.save(self.conn, incident)


def random_history(history: History, seed: int, begins: datetime, days: int, count: int) -> None:
    """Incidents of all sorts over some days, each with a life of its own."""
    random = Random(seed)
    for _ in range(count):
        kind = random.choice(["press", "press", "intrusion", "offline", "雪"])
        # half of them close together, so that windows have several
        second = random.choice(
            [random.uniform(0, days * 86_400), random.choice(range(days)) * 86_400 + random.gauss(0, 300)]
        )
        at = begins + timedelta(seconds=second)
        one = history.open(
            at,
            kind,
            random.choice([None, "g1", "g2", "gone"]),
            drill=random.random() < 0.1,
            quiet=random.choice([None] * 8 + ["chattering", "unusual"]),
        )
        for _ in range(random.choice([0, 1, 3, 6, 12])):
            waits = [0, 1, 29, 30, 31, 60, random.expovariate(1 / 40_000), random.expovariate(1 / 2_000_000)]
            at += timedelta(seconds=random.choice(waits))
            _random_step(history, one, at, random)
    history.write()


def _random_step(history: History, one: int, at: datetime, random: Random) -> None:
    incident = history.made[one]
    who, other = random.choice(PEOPLE), random.choice(PEOPLE)
    if incident.state in {"resolved", "closed"}:
        if random.random() < 0.5:
            history.step(one, at, who, "reopen", note="again")
        elif incident.state == "resolved":
            history.step(one, at, "system", "close")
        return
    choices = ["escalate", "assign", "dispatch", "note", "resolve", "heal"]
    choices += ["acknowledge"] if incident.state == "open" else ["lapse", "release"]
    verb = random.choice(choices)
    if verb == "escalate":
        history.escalate(one, at, random.choice(["community", "district"]))
    elif verb == "lapse":
        history.lapse(one, at)
    elif verb == "heal":
        history.step(one, at, "system", "resolve", outcome="real")
    elif verb == "resolve":
        history.step(one, at, who, "resolve", outcome=random.choice(["real", "false", "false", "test", "drill"]))
    elif verb in {"assign", "dispatch"}:
        history.step(one, at, who, verb, to=other, note="why")
    else:
        history.step(one, at, who, verb, note="note")
