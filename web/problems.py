"""Every error as an RFC 9457 problem document, and which exception becomes which."""

import http
from collections.abc import Mapping
from typing import Any

import orjson
import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from web.cursors import BadCursor

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
LARGEST_ID = 2**63  # and no id is as large


class Refusal(Exception):
    """The answer is no: a status, what is wrong, and what else the document says."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: object) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.more = more


def not_found(what: str) -> Refusal:
    """What is not there, or belongs to a site that is not theirs: nobody learns which."""
    return Refusal(404, f"there is no such {what}, or it is not yours to see")


def number_of(text: str, what: str) -> int:
    """The number that an id is.

    Raises Refusal (404) for a text that is none.
    """
    if not (text.isascii() and text.isdigit()) or int(text[:20]) >= LARGEST_ID:
        raise not_found(what)
    return int(text)


def document(status: int, detail: str | None = None, **more: object) -> bytes:
    """The problem document as bytes."""
    title = http.HTTPStatus(status).phrase
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return orjson.dumps({name: value for name, value in problem.items() if value is not None or name in more})


def _response(status: int, detail: str | None, headers: Mapping[str, str] | None = None, **more: object) -> Response:
    body = document(status, detail, **more)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def register(app: FastAPI) -> None:
    """Let every error of the app end as a problem document."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(BadCursor, _bad_cursor)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for away in (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable):
        app.add_exception_handler(away, _database_away)
    app.add_exception_handler(psycopg.DataError, _unstorable)
    app.add_exception_handler(Exception, _broken)


async def _refused(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Refusal)
    return _response(exc.status, exc.detail, exc.headers, **exc.more)


async def _bad_cursor(_request: Request, exc: Exception) -> Response:
    return _response(422, str(exc))


async def _http(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    return _response(exc.status_code, exc.detail or None, exc.headers)


async def _invalid(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    errors: list[dict[str, Any]] = [
        {"where": ".".join(str(part) for part in error["loc"]), "what": error["msg"]} for error in exc.errors()
    ]
    first = f"{errors[0]['where']}: {errors[0]['what']}" if errors else "the request can't be read"
    return _response(422, first, errors=errors)


async def _database_away(_request: Request, exc: Exception) -> Response:
    said = str(exc).strip().partition("\n")[0]
    log.warning("the database could not be used", error=type(exc).__name__, said=said)
    detail = "the database can't be used just now; it is tried again with each request"
    return _response(503, detail, {"Retry-After": "2"})


async def _unstorable(_request: Request, _exc: Exception) -> Response:
    return _response(422, "a value holds something that can't be stored, or is out of range")


async def _broken(_request: Request, _exc: Exception) -> Response:
    return _response(500, "a fault of ours; the server's log says more")
