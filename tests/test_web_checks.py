"""Buttons to look at: proposed once a day from stored presses, shown, done by somebody, renewed on new evidence."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from webserver import Web, add_people, running_web

from alerts.checks import EVERY, LOOK, Daily
from store.connect import connect

API = "/api/v1"
NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    add_people(database)
    with connect(database, part="test", autocommit=True, role=None) as conn:
        conn.execute("UPDATE sites SET timezone = 'UTC'")
        yield conn


@pytest.fixture
def web(conn: Connection, database: str) -> Iterator[Web]:
    with running_web(database) as server:
        yield server


def press(conn: Connection, site: str, days_ago: float, what: str, *, drill: bool = False, number: int = 0) -> None:
    """A press with its incident, as it ended; `what` is an outcome, cancelled or open."""
    at = NOW - timedelta(days=days_ago)
    outcome = None if what in {"cancelled", "open"} else what
    conn.execute(
        "WITH opened AS (INSERT INTO incidents (site, join_key, kind, priority, title, device, opened_at, updated_at,"
        " last_event_at, state, outcome, drill)"
        " VALUES (%(site)s, NULL, 'press', 'critical', 't', 'b1', %(at)s, %(at)s, %(at)s, %(state)s, %(outcome)s, %(drill)s)"
        " RETURNING id) INSERT INTO alarms (site, device, id, action, received_at, cancelled_at, incident)"
        " SELECT %(site)s, 'b1', %(id)s, 'press', %(at)s, %(cancelled)s, id FROM opened",
        {
            "site": site, "at": at, "state": "open" if outcome is None else "resolved", "outcome": outcome, "drill": drill,
            "id": f"{days_ago}-{number}", "cancelled": at if what == "cancelled" else None,
        },
    )  # fmt: skip


def propose(database: str, now: datetime, daily: Daily | None = None) -> None:
    with connect(database, part="engine") as own:
        (daily or Daily()).tick(own, now)


def proposed(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute("SELECT site, device, reason, done_by FROM device_checks ORDER BY id").fetchall()


def test_regular_presses_are_proposed_once_and_again_only_on_new_evidence(conn: Connection, database: str) -> None:
    for days_ago in (9, 7, 5):
        press(conn, "s1", days_ago, "cancelled")
        press(conn, "s2", days_ago, "real")
    press(conn, "s1", 40, "cancelled")
    propose(database, NOW)
    assert proposed(conn) == [("s1", "b1", "regular-hours", None)]
    row = conn.execute("SELECT figures FROM device_checks").fetchone()
    assert row is not None
    assert row[0]["times"] == [
        {"time": "12:00", "days": 3, "presses": 3, "empty": 3, "alike": 1.0, "chance": pytest.approx(0.000579)}
    ]
    assert (row[0]["presses"], row[0]["cancelled"], row[0]["share"]) == (3, 3, 1.0)

    press(conn, "s1", 4, "false")
    propose(database, NOW + EVERY / 2)
    assert conn.execute("SELECT figures->'presses' FROM device_checks").fetchone() == (3,)
    propose(database, NOW + EVERY)
    assert conn.execute("SELECT figures->'presses' FROM device_checks").fetchone() == (4,)
    assert len(proposed(conn)) == 1

    conn.execute("UPDATE device_checks SET done_at = %s, done_by = 'anna', note = 'x'", (NOW + EVERY,))
    propose(database, NOW + 2 * EVERY)
    assert len(proposed(conn)) == 1  # nothing new was pressed
    for days_ago in (-2, -3, -4):
        press(conn, "s1", days_ago, "false")
    propose(database, NOW + 5 * EVERY)
    assert proposed(conn)[1:] == [("s1", "b1", "regular-hours", None)]


def test_a_low_battery_is_a_reason_of_its_own(conn: Connection, database: str) -> None:
    conn.execute("INSERT INTO device_states (site, device, battery) VALUES ('s1', 'b1', 12), ('s2', 'b1', 80)")
    for site in ("s1", "s2"):
        press(conn, site, 3.1, "false")
        press(conn, site, 8.7, "cancelled")
    propose(database, NOW)
    assert proposed(conn) == [("s1", "b1", "low-battery", None)]
    assert conn.execute("SELECT figures->'battery' FROM device_checks").fetchone() == (12,)


def test_exercises_and_what_is_open_are_no_evidence(conn: Connection, database: str) -> None:
    for days_ago in (9, 7, 5):
        press(conn, "s1", days_ago, "drill")
        press(conn, "s1", days_ago, "false", drill=True, number=1)
        press(conn, "s2", days_ago, "open")
    propose(database, NOW)
    assert proposed(conn) == []


def test_no_press_is_kept_quiet_by_it(conn: Connection, database: str) -> None:
    for days_ago in (9, 7, 5):
        press(conn, "s1", days_ago, "cancelled")
    before = conn.execute("SELECT * FROM incidents ORDER BY id").fetchall()
    propose(database, NOW)
    assert conn.execute("SELECT * FROM incidents ORDER BY id").fetchall() == before


def test_several_engines_propose_once_a_day(conn: Connection, database: str) -> None:
    for days_ago in (9, 7, 5):
        press(conn, "s1", days_ago, "cancelled")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: propose(database, NOW), range(6)))
    assert len(proposed(conn)) == 1
    assert conn.execute("SELECT ran_at FROM jobs WHERE job = 'device checks'").fetchone() == (NOW,)
    daily = Daily()
    propose(database, NOW, daily)
    with connect(database, part="engine") as own:
        own.close()
        daily.tick(own, NOW + LOOK / 2)  # it asks nothing: a closed connection would raise


def test_they_are_shown_and_done(conn: Connection, web: Web) -> None:
    for site in ("s1", "s2"):
        for days_ago in (9, 7, 5):
            press(conn, site, days_ago, "cancelled")
    propose(web.database, NOW)
    with web.client("anna") as anna, web.client("cora") as cora:
        (one,) = anna.get(f"{API}/checks").json()["items"]
        assert (one["site"], one["device"], one["reason"], one["done_at"]) == ("s1", "b1", "regular-hours", None)
        assert one["figures"]["times"][0]["days"] == 3
        assert [item["site"] for item in cora.get(f"{API}/checks").json()["items"]] == ["s2", "s1"]
        assert anna.get(f"{API}/checks", params={"site": "s2"}).status_code == 404

        path = f"{API}/checks/{one['id']}/done"
        assert anna.post(path, json={}).status_code == 422
        assert anna.post(path, json={"note": ""}).status_code == 422
        done = anna.post(path, json={"note": "插座发热,已更换"})
        assert done.status_code == 200, done.text
        assert (done.json()["done_by"], done.json()["note"]) == ("anna", "插座发热,已更换")
        assert anna.post(path, json={"note": "插座发热,已更换"}).json() == done.json()
        second = cora.post(path, json={"note": "又看了一次"})
        assert second.status_code == 409
        assert "anna" in second.json()["detail"]
        assert anna.get(f"{API}/checks").json()["items"] == [done.json()]


def test_nobody_finishes_another_sites_check(conn: Connection, web: Web) -> None:
    for days_ago in (9, 7, 5):
        press(conn, "s2", days_ago, "cancelled")
    propose(web.database, NOW)
    with web.client("anna") as anna, web.client("bert") as bert, web.client() as nobody:
        (theirs,) = bert.get(f"{API}/checks").json()["items"]
        for check in (theirs["id"], "999999", "x", "9" * 30):
            assert anna.post(f"{API}/checks/{check}/done", json={"note": "x"}).status_code == 404
        assert nobody.get(f"{API}/checks").status_code == 401
        assert nobody.post(f"{API}/checks/{theirs['id']}/done", json={"note": "x"}).status_code == 401
    assert proposed(conn) == [("s2", "b1", "regular-hours", None)]


def test_what_became_of_each_buttons_presses(conn: Connection, web: Web) -> None:
    for number, what in enumerate(("cancelled", "false", "test", "real", "open")):
        press(conn, "s1", 2, what, number=number)
    press(conn, "s2", 2, "real")
    press(conn, "s1", 35, "false")
    with web.client("anna") as anna:
        assert anna.get(f"{API}/checks/buttons").json() == {
            "items": [
                {
                    "site": "s1", "device": "b1", "presses": 5, "cancelled": 1, "false": 1, "test": 1, "real": 1,
                    "share": 0.75,
                }
            ],
            "next": None,
        }  # fmt: skip
        assert anna.get(f"{API}/checks/buttons", params={"site": "s2"}).status_code == 404
