"""`skynet devices`, `sites` and `broker-files` against a real database and a real broker."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from servers import Broker
from skynet_command import Skynet

from devices.registry import Device
from skynet.__main__ import EXPECTED
from store import parts, registry
from store.connect import connect

Eventually = Callable[..., None]


@pytest.fixture
def skynet(database: str, mqtt: Broker, tmp_path: Path) -> Skynet:
    command = Skynet(database, mqtt, tmp_path / "data")
    command.json("sites", "add", "s1", "--name", "一号站")
    return command


def may_log_in(broker: Broker, user: str, password: str) -> bool:
    """Whether the broker lets this user in."""
    answered = threading.Event()
    accepted: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=user)
    client.username_pw_set(user, password)

    def on_connect(_c: object, _d: object, _f: object, reason: Any, _p: object) -> None:
        accepted.append(not reason.is_failure)
        answered.set()

    client.on_connect = on_connect
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert answered.wait(10)
    client.disconnect()
    client.loop_stop()
    return accepted[0]


def delivered(broker: Broker, user: str, password: str, topic: str) -> bool:
    """Whether what this user publishes to a topic reaches our own session."""
    heard = threading.Event()
    ready = threading.Event()
    listener = paho.Client(CallbackAPIVersion.VERSION2, client_id="skynet-recorder")
    listener.username_pw_set("skynet-recorder", broker.password)

    def on_connect(client: paho.Client, *_: object) -> None:
        client.subscribe("#", 1)

    listener.on_connect = on_connect
    listener.on_subscribe = lambda *_: ready.set()
    listener.on_message = lambda _c, _d, message: heard.set() if message.topic in {topic, "skynet/v1/end"} else None
    said: list[str] = []
    listener.message_callback_add(topic, lambda _c, _d, message: said.append(message.topic))
    listener.connect(broker.host, broker.port)
    listener.loop_start()
    assert ready.wait(10)
    speaker = paho.Client(CallbackAPIVersion.VERSION2, client_id=user)
    speaker.username_pw_set(user, password)
    speaker.connect(broker.host, broker.port)
    speaker.loop_start()
    speaker.publish(topic, b"x", qos=1).wait_for_publish(10)  # the broker has judged it when it confirms
    ours = paho.Client(CallbackAPIVersion.VERSION2, client_id="skynet-feeds")
    ours.username_pw_set("skynet-feeds", broker.password)
    ours.connect(broker.host, broker.port)
    ours.loop_start()
    ours.publish("skynet/v1/end", b"", qos=1)
    assert heard.wait(10)
    for client in (listener, speaker, ours):
        client.disconnect()
        client.loop_stop()
    return said == [topic]


def test_a_button_is_added_with_a_log_in_that_works_at_once(skynet: Skynet) -> None:
    login = skynet.json("devices", "add", "s1", "b1", "--kind", "button", "--lat", "39.2", "--lon", "83.5")
    assert set(login) == {"site", "device", "username", "password"}
    assert (login["site"], login["device"], login["username"]) == ("s1", "b1", "s1.b1")
    assert may_log_in(skynet.broker, "s1.b1", login["password"])
    assert delivered(skynet.broker, "s1.b1", login["password"], "skynet/v1/s1/b1/alarm")
    assert not delivered(skynet.broker, "s1.b1", login["password"], "skynet/v1/s1/b2/alarm")


def test_adding_again_ends_the_old_password_and_keeps_what_is_not_given(skynet: Skynet) -> None:
    given = ("--kind", "button", "--name", "张家门口", "--lat", "39.2", "--lon", "83.5", "--expect", "3600")
    old = skynet.json("devices", "add", "s1", "b1", *given)
    new = skynet.json("devices", "add", "s1", "b1", "--kind", "button", "--address", "展望路3号")
    assert not may_log_in(skynet.broker, "s1.b1", old["password"])
    assert may_log_in(skynet.broker, "s1.b1", new["password"])
    device = skynet.device("s1", "b1")
    assert device is not None
    assert (device.name, device.address, device.lat, device.expect) == ("张家门口", "展望路3号", 39.2, 3600)


def test_a_removed_device_can_not_log_in(skynet: Skynet) -> None:
    login = skynet.json("devices", "add", "s1", "b1", "--kind", "button")
    assert skynet.json("devices", "remove", "s1", "b1") == {"removed": "s1.b1"}
    assert not may_log_in(skynet.broker, "s1.b1", login["password"])
    assert skynet.device("s1", "b1") is None
    assert "devices list" in skynet.fails("devices", "remove", "s1", "b1")


def test_a_gateway_speaks_below_its_prefix_and_for_devices_without_a_log_in(skynet: Skynet) -> None:
    gateway = ("--kind", "gateway", "--format", "frigate", "--prefix", "frigate")
    login = skynet.json("devices", "add", "s1", "nvr", *gateway)
    assert delivered(skynet.broker, "s1.nvr", login["password"], "frigate/events")
    assert not delivered(skynet.broker, "s1.nvr", login["password"], "other/events")
    through = skynet.json("devices", "add", "s1", "c1", "--kind", "camera", "--via", "nvr", "--native", "前门/东 1")
    assert (through["username"], through["password"]) == (None, None)
    assert skynet.credentials() == ["s1.nvr"]
    skynet.json("devices", "remove", "s1", "nvr")
    assert skynet.device("s1", "c1") is None


def test_a_device_that_moves_behind_a_gateway_loses_its_log_in(skynet: Skynet) -> None:
    login = skynet.json("devices", "add", "s1", "c1", "--kind", "camera")
    skynet.json("devices", "add", "s1", "nvr", "--kind", "gateway", "--format", "frigate", "--prefix", "frigate")
    skynet.json("devices", "add", "s1", "c1", "--via", "nvr", "--native", "front")
    assert not may_log_in(skynet.broker, "s1.c1", login["password"])


def test_registering_a_name_takes_the_place_of_what_nobody_registered(skynet: Skynet) -> None:
    gateway = ("--kind", "gateway", "--format", "zigbee2mqtt", "--prefix", "home/z2m")
    skynet.json("devices", "add", "s1", "z2m", *gateway)
    unknown = Device(
        site="s1", device="sos-1234", kind="button", name="sos", via="z2m", native="客厅/SOS", registered=False
    )
    with connect(skynet.database, part="test") as conn:
        registry.keep_unregistered(conn, [unknown])
    skynet.json("devices", "add", "s1", "b9", "--kind", "button", "--via", "z2m", "--native", "客厅/SOS")
    assert skynet.device("s1", "sos-1234") is None
    assert skynet.device("s1", "b9") is not None


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("s1", "B1", "--kind", "button"), "lower-case"),
    (("s1", "-b", "--kind", "button"), ""),
    (("s1", "甲", "--kind", "button"), "lower-case"),
    (("s1", "b" * 49, "--kind", "button"), "lower-case"),
    (("nowhere", "b1", "--kind", "button"), "sites add"),
    (("s1", "b1"), "--kind"),
    (("s1", "b1", "--kind", "siren"), "siren"),
    (("s1", "b1", "--kind", "button", "--lat", "39"), "lon"),
    (("s1", "b1", "--kind", "button", "--lat", "99", "--lon", "1"), "lat"),
    (("s1", "b1", "--kind", "button", "--grid", "g1"), "grid"),
    (("s1", "g", "--kind", "gateway", "--format", "frigate"), "prefix"),
    (("s1", "g", "--kind", "gateway", "--format", "chirpstack", "--prefix", "x"), "zigbee2mqtt"),
    (("s1", "g", "--kind", "gateway", "--format", "frigate", "--prefix", "a/#"), "prefix"),
    (("s1", "g", "--kind", "gateway", "--format", "frigate", "--prefix", "+"), "prefix"),
    (("s1", "g", "--kind", "gateway", "--format", "frigate", "--prefix", "$SYS"), "prefix"),
    (("s1", "g", "--kind", "gateway", "--format", "frigate", "--prefix", "skynet"), "prefix"),
    (("s1", "c", "--kind", "camera", "--via", "nobody", "--native", "x"), "gateway"),
    (("s1", "c", "--kind", "camera", "--via", "nobody"), "native"),
]


def test_what_can_not_be_is_refused_with_what_to_do(skynet: Skynet) -> None:
    for arguments, said in REFUSED:
        done = skynet.inside("devices", "add", *arguments)
        assert done.exit_code != 0, arguments
        assert done.exception is None or isinstance(done.exception, (*EXPECTED, SystemExit)), arguments
        assert said in f"{done.exception} {done.output}", arguments
    assert skynet.credentials() == []


def test_overlapping_prefixes_are_refused(skynet: Skynet) -> None:
    skynet.json("devices", "add", "s1", "g1", "--kind", "gateway", "--format", "frigate", "--prefix", "a/b")
    for prefix in ("a/b", "a", "a/b/c"):
        refused = skynet.fails(
            "devices", "add", "s1", "g2", "--kind", "gateway", "--format", "frigate", "--prefix", prefix
        )
        assert "overlaps" in refused
    assert skynet.credentials() == ["s1.g1"]


def test_nothing_is_kept_when_the_broker_does_not_do_it(skynet: Skynet) -> None:
    refused = skynet.fails("devices", "add", "s1", "b1", "--kind", "button", SKYNET_MQTT_PASSWORD="wrong")
    assert "SKYNET_MQTT_PASSWORD" in refused
    assert skynet.device("s1", "b1") is None
    assert skynet.credentials() == []


def test_it_returns_when_ingest_has_taken_the_change_up(skynet: Skynet) -> None:
    """An ingest that lags is played by a thread that takes the version up only when the command has written it."""
    with connect(skynet.database, part="test", autocommit=True) as conn:
        clock = conn.execute("SELECT now()").fetchone()
        assert clock is not None
        before = registry.version(conn)
        parts.beat(conn, "ingest", "i1", started_at=clock[0], ready_since=clock[0], registry_version=before)
        finished: list[str] = []
        adding = threading.Thread(
            target=lambda: finished.append(
                skynet.run("devices", "add", "s1", "b1", "--kind", "button", "--json").stdout
            )
        )
        adding.start()
        while registry.version(conn) == before:
            parts.beat(conn, "ingest", "i1", started_at=clock[0], ready_since=clock[0], registry_version=before)
        assert not finished
        parts.beat(conn, "ingest", "i1", started_at=clock[0], ready_since=clock[0], registry_version=before + 99)
        adding.join(60)
        assert '"password"' in finished[0]


def test_list_and_import(skynet: Skynet, tmp_path: Path) -> None:
    def feature(number: int, **properties: object) -> dict[str, object]:
        point = {"type": "Point", "coordinates": [83.5, 39.2]}
        return {
            "type": "Feature",
            "geometry": point,
            "properties": {"device": f"d{number}", "name": f"第{number}个", **properties},
        }

    file = tmp_path / "devices.geojson"
    features = [
        feature(1, type="camera", via="nvr", native="front"),
        feature(2, type="button", address="展望路2号"),
        {
            "type": "Feature",
            "geometry": None,
            "properties": {"type": "gateway", "device": "nvr", "name": "录像机", "format": "frigate", "prefix": "f"},
        },
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    assert "site" in skynet.fails("devices", "import", str(file))
    said = skynet.json("devices", "import", str(file), "--site", "s1")
    assert said["devices"] == 3
    logins = {one["device"]: one["password"] for one in said["items"]}
    assert logins["d1"] is None
    assert may_log_in(skynet.broker, "s1.d2", logins["d2"])
    again = skynet.json("devices", "import", str(file), "--site", "s1")
    assert again == {"devices": 3, "items": []}
    assert may_log_in(skynet.broker, "s1.d2", logins["d2"])
    listed = skynet.json("devices", "list", "--site", "s1")["items"]
    assert [one["device"] for one in listed] == ["d1", "d2", "nvr"]
    assert "展望路2号" in skynet.run("devices", "list").stdout
    file.write_text("{}", "utf-8")
    assert "GeoJSON" in skynet.fails("devices", "import", str(file), "--site", "s1")


def site_file(folder: Path, *devices: dict[str, object]) -> str:
    """A site file with these devices."""
    features = [{"type": "site", "site": "s2", "name": "二号站"}, *devices]
    file = folder / "site.geojson"
    document = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": None, "properties": one} for one in features],
    }
    file.write_text(json.dumps(document), "utf-8")
    return str(file)


def test_log_ins_follow_what_a_site_file_changes(skynet: Skynet, tmp_path: Path) -> None:
    gateway: dict[str, object] = {
        "type": "gateway",
        "device": "nvr",
        "name": "录像机",
        "format": "frigate",
        "prefix": "old",
    }
    camera: dict[str, object] = {"type": "camera", "device": "c1", "name": "前门"}
    said = skynet.json("sites", "import", site_file(tmp_path, camera, gateway))
    assert said == {"site": "s2", "grids": 0, "devices": 2}
    gateway_login = skynet.json("devices", "add", "s2", "nvr")
    camera_login = skynet.json("devices", "add", "s2", "c1")
    moved = camera | {"via": "nvr", "native": "front"}
    skynet.json("sites", "import", site_file(tmp_path, moved, gateway | {"prefix": "new"}))
    assert delivered(skynet.broker, "s2.nvr", gateway_login["password"], "new/events")
    assert not delivered(skynet.broker, "s2.nvr", gateway_login["password"], "old/events")
    assert not may_log_in(skynet.broker, "s2.c1", camera_login["password"])
    assert "overlaps" in skynet.fails(
        "devices", "add", "s1", "g", "--kind", "gateway", "--format", "frigate", "--prefix", "new/x"
    )
    skynet.json("sites", "remove", "s2")
    assert not may_log_in(skynet.broker, "s2.nvr", gateway_login["password"])
    assert skynet.credentials() == []


def test_the_brokers_files_are_made_anew_from_the_database(skynet: Skynet, tmp_path: Path) -> None:
    skynet.json("devices", "add", "s1", "b1", "--kind", "button")
    skynet.json("devices", "add", "s1", "nvr", "--kind", "gateway", "--format", "frigate", "--prefix", "f")
    folder = tmp_path / "config"
    done = skynet.run("broker-files", str(folder), "--plugin", "/usr/lib/x.so")
    assert done.returncode == 0, done.stderr
    security = json.loads((folder / "dynamic-security.json").read_text("utf-8"))
    assert {"s1.b1", "s1.nvr", "skynet-alarms"} <= {one["username"] for one in security["clients"]}
    assert (folder / "dynamic-security.json").stat().st_mode & 0o077 == 0
    configuration = (folder / "mosquitto.conf").read_text("utf-8")
    assert f"plugin_opt_config_file {folder}/dynamic-security.json" in configuration
    assert "listener 1883 0.0.0.0" in configuration
    assert skynet.broker.password not in configuration + json.dumps(security)
