"""The calls: what people see of their own sites and nothing of others, pages, steps, and documents that are current."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import pytest
from webserver import Web, add_people, open_incident, running_web

from devices.messages import Alarm, Event
from devices.registry import Grid, Site
from devices.siteplan import SitePlan
from store import alarms, events, registry, rejects
from store.connect import connect
from web import wire, wire_live
from web.documents import documents

NOW = datetime.now(UTC)
API = "/api/v1"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    add_people(database)
    with running_web(database) as server:
        yield server


def get(client: httpx.Client, path: str, **params: object) -> dict[str, Any]:
    answer = client.get(API + path, params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def all_pages(client: httpx.Client, path: str, **params: object) -> list[list[dict[str, Any]]]:
    pages = []
    while True:
        found = get(client, path, **params)
        pages.append(found["items"])
        if found["next"] is None:
            return pages
        params["cursor"] = found["next"]


def store_event(web: Web, site: str, device: str, id_: str, at: datetime, incident: int | None = None) -> None:
    event = Event(site, device, id_, "intrusion", "start", "t1", 0.5, at, b'{"zone":"\xe9\x97\xa8"}')
    key = (site, device, id_)
    with connect(web.database, part="test") as conn:
        events.copy_events(conn, [events.Arrived(event, at)], {} if incident is None else {key: incident})


def test_the_picture_is_as_the_contract_says(web: Web) -> None:
    with connect(web.database, part="test") as conn:
        grid = Grid(site="s1", grid="g1", name="一组", geometry=SQUARE, officer="王")
        registry.import_site(conn, SitePlan(site=Site(site="s1", name="s1"), grids=(grid,), devices=()))
    with web.client("anna") as client:
        assert [site["site"] for site in get(client, "/sites")["items"]] == ["s1"]
        assert get(client, "/grids", site="s1") == {
            "items": [
                {"site": "s1", "grid": "g1", "parent": None, "name": "一组", "officer": "王", "geometry": SQUARE}
            ],
            "next": None,
        }
        devices = get(client, "/devices", site="s1")
        assert [one["device"] for one in devices["items"]] == ["b1", "c1"]
        assert devices["next"] is None
        button = get(client, "/devices/s1/b1")
        assert button == devices["items"][0]
        assert list(button) == [
            "site", "device", "kind", "name", "grid", "lat", "lon", "bearing", "fov", "range", "registered", "via",
            "native", "state", "last_seen", "last_proven", "battery",
        ]  # fmt: skip
        assert button["state"] == "unknown"
        assert client.get(f"{API}/devices/s1/nobody").status_code == 404


def test_nobody_sees_another_sites_anything(web: Web) -> None:
    theirs = open_incident(web.database, "s2")
    store_event(web, "s2", "c1", "e1", NOW)
    with connect(web.database, part="test") as conn:
        rejects.insert(conn, [rejects.Refused(NOW, site, "c1", "t", "bad", b"\x00\xff") for site in ("s2", None)])
    with web.client("anna") as anna:
        for path in ("/grids", "/devices", "/incidents", "/events", "/rejects"):
            for site in ("s2", "s3", ""):
                answer = anna.get(API + path, params={"site": site})
                assert answer.status_code == 404, (path, site)
            assert all(item["site"] == "s1" for item in get(anna, path)["items"]), path
        assert anna.get(f"{API}/devices/s2/b1").status_code == 404
        unknown = anna.get(f"{API}/incidents/{theirs + 1000}")
        foreign = anna.get(f"{API}/incidents/{theirs}")
        assert (foreign.status_code, foreign.json()) == (404, unknown.json())
        step = anna.post(f"{API}/incidents/{theirs}/acknowledge", json={"version": 1})
        assert step.status_code == 404
    with web.client("dora") as admin:
        assert [one["site"] for one in get(admin, "/rejects")["items"]] == [None, "s2"]
        kept = get(admin, "/rejects", site="s2")["items"][0]
        assert (kept["payload_base64"], kept["reason"], kept["size"]) == ("AP8=", "bad", 2)
        assert get(admin, f"/incidents/{theirs}")["state"] == "open"


def test_without_a_session_every_call_is_refused(web: Web) -> None:
    with web.client() as client:
        for path in (
            "/me",
            "/sites",
            "/grids",
            "/devices",
            "/devices/s1/b1",
            "/incidents",
            "/incidents/1",
            "/events",
            "/rejects",
            "/windows",
            "/floods",
        ):
            assert client.get(API + path).status_code == 401, path
        assert client.post(f"{API}/incidents/1/acknowledge", json={"version": 1}).status_code == 401


def test_incidents_are_listed_newest_first_in_pages_of_200(web: Web) -> None:
    ids = [open_incident(web.database, "s1", key=f"press:{number}") for number in range(405)]
    open_incident(web.database, "s2")
    with web.client("cora") as client:
        pages = all_pages(client, "/incidents", site="s1")
        assert [len(page) for page in pages] == [200, 200, 5]
        assert [int(one["id"]) for page in pages for one in page] == ids[::-1]
        assert len(get(client, "/incidents", site="s1", state="open,resolved")["items"]) == 200
        assert get(client, "/incidents", state="resolved")["items"] == []
        assert get(client, "/incidents", kind="fall")["items"] == []
        assert get(client, "/incidents", **{"from": "2100-01-01T00:00:00+08:00"})["items"] == []
        assert len(get(client, "/incidents", site="s2", to="2100-01-01T00:00:00Z")["items"]) == 1


def test_a_grid_stands_for_those_below_it(web: Web) -> None:
    with connect(web.database, part="test") as conn:
        tree = (("town", None), ("village", "town"), ("group", "village"), ("other", "town"))
        grids = tuple(Grid(site="s1", grid=name, name=name, parent=parent, geometry=SQUARE) for name, parent in tree)
        registry.import_site(conn, SitePlan(site=Site(site="s1", name="s1"), grids=grids, devices=()))
    open_incident(web.database, "s1", key="press:1", grid="group")
    open_incident(web.database, "s1", key="press:2", grid="other")
    with web.client("anna") as client:
        counts = {
            grid: len(get(client, "/incidents", grid=grid)["items"]) for grid in ("town", "village", "other", "no")
        }
    assert counts == {"town": 2, "village": 1, "other": 1, "no": 0}


def test_an_incident_has_its_timeline_its_events_and_its_cameras(web: Web) -> None:
    number = open_incident(web.database, "s1")
    with connect(web.database, part="test") as conn:
        alarm = Alarm("s1", "b1", "a1", "press", None, ("no ts",), {"floor": 3})
        alarms.insert(conn, [(alarm, NOW)])
        alarms.link(conn, [(alarms.key(alarm), number, None)])
    store_event(web, "s1", "c1", "e1", NOW + timedelta(seconds=1), number)
    with web.client("anna") as client:
        client.post(f"{API}/incidents/{number}/note", json={"version": 1, "note": "听到了"})
        found = get(client, f"/incidents/{number}")
        assert [(one["actor"], one["verb"], one["note"]) for one in found["timeline"]] == [
            ("device:b1", "open", None),
            ("anna", "note", "听到了"),
        ]
        assert [(one["id"], one["kind"], one["phase"], one["incident"]) for one in found["events"]] == [
            ("a1", "press", "instant", str(number)),
            ("e1", "intrusion", "start", str(number)),
        ]
        assert found["events"][0]["attrs"] == {"floor": 3, "faults": ["no ts"]}
        assert [(one["device"], one["kind"], one["count"]) for one in found["contributions"]] == [
            ("b1", "press", 1),
            ("c1", "intrusion", 1),
        ]
        assert found["cameras"] == [{"device": "c1", "score": 0.5}]
        assert found["place"] == {"lat": 1.0, "lon": 2.0, "address": "一号院"}
        listed = get(client, "/incidents")["items"][0]
        assert listed == {
            name: value for name, value in found.items() if name not in {"timeline", "events", "contributions"}
        }
        for strange in ("0", "x", "-1", "1.0", "9" * 30, "٣"):
            assert client.get(f"{API}/incidents/{strange}").status_code == 404, strange


def test_events_come_in_pages_also_where_many_arrived_at_once(web: Web) -> None:
    arrived = [
        events.Arrived(Event("s1", "c1", f"e{n:03}", "person", "start", None, None, None, None), NOW)
        for n in range(250)
    ]
    with connect(web.database, part="test") as conn:
        events.copy_events(conn, arrived, {})
        alarms.insert(conn, [(Alarm("s1", "b1", f"a{n:03}", "press", NOW), NOW) for n in range(160)])
    store_event(web, "s1", "c1", "older", NOW - timedelta(hours=1))
    with web.client("anna") as client:
        pages = all_pages(client, "/events", site="s1")
        assert [len(page) for page in pages] == [200, 200, 11]
        ids = [one["id"] for page in pages for one in page]
        assert len(set(ids)) == 411
        assert ids[-1] == "older"
        assert len(all_pages(client, "/events", device="b1")[0]) == 160
        since = {"from": (NOW - timedelta(minutes=1)).isoformat(), "to": (NOW + timedelta(minutes=1)).isoformat()}
        assert sum(len(page) for page in all_pages(client, "/events", **since)) == 410
        newest = get(client, "/events", device="c1")["items"][0]
        assert list(newest) == [
            "site", "device", "id", "kind", "phase", "track", "confidence", "ts", "received_at", "incident", "attrs"
        ]  # fmt: skip
        assert client.get(f"{API}/events", params={"from": "2026-01-01T00:00:00"}).status_code == 422
        assert client.get(f"{API}/events", params={"cursor": "nonsense"}).status_code == 422


def test_a_step_moves_an_incident_and_sent_again_is_answered_again(web: Web) -> None:
    number = open_incident(web.database, "s1")
    with web.client("anna") as anna, web.client("cora") as cora:
        path = f"{API}/incidents/{number}"
        first = anna.post(f"{path}/acknowledge", json={"version": 1})
        assert (first.status_code, first.json()["owner"], first.json()["version"]) == (200, "anna", 2)
        again = anna.post(f"{path}/acknowledge", json={"version": 1})
        assert (again.status_code, again.json()) == (200, first.json())
        late = cora.post(f"{path}/acknowledge", json={"version": 1})
        document = late.json()
        assert late.headers["content-type"] == "application/problem+json"
        assert late.status_code == document["status"] == 409
        assert (document["owner"], document["state"], document["version"]) == ("anna", "acknowledged", 2)
        assert cora.post(f"{path}/acknowledge", json={"version": 2}).status_code == 422
        assert cora.post(f"{path}/dispatch", json={"version": 2}).status_code == 422  # to whom?
        assert cora.post(f"{path}/resolve", json={"version": 2, "outcome": "maybe"}).status_code == 422
        assert cora.post(f"{path}/resolve", json={"outcome": "real"}).status_code == 422
        assert cora.post(f"{path}/dance", json={"version": 2}).status_code in {404, 422}
        assert cora.post(f"{path}/resolve", json={"version": 2, "outcome": "real"}).status_code == 200
        assert [one["verb"] for one in get(cora, f"/incidents/{number}")["timeline"]] == [
            "open",
            "acknowledge",
            "resolve",
        ]


def test_of_two_officers_at_once_one_wins_and_the_other_hears_the_name(web: Web) -> None:
    with web.client("anna") as anna, web.client("cora") as cora, ThreadPoolExecutor(2) as pool:
        for turn in range(25):
            number = open_incident(web.database, "s1", key=f"press:{turn}")
            path = f"{API}/incidents/{number}/acknowledge"
            answers = list(pool.map(lambda who: who.post(path, json={"version": 1}), (anna, cora)))  # noqa: B023
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            lost = next(answer.json() for answer in answers if answer.status_code == 409)
            won = next(answer.json() for answer in answers if answer.status_code == 200)
            assert lost["owner"] == won["owner"]


def test_what_is_no_call_and_what_cannot_be_stored_are_problem_documents(web: Web) -> None:
    with web.client("anna") as client:
        number = open_incident(web.database, "s1")
        cases = [
            (client.get(f"{API}/nothing"), 404),
            (client.put(f"{API}/session"), 405),
            (client.get(f"{API}/devices/s1/%00"), 422),
            (client.get(f"{API}/devices", params={"site": "\x00"}), 422),
            (client.post(f"{API}/incidents/{number}/note", json={"version": 1, "note": "\x00"}), 422),
            (client.post(f"{API}/incidents/{number}/note", json={"version": 2**40, "note": "x"}), 422),
            (client.get(f"{API}/incidents", params={"state": "asleep"}), 422),
        ]
        for answer, status in cases:
            assert answer.status_code == status, answer.request.url
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status


def test_a_body_is_not_read_whatever_its_size(web: Web) -> None:
    large = b'{"name": "' + b"a" * 2_000_000
    with web.client() as client:
        for content in (large, iter([large[:50_000]] * 3)):  # with its length said, and in chunks
            answer = client.post(f"{API}/session", content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 413
            assert answer.headers["content-type"] == "application/problem+json"


def test_figures_and_health_are_at_the_root(web: Web) -> None:
    open_incident(web.database, "s1")
    with web.client() as client:
        assert client.get("/healthz").json() == {"alive": True}
        figures = client.get("/metrics").text
    assert "skynet_database_up 1.0" in figures
    assert 'skynet_incidents{priority="critical",site="s1",state="open"} 1.0' in figures
    assert 'skynet_changes_total{site="s1"} 1.0' in figures


def test_the_published_documents_are_current(web: Web) -> None:
    docs = Path(__file__).parent.parent / "docs"
    with web.client() as client:
        for name, content in documents().items():
            assert (docs / name).read_bytes() == content, "run `python -m web.documents docs`"
            served = client.get(f"{API}/{name}").json()
            if name == "openapi.json":
                served["paths"] = {path: served["paths"][path] for path in orjson.loads(content)["paths"]}
            assert served == orjson.loads(content)


def test_the_documents_name_every_call_and_channel() -> None:
    openapi, asyncapi = (orjson.loads(documents()[name]) for name in ("openapi.json", "asyncapi.json"))
    for path in ("/session", "/me", "/sites", "/grids", "/devices", "/devices/{site}/{device}", "/incidents",
                 "/incidents/{incident_id}", "/incidents/{incident_id}/{verb}", "/events", "/rejects"):  # fmt: skip
        assert API + path in openapi["paths"]
    assert set(asyncapi["channels"]) == {
        "alarm",
        "event",
        "status",
        "telemetry",
        "snapshot",
        "receipt",
        "command",
        "live",
    }
    for operation in asyncapi["operations"].values():
        assert operation["channel"]["$ref"].rpartition("/")[2] in asyncapi["channels"]
    assert set(wire_live.FRAMES) == {"hello", "snapshot", "change", "device", "heartbeat", "flood"}


def test_the_database_keeps_the_wire_of_a_change_as_it_was(web: Web) -> None:
    open_incident(web.database, "s1")
    with psycopg.connect(web.database) as conn:
        row = conn.execute("SELECT body FROM changes").fetchone()
    assert row is not None
    assert set(row[0]) == set(wire.Incident.model_fields)
