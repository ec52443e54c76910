"""The websocket of the live feed: let in, asked who it is, brought into the feed, and held until it goes."""

import asyncio
from urllib.parse import parse_qs

import psycopg
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from store import people
from web.hub import parse_after
from web.joining import Joining
from web.live import LOGGED_OUT, Console, Live
from web.services import token_of
from web.socket import SLOW, LiveSocket


class LiveCall:
    """The ASGI application of `/api/v1/live`; foreign origins were turned away before (web/guard.py)."""

    def __init__(self, live: Live, joining: Joining) -> None:
        self._live = live
        self._joining = joining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        await receive()
        await send({"type": "websocket.accept"})
        socket: LiveSocket = scope["state"]["socket"]
        console = await self._who(HTTPConnection(scope), socket)
        if console is None:
            return
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        self._live.enter(console)
        joining = asyncio.create_task(
            self._joining.join(
                console,
                console.person.sites,
                after=parse_after(",".join(asked.get("after", ()))),
                feed_named=asked["feed"][0] if "feed" in asked else None,
                greet=True,
            )
        )
        try:
            while (await receive())["type"] != "websocket.disconnect":
                pass  # a console has nothing to say here: its steps are HTTP calls
        finally:
            self._live.leave(console)
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)

    async def _who(self, asking: HTTPConnection, socket: LiveSocket) -> Console | None:
        """The console of a connection; None when it was closed because nobody, or nobody any more, is logged in."""
        token_hash = token_of(asking.cookies)
        person = None
        try:
            if token_hash is not None:
                person = await self._live.read(lambda conn: people.person_of_session(conn, token_hash))
        except psycopg.Error:
            socket.end(SLOW, "the database can't be read just now")
            return None
        if token_hash is None or person is None:
            socket.end(LOGGED_OUT, "log in first")
            return None
        return Console(socket, person, token_hash)
