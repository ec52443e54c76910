"""What was told of an incident, over HTTP: to those of its site, and without a secret."""

from datetime import UTC, datetime

import pytest
from webserver import add_people, running_web

from store import channels, deliveries, incidents, notices
from store.channels import Channel
from store.connect import connect
from store.deliveries import Ended
from store.notices import Notice
from store.records import Incident

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


@pytest.fixture
def told(database: str) -> str:
    """A site with one channel, and an incident of which three tiers were told."""
    add_people(database)
    with connect(database, part="test") as conn:
        channels.put(conn, Channel(site="s1", channel="street", tier="community", url="wecomrobot://geheim"))
        opening = Incident(
            site="s1", join_key="press:b1", grid=None, kind="press", priority="critical", title="t", device="b1",
            lat=None, lon=None, address=None, opened_at=NOW, updated_at=NOW, last_event_at=NOW,
        )  # fmt: skip
        about = incidents.open_or_join(conn, opening).incident
        for tier in ("community", "district"):
            one = Notice(site="s1", incident=about.id, why="escalate", priority="critical", tier=tier, created_at=NOW)
            notices.put(conn, [one])
        deliveries.spread(conn, NOW)
        deliveries.end(conn, [Ended(1, "failed", NOW, "errcode 93000: ***")], NOW)
        notices.put(conn, [Notice(site="s1", incident=about.id, why="resolve", priority="critical", created_at=NOW)])
    return database


def test_what_was_told_is_listed_with_what_became_of_it(told: str) -> None:
    with running_web(told) as web:
        with web.client("anna") as client:
            answer = client.get("/api/v1/incidents/1/notices")
            assert answer.status_code == 200
            items = answer.json()["items"]
            assert [(one["tier"], one["channel"], one["state"]) for one in items] == [
                (None, None, "waiting"), ("district", None, "unaddressed"), ("community", "street", "failed"),
            ]  # fmt: skip
            assert items[2] | {"id": "x"} == {
                "id": "x", "why": "escalate", "tier": "community", "noticed_at": "2026-11-24T01:02:03Z",
                "channel": "street", "person": None, "instead_of": None, "digest": False, "state": "failed", "tries": 0,
                "done_at": "2026-11-24T01:02:03Z", "error": "errcode 93000: ***",
            }  # fmt: skip
            assert "geheim" not in answer.text
            assert client.get("/api/v1/incidents/2/notices").status_code == 404
        with web.client("bert") as stranger:
            assert stranger.get("/api/v1/incidents/1/notices").status_code == 404
        with web.client() as nobody:
            assert nobody.get("/api/v1/incidents/1/notices").status_code == 401
