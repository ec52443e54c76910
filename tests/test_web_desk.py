"""What a console reports and sets: shown presses, windows, floods, shelving, taking over; and whom each is allowed to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from webserver import Web, add_people, open_incident, running_web

from devices.registry import Device
from store import floods, registry
from store.connect import connect

API = "/api/v1"
NOW = datetime.now(UTC)
SOON = (NOW + timedelta(hours=1)).isoformat()


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    add_people(database)
    with running_web(database) as server:
        yield server


def rows(web: Web, query: str) -> list[tuple[Any, ...]]:
    with connect(web.database, part="test") as conn:
        return conn.execute(query).fetchall()


def test_a_console_reports_what_it_shows(web: Web) -> None:
    ours, theirs = open_incident(web.database, "s1"), open_incident(web.database, "s2")
    body = {"items": [{"incident": str(one), "seq": 1} for one in (ours, theirs, 999)]}
    with web.client("anna") as client:
        for _ in range(2):
            assert client.post(f"{API}/shown", json=body).status_code == 204
        assert client.post(f"{API}/shown", json={"items": [{"incident": "x", "seq": 1}]}).status_code == 422
    assert rows(web, "SELECT site FROM incidents WHERE shown_at IS NOT NULL") == [("s1",)]
    with web.client() as stranger:
        assert stranger.post(f"{API}/shown", json=body).status_code == 401


def test_windows_are_set_by_leads_and_seen_by_all(web: Web) -> None:
    with connect(web.database, part="test") as conn:
        registry.add_device(conn, Device(site="s1", device="c1", kind="camera", name="c1"))
    asked = {"site": "s1", "purpose": "maintenance", "device": "c1", "ends_at": SOON, "reason": "lens"}
    with web.client("anna") as officer, web.client("dora") as admin:
        assert officer.post(f"{API}/windows", json=asked).status_code == 403
        made = admin.post(f"{API}/windows", json=asked)
        assert made.status_code == 201, made.text
        [seen] = officer.get(f"{API}/windows", params={"site": "s1"}).json()["items"]
        assert seen == made.json()
        assert (seen["made_by"], seen["ended_by"], seen["device"]) == ("dora", None, "c1")
        assert officer.post(f"{API}/windows/{seen['id']}/end").status_code == 403
        ended = admin.post(f"{API}/windows/{seen['id']}/end")
        assert ended.json()["ended_by"] == "dora"
        assert admin.post(f"{API}/windows/{seen['id']}/end").status_code == 404
        assert admin.post(f"{API}/windows/x/end").status_code == 404
    assert rows(web, "SELECT version > 1 FROM registry_version") == [(True,)], "running parts take it up"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"site": "no"}, 404),
        ({"grid": "no"}, 404),
        ({"device": "no"}, 404),
        ({"ends_at": (NOW - timedelta(hours=1)).isoformat()}, 422),
        ({"ends_at": (NOW + timedelta(days=31)).isoformat()}, 422),
        ({"starts_at": (NOW + timedelta(hours=2)).isoformat()}, 422),
        ({"purpose": "holiday"}, 422),
        ({"reason": ""}, 422),
    ],
)
def test_a_window_that_can_not_be(web: Web, changed: dict[str, str], status: int) -> None:
    asked = {"site": "s1", "purpose": "drill", "ends_at": SOON, "reason": "exercise"} | changed
    with web.client("dora") as admin:
        answer = admin.post(f"{API}/windows", json=asked)
        assert answer.status_code == status, answer.text
        assert admin.get(f"{API}/windows").json()["items"] == []


def test_a_flood_is_told_to_whom_it_concerns(web: Web) -> None:
    with web.client("anna") as client, web.live(client) as feed:
        feed.next("snapshot")
        with connect(web.database, part="test") as conn:
            floods.begin(conn, "anna", NOW, 12)
        assert feed.next("flood")["officers"] == [{"name": "anna", "since": NOW.isoformat().replace("+00:00", "Z")}]
        assert [one["name"] for one in client.get(f"{API}/floods").json()["items"]] == ["anna"]
        with web.client("dora") as admin, web.live(admin) as of_lead, web.client("bert") as other:
            assert [one["name"] for one in of_lead.next("flood")["officers"]] == ["anna"]
            assert other.get(f"{API}/floods").json()["items"] == []
        with connect(web.database, part="test") as conn:
            floods.end(conn, "anna", NOW)
        assert feed.next("flood")["officers"] == []


def test_shelving_and_taking_over_by_the_calls(web: Web) -> None:
    number = open_incident(web.database, "s1")

    def step(client: Any, verb: str, **body: object) -> Any:
        return client.post(f"{API}/incidents/{number}/{verb}", json=body)

    with web.client("anna") as anna, web.client("cora") as cora, web.client("dora") as admin:
        refused = step(anna, "shelve", version=1, note="stuck", until=SOON)
        assert (refused.status_code, "lead" in refused.json()["detail"]) == (403, True)
        assert step(admin, "shelve", version=1, note="stuck").status_code == 422
        shelved = step(admin, "shelve", version=1, note="stuck", until=SOON)
        assert (shelved.status_code, shelved.json()["shelved_by"]) == (200, "dora")
        assert step(admin, "shelve", version=1, note="stuck", until=SOON).json() == shelved.json(), "sent again"
        assert step(admin, "unshelve", version=1).json()["shelved_until"] is None
        again = step(admin, "shelve", version=1, note="stuck again", until=SOON)
        assert again.json()["shelved_until"] is not None
        assert step(admin, "unshelve", version=1).json()["shelved_until"] is None, (
            "a second time, the version as before"
        )
        assert step(anna, "escalate", version=1).status_code == 422
        assert step(anna, "acknowledge", version=1).json()["deadline"] is not None
        assert step(cora, "assign", version=2, to="cora").status_code == 422
        taken = step(cora, "assign", version=2, to="cora", note="anna was called away")
        assert (taken.status_code, taken.json()["owner"]) == (200, "cora")
