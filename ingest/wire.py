"""paho's client with a buffer before its socket, and many acknowledgements in one packet.

paho takes a message off the wire by four reads and a select, and sends each acknowledgement by itself: at QoS 1 that is
half of all that ingest does (docs/performance.md). So the socket reads ahead into a buffer, of which it says by `pending`
how much is left, as TLS sockets do; and the acknowledgements of a batch, which stand together, are sent together.

`_create_socket` and `_packet_queue` are paho's own affair (its version is held in pyproject.toml). Where either is not as it
was, this is the plain client: one read and one acknowledgement at a time.
"""

import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MessageType, MQTTErrorCode

_AHEAD = 65536  # bytes read at once
_PACKETS = 256  # taken before we look whether there is something to send
_SUCCESS = MQTTErrorCode.MQTT_ERR_SUCCESS


class BufferedSocket:
    """A TCP socket that reads ahead; for one reader."""

    __slots__ = ("_ahead", "_at", "_socket")

    def __init__(self, plain: socket.socket) -> None:
        self._socket = plain
        self._ahead = b""
        self._at = 0

    def recv(self, size: int) -> bytes:
        """At most `size` bytes, as a socket gives them: b"" at the end of the stream, BlockingIOError when none are there."""
        at = self._at
        if at == len(self._ahead):
            if size >= _AHEAD:
                return self._socket.recv(size)
            self._ahead, self._at, at = b"", 0, 0
            self._ahead = self._socket.recv(_AHEAD)
        data = self._ahead[at : at + size]
        self._at = at + len(data)
        return data

    def pending(self) -> int:
        """How many bytes were read ahead and not taken yet: select does not see them."""
        return len(self._ahead) - self._at

    def send(self, buffer: bytes | bytearray) -> int:
        """As of a socket."""
        return self._socket.send(buffer)

    def fileno(self) -> int:
        """As of a socket."""
        return self._socket.fileno()

    def setblocking(self, flag: bool) -> None:
        """As of a socket."""
        self._socket.setblocking(flag)

    def close(self) -> None:
        """As of a socket; what was read ahead is of a connection that is over."""
        self._ahead, self._at = b"", 0
        self._socket.close()


class WireClient(mqtt.Client):
    """A client whose `loop_forever` runs in a thread of ours, and which others ask to publish and to acknowledge."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - paho's own
        self._sending = threading.RLock()
        super().__init__(*arguments, **options)

    def _create_socket(self) -> "mqtt.SocketLike":
        plain = super()._create_socket()
        if type(plain) is not socket.socket:
            return plain
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return BufferedSocket(plain)

    def loop_write(self) -> MQTTErrorCode:
        """Send what waits. Whoever publishes or acknowledges sends it, too: one at a time, or what one of them could send
        only half of, the other would continue with something else.
        """
        with self._sending:
            return super().loop_write()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Take what was read ahead as well; no more at once than leaves the sending its turn."""
        done = super().loop_read(max_packets)
        ahead = self.socket()
        if not isinstance(ahead, BufferedSocket):
            return done
        for _ in range(_PACKETS):
            if done != _SUCCESS or not ahead.pending():
                break
            done = super().loop_read(max_packets)
        return done

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Acknowledge messages that came at QoS 1, in their order; from any thread."""
        queue = getattr(self, "_packet_queue", None)
        if queue is None:
            for mid in mids:
                self.ack(mid, 1)
        elif mids:
            together = b"".join([_puback(0x40, 2, mid) for mid in mids])
            queue(MessageType.PUBACK, together, mids[-1], 1)


_puback = struct.Struct("!BBH").pack
