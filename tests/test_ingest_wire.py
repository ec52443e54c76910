"""The buffer before paho's socket gives the bytes as they came, and acknowledgements sent together each count."""

import socket
import threading
from collections.abc import Callable, Iterator

import paho.mqtt.client as mqtt_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mqtt_client import Client
from paho.mqtt.enums import CallbackAPIVersion
from servers import Broker

from ingest.wire import BufferedSocket, WireClient

Eventually = Callable[..., None]
MANY = 3000  # more than the broker's window of 2,000: without acknowledgements the rest would never come


@pytest.fixture
def pair() -> Iterator[tuple[BufferedSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    yield BufferedSocket(ours), theirs
    ours.close()
    theirs.close()


@given(pieces=st.lists(st.binary(min_size=1, max_size=300)), sizes=st.lists(st.integers(1, 400), min_size=1))
def test_the_stream_is_the_same_however_it_is_read(pieces: list[bytes], sizes: list[int]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for piece in pieces:
            theirs.sendall(piece)
        theirs.shutdown(socket.SHUT_WR)
        buffered, read, turn = BufferedSocket(ours), b"", 0
        while data := buffered.recv(sizes[turn % len(sizes)]):
            assert len(data) <= sizes[turn % len(sizes)]
            read += data
            turn += 1
        assert read == b"".join(pieces)
        assert buffered.pending() == 0


def test_nothing_there_is_no_end_of_the_stream(pair: tuple[BufferedSocket, socket.socket]) -> None:
    buffered, theirs = pair
    with pytest.raises(BlockingIOError):
        buffered.recv(1)
    theirs.sendall(b"abc")
    assert (buffered.recv(1), buffered.pending()) == (b"a", 2)
    assert buffered.recv(5) == b"bc"
    with pytest.raises(BlockingIOError):
        buffered.recv(1)
    theirs.close()
    assert buffered.recv(1) == b""


def test_a_large_read_goes_round_the_buffer_and_loses_nothing(pair: tuple[BufferedSocket, socket.socket]) -> None:
    buffered, theirs = pair
    theirs.sendall(b"x" + b"y" * 70_000)
    read = buffered.recv(1)
    while len(read) < 70_001:
        read += buffered.recv(100_000)
    assert read == b"x" + b"y" * 70_000


class Listener:
    """A persistent session that keeps what it got and acknowledges when it is told to."""

    def __init__(self, broker: Broker) -> None:
        self.got: list[tuple[int, bytes]] = []
        self.subscribed = threading.Event()
        self.client = WireClient(
            CallbackAPIVersion.VERSION2, client_id="skynet-events", clean_session=False, manual_ack=True
        )
        self.client.username_pw_set("skynet-events", broker.password)
        self.client.on_connect = lambda client, *_: client.subscribe("skynet/v1/+/+/event", 1)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = lambda _c, _d, message: self.got.append((message.mid, bytes(message.payload)))
        self.client.connect(broker.host, broker.port)
        self.thread = threading.Thread(target=self.client.loop_forever)
        self.thread.start()
        assert self.subscribed.wait(10)

    def close(self) -> None:
        self.client.disconnect()
        self.thread.join(10)


@pytest.mark.parametrize("plain", [False, True], ids=["buffered", "as stock paho"])
def test_what_is_acknowledged_together_never_comes_again(
    mqtt: Broker, plain: bool, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plain:
        monkeypatch.setattr(WireClient, "_create_socket", mqtt_client.Client._create_socket)
    listener, feeds = Listener(mqtt), Client(mqtt, "skynet-feeds", mqtt.password)
    assert isinstance(listener.client.socket(), BufferedSocket) is not plain
    for number in range(MANY):
        feeds.client.publish("skynet/v1/s/c/event", b"%d" % number, qos=1)
    acknowledged = 0

    def all_came() -> bool:
        nonlocal acknowledged
        here = len(listener.got)
        listener.client.acknowledge([mid for mid, _ in listener.got[acknowledged:here]])
        acknowledged = here
        return acknowledged == MANY

    eventually(all_came, 30)
    assert [payload for _, payload in listener.got] == [b"%d" % number for number in range(MANY)]
    feeds.send("skynet/v1/s/c/event", b"unacknowledged")
    eventually(lambda: len(listener.got) > MANY)
    listener.close()
    again = Listener(mqtt)
    eventually(lambda: again.got)
    feeds.send("skynet/v1/s/c/event", b"last")
    eventually(lambda: any(payload == b"last" for _, payload in again.got))
    assert [payload for _, payload in again.got] == [b"unacknowledged", b"last"]
    again.close()
    feeds.close()
