"""One word to the broker: taken, refused, heard by nobody; and a broker that is not there or does not answer."""

import os
import signal
import socket
import threading
from collections.abc import Callable

import pytest
from mqtt_client import Client
from servers import Broker
from webserver import free_port

from devices import probing

Eventually = Callable[..., None]
USER, TOPIC = "skynet-probe", "skynet/v1/skynet-self/probe/alarm"


def say(mqtt: Broker, topic: str = TOPIC, payload: bytes = b"x") -> str | None:
    return probing.say(mqtt.host, mqtt.port, USER, mqtt.password, topic, payload)


def test_logging_in(mqtt: Broker) -> None:
    assert probing.log_in(mqtt.host, mqtt.port, USER, mqtt.password) is None
    assert "refused our log-in" in (probing.log_in(mqtt.host, mqtt.port, USER, "wrong") or "")
    with pytest.raises(OSError, match="refused"):
        probing.log_in("127.0.0.1", free_port(), USER, "x")


def test_what_is_said_is_heard_or_it_is_said_that_nobody_hears(mqtt: Broker, eventually: Eventually) -> None:
    assert say(mqtt) == probing.NOBODY
    listener = Client(mqtt, "skynet-recorder", mqtt.password, ("skynet/v1/#",))
    payload = b'{"id":"%b"}' % (b"x" * 300)  # its length takes two bytes
    assert say(mqtt, payload=payload) is None
    eventually(lambda: [what for _, what in listener.received] == [{"id": "x" * 300}])
    listener.close()


def test_the_probe_may_say_nothing_else(mqtt: Broker) -> None:
    for topic in ("skynet/v1/s1/b1/alarm", "skynet/v1/skynet-self/probe/event", "skynet/v1/skynet-self/other/alarm"):
        assert "not authorised" in (say(mqtt, topic) or "")


def serving(answers: list[bytes], port_of: list[int]) -> threading.Thread:
    """A server that gives each connection one answer and closes it."""
    server = socket.create_server(("127.0.0.1", 0))
    port_of.append(server.getsockname()[1])

    def serve() -> None:
        with server:
            for answer in answers:
                link, _ = server.accept()
                with link:
                    link.recv(1000)
                    link.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_who_was_ended_by_another_log_in_of_the_same_name_tries_again() -> None:
    port: list[int] = []
    thread = serving([b"", b"", b"\x20\x03\x00\x00\x00"], port)
    assert probing.log_in("127.0.0.1", port[0], USER, "x") is None
    thread.join(5)


def test_a_broker_that_does_not_answer_is_not_waited_for_long(mqtt: Broker) -> None:
    os.kill(mqtt.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(OSError, match="timed out"):
            say(mqtt)
    finally:
        os.kill(mqtt.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x00", b"\x20\xff\xff\xff\xff\xff"])
def test_something_else_that_listens_there_is_said_so(answer: bytes) -> None:
    port: list[int] = []
    serving([answer] * probing.TRIES, port)
    assert "something else" in (probing.log_in("127.0.0.1", port[0], USER, "x") or "")
