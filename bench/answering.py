"""A person's step with 3,000 incidents open and 100 officers listening, beside the bare transaction by hand."""

import time
from datetime import UTC, datetime, timedelta

import orjson
import psycopg

from alerts.rules import load_rules
from bench import systems
from bench.servers import SITE, Servers, python
from bench.systems import System
from devices.messages import Alarm
from ingest.sorting import Sorted
from ingest.writing import write
from store import people, registry
from store.connect import connect

OPEN, OFFICERS = 3000, 100
RATE = 25.0  # steps a second: a hundred officers who each do something every four seconds
LIMIT_MS = 50.0
_BATCH = 200

_FLOOR = (
    "CREATE TABLE by_hand (id bigint PRIMARY KEY, state text, version int, body jsonb)",
    "CREATE TABLE told (seq bigserial PRIMARY KEY, id bigint, verb text, body json)",
    "INSERT INTO by_hand SELECT n, 'open', 1, '{}' FROM generate_series(1, 3000) AS n",
)


def measure(servers: Servers, answered: int, system: System) -> list[float]:
    """Milliseconds of each step: `answered` incidents, three steps each."""
    if system == "floor":
        with servers.copy_of("template_ours") as database:
            return _by_hand(database, answered * 3)
    with systems.running(servers, system, buttons=OPEN) as target:
        incidents = _open(target.database)
        systems.wait_until(lambda: _settled(target.database), "the engine's way through the deadlines", within=180.0)
        tokens = _sessions(target.database)
        told = {"web_port": target.web_port, "tokens": tokens, "incidents": incidents[:answered], "rate": RATE}
        with python("bench.officers", told=told) as officers:
            assert officers.stdout is not None
            said = officers.stdout.readline()
    if not said:
        raise RuntimeError("the officers broke off: run `python -m bench.officers` by hand to see why")
    return [1000 * seconds for seconds in orjson.loads(said)]


def _open(database: str) -> list[str]:
    """So many presses of as many buttons, which nobody took for an hour; the newest incidents first."""
    with connect(database, part="bench") as conn:
        known, rules, now = registry.load(conn), load_rules(), datetime.now(UTC) - timedelta(hours=1)
        presses = [(Alarm(SITE, f"b-{number:04d}", "p", "press", None), now) for number in range(OPEN)]
        for begin in range(0, OPEN, _BATCH):
            write(conn, Sorted(alarms=presses[begin : begin + _BATCH]), known, rules)
            conn.commit()
        return [str(one) for (one,) in conn.execute("SELECT id FROM incidents WHERE kind = 'press' ORDER BY id DESC")]


def _settled(database: str) -> bool:
    """Whether all of them went up as far as they do: what is measured is the step, not three thousand escalations at once."""
    with psycopg.connect(database) as conn:
        return conn.execute("SELECT 1 FROM timers WHERE due_at <= now() LIMIT 1").fetchone() is None


def _sessions(database: str) -> list[str]:
    with connect(database, part="bench") as conn:
        for number in range(OFFICERS):
            people.add_user(conn, f"officer-{number}", "officer", [SITE], None)
        return [people.open_session(conn, f"officer-{number}", timedelta(hours=1)) for number in range(OFFICERS)]


def _by_hand(database: str, steps: int) -> list[float]:
    """The least that a step can be: held, changed, told, committed; one connection, nobody else about."""
    took = []
    with psycopg.connect(database) as conn:
        for statement in _FLOOR:
            conn.execute(statement)
        conn.commit()
        for number in range(steps):
            began = time.monotonic()
            conn.execute("SELECT * FROM by_hand WHERE id = %s FOR UPDATE", (number % OPEN + 1,))
            conn.execute("UPDATE by_hand SET version = version + 1 WHERE id = %s", (number % OPEN + 1,))
            conn.execute("INSERT INTO told (id, verb, body) VALUES (%s, 'note', '{}')", (number % OPEN + 1,))
            conn.commit()
            took.append(1000 * (time.monotonic() - began))
    return took
