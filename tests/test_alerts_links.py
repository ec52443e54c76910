"""A link as a token: read back as written, of our key alone, and when it is dead."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import links
from alerts.links import Dead, Link, Links
from store.records import Incident
from web.street_limit import ALLOWED, MOST_ADDRESSES, WINDOW, BadTries

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
LASTS = timedelta(hours=12)
LINK = Link(7, "王", 3, NOW)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=64)


@given(st.integers(1, 2**63 - 1), NAMES, st.integers(0, 2**40), st.integers(1_500_000_000, 4_000_000_000))
def test_what_is_written_is_read_again(incident: int, person: str, begin: int, at: int) -> None:
    link = Link(incident, person, begin, datetime.fromtimestamp(at, UTC))
    token = links.write(KEY, link)
    assert links.read(KEY, token) == link
    assert links.read(OTHER, token) is None
    assert token.replace("-", "").replace("_", "").replace(".", "").isalnum(), "it fits into an address as it is"


@given(st.integers(0, 200), st.characters(exclude_categories=["Cs"]))
def test_whatever_is_changed_of_it_it_opens_nothing_else(place: int, sign: str) -> None:
    token = links.write(KEY, LINK)
    place %= len(token)
    assert links.read(KEY, token[:place] + sign + token[place + 1 :]) in {None, LINK}


@given(st.text(max_size=100))
def test_nothing_else_is_a_link(text: str) -> None:
    assert links.read(KEY, text) is None


def test_a_token_of_ours_for_another_purpose_is_no_link() -> None:
    signed = links._serializer(KEY, NOW)
    for payload in ([1, "王"], ["1", "王", 2], {"incident": 1}, "x", None):
        assert links.read(KEY, str(signed.dumps(payload))) is None


def test_a_links_address() -> None:
    assert links.Links("https://a.example/", LASTS).url(KEY, LINK) == f"https://a.example/d/{links.write(KEY, LINK)}"
    assert Links("https://a.example/sky", LASTS).url(KEY, LINK).startswith("https://a.example/sky/d/")


def incident(**more: object) -> Incident:
    fields = {
        "id": 7, "site": "s1", "join_key": None, "grid": None, "kind": "press", "priority": "critical", "title": "t",
        "device": None, "lat": None, "lon": None, "address": None, "opened_at": NOW, "updated_at": NOW,
        "last_event_at": NOW, "state": "dispatched", "dispatched_to": "王", "owner": "anna",
    }  # fmt: skip
    return Incident(**(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "begin", "after", "belongs", "dead"),
    [
        (incident(), 3, timedelta(0), True, None),
        (incident(), 3, LASTS - timedelta(seconds=1), True, None),
        (incident(), 3, LASTS, True, "expired"),
        (incident(), 3, -timedelta(seconds=5), True, None),  # another machine's clock is a little behind
        (incident(), 5, timedelta(0), True, "renewed"),
        (incident(dispatched_to="李"), 9, timedelta(0), True, "other"),
        (incident(state="open", owner=None), 9, timedelta(0), True, "released"),
        (incident(state="resolved"), 9, timedelta(0), True, "resolved"),
        (incident(state="closed"), 9, timedelta(0), True, "resolved"),
        (incident(), 3, timedelta(0), False, "stranger"),
    ],
)
def test_when_a_link_is_dead(found: Incident, begin: int, after: timedelta, belongs: bool, dead: Dead | None) -> None:
    assert links.fault(LINK, found, begin, LASTS, NOW + after, belongs=belongs) == dead


def test_bad_tries_are_counted_by_address_and_forgotten() -> None:
    tries = BadTries()
    assert [tries.note("a", 0.0) for _ in range(ALLOWED)] == [0.0] * ALLOWED
    assert tries.note("a", 10.0) == WINDOW - 10
    assert tries.note("b", 10.0) == 0
    assert tries.note("a", WINDOW) == 0
    for number in range(MOST_ADDRESSES + 10):
        tries.note(f"x{number}", 100.0)
    assert len(tries._seen) == MOST_ADDRESSES
