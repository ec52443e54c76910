"""The handover of a shift: the sheet, its two signatures, and the claims that move while others act."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from webserver import Web, add_people, open_incident, running_web

from devices.registry import Device
from store import people, registry, windows
from store.connect import connect
from store.records import Window

API = "/api/v1"
NOW = datetime.now(UTC)


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    add_people(database)
    with connect(database, part="test") as conn:
        hash_of = people.password_hash_of(conn, "anna")
        people.add_user(conn, "emil", "officer", ["s1"], hash_of)
    with running_web(database) as server:
        yield server


@pytest.fixture
def anna(web: Web) -> Iterator[httpx.Client]:
    with web.client("anna") as client:
        yield client


@pytest.fixture
def emil(web: Web) -> Iterator[httpx.Client]:
    with web.client("emil") as client:
        yield client


def get(client: httpx.Client, path: str, **params: object) -> dict[str, Any]:
    answer = client.get(API + path, params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def take(client: httpx.Client, number: int, verb: str, **more: object) -> None:
    version = get(client, f"/incidents/{number}")["version"]
    answer = client.post(f"{API}/incidents/{number}/{verb}", json={"version": version, **more})
    assert answer.status_code == 200, answer.text


def claimed(web: Web, client: httpx.Client, *keys: str) -> list[int]:
    found = [open_incident(web.database, "s1", key=f"press:{key}") for key in keys]
    for number in found:
        take(client, number, "acknowledge")
    return found


def sign(client: httpx.Client, to: str, site: str = "s1", **more: object) -> httpx.Response:
    return client.post(f"{API}/handovers", json={"site": site, "to": to, **more})


def accept(client: httpx.Client, handover: dict[str, Any]) -> httpx.Response:
    return client.post(f"{API}/handovers/{handover['id']}/accept")


def of(client: httpx.Client, number: int) -> tuple[str, str | None]:
    found = get(client, f"/incidents/{number}")
    return found["state"], found["owner"]


def test_the_draft_says_what_is_to_be_handed_over(web: Web, anna: httpx.Client, emil: httpx.Client) -> None:
    mine, shelved, other, free, done, old = (open_incident(web.database, "s1", key=f"press:{n}") for n in range(6))
    open_incident(web.database, "s2")
    take(anna, mine, "acknowledge")
    take(anna, mine, "note", note="等民警")
    take(emil, other, "acknowledge")
    take(anna, done, "resolve", outcome="real", note="好了")
    with web.client("cora") as cora:
        until = (NOW + timedelta(hours=3)).isoformat()
        take(cora, shelved, "shelve", note="装修", until=until)
    with connect(web.database, part="test") as conn:
        for device in ("b2", "b3", "b4"):
            registry.add_device(conn, Device(site="s1", device=device, kind="button", name=device))
        for device, state, proven in (
            ("b2", "offline", 1),
            ("b3", "online", 29),
            ("b4", "online", 31),
            ("c1", "fault", None),
        ):
            at = None if proven is None else NOW - timedelta(days=proven)
            conn.execute(
                "INSERT INTO device_states (site, device, state, last_proven) VALUES ('s1', %s, %s, %s)",
                (device, state, at),
            )
        for reason, start, end in (("检修", -1, 1), ("过去", -2, -1), ("将来", 1, 2)):
            windows.add(
                conn,
                Window(
                    id=0, site="s1", purpose="maintenance", grid=None, device="c1", starts_at=NOW + timedelta(hours=start),
                    ends_at=NOW + timedelta(hours=end), reason=reason, made_by="cora", made_at=NOW,
                ),
            )  # fmt: skip
    sheet = get(anna, "/handovers/draft", site="s1")
    assert [(one["owner"], [int(i["id"]) for i in one["incidents"]]) for one in sheet["claims"]] == [
        ("anna", [mine]),
        ("emil", [other]),
    ]
    assert [int(one["id"]) for one in sheet["open"]] == [free, old]
    assert [(int(one["id"]), one["shelved_by"]) for one in sheet["shelved"]] == [(shelved, "cora")]
    assert datetime.fromisoformat(sheet["shelved"][0]["shelved_until"]) == datetime.fromisoformat(until)
    assert [one["reason"] for one in sheet["windows"]] == ["检修"]
    assert [one["device"] for one in sheet["faulty"]] == ["b2", "c1"]
    assert [one["device"] for one in sheet["unproven"]] == ["b1", "b4"]
    assert [one["device"] for one in get(anna, "/handovers/draft", site="s1", proven_days=7)["unproven"]] == [
        "b1",
        "b3",
        "b4",
    ]
    assert [one["note"].rpartition(" ")[2] for one in sheet["notes"]] == ["装修", "等民警"]


def test_two_signatures_move_the_claims(web: Web, anna: httpx.Client, emil: httpx.Client) -> None:
    first, second = claimed(web, anna, "a", "b")
    take(anna, second, "dispatch", to="老张")
    [theirs] = claimed(web, emil, "c")
    answer = sign(anna, "emil", note="夜里下雨")
    assert answer.status_code == 201, answer.text
    sheet = answer.json()
    assert (sheet["from_name"], sheet["to_name"], sheet["note"], sheet["accepted_at"]) == (
        "anna",
        "emil",
        "夜里下雨",
        None,
    )
    assert accept(anna, sheet).status_code == 403, "nobody signs for the other"
    done = accept(emil, sheet)
    assert done.status_code == 200, done.text
    assert done.json()["moved"] == [str(first), str(second)]
    assert [of(anna, number) for number in (first, second, theirs)] == [
        ("acknowledged", "emil"), ("dispatched", "emil"), ("acknowledged", "emil"),
    ]  # fmt: skip
    last = get(anna, f"/incidents/{first}")["timeline"][-1]
    assert (last["actor"], last["verb"], last["note"]) == ("emil", "assign", "→ emil: 交接班")
    again = accept(emil, sheet)
    assert (again.status_code, again.json()) == (200, done.json())
    assert get(anna, "/handovers", site="s1")["items"] == [done.json()]
    assert done.json()["sheet"] == sheet["sheet"], "it stays as it was signed"


def test_what_changed_since_the_sheet_was_signed_stays_as_it_is(
    web: Web, anna: httpx.Client, emil: httpx.Client
) -> None:
    kept, resolved, released, taken = claimed(web, anna, "1", "2", "3", "4")
    sheet = sign(anna, "emil").json()
    take(anna, resolved, "resolve", outcome="false")
    take(anna, released, "release")
    with web.client("cora") as cora:
        take(cora, taken, "assign", to="cora", note="我在现场")
    [late] = claimed(web, anna, "5")
    assert accept(emil, sheet).json()["moved"] == [str(kept)]
    assert [of(anna, number) for number in (kept, resolved, released, taken, late)] == [
        ("acknowledged", "emil"), ("resolved", "anna"), ("open", None), ("acknowledged", "cora"), ("acknowledged", "anna"),
    ]  # fmt: skip


def test_while_claims_change_each_moves_once_or_stays(web: Web, anna: httpx.Client, emil: httpx.Client) -> None:
    numbers = claimed(web, anna, *(f"{n:02}" for n in range(12)))
    sheet = sign(anna, "emil").json()

    def resolve(number: int) -> int:
        with web.client("anna") as own:
            return own.post(f"{API}/incidents/{number}/resolve", json={"version": 2, "outcome": "real"}).status_code

    with ThreadPoolExecutor(6) as pool:
        settled = [pool.submit(resolve, number) for number in reversed(numbers)]
        accepted = [pool.submit(accept, emil, sheet) for _ in range(2)]
        statuses = [one.result() for one in settled]
        answers = [one.result() for one in accepted]
    assert {answer.status_code for answer in answers} == {200}
    moved = {int(number) for number in answers[0].json()["moved"]}
    assert answers[0].json() == answers[1].json()
    for number, status in zip(reversed(numbers), statuses, strict=True):
        assert status == (409 if number in moved else 200)
        assert of(anna, number) == (("acknowledged", "emil") if number in moved else ("resolved", "anna"))
    with psycopg.connect(web.database) as conn:
        assigned = conn.execute("SELECT count(*) FROM changes WHERE verb = 'assign'").fetchone()
    assert assigned == (len(moved),)


def test_who_may_sign_what(web: Web, anna: httpx.Client, emil: httpx.Client) -> None:
    assert sign(anna, "anna").status_code == 422
    for stranger in ("bert", "nobody"):
        answer = sign(anna, stranger)
        assert (answer.status_code, "works for s1" in answer.json()["detail"]) == (422, True)
    assert sign(anna, "bert", site="s2").status_code == 404
    sheet = sign(anna, "emil").json()
    with web.client("bert") as bert, web.client() as nobody:
        assert accept(bert, sheet).status_code == 404
        assert accept(nobody, sheet).status_code == 401
        assert bert.get(f"{API}/handovers/draft", params={"site": "s1"}).status_code == 404
        assert get(bert, "/handovers")["items"] == []
        assert bert.get(f"{API}/handovers", params={"site": "s1"}).status_code == 404
    for strange in ("0", "x", "9" * 30):
        assert emil.post(f"{API}/handovers/{strange}/accept").status_code == 404


def test_a_sheet_of_yesterday_is_to_be_signed_anew(web: Web, anna: httpx.Client, emil: httpx.Client) -> None:
    [number] = claimed(web, anna, "a")
    sheet = sign(anna, "emil").json()
    with psycopg.connect(web.database) as conn:
        conn.execute("UPDATE handovers SET signed_at = signed_at - interval '24 hours'")
    answer = accept(emil, sheet)
    assert (answer.status_code, "signed anew" in answer.json()["detail"]) == (422, True)
    assert of(anna, number) == ("acknowledged", "anna")


def test_signed_sheets_cannot_be_changed(web: Web, anna: httpx.Client, emil: httpx.Client) -> None:
    claimed(web, anna, "a")
    accept(emil, sign(anna, "emil").json())
    with connect(web.database, part="test") as conn:
        for table in ("handovers", "handover_acceptances", "handover_moves"):
            for query in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                    conn.execute(query)
        for query in ("UPDATE handovers SET note = 'x'", "UPDATE handover_acceptances SET accepted_at = now()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                conn.execute(query)


def test_handovers_come_in_pages_newest_first(web: Web, anna: httpx.Client) -> None:
    made = [sign(anna, "emil").json()["id"] for _ in range(3)]
    with psycopg.connect(web.database) as conn:
        conn.execute(
            "INSERT INTO handovers (site, from_name, to_name, sheet, signed_at)"
            " SELECT 's1', 'anna', 'emil', sheet, now() FROM handovers, generate_series(1, 200) WHERE id = %s",
            (made[0],),
        )
    page = get(anna, "/handovers", site="s1")
    rest = get(anna, "/handovers", site="s1", cursor=page["next"])
    ids = [int(one["id"]) for one in page["items"] + rest["items"]]
    assert ids == sorted(ids, reverse=True)
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (200, 3, None)
