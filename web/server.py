"""The web process: uvicorn with our websocket connections, one event loop."""

import contextlib
import resource
import signal
import sys

import structlog
import uvicorn

from skynet.settings import Settings
from store.connect import connect, refuse_unsafe
from web.app import create_app
from web.socket import LiveSocket

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises SettingsError or UnsafeDatabase when it may not start, psycopg.OperationalError when the database is not there.
    """
    # whoever delivers a change gets the interpreter within half a millisecond, also from a thread that checks a password
    sys.setswitchinterval(0.0005)
    with connect(settings.require_database(), part="web check") as conn:
        refuse_unsafe(conn)
    _allow_many_connections()
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn takes these over while it serves, and hands the signal on when all is closed: that is a clean end
        signal.signal(number, lambda _number, _frame: sys.exit(0))
    log.info("web starts", host=settings.host, port=settings.web_port)
    try:
        make_server(settings).run()
    finally:
        log.info("web ended")


def make_server(settings: Settings) -> uvicorn.Server:
    """The server, not started yet."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.host,
            port=settings.web_port,
            loop="uvloop",
            ws=LiveSocket,
            ws_max_size=4096,  # bytes: a console says nothing on its websocket
            ws_ping_interval=5.0,
            ws_ping_timeout=5.0,
            ws_per_message_deflate=False,
            proxy_headers=False,  # an address that anybody can write is no address to count failures by
            server_header=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=2,
        )
    )


def _allow_many_connections() -> None:
    """A thousand consoles are more files than the usual soft limit."""
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
