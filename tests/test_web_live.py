"""The live feed: every console hears every change of its sites once and in order, whatever happens to it or to the database."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from cable import Cable
from webserver import Feed, Web, add_people, open_incident, running_web
from websockets.exceptions import ConnectionClosed, InvalidStatus

from devices.registry import Device, Site
from store import device_states, floods, people, registry
from store.connect import connect
from web import wire_live
from web.hub import TOO_OLD

Eventually = Callable[..., None]


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    add_people(database)
    with running_web(database) as server:
        yield server


def press(web: Web, site: str = "s1", times: int = 1) -> None:
    for _ in range(times):
        open_incident(web.database, site)


def close_code(feed: Feed) -> int | None:
    """Read on until the connection ends; with which code."""
    try:
        while True:
            feed.next(within=20)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None


def falls_silent(feed: Feed) -> bool:
    """Whether heartbeats end; one that was on its way may still come."""
    try:
        for _ in range(3):
            feed.next("heartbeat", within=6)
    except TimeoutError:
        return True
    return False


def test_a_new_console_is_greeted_gets_a_snapshot_and_then_each_change(web: Web) -> None:
    press(web, times=3)
    with web.client("anna") as client, web.live(client) as feed:
        hello = feed.next()
        assert hello["type"] == "hello"
        assert hello["sites"] == {"s1": {"seq": 3, "mode": "snapshot"}}
        snapshot = feed.next()
        assert (snapshot["type"], snapshot["site"], snapshot["seq"]) == ("snapshot", "s1", 3)
        assert [one["count"] for one in snapshot["incidents"]] == [3]
        assert [one["device"] for one in snapshot["devices"]] == ["b1", "c1"]
        press(web)
        press(web, "s2")
        press(web)
        changes = [feed.next("change") for _ in range(2)]
        assert [(one["site"], one["seq"], one["verb"]) for one in changes] == [("s1", 4, "repeat"), ("s1", 5, "repeat")]
        assert list(changes[0]) == ["type", "site", "seq", "at", "actor", "verb", "note", "incident"]
        assert changes[0]["at"].endswith("Z")
        detail = client.get(f"/api/v1/incidents/{snapshot['incidents'][0]['id']}").json()
        assert changes[1]["incident"] == {name: detail[name] for name in changes[1]["incident"]}


def test_frames_are_as_published(web: Web) -> None:
    press(web)
    with web.client("anna") as client, web.live(client) as feed:
        press(web)
        with connect(web.database, part="test") as conn:
            device_states.note_life(conn, [device_states.SignOfLife("s1", "b1", datetime.now(UTC))])
            assert floods.begin(conn, "anna", datetime.now(UTC), 11)
        missing = dict(wire_live.FRAMES)
        while missing:
            frame = feed.next()
            model = wire_live.FRAMES[frame["type"]]
            model.model_validate(frame)
            assert set(frame) == set(model.model_fields)
            missing.pop(frame["type"], None)


def test_a_console_that_comes_back_gets_what_it_missed(web: Web) -> None:
    press(web, times=3)
    with web.client("cora") as client:
        with web.live(client) as feed:
            name = feed.next("hello")["feed"]
        press(web, times=4)
        press(web, "s2")
        with web.live(client, f"?after=s1:3,s2:0,s9:7&feed={name}") as feed:
            hello = feed.next()
            assert hello["sites"] == {"s1": {"seq": 7, "mode": "changes"}, "s2": {"seq": 1, "mode": "changes"}}
            press(web)
            seen = feed.changes({"s1": 8, "s2": 1})
            assert [one["seq"] for one in seen["s1"]] == [4, 5, 6, 7, 8]
            assert [one["seq"] for one in seen["s2"]] == [1]


def test_on_resuming_every_devices_state_is_sent_once(web: Web) -> None:
    with web.client("cora") as client, web.live(client, "?after=s1:0,s2:0") as feed:
        told = [feed.next("device") for _ in range(4)]
        assert sorted((one["site"], one["device"], one["state"]) for one in told) == [
            (site, device, "unknown") for site in ("s1", "s2") for device in ("b1", "c1")
        ]


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        ("", "snapshot"),
        ("?after=s1:3", "changes"),
        ("?after=s1:2", "changes"),
        ("?after=s1:4", "snapshot"),
        ("?after=s2:3", "snapshot"),
        ("?after=nonsense", "snapshot"),
        ("?after=s1:3&feed=another", "snapshot"),
        ("?after=s1:%00&feed=%ff", "snapshot"),
    ],
)
def test_how_a_site_goes_on(web: Web, query: str, mode: str) -> None:
    press(web, times=3)
    with web.client("anna") as client, web.live(client, query) as feed:
        assert feed.next()["sites"] == {"s1": {"seq": 3, "mode": mode}}


def test_a_console_far_behind_gets_a_snapshot_and_one_less_far_all_of_it(web: Web) -> None:
    with psycopg.connect(web.database) as conn:
        open_incident(web.database, "s1")
        conn.execute(
            "INSERT INTO changes (site, seq, incident, at, actor, verb, body)"
            " SELECT site, n, incident, at, actor, verb, body FROM changes, generate_series(2, %s::int) AS n",
            (TOO_OLD + 1,),
        )
        conn.execute("UPDATE feed_counters SET seq = %s WHERE site = 's1'", (TOO_OLD + 1,))
    with web.client("anna") as client:
        with web.live(client, "?after=s1:0") as feed:
            assert feed.next()["sites"]["s1"]["mode"] == "snapshot"
        with web.live(client, "?after=s1:1") as feed:
            assert feed.next()["sites"]["s1"]["mode"] == "changes"
            seen = feed.changes({"s1": TOO_OLD + 1})["s1"]
            assert [one["seq"] for one in seen] == list(range(2, TOO_OLD + 2))


def test_consoles_that_come_and_go_while_changes_come_hear_each_once(web: Web) -> None:
    """Also through another web process, which may be a little ahead or behind of the first."""
    total = 300
    writers = [threading.Thread(target=press, args=(web, site, total // 2)) for site in ("s1", "s1", "s2")]
    heard: dict[str, list[int]] = {"s1": [], "s2": []}
    goal = {"s1": total, "s2": total // 2}
    with running_web(web.database) as other, web.client("cora") as here, other.client("cora") as there:
        for writer in writers:
            writer.start()
        turn = 0
        while any((heard[site] or [0])[-1] < goal[site] for site in goal):
            server, client = ((web, here), (other, there))[turn % 2]
            cursors = ",".join(f"{site}:{(numbers or [0])[-1]}" for site, numbers in heard.items())
            turn += 1
            with server.live(client, f"?after={cursors}") as feed:
                assert {site["mode"] for site in feed.next("hello")["sites"].values()} == {"changes"}
                for _ in range(turn * 3):
                    frame = feed.next()
                    if frame["type"] == "change":
                        heard[frame["site"]].append(frame["seq"])
                    elif frame["type"] == "heartbeat":
                        break
        for writer in writers:
            writer.join()
    assert heard == {site: list(range(1, last + 1)) for site, last in goal.items()}


def test_nobody_gets_in_without_a_session(web: Web) -> None:
    with web.live(None) as feed:
        assert close_code(feed) == 4401
    with web.client("anna") as client:
        client.cookies.set("skynet_session", "forged", domain="127.0.0.1")
        client.cookies.delete("skynet_session", domain="127.0.0.1") if len(client.cookies) > 1 else None
        with web.live(client) as feed:
            assert close_code(feed) == 4401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_page_is_refused_before_it_is_let_in(web: Web, origin: str) -> None:
    with web.client("anna") as client:
        with pytest.raises(InvalidStatus) as refused, web.live(client, origin=origin):
            pass
        assert refused.value.response.status_code == 403
        with web.live(client, origin=None) as feed:
            assert feed.next()["type"] == "hello"


def test_a_log_out_ends_the_feed_of_that_session_only(web: Web) -> None:
    with web.client("anna") as first, web.client("anna") as second, web.live(first) as one, web.live(second) as two:
        one.next("snapshot")
        two.next("snapshot")
        first.delete("/api/v1/session")
        assert close_code(one) == 4401
        press(web)
        assert two.next("change")["seq"] == 1


@pytest.mark.parametrize(
    "end",
    ["UPDATE sessions SET expires_at = now()", "DELETE FROM users WHERE name = 'anna'"],
    ids=["expired", "removed"],
)
def test_a_session_that_ended_elsewhere_ends_the_feed(web: Web, end: str) -> None:
    with web.client("anna") as client, web.live(client) as feed:
        feed.next("snapshot")
        with psycopg.connect(web.database) as conn:
            conn.execute(end)
        assert close_code(feed) == 4401


def test_sites_given_and_taken_are_followed_from_then_on(web: Web) -> None:
    press(web, "s2", 2)
    with web.client("anna") as client, web.live(client) as feed:
        feed.next("snapshot")
        with connect(web.database, part="test") as conn:
            people.add_user(conn, "anna", "officer", ["s2"], None)
        snapshot = feed.next("snapshot")
        assert (snapshot["site"], snapshot["seq"]) == ("s2", 2)
        press(web, "s1")
        press(web, "s2")
        change = feed.next("change")
        assert (change["site"], change["seq"]) == ("s2", 3)
        assert feed.next("heartbeat")["seq"] == {"s2": 3}


def test_a_site_added_just_now_is_there(web: Web) -> None:
    with web.client("dora") as client, web.live(client) as before:
        before.next("snapshot")
        with connect(web.database, part="test") as conn:
            registry.add_site(conn, Site(site="s3", name="s3"))
        with web.live(client) as feed:
            assert feed.next()["sites"]["s3"] == {"seq": 0, "mode": "snapshot"}
            press(web, "s3")
            assert feed.next("change")["site"] == "s3"
        while (frame := before.next())["type"] != "snapshot" or frame["site"] != "s3":
            pass


def test_a_devices_state_is_told_when_it_changes(web: Web) -> None:
    with web.client("cora") as client, web.live(client) as feed:
        feed.next("heartbeat")
        with connect(web.database, part="test") as conn:
            device_states.note_life(conn, [device_states.SignOfLife("s2", "c1", datetime.now(UTC))])
            registry.add_device(conn, Device(site="s1", device="b2", kind="button", name="b2"))
        told = {(one["site"], one["device"]): one["state"] for one in (feed.next("device"), feed.next("device"))}
        assert told == {("s2", "c1"): "online", ("s1", "b2"): "unknown"}


def test_a_heartbeat_says_where_this_console_is(web: Web) -> None:
    with web.client("cora") as client, web.live(client) as feed:
        feed.next("snapshot")
        press(web, times=2)
        feed.next("change")
        feed.next("change")
        beat = feed.next("heartbeat")
        assert beat["seq"] == {"s1": 2, "s2": 0}
        assert abs(datetime.fromisoformat(beat["ts"]) - datetime.now(UTC)) < timedelta(minutes=1)


def add_long_changes(database: str, first: int, last: int) -> None:
    """As a flood would: changes of two kilobytes each, rung once."""
    with psycopg.connect(database) as conn:
        conn.execute(
            "INSERT INTO changes (site, seq, incident, at, actor, verb, body, note)"
            " SELECT site, n, incident, at, actor, verb, body, repeat('x', 1000) FROM changes,"
            " generate_series(%s::int, %s::int) AS n WHERE site = 's1' AND seq = 1",
            (first, last),
        )
        conn.execute("UPDATE feed_counters SET seq = %s WHERE site = 's1'", (last,))
        conn.execute("NOTIFY skynet_changes, 's1'")


def test_a_console_that_does_not_read_is_closed_and_holds_up_nobody(web: Web) -> None:
    with web.client("anna") as client, web.live(client) as good, web.live(client, max_queue=1) as slow:
        good.next("snapshot")
        slow.next("snapshot")
        open_incident(web.database, "s1")
        seen = [good.next("change")["seq"]]
        for first in range(2, 9002, 250):
            add_long_changes(web.database, first, first + 249)
            seen += [one["seq"] for one in good.changes({"s1": first + 249})["s1"]]
        assert seen == list(range(1, 9002))
        assert close_code(slow) == 1013


def test_without_the_database_calls_fail_clearly_the_heart_stops_and_all_of_it_comes_back(
    database: str, eventually: Eventually
) -> None:
    add_people(database)
    with Cable(database) as cable, running_web(cable.url) as near:
        web = Web(near.url, database, near.port)
        with web.client("anna") as client, web.live(client) as feed:
            feed.next("heartbeat")
            cable.cut()
            eventually(lambda: client.get("/api/v1/sites").status_code == 503)
            answer = client.get("/api/v1/sites")
            assert answer.headers["content-type"] == "application/problem+json"
            assert client.get("/healthz").status_code == 200
            assert client.get("/readyz").json()["checks"]["database"]["ok"] is False
            assert "skynet_database_up 0.0" in client.get("/metrics").text
            assert falls_silent(feed)
            press(web, times=3)
            cable.mend()
            assert [feed.next("change", within=30)["seq"] for _ in range(3)] == [1, 2, 3]
            assert feed.next("heartbeat")["seq"] == {"s1": 3}
            eventually(lambda: client.get("/api/v1/sites").status_code == 200)


def test_a_database_that_says_nothing_is_not_waited_for(database: str) -> None:
    add_people(database)
    with (
        Cable(database) as cable,
        running_web(cable.url) as web,
        web.client("anna") as client,
        web.live(client) as feed,
    ):
        feed.next("heartbeat")
        cable.go_dead()
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["database"]["ok"] is False
        assert falls_silent(feed)
        cable.mend()
        assert feed.next("heartbeat", within=30)["seq"] == {"s1": 0}


def test_another_feed_makes_every_console_begin_anew(web: Web) -> None:
    """As after a restore of the database: its numbers mean something else now."""
    press(web, times=2)
    with web.client("anna") as client, web.live(client) as feed:
        name = feed.next("hello")["feed"]
        with psycopg.connect(web.database) as conn:
            conn.execute("UPDATE feed_identity SET feed = 'restored'")
            conn.commit()
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'skynet web feed' AND datname = current_database()"
            )
        assert close_code(feed) == 1013
        with web.live(client, f"?after=s1:2&feed={name}") as again:
            hello = again.next()
            assert (hello["feed"], hello["sites"]["s1"]["mode"]) == ("restored", "snapshot")
