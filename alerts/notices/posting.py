"""One HTTP request with an end to its waiting, whatever the other side does; what is said of a failure names no address."""

import time
from collections.abc import Mapping

import requests

from alerts.notices.verdicts import Answer

CONNECT, READ, WHOLE = 4.0, 8.0, 15.0  # seconds
MOST = 64 * 1024  # bytes of an answer that are read


class Unreachable(Exception):
    """There was no whole answer; the message says what happened."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
    params: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    timeouts: tuple[float, float] = (CONNECT, READ),
    verify: bool = True,
) -> Answer:
    """Send `body`. Redirects are not followed: they would take the message elsewhere.

    Raises Unreachable, whose own text is all that may be shown: the library's texts hold the address.
    """
    deadline = time.monotonic() + WHOLE
    told = {"User-Agent": "micro-skynet", **headers}
    try:
        with requests.request(
            method, url, data=body, headers=told, timeout=timeouts, allow_redirects=False, stream=True,
            verify=verify, params=params, auth=auth,
        ) as answer:  # fmt: skip
            read = b""
            for piece in answer.iter_content(4096):
                read += piece
                if len(read) >= MOST or time.monotonic() > deadline:
                    break
            if time.monotonic() > deadline:
                raise Unreachable("the answer took too long")
            return Answer(answer.status_code, read[:MOST], answer.headers.get("Retry-After"))
    except requests.Timeout:
        raise Unreachable("no answer in time") from None
    except requests.exceptions.SSLError:
        raise Unreachable("its certificate can't be trusted") from None
    except requests.ConnectionError:
        raise Unreachable("no connection, or it broke off") from None
    except (requests.RequestException, ValueError, OSError) as exc:
        raise Unreachable(f"the request failed ({type(exc).__name__})") from None
