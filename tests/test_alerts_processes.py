"""Two alert processes, one of them killed at random again and again: every due step runs, and runs once."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.rules import parse
from devices.messages import Alarm
from devices.registry import Device, Site
from ingest.sorting import Sorted
from ingest.writing import write
from store import feed, people, registry
from store.connect import connect

RULES = """
[press]
shown_within = 1.5
[[escalation]]
lease = 2
step = [{ after = 1, tier = "community" }, { after = 2.5, tier = "district" }, { after = 4, tier = "district" }]
"""
PRESSES = 150
KILLS = 6


@pytest.mark.slow
def test_every_due_step_once_whoever_is_killed(database: str, tmp_path: Path, eventually: Callable[..., None]) -> None:
    rules_file = tmp_path / "rules.toml"
    rules_file.write_text(RULES)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SKYNET_")}
    environment |= {
        "SKYNET_DATABASE_URL": database, "SKYNET_DATA_DIR": str(tmp_path), "SKYNET_RULES_FILE": str(rules_file),
    }  # fmt: skip

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-m", "skynet", "alerts"], env=environment)

    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    rules = parse(RULES)
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        people.add_user(conn, "boss", "admin", [], None)  # somebody is reached at every tier: no incident of that here
        for number in range(PRESSES):
            registry.add_device(conn, Device(site="s1", device=f"b{number}", kind="button", name="b"))
        conn.commit()
        known = registry.load(conn)
        engines = [start(), start()]
        try:
            for number in range(PRESSES):
                alarm = Alarm("s1", f"b{number}", "p", "press", None)
                write(conn, Sorted(alarms=[(alarm, feed.clock(conn))]), known, rules)
                conn.commit()

            def left() -> int:
                row = conn.execute("SELECT count(*) FROM timers").fetchone()
                conn.rollback()
                return 0 if row is None else int(row[0])

            # of three steps a press, the unshown deadline goes with the first
            for kill in range(KILLS):
                wanted = 3 * PRESSES * (KILLS - kill) // KILLS - 1
                eventually(lambda wanted=wanted: left() <= wanted, 60)
                victim = chance.randrange(2)
                engines[victim].kill()
                engines[victim].wait()
                engines[victim] = start()
            eventually(lambda: left() == 0, 60)
        finally:
            for engine in engines:
                engine.terminate()
            for engine in engines:
                engine.wait(15)
        told = conn.execute(
            "SELECT incident, array_agg(verb ORDER BY seq), array_agg(body->>'tier' ORDER BY seq) FROM changes GROUP BY 1"
        ).fetchall()
        assert len(told) == PRESSES
        for _, verbs, tiers in told:
            assert verbs == ["open", "escalate", "escalate", "escalate"]
            assert tiers == ["grid", "community", "district", "district"]
        notices = conn.execute("SELECT incident, count(*) FROM notices GROUP BY 1").fetchall()
        assert {count for _, count in notices} == {3}
        assert conn.execute("SELECT count(*), max(seq) FROM changes").fetchall() == [(4 * PRESSES, 4 * PRESSES)]
        late = conn.execute("SELECT max(at - (body->>'opened_at')::timestamptz) FROM changes").fetchone()
        assert late is not None
        assert late[0] < timedelta(minutes=5)
