"""A cable between a program and a server that a test can cut, or let go dead so that nothing comes and nothing ends."""

import contextlib
import selectors
import socket
import threading
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Cable:
    """Forwards TCP from a free local port to a server: `url` is the server's, by way of the cable."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        user = parts.netloc.rpartition("@")[0]
        netloc = f"{user}@127.0.0.1:{self.port}" if user else f"127.0.0.1:{self.port}"
        self.url = urlunsplit(parts._replace(netloc=netloc))
        self._whole = threading.Event()
        self._whole.set()
        self._alive = threading.Event()
        self._alive.set()
        self._ended = False
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        self._whole.clear()
        with self._lock:
            for pair in self._pairs:
                for end in pair:
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        self._whole.set()
        self._alive.set()

    def go_dead(self) -> None:
        """Keep every connection and forward nothing."""
        self._alive.clear()

    def close(self) -> None:
        """No more of it."""
        self._ended = True
        self.mend()
        self.cut()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._ended:
                near, _ = self._listener.accept()
                try:
                    if not self._whole.is_set():
                        raise ConnectionError
                    far = socket.create_connection(self._target)
                except OSError:
                    near.close()
                    continue
                threading.Thread(target=self._forward, args=(near, far), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        pair = (near, far)
        with self._lock:
            self._pairs.add(pair)
        other = {near: far, far: near}
        with selectors.DefaultSelector() as ready, contextlib.suppress(OSError):
            for end in pair:
                ready.register(end, selectors.EVENT_READ)
            open_ = True
            while open_:
                for key, _ in ready.select():
                    from_end = key.fileobj
                    assert isinstance(from_end, socket.socket)
                    data = from_end.recv(65536)
                    self._alive.wait()
                    if not data:
                        open_ = False
                        break
                    other[from_end].sendall(data)
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            end.close()
