"""What the live feed decides: numbers follow each other for every console, however frames are cut and whenever it joins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.cursors import BadCursor, page, read_cursor, write_cursor
from web.hub import RING, TOO_OLD, Frame, Gap, Hub, changed_states, decide_mode, next_for, parse_after, states_of
from web.origin import fault, origin_of, own_origins


def frames(first: int, last: int) -> list[Frame]:
    return [Frame(seq, b"%d " % seq) for seq in range(first, last + 1)]


def hub_at(head: int) -> Hub:
    hub = Hub()
    hub.restart("feed", {"s": head})
    return hub


@pytest.mark.parametrize(
    ("after", "head", "same_feed", "mode"),
    [
        (None, 10, True, "snapshot"),
        (0, 0, True, "changes"),
        (10, 10, True, "changes"),
        (3, 10, True, "changes"),
        (11, 10, True, "snapshot"),
        (3, 10, False, "snapshot"),
        (0, TOO_OLD, True, "changes"),
        (0, TOO_OLD + 1, True, "snapshot"),
    ],
)
def test_a_console_joins_by_changes_only_if_they_can_bring_it_here(
    after: int | None, head: int, same_feed: bool, mode: str
) -> None:
    assert decide_mode(after, head, same_feed=same_feed) == mode


@pytest.mark.parametrize(
    ("text", "cursors"),
    [
        (None, {}),
        ("", {}),
        ("s1:5", {"s1": 5}),
        ("s1:5,s2:0", {"s1": 5, "s2": 0}),
        (" s1:5 , s2:7", {"s1": 5, "s2": 7}),
        ("s1:-1,s2:x,s3,:4,s4:,s5:٣,s6:99999999999999999999", {}),
        ("s1:5;drop", {}),
    ],
)
def test_cursors_that_cannot_be_read_are_as_if_not_said(text: str | None, cursors: dict[str, int]) -> None:
    assert parse_after(text) == cursors


def test_frames_that_come_again_are_not_delivered_again() -> None:
    hub = hub_at(5)
    assert [one.seq for one in hub.take("s", frames(4, 8))] == [6, 7, 8]
    assert hub.take("s", frames(6, 8)) == []
    assert hub.head("s") == 8


def test_a_missing_number_is_an_error_not_a_silence() -> None:
    with pytest.raises(Gap):
        hub_at(5).take("s", frames(7, 8))
    with pytest.raises(Gap):
        next_for(5, frames(7, 8))


def test_a_site_that_is_not_known_delivers_nothing() -> None:
    hub = hub_at(0)
    assert hub.take("elsewhere", frames(1, 2)) == []
    assert not hub.knows("elsewhere")
    hub.add_site("elsewhere", 2)
    assert hub.after("elsewhere", 2) == []
    hub.remove_site("elsewhere")
    assert not hub.knows("elsewhere")


def test_the_ring_says_when_it_does_not_reach_back() -> None:
    hub = hub_at(0)
    hub.take("s", frames(1, RING + 10))
    assert hub.after("s", 9) is None
    reach = hub.after("s", 10)
    assert reach is not None
    assert [one.seq for one in reach] == list(range(11, RING + 11))
    assert hub.after("s", RING + 99) == []  # ahead of what was delivered here


@given(
    total=st.integers(0, 60),
    cuts=st.lists(st.integers(1, 7), max_size=60),
    joins_at=st.integers(0, 60),
    begins_at=st.integers(0, 60),
)
def test_whoever_joins_whenever_hears_each_number_once_in_order(
    total: int, cuts: list[int], joins_at: int, begins_at: int
) -> None:
    """A console that knows numbers up to `begins_at` joins when `joins_at` were delivered; it may be ahead of them."""
    hub = hub_at(0)
    heard: list[int] = []
    cursor = begins_at
    joined = False
    delivered = 0
    sizes = iter([*cuts, *([5] * total)])
    while delivered < total or not joined:
        if not joined and delivered >= min(joins_at, total):
            heard += [one.seq for one in hub.after("s", cursor) or []]
            cursor = max(cursor, hub.head("s"))
            joined = True
        if delivered < total:
            size = min(next(sizes), total - delivered)
            new = hub.take("s", frames(delivered + 1, delivered + size))
            delivered += size
            if joined:
                own = next_for(cursor, new)
                heard += [one.seq for one in own]
                cursor = max(cursor, new[-1].seq)
    assert heard == list(range(begins_at + 1, total + 1))


def test_only_states_that_changed_are_told() -> None:
    before = {("s", "a"): "online", ("s", "b"): "online"}
    now = {("s", "a"): "online", ("s", "b"): "offline", ("t", "c"): "unknown"}
    assert changed_states(before, now) == {("s", "b"): "offline", ("t", "c"): "unknown"}
    assert states_of(now, ["t"]) == {("t", "c"): "unknown"}


@pytest.mark.parametrize(
    ("method", "path", "origin", "allowed"),
    [
        ("GET", "/api/v1/sites", None, True),
        ("GET", "/api/v1/sites", "https://evil.example", True),
        ("POST", "/api/v1/session", None, True),
        ("POST", "/api/v1/session", "https://evil.example", False),
        ("POST", "/login/abc", None, True),
        ("POST", "/login/abc", "null", False),
        ("DELETE", "/api/v1/session", None, False),
        ("POST", "/api/v1/incidents/1/acknowledge", None, False),
        ("POST", "/api/v1/incidents/1/acknowledge", "null", False),
        ("POST", "/api/v1/incidents/1/acknowledge", "http://127.0.0.1:8420", True),
        ("POST", "/api/v1/incidents/1/acknowledge", "http://localhost:8420", True),
        ("POST", "/api/v1/incidents/1/acknowledge", "https://watch.example", True),
        ("POST", "/api/v1/incidents/1/acknowledge", "http://watch.example", False),
        ("POST", "/api/v1/incidents/1/acknowledge", "https://watch.example.evil.example", False),
        ("PATCH", "/api/v1/anything", None, False),
    ],
)
def test_only_our_own_pages_change_things(method: str, path: str, origin: str | None, allowed: bool) -> None:
    own = own_origins("https://Watch.example:443/", 8420)
    assert (fault(method, path, origin, own) is None) is allowed


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:8420", "http://127.0.0.1:8420"),
        ("http://Host.example:80/x", "http://host.example"),
        ("https://host.example:8443", "https://host.example:8443"),
        ("http://[::1]:8420/", "http://[::1]:8420"),
    ],
)
def test_an_origin_is_written_as_browsers_do(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@given(st.lists(st.integers(0, 1000), unique=True, max_size=30), st.integers(1, 7))
def test_pages_follow_each_other_without_loss(numbers: list[int], limit: int) -> None:
    stored = sorted(numbers, reverse=True)
    seen: list[int] = []
    cursor: str | None = None
    while True:
        before = read_cursor(cursor, int)
        rows = [{"id": one} for one in stored if before is None or one < before][: limit + 1]
        found = page(rows, limit, lambda last: last["id"])
        seen += [row["id"] for row in found["items"]]
        cursor = found["next"]
        if cursor is None:
            break
    assert seen == stored


@pytest.mark.parametrize("text", ["x", "###", write_cursor("five"), write_cursor([1])])
def test_a_cursor_we_never_wrote_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(text, int)
