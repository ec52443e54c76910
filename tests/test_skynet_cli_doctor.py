"""`skynet doctor`: what is missing, unsafe or not at work is named, and the exit says whether it is fit for duty."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from servers import Broker
from skynet_command import Skynet

from devices.registry import Device, Site
from skynet import diagnosis
from skynet.cli.doctor import shown
from skynet.settings import Settings
from store import facts, feed, parts, people, registry
from store.connect import connect


def states(settings: Settings) -> dict[str, str]:
    return {one.what: one.state for one in diagnosis.examine(settings)}


def settings_for(database: str, mqtt: Broker, folder: Path, **more: Any) -> Settings:
    told: dict[str, Any] = {
        "database_url": database,
        "mqtt_url": mqtt.url,
        "mqtt_password": mqtt.password,
        "data_dir": folder,
    }
    return Settings(**(told | more))


def beat(database: str, part: str, *, ready: bool = True, registry_version: int = 1) -> None:
    with connect(database, part="test") as conn:
        now = feed.clock(conn)
        ready_since = now if ready else None
        parts.beat(conn, part, "one", started_at=now, ready_since=ready_since, registry_version=registry_version)


def test_a_system_at_work_is_found_well(database: str, mqtt: Broker, tmp_path: Path) -> None:
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="一号站"))
        people.add_user(conn, "wang", "officer", ["s1"], None)
    beat(database, "ingest")
    beat(database, "alerts")
    found = states(settings_for(database, mqtt, tmp_path))
    well = ("rules", "exposure", "database", "timescaledb", "migrations", "durability", "sites", "devices", "people",
            "ingest", "alerts", "broker", "broker log-ins")  # fmt: skip
    assert {what: found[what] for what in well} == dict.fromkeys(well, "ok")


def test_what_is_not_well_is_a_fault(database: str, mqtt: Broker, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[[incident]]\nkinds = 3\n", "utf-8")
    found = states(settings_for(database, mqtt, tmp_path, rules_file=rules, mqtt_password="wrong", web_port=1))
    for what in ("rules", "ingest", "alerts", "people", "broker", "web"):
        assert found[what] == "fault", what
    assert found["sites"] == "warning"


def test_a_part_that_runs_and_can_not_work_is_a_fault(database: str, mqtt: Broker, tmp_path: Path) -> None:
    beat(database, "ingest", ready=False)
    settings = settings_for(database, mqtt, tmp_path)
    [finding] = diagnosis.examine_part(settings, "ingest")
    assert (finding.state, "log" in finding.said) == ("fault", True)
    beat(database, "ingest")
    [finding] = diagnosis.examine_part(settings, "ingest")
    assert finding.state == "ok"


def test_a_part_that_beat_long_ago_is_not_at_work(database: str, mqtt: Broker, tmp_path: Path) -> None:
    beat(database, "ingest")
    with connect(database, part="test") as conn:
        clock = facts.database_facts(conn).clock
        beaten = parts.list_parts(conn)
    assert diagnosis.part_finding("ingest", beaten, clock).state == "ok"
    assert diagnosis.part_finding("ingest", beaten, clock + timedelta(seconds=11)).state == "fault"
    assert diagnosis.part_finding("alerts", beaten, clock).state == "fault"


def test_a_database_that_could_lose_what_it_confirmed_is_a_fault(database: str, mqtt: Broker, tmp_path: Path) -> None:
    name = database.rsplit("/", maxsplit=1)[1]
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    assert states(settings_for(database, mqtt, tmp_path))["durability"] == "fault"


def test_a_database_that_was_not_migrated_is_a_fault(database: str, mqtt: Broker, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("UPDATE alembic_version SET version_num = 'other'")
    found = states(settings_for(database, mqtt, tmp_path))
    assert found["migrations"] == "fault"


def test_what_can_not_be_reached_is_a_fault_and_no_exception(tmp_path: Path) -> None:
    away = Settings(
        database_url=SecretStr("postgresql://u:p@127.0.0.1:1/x"), mqtt_url="mqtt://127.0.0.1:1",
        mqtt_password=SecretStr("x"), data_dir=tmp_path, web_port=1,
    )  # fmt: skip
    found = states(away)
    assert (found["database"], found["broker"], found["web"]) == ("fault", "fault", "fault")
    assert states(Settings(data_dir=tmp_path, web_port=1))["database"] == "fault"


@pytest.mark.parametrize(
    ("host", "web_url", "state"),
    [
        ("127.0.0.1", None, "ok"),
        ("127.0.0.1", "http://localhost:8420", "ok"),
        ("0.0.0.0", "https://skynet.example", "ok"),
        ("0.0.0.0", "http://127.0.0.1:8420", "warning"),
        ("0.0.0.0", None, "fault"),
        ("192.0.2.1", None, "fault"),
        ("127.0.0.1", "http://skynet.example", "fault"),
    ],
)
def test_a_console_in_the_clear_is_unsafe(tmp_path: Path, host: str, web_url: str | None, state: str) -> None:
    settings = Settings(host=host, web_url=web_url, data_dir=tmp_path)
    assert [one.state for one in diagnosis.exposure(settings)] == [state]


def test_strangers_among_the_devices_are_shown(database: str, mqtt: Broker, tmp_path: Path) -> None:
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="一号站"))
        registry.keep_unregistered(conn, [Device(site="s1", device="x", kind="camera", name="x", registered=False)])
    assert states(settings_for(database, mqtt, tmp_path))["devices"] == "warning"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (SecretStr("postgresql://u:p%40ss@h:5432/d"), "postgresql://u:***@h:5432/d"),
        (SecretStr("postgresql://h/d?user=u&password=geheim&sslmode=require"), "postgresql://h/d?user=u&password=***&sslmode=require"),
        (SecretStr("postgresql://u@h/d"), "postgresql://u@h/d"),
        (SecretStr("a-password"), "***"),
        ("mqtt://u:p@h:1", "mqtt://u:***@h:1"),
        (12.0, "12.0"),
        (None, None),
    ],
)  # fmt: skip
def test_secrets_are_never_shown(value: object, said: str | None) -> None:
    assert shown(value) == said


def test_the_command_lists_every_setting_and_exits_by_what_it_found(
    database: str, mqtt: Broker, tmp_path: Path
) -> None:
    skynet = Skynet(database, mqtt, tmp_path)
    done = skynet.run("doctor")
    assert done.returncode == 1
    assert "NOT fit for duty" in done.stdout
    assert mqtt.password not in done.stdout
    for name in Settings.model_fields:
        assert f"SKYNET_{name.upper()} = " in done.stdout
    assert "[environment SKYNET_MQTT_URL]" in done.stdout
    beat(database, "ingest")
    assert skynet.json("doctor", "--part", "ingest")["fit"] is True
