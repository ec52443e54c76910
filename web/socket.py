"""The websocket connection of a console: uvicorn's own, with ready-made frames, and an end for consoles that don't keep up.

uvicorn gives an application `send`, which waits while the peer does not read, so that nobody could be told that they are too
slow. This class adds what the feed needs and finds its way to the application by the scope's `state`.
"""

import asyncio
import contextlib
import socket
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

SLOW = 1013  # "try again later": the console comes back by its cursor
MAX_BEHIND = 1 << 20  # bytes, about a thousand changes: what may wait here for one console
MAX_BLOCKED = 5.0  # seconds: how long a console may not read
CUT_OFF = 60.0  # seconds: how long a close waits to be read behind all that came before it
_KERNEL = 256 << 10  # bytes: what may wait in the kernel, where nobody sees it


class LiveSocket(WebSocketsSansIOProtocol):
    """A connection that says how far behind its console is, and can be ended whether the console reads or not."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.app_state = {**self.app_state, "socket": self}
        self._blocked_since: float | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Keep the kernel's own queue short, so that a slow console is seen as one."""
        super().connection_made(transport)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL)

    def pause_writing(self) -> None:
        """The console does not read as fast as we write."""
        super().pause_writing()
        self._blocked_since = self.loop.time()

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        self._blocked_since = None

    @property
    def ended(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.disconnected or self.close_sent or self.transport.is_closing()

    @property
    def too_slow(self) -> bool:
        """Whether its console does not keep up: too much waits for it, or it has not read for too long."""
        blocked = self._blocked_since is not None and self.loop.time() - self._blocked_since > MAX_BLOCKED
        return blocked or self.transport.get_write_buffer_size() > MAX_BEHIND

    def write_frames(self, frames: bytes) -> None:
        """Hand whole frames to the transport; never waits."""
        if not self.ended:
            self.transport.write(frames)

    async def drained(self) -> bool:
        """Wait until the console has read most of what waits for it; False when it did not in time, or is gone."""
        try:
            async with asyncio.timeout(MAX_BLOCKED):
                await self.writable.wait()
        except TimeoutError:
            return False
        return not self.ended

    def end(self, code: int, reason: str) -> None:
        """Close with this code: the console reads it after all that waits for it. One that never reads is cut off."""
        if self.ended:
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CUT_OFF, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """No answer to a ping: the console is gone, or as good as gone."""
        self.pong_timer = None
        self.pending_ping_payload = None
        self.end(SLOW, "no answer to a ping")
