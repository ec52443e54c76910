"""A press and its cancel taken in one batch, whichever stands first, are what they are one by one."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.rules import load_rules
from devices.messages import Alarm
from devices.registry import Device, Site
from ingest.sorting import Sorted
from ingest.writing import write
from store import registry
from store.connect import connect

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
PRESS = Alarm("s1", "b1", "p1", "press", NOW)
CANCEL = Alarm("s1", "b1", "p1", "cancel", NOW)
OTHER = Alarm("s1", "b2", "p1", "press", NOW)


@pytest.mark.parametrize("order", [(PRESS, CANCEL), (CANCEL, PRESS), (PRESS, PRESS, CANCEL, CANCEL, PRESS)])
@pytest.mark.parametrize("apart", [False, True], ids=["one batch", "each by itself"])
def test_a_press_and_its_cancel(database: str, order: tuple[Alarm, ...], apart: bool) -> None:
    arrived = [(alarm, NOW + timedelta(seconds=n)) for n, alarm in enumerate((*order, OTHER))]
    batches = [[one] for one in arrived] if apart else [arrived]
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        for name in ("b1", "b2"):
            registry.add_device(conn, Device(site="s1", device=name, kind="button", name=name))
        known, rules = registry.load(conn), load_rules(None)
        told = [
            (r.device, r.stage) for batch in batches for r in write(conn, Sorted(alarms=batch), known, rules).receipts
        ]
        stood = conn.execute(
            "SELECT incidents.device, count, incidents.cancelled_at IS NOT NULL, alarms.cancelled_at IS NOT NULL"
            " FROM alarms JOIN incidents ON incidents.id = alarms.incident ORDER BY 1"
        ).fetchall()
    assert stood == [("b1", 1, True, True), ("b2", 1, False, False)]
    of_b1 = [stage for device, stage in told if device == "b1"]
    assert of_b1[-2:] == ["stored", "cancelled"]
    assert told[-1] == ("b2", "stored")
