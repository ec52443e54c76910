"""Around every request: where it comes from, how long it took, and the headers that keep browsers safe."""

import time
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import origin, problems
from web.metrics import Metrics

LARGEST = 64 << 10  # bytes: no body of ours is a tenth of it
_METHODS = origin.SAFE | {"POST", "PUT", "PATCH", "DELETE"}


def security_headers(origins: Iterable[str]) -> dict[str, str]:
    """What browsers are told: nothing from elsewhere, no script in a page, no frame around us."""
    sockets = " ".join(sorted(own.replace("http", "ws", 1) for own in origins))
    policy = (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; object-src 'none';"
        f" connect-src 'self' {sockets}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


class Guard:
    """ASGI middleware. A websocket of a foreign page is refused with 403 before it is accepted."""

    def __init__(self, app: ASGIApp, origins: frozenset[str], metrics: Metrics, *, https: bool) -> None:
        self._app = app
        self._origins = origins
        self._metrics = metrics
        self._headers = security_headers(origins)
        if https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "websocket":
            if self._is_foreign(scope):
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        """A browser always says where a websocket's page is from; what says nothing is no browser."""
        said = Headers(scope=scope).get("origin")
        return said is not None and said not in self._origins

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            fault = origin.fault(scope["method"], scope["path"], Headers(scope=scope).get("origin"), self._origins)
            if fault is None:
                await self._app(scope, _bounded(receive), answer)
            else:
                await _refuse(answer, fault)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)


async def _refuse(send: Send, detail: str) -> None:
    body = problems.document(403, detail)
    headers = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _bounded(receive: Receive) -> Receive:
    """A body that is not kept in memory whatever its size; too much of it is 413."""
    left = LARGEST

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, f"a body may have {LARGEST} bytes here")
        return message

    return bounded
