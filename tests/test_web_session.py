"""Who gets in: passwords, sessions, one-time links, origins, limits; and what every answer tells browsers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from webserver import PASSWORD, Web, add_people, running_web

from store import people
from store.connect import connect

SESSION = "/api/v1/session"


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    add_people(database)
    with running_web(database) as server:
        yield server


def is_problem(answer: httpx.Response, status: int) -> bool:
    document = answer.json()
    return (
        answer.status_code == status
        and answer.headers["content-type"] == "application/problem+json"
        and document["status"] == status
        and bool(document["title"])
    )


def new_link(database: str, name: str, *, lasts: timedelta = timedelta(minutes=5)) -> str:
    with connect(database, part="test") as conn:
        return people.new_login_link(conn, name, datetime.now(UTC) + lasts)


def test_a_log_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(web: Web) -> None:
    with web.client() as client:
        assert is_problem(client.get("/api/v1/me"), 401)
        answer = client.post(SESSION, json={"name": "anna", "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        me = client.get("/api/v1/me").json()
        assert (me["name"], me["role"], me["sites"], me["may"]) == ("anna", "officer", ["s1"], ["see", "step"])
        assert client.delete(SESSION).status_code == 204
        assert is_problem(client.get("/api/v1/me"), 401)


def test_the_cookie_is_for_https_alone_where_browsers_come_by_https(database: str) -> None:
    add_people(database)
    with running_web(database, web_url="https://watch.example") as web, httpx.Client(base_url=web.url) as client:
        answer = client.post(
            SESSION, json={"name": "anna", "password": PASSWORD}, headers={"Origin": "https://watch.example"}
        )
        assert "Secure" in answer.headers["set-cookie"]
        assert "Strict-Transport-Security" in answer.headers


def test_no_secret_is_kept_as_it_is(web: Web) -> None:
    with web.client("anna") as client, psycopg.connect(web.database) as conn:
        token = client.cookies["skynet_session"]
        link = new_link(web.database, "anna")
        rows = "".join(
            str(conn.execute(f"SELECT * FROM {table}").fetchall()) for table in ("users", "sessions", "login_links")
        )
    assert token not in rows
    assert link not in rows
    assert PASSWORD not in rows
    assert "$argon2id$" in rows


def test_an_admin_sees_all_sites(web: Web) -> None:
    with web.client("dora") as client:
        assert client.get("/api/v1/me").json()["sites"] == ["s1", "s2"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "anna", "password": "wrong"},
        {"name": "nobody", "password": PASSWORD},
        {"name": "", "password": ""},
        {"name": "ANNA", "password": PASSWORD},
    ],
)
def test_a_wrong_name_or_password_is_one_answer(web: Web, body: dict[str, str]) -> None:
    with web.client() as client:
        answer = client.post(SESSION, json=body)
        assert is_problem(answer, 401)
        assert answer.json()["detail"] == "name or password is wrong"
        assert "set-cookie" not in answer.headers


def test_a_person_without_a_password_gets_in_by_no_password(web: Web) -> None:
    with connect(web.database, part="test") as conn:
        people.add_user(conn, "emil", "officer", ["s1"], None)
    with web.client() as client:
        for password in ("", "nobody has this password"):
            assert is_problem(client.post(SESSION, json={"name": "emil", "password": password}), 401)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"name": "anna"}', b'{"name": 1, "password": 2}', b'{"name": "a\\u0000", "password": "x"}',
                b'{"name": "a\\ud800", "password": "x"}', b'{"name": "' + b"a" * 300 + b'", "password": "x"}']
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_a_problem_document(web: Web, content: bytes) -> None:
    with web.client() as client:
        answer = client.post(SESSION, content=content, headers={"Content-Type": "application/json"})
        assert is_problem(answer, 422), answer.text


def test_after_ten_failures_in_a_minute_even_the_right_password_waits(web: Web) -> None:
    with web.client() as client:
        for _ in range(10):
            assert client.post(SESSION, json={"name": "anna", "password": "wrong"}).status_code == 401
        for password in ("wrong", PASSWORD):
            answer = client.post(SESSION, json={"name": "anna", "password": password})
            assert is_problem(answer, 429)
            assert 1 <= int(answer.headers["Retry-After"]) <= 61
        # the address is the same for every name
        assert client.post(SESSION, json={"name": "bert", "password": PASSWORD}).status_code == 429
        with psycopg.connect(web.database) as conn:
            conn.execute("UPDATE login_failures SET at = at - interval '61 seconds'")
        assert client.post(SESSION, json={"name": "anna", "password": PASSWORD}).status_code == 200


def test_the_limit_is_shared_by_all_web_processes(web: Web) -> None:
    with running_web(web.database) as other, web.client() as here, other.client() as there:
        for client in (here, there) * 5:
            client.post(SESSION, json={"name": "anna", "password": "wrong"})
        assert here.post(SESSION, json={"name": "anna", "password": "x"}).status_code == 429
        assert there.post(SESSION, json={"name": "anna", "password": "x"}).status_code == 429


def test_a_foreign_page_changes_nothing(web: Web) -> None:
    with web.client("anna") as client:
        for origin in ("https://evil.example", "null", web.url + "0", "http://127.0.0.1"):
            assert is_problem(client.delete(SESSION, headers={"Origin": origin}), 403)
            assert is_problem(client.post(SESSION, json={}, headers={"Origin": origin}), 403)
            answer = client.post("/api/v1/incidents/1/acknowledge", json={"version": 1}, headers={"Origin": origin})
            assert is_problem(answer, 403)
        del client.headers["Origin"]
        assert is_problem(client.delete(SESSION), 403)
        assert client.get("/api/v1/me").status_code == 200


def test_a_program_logs_in_without_an_origin(web: Web) -> None:
    with httpx.Client(base_url=web.url) as client:
        assert client.post(SESSION, json={"name": "anna", "password": PASSWORD}).status_code == 200


def test_a_session_ends_by_time_by_a_new_password_and_by_removal(web: Web) -> None:
    with web.client("anna") as anna, web.client("bert") as bert, web.client("cora") as cora:
        with psycopg.connect(web.database) as conn:
            conn.execute("UPDATE sessions SET expires_at = now() WHERE name = 'anna'")
        assert anna.get("/api/v1/me").status_code == 401
        with connect(web.database, part="test") as conn:
            people.add_user(conn, "bert", "officer", ["s2"], "$argon2id$another")
            people.remove_user(conn, "cora")
        assert bert.get("/api/v1/me").status_code == 401
        assert cora.get("/api/v1/me").status_code == 401


def test_what_is_given_or_taken_counts_at_once(web: Web) -> None:
    with web.client("anna") as client:
        with connect(web.database, part="test") as conn:
            people.add_user(conn, "anna", "lead", ["s2"], None)
        me = client.get("/api/v1/me").json()
        assert (me["role"], me["sites"]) == ("lead", ["s2"])
        assert client.get("/api/v1/devices", params={"site": "s1"}).status_code == 404


def test_a_link_logs_in_once_and_not_by_being_looked_at(web: Web) -> None:
    link = f"/login/{new_link(web.database, 'anna')}"
    with web.client() as client:
        for _ in range(3):  # previews
            page = client.get(link)
            assert page.status_code == 200
            assert '<form method="post">' in page.text
            assert "set-cookie" not in page.headers
        answer = client.post(link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert client.get("/api/v1/me").json()["name"] == "anna"
    with web.client() as late:
        spent = late.post(link)
        assert spent.status_code == 410
        assert "已使用" in spent.text
        assert "set-cookie" not in spent.headers


def test_a_link_that_expired_or_never_was_gives_nothing(web: Web) -> None:
    links = (new_link(web.database, "anna", lasts=timedelta(seconds=-1)), "no-such-link", "%00", "x" * 199)
    with web.client() as client:
        for token in links:
            answer = client.post(f"/login/{token}")
            assert answer.status_code in {410, 422}
            assert "set-cookie" not in answer.headers


def test_a_link_is_not_spent_from_a_foreign_page(web: Web) -> None:
    link = f"/login/{new_link(web.database, 'anna')}"
    with web.client() as client:
        assert client.post(link, headers={"Origin": "https://evil.example"}).status_code == 403
        assert client.post(link).status_code == 303


def test_every_answer_tells_browsers_to_be_strict(web: Web) -> None:
    with web.client() as client:
        for path in ("/", "/api/v1/me", "/healthz", "/login/x", "/no/such/page", "/assets/nothing.js"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert "referrer-policy" in headers
            assert "permissions-policy" in headers
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert "server" not in headers


def test_two_at_once_spend_a_link_once(web: Web) -> None:
    link = f"{web.url}/login/{new_link(web.database, 'anna')}"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(httpx.post, [link] * 4))
    assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410]
