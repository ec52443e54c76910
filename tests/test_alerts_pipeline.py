"""The synthetic alarm, by a real broker through ingest into a real database: one incident, no noise, and nobody's business."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from psycopg import Connection
from pydantic import SecretStr
from servers import Broker
from test_alerts_service import GRACE
from webserver import add_people, running_web

from alerts.engine import Engine
from alerts.pipeline import Prover
from alerts.rules import load_rules
from devices.registry import SELF_SITE, Device, Site
from ingest.service import Ingest
from skynet.settings import Settings
from store import feed, housekeeping, people, pipeline, reading, registry
from store.connect import connect

Eventually = Callable[..., None]


@pytest.fixture
def settings(database: str, mqtt: Broker) -> Settings:
    return Settings(database_url=SecretStr(database), mqtt_url=mqtt.url, mqtt_password=SecretStr(mqtt.password))


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, part="test", autocommit=True) as conn:
        yield conn


@pytest.fixture
def ingest(settings: Settings, conn: Connection, eventually: Eventually) -> Iterator[Ingest]:
    running = Ingest(settings, settings.require_database())
    running.start()
    eventually(lambda: listens(conn))
    yield running
    running.stop()


def listens(conn: Connection) -> object:
    return conn.execute("SELECT 1 FROM parts WHERE part = 'ingest' AND ready_since IS NOT NULL").fetchone()


def look(prover: Prover, database: str) -> None:
    with connect(database, part="alerts pipeline") as own:
        prover.look(own)


def due_again(conn: Connection) -> None:
    conn.execute("UPDATE jobs SET ran_at = ran_at - interval '10 seconds' WHERE job = 'pipeline'")


def count(conn: Connection) -> int:
    row = conn.execute("SELECT coalesce(sum(count), 0) FROM incidents WHERE site = %s", (SELF_SITE,)).fetchone()
    assert row is not None
    return int(row[0])


def verbs(conn: Connection) -> list[str]:
    return [verb for (verb,) in conn.execute("SELECT verb FROM changes WHERE site = %s ORDER BY seq", (SELF_SITE,))]


def rows(conn: Connection, table: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.usefixtures("ingest")
def test_it_is_one_incident_that_only_counts_up(
    settings: Settings, database: str, conn: Connection, eventually: Eventually
) -> None:
    prover = Prover(settings)
    for number in range(1, 4):
        look(prover, database)
        eventually(lambda number=number: count(conn) == number)
        look(prover, database)  # not due
        due_again(conn)
    assert verbs(conn) == ["open", "repeat", "repeat"]
    [(state, quiet, drill, clock, deadline)] = conn.execute(
        "SELECT state, quiet, drill, clock_since, deadline FROM incidents"
    ).fetchall()
    assert (state, drill, clock, deadline) == ("open", True, None, None)
    assert quiet is not None
    with connect(database, part="engine") as own:
        Engine(load_rules, GRACE).tick(own, datetime.now(UTC) + timedelta(hours=1))
    assert verbs(conn) == ["open", "repeat", "repeat"]
    assert (rows(conn, "timers"), rows(conn, "notices")) == (0, 0)
    facts = pipeline.facts(conn)
    assert facts.fault is None
    assert facts.sent_at == facts.stored
    assert (pipeline.newest_age(conn) or timedelta.max) < timedelta(seconds=20)


def test_it_is_sent_at_once_when_ingest_begins_to_listen(
    settings: Settings, database: str, conn: Connection, eventually: Eventually
) -> None:
    prover = Prover(settings)
    look(prover, database)
    assert "subscribed" in (pipeline.facts(conn).fault or "")
    conn.execute("UPDATE jobs SET ran_at = clock_timestamp() WHERE job = 'pipeline'")
    for number in (1, 2):
        running = Ingest(settings, settings.require_database())
        running.start()
        eventually(lambda: listens(conn))
        conn.execute("UPDATE jobs SET ran_at = clock_timestamp() - interval '1 second' WHERE job = 'pipeline'")
        look(prover, database)
        eventually(lambda number=number: count(conn) == number)
        assert pipeline.facts(conn).fault is None
        look(prover, database)
        running.stop()
        conn.execute("DELETE FROM parts")
    assert count(conn) == 2


@pytest.mark.usefixtures("ingest")
def test_a_broker_that_is_away_is_said_so_and_tried_again(
    settings: Settings, mqtt: Broker, database: str, conn: Connection, eventually: Eventually
) -> None:
    prover = Prover(settings)
    mqtt.kill()
    look(prover, database)
    assert "can't be reached" in (pipeline.facts(conn).fault or "")
    assert pipeline.facts(conn).sent_at is None
    mqtt.restart()
    eventually(lambda: listens(conn))

    def arrives() -> bool:
        look(prover, database)
        return count(conn) > 0

    eventually(arrives, 20)
    assert pipeline.facts(conn).fault is None


def test_without_a_broker_in_the_settings_the_reason_says_which_one_to_set(database: str, conn: Connection) -> None:
    look(Prover(Settings(database_url=SecretStr(database))), database)
    assert "SKYNET_MQTT_URL" in (pipeline.facts(conn).fault or "")


def test_of_two_engines_one_sends_it(settings: Settings, database: str, conn: Connection) -> None:
    one, other = Prover(settings), Prover(settings)
    look(one, database)
    before = pipeline.facts(conn).tried_at
    look(other, database)
    assert pipeline.facts(conn).tried_at == before


@pytest.mark.usefixtures("ingest")
def test_people_never_see_it(
    settings: Settings, database: str, conn: Connection, eventually: Eventually, mqtt: Broker
) -> None:
    add_people(database)
    prover = Prover(settings)
    look(prover, database)
    eventually(lambda: count(conn) == 1)
    [(incident,)] = conn.execute("SELECT id FROM incidents").fetchall()
    with connect(database, part="test") as own:
        people.add_user(own, "root", "admin", [], None)
        assert all(SELF_SITE not in one.sites for one in people.list_users(own))
        counts = reading.counts(own)
        assert SELF_SITE not in {site for site, _, _ in counts.incidents} | counts.heads.keys()
        with pytest.raises(people.PeopleError, match="no site"):
            people.add_user(own, "eve", "officer", [SELF_SITE], None)
    with (
        running_web(database, mqtt_url=mqtt.url, mqtt_password=SecretStr(mqtt.password)) as web,
        web.client() as client,
    ):
        with connect(database, part="test") as own:
            token = people.new_login_link(own, "root", feed.clock(own) + timedelta(hours=1))
        assert client.post(f"/login/{token}").status_code == 303
        assert SELF_SITE not in client.get("/api/v1/me").text
        for call in ("sites", "devices", "grids", "incidents", "events"):
            answer = client.get(f"/api/v1/{call}")
            assert (answer.status_code, SELF_SITE in answer.text) == (200, False), call
        assert client.get(f"/api/v1/devices?site={SELF_SITE}").status_code == 404
        assert client.get(f"/api/v1/incidents/{incident}").status_code == 404
        assert client.post(f"/api/v1/incidents/{incident}/acknowledge", json={"version": 1}).status_code == 404
        assert SELF_SITE not in client.get("/metrics").text
        with web.live(client) as live:
            assert SELF_SITE not in live.next("hello")["sites"]
            beat: dict[str, Any] = live.next("heartbeat")
            assert beat["pipeline"]["ok"] is True
            due_again(conn)
            look(prover, database)
            while beat["pipeline"]["proven_at"] is None:
                beat = live.next()
                assert SELF_SITE not in str(beat)
                beat = beat if beat["type"] == "heartbeat" else {"pipeline": {"proven_at": None}}
        assert httpx.get(f"{web.url}/readyz", timeout=20).json()["checks"]["pipeline"]["ok"]


def test_the_systems_own_site_can_be_neither_changed_nor_removed(conn: Connection) -> None:
    with pytest.raises(registry.RegistryError, match="system's own"):
        registry.add_site(conn, Site(site=SELF_SITE, name="mine"))
    with pytest.raises(registry.RegistryError, match="no site"):
        registry.add_device(conn, Device(site=SELF_SITE, device="b1", kind="button", name="b1"))
    assert not registry.remove_site(conn, SELF_SITE)
    assert not registry.remove_device(conn, SELF_SITE, "probe")
    assert (SELF_SITE, "probe") in registry.load(conn).devices


@pytest.mark.usefixtures("ingest")
def test_what_it_leaves_behind_is_swept(
    settings: Settings, database: str, conn: Connection, eventually: Eventually
) -> None:
    registry.add_site(conn, Site(site="s1", name="One"))
    prover = Prover(settings)
    for number in (1, 2):
        look(prover, database)
        eventually(lambda number=number: count(conn) == number)
        due_again(conn)
    with connect(database, part="owner", role=None) as owner:
        owner.execute(
            "UPDATE alarms SET received_at = received_at - interval '25 hours' WHERE id IN (SELECT id FROM alarms LIMIT 1)"
        )
        owner.execute("UPDATE changes SET at = at - interval '25 hours' WHERE seq = 1")
        owner.commit()
        housekeeping.sweep(owner, datetime.now(UTC), keep_events=timedelta(days=90), keep_rejects=timedelta(days=30))
    assert (rows(conn, "alarms"), rows(conn, "changes"), count(conn)) == (1, 1, 2)
