"""Golden feeds: what messages of our own format and of other makers' shapes become, line by line.

`tests/data/*.jsonl` are feeds, `*.expected.jsonl` what each of their lines says. The simulator shares its formats with
the decoder and could hide a fault of both; these files were written and read by people.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import orjson
import pytest

from devices import feed, formats
from devices.messages import Alarm, Event
from devices.presses import PressWindow
from devices.registry import Device, Registry, Site

DATA = Path(__file__).parent / "data"
BEGIN = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


def registry() -> Registry:
    def device(name: str, kind: str, **more: object) -> Device:
        return msgspec.convert({"site": "lake", "device": name, "kind": kind, "name": name, **more}, Device)

    return Registry(
        1,
        [Site(site="lake", name="湖边")],
        [],
        [
            device("cam-gate", "camera", via="video", native="village_gate"),
            device("cam-square", "camera", via="video", native="Square"),
            device("btn-hall", "button", via="zigbee", native="0x00124b0029aa17c4"),
            device("btn-bed", "button", via="zigbee", native="厨房/床头 按钮"),
            device("btn-lobby", "button", via="zigbee", native="lobby"),
            device("video", "gateway", format="frigate", prefix="frigate"),
            device("zigbee", "gateway", format="zigbee2mqtt", prefix="zigbee2mqtt"),
        ],
    )


def decoded(name: str) -> list[list[object]]:
    known, window = registry(), PressWindow()
    with (DATA / f"{name}.jsonl").open("rb") as lines:
        return [
            list(formats.decode(one.topic, one.payload, one.retain, BEGIN + timedelta(seconds=one.at), known, window))
            for one in feed.read(lines)
        ]


def plain(said: object) -> dict[str, object]:
    """A decoded thing as JSON has it, its attributes opened, what is None left out."""
    fields = {name: value for name, value in msgspec.structs.asdict(said).items() if value is not None}  # type: ignore[arg-type]
    if isinstance(fields.get("attrs"), bytes):
        fields["attrs"] = orjson.loads(fields["attrs"])
    return orjson.loads(orjson.dumps({"is": type(said).__name__, **fields}))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["own", "frigate", "zigbee2mqtt"])
def test_each_line_says_what_it_should(name: str) -> None:
    expected = [orjson.loads(line) for line in (DATA / f"{name}.expected.jsonl").read_bytes().splitlines()]
    assert [[plain(said) for said in line] for line in decoded(name)] == expected


@pytest.mark.parametrize("name", ["frigate"])
def test_no_identity_gets_through(name: str) -> None:
    said = b"".join(orjson.dumps(plain(one)) for line in decoded(name) for one in line)
    for identity in ("Invented", "川A00000", "red coat", "verified", "sub_label", "plate"):
        assert identity.encode() not in said


def test_ids_of_events_are_ids_of_ours_and_once_each() -> None:
    events = [one for line in decoded("frigate") for one in line if isinstance(one, Event)]
    assert all(1 <= len(one.id) <= 64 for one in events)
    ids = [one.id for one in events]
    twice = {one for one in ids if ids.count(one) > 1}
    # the same end sent twice, and a review's update that changed nothing, have one id each
    assert len(twice) == 2


def test_presses_are_as_many_as_fingers() -> None:
    alarms = [one for line in decoded("zigbee2mqtt") for one in line if isinstance(one, Alarm)]
    pressed = [device for device, _ in dict.fromkeys((one.device, one.id) for one in alarms)]
    assert pressed[:2] == ["btn-hall", "btn-hall"]  # 06:00:06 and 06:00:12, each several times over the air
    assert pressed[2:5] == ["btn-bed", "btn-bed", "btn-lobby"]
    assert [name.rsplit("-", 1)[0] for name in pressed[5:7]] == ["somebody", "some-body"]
    assert pressed[7:] == ["btn-lobby"]
